import numpy as np
import pytest
from scipy import stats
from shifts import bound

from mdshift.stats.columns import bins_for, compare, summaries


def test_the_distance_is_scipys_with_ties_and_missing_values():
    rng = np.random.default_rng(0)
    X, Y = rng.integers(0, 6, (80, 4)).astype(float), rng.integers(0, 7, (50, 4)).astype(float)
    X[:10, 1], Y[:20, 1] = np.nan, np.nan
    found = compare(X, Y, 5)
    for j in range(4):
        a, b = (np.where(np.isnan(v), -1, v) for v in (X[:, j], Y[:, j]))  # missing stands below all others
        assert found.distance[j] == pytest.approx(stats.ks_2samp(a, b).statistic)


def test_counts_add_up_and_hold_missing_values_apart():
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((100, 3)), rng.standard_normal((60, 3))
    X[:7, 0], Y[:, 1], X[:, 2], Y[:, 2] = np.nan, np.nan, 5.0, 5.0
    found = compare(X, Y, 8)
    assert np.all(found.source.sum(axis=0) == 100)
    assert np.all(found.target.sum(axis=0) == 60)
    assert found.source[0].tolist() == [7, 0, 0]
    assert found.target[0].tolist() == [0, 60, 0]
    assert (found.source[:, 2] > 0).sum() == 1  # one value, one bin
    assert found.p_value[2] == 1.0
    pooled = (found.source + found.target)[1:, 0]
    assert pooled.max() - pooled.min() <= 1  # equal quantile bins


def test_a_column_without_any_value():
    blank = np.full((20, 1), np.nan)
    found = compare(blank, blank, 3)
    assert found.source[0, 0] == 20
    assert found.p_value[0] == 1.0
    assert np.isnan(summaries(blank)["mean"][0])
    assert summaries(blank)["missing"][0] == 1


@pytest.mark.parametrize(("n", "m"), [(25, 25), (30, 300), (400, 400)])
def test_ks_keeps_its_level(n, m):
    rng = np.random.default_rng(n)
    found = compare(rng.standard_normal((n, 500)), rng.standard_normal((m, 500)), 5)
    assert (found.p_value <= 0.05).sum() <= bound(500)
    assert (found.p_value <= 0.05).sum() >= 5


def test_summaries_are_numpys():
    x = np.random.default_rng(2).standard_normal((41, 2))
    x[:5, 1] = np.nan
    s = summaries(x)
    assert s["mean"] == pytest.approx(np.nanmean(x, axis=0))
    assert s["sd"] == pytest.approx(np.nanstd(x, axis=0, ddof=1))
    for name, q in (("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("min", 0), ("max", 1)):
        assert s[name] == pytest.approx(np.nanquantile(x, q, axis=0))
    assert s["missing"] == pytest.approx([0, 5 / 41])


def test_huge_values_stay_finite():
    s = summaries(np.array([[1e308], [-1e308], [1.0], [2.0]]))
    assert np.isfinite(s["mean"][0])
    assert np.isfinite(s["sd"][0])


def test_few_rows_get_few_bins():
    assert [bins_for(1000, m) for m in (2, 10, 50, 1000)] == [2, 3, 7, 10]
