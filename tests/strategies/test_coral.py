import numpy as np
from made import accuracy, linear_context, prepared

from mdshift.strategies.coral import Coral


def test_a_sensor_that_was_turned_and_rescaled_is_undone():
    rng = np.random.default_rng(0)
    latent, late = rng.normal(size=(800, 4)), rng.normal(size=(800, 4))
    w = np.array([1.0, -1.0, 0.5, 0.0])
    y, yt = (latent @ w > 0).astype(int), (late @ w > 0).astype(int)
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    drift = Q @ np.diag([0.15, 3.0, 1.0, 0.3]) @ Q.T  # symmetric: the map that matching covariances can know
    p = prepared(latent, y, late @ drift + 2.0)
    c = linear_context(p)
    plain, adapted = (accuracy(m.scores(p.X_target), yt) for m in (c.base, Coral(regularisation=1e-3).run(p, c).predictor))
    assert adapted > 0.93
    assert adapted > plain + 0.1


def test_indicator_columns_stay():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(100, 2)), rng.integers(0, 2, (100, 2))]
    p = prepared(X, np.arange(100) % 2, X + 3, kinds=["number", "number", "indicator", "indicator"])
    mapped, _ = Coral().mapping(p, rng)
    np.testing.assert_array_equal(mapped[:, 2:], p.X_source[:, 2:])
    assert np.abs(mapped[:, :2] - p.X_source[:, :2]).min() > 1


def test_a_thousand_columns_and_few_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 1000))
    p = prepared(X, np.arange(100) % 2, rng.normal(size=(80, 1000)) * 2)
    assert np.isfinite(Coral().run(p, linear_context(p)).predictor.scores(p.X_target)).all()


def test_numbers_too():
    rng = np.random.default_rng(1)
    latent, late = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    w = np.array([2.0, -1.0])
    p = prepared(latent, latent @ w, late * [3.0, 0.3] + 5)
    c = linear_context(p, C=100.0)
    errors = [
        float(((m.scores(p.X_target)[:, 0] - late @ w) ** 2).mean()) for m in (c.base, Coral(regularisation=1e-3).run(p, c).predictor)
    ]
    assert errors[1] < 0.2 * errors[0]
