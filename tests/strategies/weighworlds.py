"""Covariate shift made for tests of weights: one that they repair, one where there is nothing to repair."""

import numpy as np
from made import linear_context, prepared


def cubic(seed, n=500):
    """Shimodaira's (2000) example: a line fitted to a cubic must choose where to fit. The problem, and the target's labels."""
    rng = np.random.default_rng(seed)

    def rows(mean, sd):
        x = rng.normal(mean, sd, (n, 1))
        return x, x[:, 0] ** 3 - x[:, 0] + 0.3 * rng.normal(size=n)

    (X, y), (Xt, yt) = rows(0.5, 0.5), rows(0.0, 0.3)
    return prepared(X, y, Xt), yt


def straight(seed, n=50, d=5):
    """Few rows of a truth that is a line everywhere: the unweighted fit is the best one, and weights cost rows."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=d)
    X, Xt = rng.normal(size=(n, d)), rng.normal(size=(300, d)) * 0.7 + 1.0
    return prepared(X, X @ w + rng.normal(size=n), Xt), Xt @ w


def errors(strategy, p, yt):
    """Mean squared errors on the target: the source model's and the strategy's, and what the strategy told."""
    c = linear_context(p, C=100.0)
    trained = strategy.run(p, c)
    plain, adapted = (float(((m.scores(p.X_target)[:, 0] - yt) ** 2).mean()) for m in (c.base, trained.predictor))
    return plain, adapted, trained.evidence


def assert_promise(strategy):
    """A third less error than the source model on the cubic, in the mean over 5 seeds; and some rows are given up for it."""
    found = [errors(strategy, *cubic(seed)) for seed in range(5)]
    plain, adapted = np.mean([f[0] for f in found]), np.mean([f[1] for f in found])
    assert adapted < 0.67 * plain, (plain, adapted)
    assert all(0.1 * 500 < f[2]["effective_sample_size"] < 0.95 * 500 for f in found)


def assert_harm(strategy):
    """Where a line is true everywhere the weights only cost rows: more error in the mean over 10 seeds."""
    found = [errors(strategy, *straight(seed)) for seed in range(10)]
    assert np.mean([f[1] for f in found]) > 1.1 * np.mean([f[0] for f in found])


def assert_calm(strategy):
    """Without a shift the weights stay near one; a handful of target rows weighs nothing; no overlap keeps the floor of rows."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 3))
    w = strategy.weights(prepared(X, np.arange(400) % 2, rng.normal(size=(400, 3))), rng)
    assert w.sum() ** 2 / (w**2).sum() > 0.7 * 400
    np.testing.assert_array_equal(strategy.weights(prepared(X, np.arange(400) % 2, X[:3] + 5), rng), 1)
    far = strategy.weights(prepared(X, np.arange(400) % 2, X + 20), rng)
    assert np.isfinite(far).all()
    assert far.sum() ** 2 / (far**2).sum() >= 0.19 * 400


def assert_many_rows_and_columns(strategy):
    """More rows than the kernel problem takes, and more columns than kernels see: finite weights, higher where the target lies."""
    rng = np.random.default_rng(2)
    loads = rng.normal(size=(2, 60))
    latent, late = rng.normal(size=(2500, 2)), rng.normal(size=(1200, 2)) * 0.7 + np.array([1.0, 0.0])
    X, Xt = (part @ loads + 0.3 * rng.normal(size=(len(part), 60)) for part in (latent, late))
    w = strategy.weights(prepared(X, np.arange(2500) % 2, Xt), rng)
    assert w.shape == (2500,)
    assert np.isfinite(w).all()
    assert w[latent[:, 0] > 0.5].mean() > 2 * w[latent[:, 0] < 0].mean()
