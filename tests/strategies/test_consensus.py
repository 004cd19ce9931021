from dataclasses import replace

import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.declare import configure, lookup
from mdshift.errors import UsageError
from mdshift.families import COHERENT
from mdshift.learners.base import Trained
from mdshift.stats.ambiguity import ambiguity
from mdshift.strategies.consensus import SETS, Consensus
from strategies.networlds import moved


def drifted(seed, by=1.5):
    """A sensor that was rescaled and shifted: which map undoes it is not told."""
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(500, 4)), rng.normal(size=(500, 4))
    w = np.array([1.0, -1.0, 0.5, 0.0])
    return prepared(X, (X @ w > 0).astype(int), Z * [0.5, 1.5, 1, 1] + [by, 0, by, 0]), (Z @ w > 0).astype(int)


def test_under_a_drift_the_mean_is_better_than_the_source_model():
    found = []
    for seed in range(5):
        p, yt = drifted(seed)
        c = linear_context(p)
        found.append([accuracy(m.scores(p.X_target), yt) for m in (c.base, Consensus(rule="mean").run(p, c).predictor)])
    plain, mean = np.mean(found, axis=0)
    assert mean > plain + 0.1
    assert all(after >= before for before, after in found)


def test_numbers_are_averaged_too():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
    w = np.array([1.0, 2.0, -1.0])
    p = prepared(X, X @ w, Z + np.array([2.0, 2.0, 0.0]), task="regression")
    c = linear_context(p)
    before, after = (((m.scores(p.X_target)[:, 0] - Z @ w) ** 2).mean() for m in (c.base, Consensus().run(p, c).predictor))
    assert after < 0.6 * before
    for by in (2.0, -2.0):
        there = replace(p, X_target=(Z + np.array([by, by, 0.0])).astype(np.float32))
        told = Consensus().run(there, c).evidence
        foretold = c.base.scores(there.X_target)[:, 0]
        assert told["moved"] == pytest.approx(abs(foretold.mean() - p.y_source.mean()) / p.y_source.std())
        assert told["moved"] > 1


def test_the_mean_is_believed_where_clusters_moved():
    p, yt = moved(0, n=200, m=200)
    c = linear_context(p)
    found = Consensus().run(p, c)
    assert found.evidence["coherence_gain"] > COHERENT
    assert accuracy(found.predictor.scores(p.X_target), yt) > accuracy(c.base.scores(p.X_target), yt) + 0.1


def test_where_only_the_class_shares_moved_the_maps_err_together_and_the_mean_harms_but_is_not_believed():
    rng = np.random.default_rng(0)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 3 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(800, 0.5), rows(800, 0.95)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    careful, mean = (accuracy(Consensus(rule=rule).run(p, c).predictor.scores(p.X_target), yt) for rule in ("careful", "mean"))
    before = accuracy(c.base.scores(p.X_target), yt)
    assert mean < before - 0.02
    assert careful == before


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_ambiguity_is_what_the_mean_gains_over_its_members_whatever_the_labels_are(task):
    rng = np.random.default_rng(1)
    k, weights = (3, np.array([0.5, 0.3, 0.2])) if task == "classification" else (1, np.array([0.2, 0.2, 0.6]))
    members = [rng.random((50, k)) for _ in weights]
    if task == "classification":
        members = [m / m.sum(axis=1, keepdims=True) for m in members]
    truth = np.eye(3)[rng.integers(0, 3, 50)] if task == "classification" else rng.normal(size=(50, 1))
    error = [((m - truth) ** 2).sum(axis=1).mean() for m in members]
    mean = sum(w * m for w, m in zip(weights, members, strict=True))
    assert ((mean - truth) ** 2).sum(axis=1).mean() == pytest.approx(np.dot(weights, error) - ambiguity(members, weights), abs=1e-12)


def test_what_the_run_has_trained_is_taken_as_it_is():
    p, _ = drifted(0)
    c = linear_context(p)
    own = lookup("strategy", "linear-ot")().run(p, c)
    found = Consensus(maps="linear-ot", own=0.5, rule="mean").run(p, replace(c, finished={"linear-ot": Trained(c.base)}))
    np.testing.assert_allclose(found.predictor.scores(p.X_target), c.base.scores(p.X_target))
    alone = Consensus(maps="linear-ot", own=0.5, rule="mean").run(p, replace(c, finished={"linear-ot": own}))
    half = (c.base.scores(p.X_target) + own.predictor.scores(p.X_target)) / 2
    np.testing.assert_allclose(alone.predictor.scores(p.X_target), half)


def test_by_default_every_member_counts_alike():
    p, _ = drifted(0)
    c = linear_context(p)
    made = {name: lookup("strategy", name)().run(p, c) for name in ("linear-ot", "ot-map")}
    found = Consensus(rule="mean").run(p, replace(c, finished=made))
    each = [model.scores(p.X_target) for model in (c.base, *(m.predictor for m in made.values()))]
    np.testing.assert_allclose(found.predictor.scores(p.X_target), np.mean(each, axis=0))
    assert found.evidence["ambiguity"] == pytest.approx(np.var(each, axis=0).sum(axis=1).mean())
    leaning = Consensus(own=0.8).run(p, replace(c, finished=made))
    assert leaning.evidence["weights"] == pytest.approx([0.8, 0.1, 0.1])
    assert leaning.evidence["ambiguity"] == pytest.approx(ambiguity(each, np.array([0.8, 0.1, 0.1])))


def test_members_are_strategies():
    for maps in SETS:
        for task in ("classification", "regression"):
            assert all(lookup("strategy", name).name == name for name in Consensus(maps=maps).parts(task))
    with pytest.raises(UsageError, match="maps"):
        configure(Consensus, {"maps": "consensus"})
