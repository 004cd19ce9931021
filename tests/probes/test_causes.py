from dataclasses import replace

import numpy as np
import pytest
from made import domain
from shifts import bound, pair
from sides import sides

from mdshift.probes.base import view
from mdshift.probes.case import Case
from mdshift.probes.causes import FAMILIES, Causes
from mdshift.probes.traces_numbers import numbers
from mdshift.types import Column, DataSpec, Problem, Schema


def measure(seen, seed=0):
    return Causes().measure(seen, np.random.default_rng(seed)).evidence["causes"]


def patterns(seen):
    return [c["pattern"] for c in measure(seen)]


def lined(seen):
    """The patterns of single numbers alone, which need no classifier."""
    rows = (np.arange(seen.n_source), np.arange(seen.n_target))
    return numbers(Case(seen, *rows, 0.05 / FAMILIES))


def world(n, rng):
    """Four correlated numbers (one of them in whole numbers, one with a floor), and two categories, all with missing values."""
    X = rng.standard_normal((n, 4)) + rng.standard_normal((n, 1))
    X[:, 2] = np.round(3 * X[:, 2])
    X[:, 3] = np.maximum(X[:, 3], -0.5)
    X[rng.random(X.shape) < 0.08] = np.nan
    return X, rng.choice([-1, 0, 1, 2], (n, 2), p=[0.1, 0.5, 0.3, 0.1])


def null(n, m, seed):
    rng = np.random.default_rng([seed, 51])
    (X, a), (Y, b) = world(n, rng), world(m, rng)
    return sides(X, Y, categories=(a, b), seed=seed)


def test_under_one_law_no_cause_is_told_more_often_than_alpha():
    repeats = 8
    assert sum(bool(measure(null(120, 80, s), s)) for s in range(repeats)) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(60, 60), (400, 400), (2000, 100)])
def test_keeps_its_level_at_length(n, m):
    repeats = 300 if n < 1000 else 100
    assert sum(bool(measure(null(n, m, s), s)) for s in range(repeats)) <= bound(repeats)


def changed(change, n=600, seed=0, **more):
    """Two samples of one world, the target's numbers changed by a function."""
    rng = np.random.default_rng([seed, 52])
    (X, a), (Y, b) = world(n, rng), world(n, rng)
    return sides(X, change(Y.copy()), categories=(a, b), seed=seed, **more)


def column(j, function):
    def change(Y):
        Y[:, j] = function(Y[:, j])
        return Y

    return change


@pytest.mark.parametrize(
    ("function", "unit"),
    [
        (lambda x: 1000 * x, "× 1,000"),
        (lambda x: 1.8 * x + 32, "°C → °F"),
        (lambda x: x + 273.15, "°C → K"),
        (lambda x: x / 2.54, "cm → inches"),
        (lambda x: x / 10, "÷ 10"),
    ],
)
def test_another_unit_is_named(function, unit):
    first = measure(changed(column(0, function), 1500))[0]
    assert first["pattern"] == "unit"
    assert first["columns"] == ["x0"]
    assert first["evidence"]["unit"] == unit


def test_an_offset_that_the_companions_do_not_share_is_told():
    first = measure(changed(column(0, lambda x: x + 1.3), 1500))[0]
    assert first["pattern"] == "offset"
    assert first["evidence"]["offset"] == pytest.approx(1.3, abs=0.2)


def test_a_move_of_the_world_is_no_offset():
    """All correlated columns move along: rows were chosen otherwise, no sensor changed."""
    rng = np.random.default_rng(3)
    factor = rng.standard_normal((3000, 1))
    X = factor + 0.5 * rng.standard_normal((3000, 3))
    keep = np.argsort(factor[:, 0] + rng.gumbel(size=3000) * 0.6)
    found = patterns(sides(X[keep[:1500]], X[keep[1500:]]))
    assert "offset" not in found
    assert "unit" not in found


