"""Summaries that can be merged: however a column is cut, they are those of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdshift.stats import summaries
from mdshift.stats.columns import summaries as whole_at_once
from mdshift.stats.summaries import Levels, Numbers

RNG = np.random.default_rng(3)
NORMAL = RNG.normal(5, 2, 400)
COLUMNS = {
    "normal": NORMAL,
    "missing": np.where(RNG.random(400) < 0.3, np.nan, NORMAL),
    "offset": 1e9 + RNG.normal(0, 1e-3, 400),
    "constant": np.full(400, 0.1),
    "huge": NORMAL * 1e148,
    "tiny": NORMAL * 1e-200,
    "one": np.where(np.arange(400) == 77, 3.0, np.nan),
    "none": np.full(400, np.nan),
}


def in_parts(values, cuts):
    total = Numbers()
    for part in np.split(values, sorted(cuts)):
        total = total.merged(Numbers.of(part))
    return total


@pytest.mark.parametrize("name", COLUMNS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_split_gives_the_whole(name, cuts):
    values = COLUMNS[name]
    parts, whole = in_parts(values, cuts), Numbers.of(values)
    assert (parts.rows, parts.known, parts.low, parts.high) == (whole.rows, whole.known, whole.low, whole.high)
    slack = 1e-13 * max(abs(whole.low), abs(whole.high)) if whole.known else 0  # rounding is of the size of the values
    assert parts.mean == pytest.approx(whole.mean, rel=1e-12, abs=slack)
    assert parts.sd == pytest.approx(whole.sd, rel=1e-9, abs=slack, nan_ok=True)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_figures_are_those_of_rows_that_are_held(name):
    values = COLUMNS[name]
    found, held = in_parts(values, [10, 200]), {k: v[0] for k, v in whole_at_once(values[:, None]).items()}
    assert found.missing == pytest.approx(held["missing"])
    if found.known:
        assert (found.low, found.high) == (held["min"], held["max"])
        assert found.mean == pytest.approx(held["mean"], rel=1e-12)
        if name != "offset":  # where sums over the largest value have lost the digits that the merge keeps
            assert found.sd == pytest.approx(held["sd"], rel=1e-9, abs=1e-16)


def test_small_spread_far_from_zero_keeps_its_digits():
    assert in_parts(COLUMNS["offset"], [100, 300]).sd == pytest.approx(np.std(COLUMNS["offset"] - 1e9, ddof=1), rel=1e-4)


def test_infinite_is_missing_and_huge_is_cut_as_in_the_rows_held():
    found = Numbers.of(np.array([np.inf, -np.inf, np.nan, 1e300, -1e300, 0.0]))
    assert (found.rows, found.known, found.low, found.high, found.mean) == (6, 3, -1e150, 1e150, 0.0)
    assert found.sd == pytest.approx(1e150)
    many = found
    for _ in range(60):  # 2^60 times the rows: sums of squares of 1e300 would have left the numbers long before
        many = many.merged(many)
    assert np.isfinite(many.sd)
    assert many.sd == pytest.approx(1e150 * np.sqrt(2 / 3))


def test_order_of_merging_has_no_effect_beyond_rounding():
    a, b = Numbers.of(NORMAL[:50]), Numbers.of(NORMAL[50:])
    assert a.merged(b).mean == pytest.approx(b.merged(a).mean, rel=1e-14)
    assert a.merged(b).root == pytest.approx(b.merged(a).root, rel=1e-14)
    assert a.merged(Numbers()) == a == Numbers().merged(a)


def test_nothing_known_has_no_figures():
    assert np.isnan(Numbers(5).sd)
    assert (Numbers(5).missing, Numbers().missing) == (1.0, 0.0)


def test_levels_add_up():
    one, other = Levels(5, 4, {"a": 3, "b": 1}), Levels(4, 4, {"b": 2, "c": 2})
    both = one.merged(other)
    assert both == Levels(9, 8, {"a": 3, "b": 3, "c": 2})
    assert both.coded(("b", "z", "a")).tolist() == [2, 1, 3, 0, 3]  # others, missing, then the levels asked for
    assert both.coded(("b", "z", "a")).sum() == both.rows


def test_too_many_levels_are_no_longer_counted(monkeypatch):
    monkeypatch.setattr(summaries, "LEVELS", 2)
    both = Levels(2, 2, {"a": 1, "b": 1}).merged(Levels(1, 1, {"c": 1}))
    assert both == Levels(3, 3, None)
    assert both.coded(("a",)) is None
    assert both.merged(Levels(1, 1, {"a": 1})) == Levels(4, 4, None)
