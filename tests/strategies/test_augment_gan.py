from functools import cache

import numpy as np
import pytest
import torch
from made import accuracy, linear_context, prepared

from mdshift.nn.gan import ConditionalGan, generated
from mdshift.strategies.augment_gan import AugmentGan

PLACES = np.array([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]])


def crossed(seed=0, n=300, m=400, labels=30):
    """The target's classes lie across those of the source: what tells them apart is another column, and most of the source contradicts."""
    rng = np.random.default_rng(seed)
    y, yt = np.arange(n) % 2, rng.integers(0, 2, m)
    X = PLACES[y] + rng.normal(size=(n, 3))
    Xt = PLACES[1 - yt][:, [1, 0, 2]] + 0.5 * PLACES[1 - yt] + rng.normal(size=(m, 3))
    return prepared(X, y, Xt, np.where(np.arange(m) < labels, yt, -1)), yt


@cache
def found(seed):
    p, yt = crossed(seed)
    c = linear_context(p, seed)
    rest = ~p.labelled
    pooled = np.concatenate([p.X_source, p.X_target[p.labelled]]), np.concatenate([p.y_source, p.y_target[p.labelled]])
    both = c.learner.fit(p, *pooled, np.random.default_rng(0))
    made = AugmentGan().run(p, c)
    return made, [accuracy(m.scores(p.X_target[rest]), yt[rest]) for m in (c.base, both, made.predictor)]


@pytest.mark.slow
def test_generated_rows_make_the_target_heard():
    made, (source, both, mine) = found(0)
    assert made.evidence["kept"]
    assert made.evidence["accuracy_with"] > made.evidence["accuracy_without"]
    assert mine > source + 0.3
    assert mine > both + 0.05


@pytest.mark.slow
def test_over_seeds_they_do():
    gains = np.mean([np.subtract(found(seed)[1][2], found(seed)[1][:2]) for seed in range(5)], axis=0)
    assert gains[0] > 0.3
    assert gains[1] > 0.05


def test_rows_of_a_generator_that_has_learnt_nothing_are_thrown_away(monkeypatch):
    from mdshift.nn.plan import Phase

    monkeypatch.setattr(Phase, "steps", lambda self, rows: 1)
    p, _ = crossed(n=60, labels=40)
    p.y_target[p.labelled] = p.y_source[:40]
    p.X_target[p.labelled] = p.X_source[:40]
    c = linear_context(p)
    made = AugmentGan(samples=20.0).run(p, c)
    assert not made.evidence["kept"]
    assert made.evidence["accuracy_with"] < made.evidence["accuracy_without"]
    rows = np.concatenate([p.X_source, p.X_target[p.labelled]]), np.concatenate([p.y_source, p.y_target[p.labelled]])
    both = c.learner.fit(p, *rows, np.random.default_rng(0))
    np.testing.assert_array_equal(made.predictor.scores(p.X_target), both.scores(p.X_target))


def test_what_is_generated_lies_where_its_class_and_domain_do():
    p, yt = crossed(n=300, labels=100)
    rows = np.concatenate([p.X_source, p.X_target[p.labelled]])
    classes = np.concatenate([p.y_source, p.y_target[p.labelled]])
    target = np.arange(len(rows)) >= 300
    kinds = np.array(["number"] * 3)
    wanted = np.repeat([0, 1], 200)
    made, _ = generated((rows, classes, target), wanted, kinds, (400, 64, 1e-3, 2, "cpu"), np.random.default_rng(0))
    for k in (0, 1):
        here = made[wanted == k].mean(0)
        near, far = (np.linalg.norm(here - v.mean(0)) for v in (p.X_target[yt == k], p.X_source[p.y_source == k]))
        assert near < 0.6 * far
        assert near < 0.6 * np.linalg.norm(here - p.X_target[yt != k].mean(0))
        assert (made[wanted == k].std(0) > 0.3).all()


def test_indicators_are_0_or_1_and_nothing_leaves_the_range():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=80), rng.integers(0, 2, 80)]).astype(np.float32)
    gan = ConditionalGan(X, np.arange(80) % 2, np.arange(80) > 40, 2, "cpu")
    g = torch.Generator().manual_seed(0)
    gan.train(5, 16, 1e-3, g)
    made = gan.sample(np.zeros(50, np.int64), np.array(["number", "indicator"]), g)
    assert set(made[:, 1].tolist()) <= {0.0, 1.0}
    assert made[:, 0].min() >= X[:, 0].min()
    assert made[:, 0].max() <= X[:, 0].max()
