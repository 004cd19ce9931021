import numpy as np
from made import linear_context, prepared

from mdshift.strategies.reweight_classifier import ReweightClassifier


def cubic(n, mean, sd, rng):
    """Shimodaira's (2000) example: a line fitted to a cubic must choose where to fit."""
    x = rng.normal(mean, sd, (n, 1))
    return x, x[:, 0] ** 3 - x[:, 0] + 0.3 * rng.normal(size=n)


def test_a_line_is_fitted_where_the_target_lies():
    rng = np.random.default_rng(0)
    X, y = cubic(1000, 0.5, 0.5, rng)
    Xt, yt = cubic(1000, 0.0, 0.3, rng)
    p = prepared(X, y, Xt)
    c = linear_context(p, C=100.0)
    trained = ReweightClassifier().run(p, c)
    plain, adapted = (float(((m.scores(p.X_target)[:, 0] - yt) ** 2).mean()) for m in (c.base, trained.predictor))
    assert adapted < 0.8 * plain
    assert 0.1 * 1000 < trained.evidence["effective_sample_size"] < 900


def test_without_shift_the_weights_stay_near_one():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 4))
    p = prepared(X, np.arange(500) % 2, rng.normal(size=(500, 4)))
    w = ReweightClassifier().weights(p, rng)
    assert w.sum() ** 2 / (w**2).sum() > 0.9 * 500


def test_domains_that_do_not_overlap_keep_the_floor_of_rows():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 3))
    p = prepared(X, np.arange(300) % 2, X + 20)
    w = ReweightClassifier(floor=0.5).weights(p, rng)
    assert w.sum() ** 2 / (w**2).sum() >= 0.49 * 300
    assert np.isfinite(w).all()


def test_a_handful_of_target_rows_weighs_nothing():
    rng = np.random.default_rng(3)
    p = prepared(rng.normal(size=(100, 2)), np.arange(100) % 2, rng.normal(size=(3, 2)) + 5)
    np.testing.assert_allclose(ReweightClassifier().weights(p, rng), 1)