LAWS = {
    "normal": lambda rng, n: 5 + rng.standard_normal(n),
    "gamma": lambda rng, n: rng.gamma(2, 3, n),
    "lognormal": lambda rng, n: np.exp(0.8 * rng.standard_normal(n)),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("factor", [0.4536, 1.609344, 1.7, 2.54, 3.6])
def test_a_column_on_another_scale_is_no_unit_by_its_factor_alone(law, factor):
    """Houses farther out: nothing but the ratio speaks for miles and kilometres, and a ratio may come from anything."""
    rng = np.random.default_rng(11)
    X, Y = (np.stack([LAWS[law](rng, 500), rng.standard_normal(500)], axis=1) for _ in range(2))
    Y[:, 0] *= factor
    found = [c["pattern"] for c in lined(sides(X, Y))]
    if law != "normal":  # 5 standard deviations from zero, a factor moves it beyond any choice of rows
        assert "unit" not in found
        assert "offset" not in found


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("moved", [0.7, 1.0])
def test_rows_that_take_their_companions_along_are_no_unit(law, moved):
    """Another choice of rows, of skewed laws too: the correlated column follows, and so no ratio is a unit's."""
    found = []
    for seed in range(3):
        rng = np.random.default_rng([seed, 12])
        z = [rng.standard_normal(500) + shift for shift in (0, moved)]
        own = [np.exp(0.5 * v) if law == "lognormal" else np.log1p(np.exp(2 * v)) if law == "gamma" else v for v in z]
        X, Y = (np.stack([o, v + rng.standard_normal(500)], axis=1) for o, v in zip(own, z, strict=True))
        found += [c["pattern"] for c in lined(sides(X, Y))]
    assert "unit" not in found
    assert "offset" not in found


@pytest.mark.parametrize("factor", [0.45359237, 1.609344, 2.54])
@pytest.mark.parametrize("law", LAWS)
def test_a_conversion_whose_companions_stayed_is_named(law, factor):
    told = 0
    for seed in range(4):
        rng = np.random.default_rng([seed, 13])
        X, Y = (
            np.stack([v, np.log(np.abs(v) + 0.1) + 0.5 * rng.standard_normal(600)], axis=1) for v in (LAWS[law](rng, 600) for _ in range(2))
        )
        Y[:, 0] *= factor
        told += [c["pattern"] for c in lined(sides(X, Y))] == ["unit"]
    assert told >= 2


def test_two_converted_columns_vouch_for_one_another():
    """Inches to cm moves a height beyond any choice of rows; converted back it shows that the weights are in kg."""
    rng = np.random.default_rng(14)
    tall = rng.standard_normal(1600)
    table = np.stack([67 + 4 * tall, 160 + 20 * tall + 22 * rng.standard_normal(1600)], axis=1)
    units = [c["evidence"]["unit"] for c in lined(sides(table[:800], table[800:] * [2.54, 0.45359237])) if c["pattern"] == "unit"]
    assert sorted(units) == ["inches → cm", "pounds → kg"]


def test_decimals_tell_a_conversion_of_a_lone_column():
    rng = np.random.default_rng(15)
    X, Y = (np.round(rng.gamma(2, 3, (500, 1)), 1) for _ in range(2))
    (told,) = [c for c in lined(sides(X, 1.609344 * Y)) if c["pattern"] == "unit"]
    assert "decimals" in told["sentence"]


def test_another_law_is_no_unit():
    rng = np.random.default_rng(4)
    assert patterns(sides(rng.standard_normal((800, 2)), np.exp(rng.standard_normal((800, 2))))) == []


@pytest.mark.parametrize(
    ("function", "pattern"),
    [
        (lambda x: np.minimum(x, 1.0), "clipping"),
        (lambda x: np.round(x, 1), "rounding"),
        (lambda x: np.where(np.arange(len(x)) % 5 == 0, -999, x), "placeholder"),
        (lambda x: np.where(np.arange(len(x)) % 3 == 0, np.nan, x), "missing"),
    ],
)
def test_a_planted_pattern_is_told_of_its_column(function, pattern):
    found = measure(changed(column(1, function)))
    assert {c["pattern"]: c["columns"] for c in found}[pattern] == ["x1"]
    told = next(c for c in found if c["pattern"] == pattern)
    assert "x1" in told["sentence"]
    assert "target" in told["sentence"]


def test_columns_missing_together_are_one_cause():
    def change(Y):
        Y[:200, :3] = np.nan
        return Y

    (told,) = [c for c in measure(changed(change)) if c["pattern"] == "missing"]
    assert sorted(told["columns"]) == ["x0", "x1", "x2"]
    assert "in the same rows" in told["sentence"]


def categories(a, b, levels):
    schema = Schema("table", (Column("c", "category", levels, len(levels)),))
    made = [domain(n, None, categories=v[:, None]) for n, v in (("s", a), ("t", b))]
    return view(Problem((made[0],), made[1], schema, None, None))


def test_levels_spelled_otherwise_are_renamed_and_others_are_new():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 2, 300), rng.integers(2, 4, 300)
    (told,) = [c for c in measure(categories(a, b, ("Male", "Female", "male ", "FEMALE"))) if c["pattern"] == "vocabulary"]
    assert sorted(told["evidence"]["renamed"]) == [["Female", "FEMALE"], ["Male", "male "]]
    (told,) = [c for c in measure(categories(a, b, ("red", "green", "blue", "black"))) if c["pattern"] == "vocabulary"]
    assert "new categories" in told["sentence"]


def test_rare_levels_by_chance_are_no_new_vocabulary():
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 500, 300), rng.integers(0, 500, 300)
    assert measure(categories(a, b, tuple(f"v{i}" for i in range(500)))) == []


