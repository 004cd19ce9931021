import numpy as np
import pytest

from mdshift.stats.ot import recolour

rng = np.random.default_rng(0)


def test_the_source_gets_the_target_mean_and_covariance():
    A = rng.normal(size=(5, 5))
    source, target = rng.normal(size=(3000, 5)) * [1, 2, 3, 1, 0.5] + 4, rng.normal(size=(2000, 5)) @ A - 1
    out = recolour(source, target, 1e-6, rng)
    np.testing.assert_allclose(out.mean(axis=0), target.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(np.cov(out.T), np.cov(target.T), atol=0.02)


def test_it_is_the_closed_form_of_the_paper():
    from scipy.linalg import fractional_matrix_power as power

    source, target = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(150, 4)) @ rng.normal(size=(4, 4))
    ridge = 0.7 * np.cov(source.T).trace() / 4
    eye = ridge * np.eye(4)
    expected = (source - source.mean(0)) @ power(np.cov(source.T) + eye, -0.5) @ power(np.cov(target.T) + eye, 0.5) + target.mean(0)
    np.testing.assert_allclose(recolour(source, target, 0.7, rng), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n", "m", "d"), [(40, 30, 300), (5, 300, 20), (300, 5, 20), (2, 2, 3)])
def test_more_columns_than_rows_stay_finite(n, m, d):
    out = recolour(rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 1, 1.0, rng)
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 100


def test_constant_columns_and_single_rows_are_left_in_peace():
    source = np.ones((50, 3)) * [0, 1, 2]
    assert np.isfinite(recolour(source, source + 1, 1.0, rng)).all()
    np.testing.assert_array_equal(recolour(source, source[:1], 1.0, rng), source)


def test_two_samples_of_one_law_are_hardly_moved():
    source, target = rng.normal(size=(2000, 6)), rng.normal(size=(2000, 6))
    assert np.abs(recolour(source, target, 1.0, rng) - source).mean() < 0.06
