from dataclasses import replace

import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.declare import lookup
from mdshift.learners.base import Trained
from mdshift.strategies.committee import NETWORKS, Committee
from strategies.networlds import moved


def test_where_the_inputs_drifted_the_mean_is_better_than_the_source_model():
    p, yt = moved(0, n=200, m=200)
    c = linear_context(p)
    before, after, mean = (
        accuracy(m.scores(p.X_target), yt)
        for m in (c.base, Committee(epochs=5).run(p, c).predictor, Committee(epochs=5, rule="mean").run(p, c).predictor)
    )
    assert after > before + 0.05
    assert mean > before + 0.05


def test_where_only_the_class_shares_moved_the_members_err_together_and_even_a_vote_of_all_harms():
    rng = np.random.default_rng(0)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 3 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(300, 0.5), rows(300, 0.95)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    before = accuracy(c.base.scores(p.X_target), yt)
    for rule in ("agreed", "unanimous", "mean"):
        assert accuracy(Committee(epochs=5, rule=rule).run(p, c).predictor.scores(p.X_target), yt) < before - 0.02


def test_members_that_err_each_on_its_own_do_not_overrule_the_source_model():
    p, yt = moved(0, n=200, m=200)
    c, rng = linear_context(p), np.random.default_rng(0)

    class Noisy:
        """Right on 7 rows of 10; elsewhere one of the two other classes, drawn for itself."""

        def __init__(self):
            wrong = rng.random(len(yt)) < 0.3
            self.said = np.where(wrong, (yt + rng.integers(1, 3, len(yt))) % 3, yt)

        def scores(self, X):
            return np.eye(3)[self.said]

    members = {name: Trained(Noisy()) for name in ("linear-ot", "ot-map", *NETWORKS)}
    best = Noisy()
    best.said = np.where(rng.random(len(yt)) < 0.1, (yt + 1) % 3, yt)
    found = Committee(epochs=60.0).run(p, replace(c, base=best, finished=members)).predictor.scores(p.X_target).argmax(axis=1)
    lost = (best.said == yt) & (found != yt)
    assert lost.mean() < 0.06  # networks and a map wrong alike: .3^3 * .5^2 of the rows, twice
    assert (found == yt).mean() > (best.said == yt).mean()


def test_all_members_count_alike_and_the_maps_alone_are_gauged():
    p, _ = moved(0, n=120, m=120)
    c = linear_context(p)
    maps = {name: lookup("strategy", name)().run(p, c) for name in ("linear-ot", "ot-map")}

    class Sure:
        """As the straight map has it, and never in doubt."""

        def scores(self, X):
            return np.eye(3)[maps["linear-ot"].predictor.scores(X).argmax(axis=1)]

    networks = {name: Trained(Sure()) for name in NETWORKS}
    given = replace(c, finished={**maps, **networks})
    found = Committee(epochs=60.0, rule="mean").run(p, given)  # as long as the networks alone by default
    each = [m.scores(p.X_target) for m in (c.base, *(t.predictor for t in (maps | networks).values()))]
    np.testing.assert_allclose(found.predictor.scores(p.X_target), np.mean(each, axis=0))
    assert found.evidence["members"] == ["source-only", "linear-ot", "ot-map", "mcc", "dann"]
    alone = lookup("strategy", "consensus")().run(p, replace(c, finished=maps))
    assert found.evidence["ambiguity"] == pytest.approx(alone.evidence["ambiguity"])
    assert found.evidence["ambiguity"] != pytest.approx(np.var(each, axis=0).sum(axis=1).mean())
    vote = Committee(epochs=60.0).run(p, given)
    assert vote.evidence == found.evidence
    said = np.array([s.argmax(axis=1) for s in each])
    over = (said[3] == said[4]) & ((said[1] == said[3]) | (said[2] == said[3])) & (said[3] != said[0])
    whole = (said[1:] == said[1]).all(axis=0) & (said[1] != said[0])
    np.testing.assert_array_equal(vote.predictor.scores(p.X_target).argmax(axis=1), np.where(over, said[3], said[0]))
    assert found.evidence["overruled"] == over.mean() > 0
    assert found.evidence["unanimous"] == whole.sum() / over.sum()
    all_of_them = Committee(epochs=60.0, rule="unanimous").run(p, given)
    np.testing.assert_array_equal(all_of_them.predictor.scores(p.X_target).argmax(axis=1), np.where(whole, said[1], said[0]))
