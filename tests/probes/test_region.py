from dataclasses import replace

import numpy as np
import pytest
from shifts import bound, pair
from sides import sides

from mdshift.probes.base import view
from mdshift.probes.region import Region, cuts, frequency_ratio, readable


def measure(seen, seed=0):
    return Region().measure(seen, np.random.default_rng(seed))


def null(n, m, seed):
    rng = np.random.default_rng([seed, 31])
    X, Y = rng.standard_normal((n, 4)), rng.standard_normal((m, 4))
    X[:, 1], Y[:, 1] = X[:, 0] + np.round(X[:, 1]), Y[:, 0] + np.round(Y[:, 1])
    X[rng.random(X.shape) < 0.1] = np.nan
    Y[rng.random(Y.shape) < 0.1] = np.nan
    return sides(X, Y, categories=(rng.integers(-1, 4, (n, 2)), rng.integers(-1, 4, (m, 2))), seed=seed)


def test_under_one_law_a_rule_is_told_no_more_often_than_alpha():
    repeats = 60
    assert sum(bool(measure(null(200, 120, s), s).evidence["regions"]) for s in range(repeats)) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m"), [(60, 60), (400, 400), (2000, 150)])
def test_keeps_its_level_at_length(n, m):
    repeats = 300
    found = [measure(null(n, m, s), s) for s in range(repeats)]
    assert sum(bool(f.evidence["regions"]) for f in found) <= bound(repeats)
    assert sum(f.p_value <= 0.05 for f in found) <= bound(repeats)


def planted(seed=0, n=1500):
    """Rows with x0 > 1 and c0 = b are four times as frequent in the target."""
    rng = np.random.default_rng([seed, 32])

    def draw(size, weight):
        X, c = rng.standard_normal((size * 8, 3)), rng.integers(0, 3, (size * 8, 1))
        inside = (X[:, 0] > 1) & (c[:, 0] == 1)
        keep = rng.random(len(X)) < np.where(inside, weight, 1) / weight
        return X[keep][:size], c[keep][:size]

    (X, a), (Y, b) = draw(n, 1.0), draw(n, 4.0)
    return sides(X, Y, categories=(a, b), levels="abc", seed=seed)


def test_a_planted_region_is_found_with_its_ratio():
    first = measure(planted()).evidence["regions"][0]
    columns = {c["column"] for c in first["conditions"]}
    assert {"x0", "c0"} <= columns
    assert "c0 = b" in first["rule"]
    bound_of = float(next(c["test"] for c in first["conditions"] if c["column"] == "x0").split(">")[1])
    assert bound_of == pytest.approx(1, abs=0.3)
    # 4 times, less what the region takes from all: .053 * 4 / (1 + 3 * .053)
    assert first["low"] < 0.053 * 4 / (1 + 3 * 0.053) / 0.053 < first["high"] * 1.15
    assert "times as frequent in the target" in first["sentence"]


def test_the_ratios_interval_covers_the_truth():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        a, b = rng.binomial(300, 0.1), rng.binomial(200, 0.3)
        _, low, high = frequency_ratio(int(a), 300, int(b), 200, 0.05)
        covered += low <= 3 <= high
    assert 400 - covered <= bound(400)


def test_missing_values_and_terms_make_rules():
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((300, 1)), rng.standard_normal((300, 1))
    Y[:150] = np.nan
    assert measure(sides(X, Y)).evidence["regions"][0]["rule"] == "x0 is missing"
    words = np.array(["plain row of words", "row of plain words again"], object)
    one, two = words[rng.integers(0, 2, (300, 1))], words[rng.integers(0, 2, (300, 1))]
    two[:200, 0] = [f"{t} refund" for t in two[:200, 0]]
    assert measure(sides(texts=(one, two))).evidence["regions"][0]["rule"] == "text with “refund”"


def test_dark_images_are_told_by_their_brightness():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 200, (120, 8, 8, 1)), rng.integers(0, 120, (120, 8, 8, 1))
    found = measure(sides(images=(a.astype(np.uint8), b.astype(np.uint8)))).evidence["regions"]
    assert any("image" in r["rule"] for r in found)


def test_cuts_are_readable_and_keep_the_rows():
    x = np.random.default_rng(6).normal(50.123456, 9.87654, 2000)
    found = cuts(np.sort(x), "number")
    assert len(found) >= 6
    assert all(len(f"{v:.10g}") <= 4 for v in found)
    assert readable(61.237, 60.8, 61.6) == 61.0
    assert readable(0.123456, 0.1234, 0.1235) == 0.1235


def test_the_class_that_moved_comes_first():
    problem = pair("none", 800)
    X = problem.target.numbers.copy()
    X[problem.target.y == 1, 2] += 2.0
    found = measure(view(replace(problem, target=replace(problem.target, numbers=X)))).evidence["classes"]
    assert [c["class"] for c in found] == ["yes", "no"]
    assert found[0]["p_value"] < 1e-4
    assert found[0]["low"] > 0.6


def test_classes_under_one_law_are_told_no_more_often_than_alpha():
    from mdshift.probes.region_classes import classes

    repeats = 12
    found = [classes(view(pair("none", 150, seed=s), s), 0.05) for s in range(repeats)]
    assert sum(min(c["p_value"] for c in f) <= 0.05 for f in found) <= bound(repeats)


def test_too_few_rows_are_said():
    found = measure(sides(np.zeros((100, 1)), np.ones((30, 1))))
    assert found.evidence["regions"] == []
    assert "too few rows to tell" in found.sentence


def test_the_same_seed_gives_the_same_rules():
    assert measure(planted()).evidence == measure(planted()).evidence
