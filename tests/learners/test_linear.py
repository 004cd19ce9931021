import numpy as np
import pytest
from made import prepared

from mdshift.learners.base import restore
from mdshift.learners.linear import MARGIN, Linear, affine, constant

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 6)).astype(np.float32)


@pytest.mark.parametrize("k", [2, 4])
def test_it_separates_classes_that_a_plane_separates(k):
    y = np.digitize(X[:, 0], [-1e9, *np.quantile(X[:, 0], np.arange(1, k) / k)]) - 1
    p = prepared(X, y)
    scores = Linear(10.0).fit(p, X, y, rng).scores(X)
    assert scores.shape == (400, k)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert (scores.argmax(axis=1) == y).mean() > 0.9


def test_two_classes_agree_with_the_logistic_function():
    y = (X[:, 0] + rng.normal(size=400) > 0).astype(int)
    found = Linear(1.0).fit(prepared(X, y), X, y, rng)
    z = X.astype(float) @ found.coef[:, 1] + found.intercept[1]
    np.testing.assert_allclose(found.scores(X)[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-10)


def test_ridge_finds_the_coefficients_and_stays_near_the_source_range():
    y = 3.0 * X[:, 0] - 2.0 * X[:, 1] + 1.0
    found = Linear(1e6).fit(prepared(X, y), X, y, rng)
    np.testing.assert_allclose(found.coef[:2, 0], [3, -2], atol=1e-3)
    far = found.scores(np.full((1, 6), 1000, np.float32))[0, 0]
    assert far == pytest.approx(y.max() + MARGIN * np.ptp(y))


def test_weights_are_heeded():
    y = np.r_[np.zeros(200), np.ones(200)].astype(int)
    w = np.r_[np.full(200, 0.1), np.full(200, 1.9)]
    scores = Linear(1.0).fit(prepared(X, y), X, y, rng, w).scores(X)
    assert scores[:, 1].mean() == pytest.approx(0.95, abs=0.02)


def test_a_row_gets_the_same_bits_in_any_batch():
    wide = rng.normal(size=(300, 700)).astype(np.float32)
    coef, b = rng.normal(size=(700, 3)), rng.normal(size=3)
    whole = affine(wide, coef, b)
    for at in (0, 1, 17, 299):
        np.testing.assert_array_equal(affine(wide[at : at + 1], coef, b)[0], whole[at])
    np.testing.assert_allclose(whole, wide.astype(float) @ coef + b, rtol=1e-9, atol=1e-9)


def test_classes_that_training_lacks_get_probability_zero():
    y = np.where(X[:, 0] > 0, 3, 1)
    p = prepared(X, y, classes=5)
    scores = Linear().fit(p, X, y, rng).scores(X)
    assert scores.shape == (400, 5)
    assert (scores[:, [0, 2, 4]] == 0).all()


def test_one_class_leaves_the_constant_predictor():
    p = prepared(X, np.r_[0, np.ones(399)].astype(int))
    scores = Linear().fit(p, X[1:], p.y_source[1:], rng).scores(X)
    np.testing.assert_array_equal(scores, np.tile([0.0, 1.0], (400, 1)))
    assert constant(prepared(X, X[:, 0]), X[:, 0].astype(float)).scores(X).shape == (400, 1)


@pytest.mark.parametrize("y", [(X[:, 0] > 0).astype(int), X[:, 0].astype(float)])
def test_taken_apart_and_put_together_it_scores_the_same_bits(y):
    found = Linear().fit(prepared(X, y), X, y, rng)
    np.testing.assert_array_equal(restore(found.state()).scores(X), found.scores(X))
