import numpy as np
import pytest
from made import accuracy, context, domain, linear_context, prepared

from mdshift.engine.adapt import adapt
from mdshift.engine.guard import uses_labels
from mdshift.strategies.ensemble import Ensemble
from mdshift.types import Column, Problem, Schema


def opposed(rng):
    """Two sources whose label reads the feature the other way round, and a target that looks like the second."""
    far = np.array([0, 2, 0])
    a, b, t = rng.normal(size=(500, 3)) - far, rng.normal(size=(400, 3)) + far, rng.normal(size=(300, 3)) + far
    y = np.r_[a[:, 0] > 0, b[:, 0] < 0].astype(int)
    return prepared(np.r_[a, b], y, t, domain=np.repeat([0, 1], [500, 400])), (t[:, 0] < 0).astype(int)


def test_the_source_that_the_target_looks_like_is_heard():
    p, yt = opposed(np.random.default_rng(0))
    c = linear_context(p)
    trained = Ensemble().run(p, c)
    assert trained.evidence["weights"][1] > 0.9
    assert accuracy(trained.predictor.scores(p.X_target), yt) > accuracy(c.base.scores(p.X_target), yt) + 0.2


@pytest.mark.parametrize("weights", ["similarity", "validation", "uniform"])
def test_weights_are_shares(weights):
    p, _ = opposed(np.random.default_rng(1))
    found = Ensemble(weights=weights).run(p, linear_context(p)).evidence["weights"]
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0


def test_bootstrap_members_lower_the_variance_of_trees():
    gains = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, Xt = rng.normal(size=(150, 8)), rng.normal(size=(1000, 8))
        w = rng.normal(size=8)
        y, yt = ((Z @ w + rng.normal(size=len(Z)) > 0).astype(int) for Z in (X, Xt))
        p = prepared(X, y, Xt)
        from mdshift.learners.trees import Trees

        c = context(p, seed, Trees(50))
        gains.append(accuracy(Ensemble().run(p, c).predictor.scores(p.X_target), yt) - accuracy(c.base.scores(p.X_target), yt))
    assert np.mean(gains) > 0.01


def test_no_target_is_needed():
    p, _ = opposed(np.random.default_rng(2))
    p = prepared(p.X_source, p.y_source, domain=p.domain)
    assert Ensemble().run(p, linear_context(p)).evidence["weights"] == [0.5, 0.5]


def test_target_labels_weigh_the_members_where_that_is_asked_for():
    rng = np.random.default_rng(3)
    X, Xt = rng.normal(size=(600, 3)), rng.normal(size=(300, 3))
    source = np.repeat([0, 1], 300)
    y = np.where(source == 0, X[:, 0] > 0, X[:, 0] < 0).astype(np.int64)
    yt = np.where(np.arange(300) < 150, Xt[:, 0] < 0, -1).astype(np.int64)  # reads the feature as the second source does
    schema = Schema("table", tuple(Column(f"x{j}", "number") for j in range(3)))
    sources = tuple(domain(f"s{k}", y[source == k], numbers=X[source == k]) for k in (0, 1))
    p = Problem(sources, domain("t", yt, numbers=Xt), schema, "classification", "y", ("a", "b"), 2)
    adapted, _ = adapt(p, strategy="ensemble", params={"weights": "validation"}, out="m")
    found = next(c for c in adapted.candidates if c.strategy == "ensemble")
    assert found.evidence["trained"]["weights"][1] > 0.8
    assert not uses_labels(Ensemble())