def test_repeated_rows_of_one_side_are_told():
    def change(Y):
        Y[300:] = Y[:300]
        return Y

    rng = np.random.default_rng(7)
    X, Y = rng.standard_normal((600, 3)), rng.standard_normal((600, 3))
    assert "duplicates" in patterns(sides(X, change(Y)))
    few = rng.integers(0, 3, (2000, 2)).astype(float)
    assert "duplicates" not in patterns(sides(few[:1800], few[1800:]))


def test_repeats_that_stand_together_are_not_thinned_away():
    """Bursts of equal rows on both sides: of a larger side every fourth row alone would show hardly any."""
    rng = np.random.default_rng(8)
    X, Y = (np.repeat(rng.standard_normal((k, 3)), 2, axis=0) for k in (1200, 300))
    assert "duplicates" not in patterns(sides(X, Y))
    assert "duplicates" in patterns(sides(rng.standard_normal((2400, 3)), Y))


def timed(trend, dates, seed=0, n=600):
    rng = np.random.default_rng([seed, 53])
    t = np.sort(rng.uniform(0, 1000, 2 * n))
    X = np.stack([t, rng.standard_normal(2 * n) + trend * t / 500, rng.standard_normal(2 * n)], axis=1)
    X = X if dates else X[:, 1:]
    kinds = ("date", "number", "number") if dates else ("number", "number")
    schema = Schema("table", tuple(Column(f"x{j}", k) for j, k in enumerate(kinds)))
    made = [domain(k, None, numbers=v) for k, v in (("s", X[:n]), ("t", X[n:]))]
    spec = DataSpec() if dates else DataSpec(time="when")
    return view(Problem((made[0],), made[1], schema, None, None, spec=spec), seed)


@pytest.mark.parametrize("dates", [True, False])
def test_a_trend_that_goes_on_is_a_drift(dates):
    (told,) = [c for c in measure(timed(1.0, dates)) if c["pattern"] == "time drift"]
    assert told["columns"] == ["x1" if dates else "x0"]
    assert "time drift" not in patterns(timed(0.0, dates))


def test_a_jump_without_a_trend_is_no_drift():
    seen = timed(0.0, dates=True)
    Y = seen.target.numbers.copy()
    Y[:, 1] += 2
    assert "time drift" not in patterns(view(replace(seen.problem, target=replace(seen.target, numbers=Y))))


def test_rows_chosen_by_one_column_are_a_sampling():
    rng = np.random.default_rng(8)
    z = rng.standard_normal(8000)
    X = np.stack([z, z + rng.standard_normal(8000), rng.standard_normal(8000)], axis=1)
    weight = 1 / (1 + np.exp(-1.5 * z))
    target = rng.random(8000) < weight
    found = measure(sides(X[~target][:1500], X[target][:1500]))
    assert [c["pattern"] for c in found] == ["sampling"]
    assert found[0]["columns"] == ["x0"]
    assert found[0]["evidence"]["auc_matched"] < 0.55


def test_other_class_shares_are_a_sampling_by_class():
    problem = pair("label", 1500, strength=1.5)
    rng = np.random.default_rng(9)
    domains = [replace(d, numbers=d.numbers + 2.0 * d.y[:, None] * (rng.random(4) < 2)) for d in (problem.sources[0], problem.target)]
    found = measure(view(replace(problem, sources=(domains[0],), target=domains[1])))
    assert [(c["pattern"], c["columns"]) for c in found if c["pattern"] == "sampling"] == [("sampling", [])]


def test_rows_by_a_column_of_the_label_may_be_rows_by_the_label():
    """Without the target's labels nothing says which; where the column has nothing to do with the label, it is the column."""
    problem = pair("label", 1500, strength=1.5)
    rng = np.random.default_rng(9)
    both = [replace(d, numbers=d.numbers + 2.0 * d.y[:, None] * (rng.random(4) < 2)) for d in (problem.sources[0], problem.target)]
    hidden = replace(both[1], y=np.full(len(both[1]), -1))
    told = [c["sentence"] for c in measure(view(replace(problem, sources=(both[0],), target=hidden))) if c["pattern"] == "sampling"]
    assert told
    assert all("other shares of the label's values" in t for t in told)
    assert not any("were chosen" in t for t in told)
    mixed = replace(both[0], y=rng.permutation(both[0].y))
    told = [c["sentence"] for c in measure(view(replace(problem, sources=(mixed,), target=hidden))) if c["pattern"] == "sampling"]
    assert told
    assert not any("label's" in t for t in told)


def test_too_few_rows_tell_no_cause():
    assert measure(sides(np.zeros((100, 1)), np.ones((10, 1)))) == []


def test_a_column_whose_values_never_meet_is_named():
    counter = column(0, lambda v: 50 + np.nan_to_num(v) ** 4)
    told = [c for c in measure(changed(counter)) if c["pattern"] == "apart"]
    assert [c["columns"] for c in told] == [["x0"]]
    assert "--drop" in told[0]["sentence"]
    assert "apart" not in patterns(changed(column(0, lambda v: np.nan_to_num(v) ** 4)))
