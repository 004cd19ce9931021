import numpy as np
import pytest

from mdshift.probes import wording
from mdshift.stats.columns import summaries


def summary(values):
    x = np.asarray(values, float)[:, None]
    return {k: float(v[0]) for k, v in summaries(x).items()} | {"rows": len(x)}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (124_805.2, "124,805"),
        (11.6298, "11.63"),
        (0.08747, "0.08747"),
        (2.5e12, "2.5e+12"),
        (9999.96, "10,000"),
        (0.0, "0"),
        (-53210.0, "-53,210"),
    ],
)
def test_figures_are_told_without_a_power_of_ten_where_they_can_be_read(value, told):
    assert wording.figure(value) == told


@pytest.mark.parametrize(("p", "told"), [(0.0123, "= 0.012"), (2e-299, "< 1e-16"), (1.0, "= 1")])
def test_p_values_are_not_told_beyond_what_they_are_worth(p, told):
    assert wording.probability(p) == told


@pytest.mark.parametrize(("rows", "told"), [(1.2, "1 row"), (0.0, "0 rows"), (1993.0, "1,993 rows")])
def test_rows_are_counted(rows, told):
    assert wording.counted(rows) == told


def test_a_number_of_zeros_and_ones_is_told_by_its_share():
    one, two = [0.0] * 30 + [1.0] * 10, [0.0] * 9 + [1.0] * 27 + [np.nan] * 4
    assert wording.number("number", summary(one), summary(two), 0.5) == "= 1 in 25.0% → 75.0%; missing 0.0% → 10.0%"


@pytest.mark.parametrize("other", [0.5, 2.0, -1.0])
def test_one_other_value_makes_it_a_number_again(other):
    one = [0.0] * 3000 + [1.0] * 1000
    assert wording.number("number", summary(one), summary([*one, other]), 0.5).startswith("mean")


def test_a_large_spread_is_told_in_full():
    a, b = summary([0, 3000.0]), summary([0, 400.0])
    assert "2,121" in wording.number("number", a, b, 1000.0)


def test_a_level_that_is_a_number_is_told_apart_from_its_share():
    source, target = np.array([0.0, 0.0, 0.3, 0.6, 0.1]), np.array([0.0, 0.0, 0.1, 0.9, 0.0])
    told = wording.category(["(unknown)", "(missing)", "2", "6", "7"], source, target, np.array([0, 0, 30, 60, 10]))
    assert told == "6: 60.0% → 90.0%; 2: 30.0% → 10.0%; 7: 10.0% → 0.0%"


def test_what_did_not_change_is_not_told_as_a_change():
    same = np.array([0.0, 0.0, 0.6, 0.4])
    assert wording.category(["(unknown)", "(missing)", "no", "yes"], same, same, same * 100) == "the same shares on both sides"
    one = summary([1960.0, 1990.0] * 9)
    assert wording.number("number", one, one, 15.0) == "mean 1975 on both sides"
    zeros = summary([0.0, 0.0, 0.0, 1.0])
    assert wording.number("number", zeros, zeros, 0.4) == "= 1 in 25.0% on both sides"


def test_another_shape_of_one_mean_and_spread_is_told():
    rng = np.random.default_rng(0)
    one = rng.standard_normal(4000)
    two = np.sign(rng.standard_normal(4000)) * (0.95 + 0.3 * rng.standard_normal(4000))
    assert wording.number("number", summary(one), summary(two), 1.0).startswith("middle half")
    assert wording.number("number", summary(one), summary(rng.standard_normal(4000)), 1.0).startswith("mean")


def test_a_new_level_of_hardly_any_rows_is_not_rounded_away():
    source, target = np.array([0.0, 0.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.9999, 0.0001])
    assert wording.category(["(unknown)", "(missing)", "a", "b"], source, target, source * 100).startswith("less than 0.1%")
