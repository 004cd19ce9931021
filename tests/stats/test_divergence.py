import numpy as np
import pytest

from mdshift.stats.divergence import _expected, corrected_js, js_bits


def test_equal_is_zero_and_disjoint_is_one_bit():
    assert js_bits([0.5, 0.5, 0], [0.5, 0.5, 0]) == pytest.approx(0)
    assert js_bits([1.0, 0], [0.0, 1]) == pytest.approx(1)
    assert corrected_js(np.array([500, 0]), np.array([0, 10])) == pytest.approx(1, abs=0.01)


def test_a_known_value():
    """Half the square of Cohen's d over 4 ln 2 for near laws: two coins of .4 and .6."""
    p, q = 0.4, 0.6
    h = lambda v: -v * np.log2(v) - (1 - v) * np.log2(1 - v)  # noqa: E731
    assert js_bits([p, 1 - p], [q, 1 - q]) == pytest.approx(h(0.5) - (h(p) + h(q)) / 2)


def test_the_expectation_is_that_of_permuted_sides():
    rng = np.random.default_rng(0)
    pooled, n, m = np.array([40, 12, 5, 3]), 50, 10
    drawn = rng.multivariate_hypergeometric(pooled, m, 4000)
    simulated = np.mean([js_bits((pooled - d) / n, d / m) for d in drawn])
    exact = _expected(np.array([(c, n, m) for c in pooled])).sum()
    assert exact == pytest.approx(simulated, rel=0.03)


def test_the_expansion_for_large_counts_meets_the_sum(monkeypatch):
    from mdshift.stats import divergence

    sizes = np.array([(3000, 20_000, 10_000)])
    exact = _expected(sizes)[0]
    monkeypatch.setattr(divergence, "SUM_LIMIT", 1)
    assert _expected(sizes)[0] == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("n", "m"), [(1000, 10), (10, 1000), (100, 100), (5000, 300)])
def test_two_samples_of_one_law_read_about_zero(n, m):
    rng = np.random.default_rng(n)
    law = np.array([0.3, 0.3, 0.2, 0.1, 0.1])
    js = corrected_js(rng.multinomial(n, law, 400).T, rng.multinomial(m, law, 400).T)
    assert js.min() >= 0
    assert np.median(js) == 0
    assert js.mean() < 0.01


def test_a_real_difference_keeps_its_size():
    rng = np.random.default_rng(1)
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    js = corrected_js(rng.multinomial(500, p, 300).T, rng.multinomial(500, q, 300).T)
    assert js.mean() == pytest.approx(js_bits(p, q), rel=0.05)
