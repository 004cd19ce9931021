import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from mdshift.stats import ratios


def sides(n=600, m=500, seed=0):
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(n, 1)), rng.normal(0.7, 0.6, (m, 1))
    return X, Z, norm.pdf(X[:, 0], 0.7, 0.6) / norm.pdf(X[:, 0]), rng


@pytest.mark.parametrize("method", ["kmm", "kliep", "ulsif"])
def test_the_ratio_of_two_normal_laws_is_found(method):
    X, Z, truth, rng = sides()
    w = {
        "kmm": lambda: ratios.kmm(X, Z, 1.0, 10, rng),
        "kliep": lambda: ratios.kliep(X, Z, 100, rng)[0],
        "ulsif": lambda: ratios.ulsif(X, Z, 100, rng)[0],
    }[method]()
    assert np.corrcoef(w, truth)[0, 1] > 0.93
    assert np.abs(w - truth).mean() < 0.25


def test_mean_matching_reaches_the_optimum_of_a_general_solver():
    X, Z, _, _ = sides(40, 40)
    K, k = ratios.kernel(X, X, 0.5), ratios.kernel(X, Z, 0.5).mean(axis=1) * 40
    found = minimize(
        lambda w: 0.5 * w @ K @ w - w @ k,
        np.ones(40),
        jac=lambda w: K @ w - k,
        bounds=[(0, 5)] * 40,
        constraints={"type": "eq", "fun": lambda w: w.mean() - 1, "jac": lambda w: np.ones(40) / 40},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    w = ratios.mean_matching(X, Z, 0.5, 5.0, steps=3_000, tolerance=1e-6)
    assert w.mean() == pytest.approx(1, abs=1e-9)
    assert w.min() >= 0
    assert w.max() <= 5
    assert 0.5 * w @ K @ w - w @ k == pytest.approx(found.fun, rel=5e-4)


def test_the_projection_is_the_nearest_point_of_the_box():
    v = np.array([-3.0, 0.2, 0.9, 4.0, 2.0])
    w = ratios.project(v, 3.0)
    assert w.mean() == pytest.approx(1)
    inside = (w > 0) & (w < 3)
    np.testing.assert_allclose((v - w)[inside], (v - w)[inside][0])  # one shift for all that are free


def test_kliep_is_at_the_optimum_of_its_likelihood():
    X, Z, _, _ = sides(300, 200)
    at_target, mean = ratios.kernel(Z, Z[:20], 0.7), ratios.kernel(X, Z[:20], 0.7).mean(axis=0)
    a = ratios.fit_kliep(at_target, mean, 5000)
    assert a @ mean == pytest.approx(1)  # averages one over the source
    slope = (at_target / (at_target @ a)[:, None]).mean(axis=0) / mean  # Karush-Kuhn-Tucker: 1 where a > 0, at most 1 elsewhere
    assert slope.max() < 1.01
    np.testing.assert_allclose(slope[a * mean > 0.05], 1, atol=0.01)


def test_ulsif_left_out_error_is_that_of_fits_without_the_rows():
    X, Z, _, _ = sides(40, 30)
    S, T = ratios.kernel(X, Z[:10], 0.5), ratios.kernel(Z, Z[:10], 0.5)
    told = 0.0
    for i in range(30):
        a = ratios.fit_ulsif(np.delete(S, i, 0), np.delete(T, i, 0), 0.1)
        told += ((S[i] @ a) ** 2 / 2 - T[i] @ a) / 30
    assert ratios.ulsif_left_out(S, T, 0.1) == pytest.approx(told, rel=1e-9)


def test_a_column_of_large_scale_and_a_constant_one():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=100) * 1000, np.ones(100)]
    A, B = ratios.view(X, X + 1, rng)
    assert np.abs(np.concatenate([A, B])).max() < 5


def test_rows_beyond_the_cap_are_weighed_like_their_neighbours():
    anchors = np.array([[0.0], [10.0]])
    np.testing.assert_allclose(ratios.spread(anchors, np.array([0.5, 2.0]), np.array([[0.1], [9.0], [500.0]]), 1.0), [0.5, 2.0, 2.0])
