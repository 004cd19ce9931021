import numpy as np
import pytest

from mdshift.stats.patterns import UNITS, bound, decimals, distance, line, on_grid, placeholder, rounding


def draws(n=800, seed=0):
    rng = np.random.default_rng([seed, 61])
    return rng.gamma(3, 2, n), rng.gamma(3, 2, n)


def test_one_law_has_no_line_and_no_pattern():
    for seed in range(40):
        x, y = draws(200, seed)
        assert line(x, y) is None
        assert bound(x, y) is None
        assert rounding(x, y) is None
        assert placeholder(x, y) is None


def test_a_line_is_recovered_and_a_unit_named():
    x, y = draws(8000)
    found = line(x, 3.1 * y - 40)
    assert found.unit is None
    assert found.factor == pytest.approx(3.1, rel=0.1)
    assert found.offset == pytest.approx(-40, abs=2)
    assert found.after < found.before / 3
    assert line(x, 25.4 * y).unit.name == "inches → mm"
    assert line(x, y / 1000).unit.name == "÷ 1,000"


def test_another_shape_has_no_line():
    x, _ = draws()
    assert line(x, np.random.default_rng(1).uniform(20, 60, 800)) is None


def test_distance_is_kolmogorov_smirnovs():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 9, 70).astype(float), rng.integers(2, 12, 50).astype(float)
    assert distance(x, y) == pytest.approx(ks_2samp(x, y).statistic)


def test_a_clipped_side_is_found_at_either_end():
    x, y = draws()
    top = bound(np.minimum(y, 9), x)
    assert (top.value, top.upper) == (9, True)
    assert top.p_value < 1e-6
    assert top.beyond == pytest.approx((x > 9).mean())
    assert not bound(np.maximum(y, 3), x).upper
    assert bound(y[y < 9], x) is None  # rows left out, no pile


@pytest.mark.parametrize(("value", "k"), [(0.25, 2), (3.0, 0), (120.0, -1), (0.1 + 0.2, 1), (1 / 3, 6), (-7.5, 1), (0.0, -1)])
def test_decimals_are_counted(value, k):
    assert decimals(np.array([value]))[0] == k


def test_rounding_is_told_by_its_decimals():
    x, y = draws()
    assert rounding(np.round(x, 1), y) == 1
    assert rounding(np.round(x), np.round(y, 2)) == 0
    assert rounding(10 * np.round(x), np.round(10 * y)) == -1
    assert rounding(x, np.round(y)) is None


def test_a_placeholder_is_far_and_frequent():
    x, y = draws()
    y[:100] = -999
    assert placeholder(y, x) == (-999, pytest.approx(1 / 8))
    assert placeholder(x, y) is None
    y[:100] = 0.0  # near the others: may be a value
    assert placeholder(y, x) is None


def test_a_factor_that_is_surely_not_a_units_is_no_unit():
    x, y = draws(5000)
    assert line(x, 1.609344 * y).unit.name == "miles → km"
    assert line(x, 1.72 * y).unit is None
    assert line(x, 1.5 * y).unit is None


def test_decimals_that_come_back_with_the_factor_are_a_sign_of_it():
    miles = next(u for u in UNITS if u.name == "miles → km")
    x, y = (np.round(v, 1) for v in draws(400))
    assert on_grid(x, miles.factor * y, miles)
    assert not on_grid(x, np.round(miles.factor * y, 1), miles)
    assert not on_grid(*draws(400), miles)
