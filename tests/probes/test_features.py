import json

import numpy as np
import pytest
from shifts import bound
from sides import sides

from mdshift.probes.features import Features, chi_square
from mdshift.types import MISSING


def measure(view, alpha=0.05):
    return Features().measure(view, np.random.default_rng(0), alpha=alpha)


def by_name(view):
    return {c["name"]: c for c in measure(view).evidence["features"]}


def test_the_most_shifted_column_comes_first_with_its_figures():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(5, 2, (400, 3)), rng.normal(5, 2, (300, 3))
    Y[:, 1] += 3
    first = measure(sides(X, Y)).evidence["features"][0]
    assert first["name"] == "x1"
    assert first["js"] > 0.1
    assert first["p_value"] < 1e-6
    assert first["source"]["mean"] == pytest.approx(X[:, 1].mean())
    assert first["target"]["q75"] == pytest.approx(np.quantile(Y[:, 1], 0.75))
    assert first["sentence"].startswith(f"mean {X[:, 1].mean():.4g} → {Y[:, 1].mean():.4g} (+")
    assert "sd)" in first["sentence"]
    assert first["severity"] == "severe"  # one and a half standard deviations
    assert {c["severity"] for c in measure(sides(X, X)).evidence["features"]} == {"none"}


def test_unchanged_columns_read_zero_and_keep_the_familywise_level():
    repeats, rejected = 150, 0
    for s in range(repeats):
        rng = np.random.default_rng(s)
        codes = tuple(rng.integers(0, 4, (n, 3)) for n in (60, 40))
        found = measure(sides(rng.standard_normal((60, 5)), rng.standard_normal((40, 5)), categories=codes))
        rejected += found.p_value <= 0.05
        assert found.evidence["js_mean"] < 0.05
    assert rejected <= bound(repeats)


def test_a_thousand_against_ten_of_one_law_read_about_zero_and_are_not_tested():
    rng = np.random.default_rng(1)
    found = measure(
        sides(
            rng.standard_normal((1000, 40)),
            rng.standard_normal((10, 40)),
            categories=tuple(rng.integers(0, 5, (n, 20)) for n in (1000, 10)),
        )
    )
    js = [c["js"] for c in found.evidence["features"]]
    assert min(js) >= 0
    assert np.mean(js) < 0.03
    assert np.median(js) == 0
    assert found.p_value is None
    assert all(c["p_value"] is None for c in found.evidence["features"])


def test_missing_values_are_a_change_and_are_said():
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((300, 1)), rng.standard_normal((300, 1))
    Y[:135] = np.nan
    found = by_name(sides(X, Y))["x0"]
    assert "missing 0.0% → 45.0%" in found["sentence"]
    assert found["p_value"] < 1e-6
    assert found["js"] > 0.1


def test_a_column_that_is_missing_on_one_side():
    X = np.random.default_rng(3).standard_normal((50, 1))
    found = by_name(sides(X, np.full((50, 1), np.nan)))["x0"]
    assert found["js"] == pytest.approx(1, abs=0.01)
    assert found["target"]["mean"] is None
    json.dumps(found, allow_nan=False)


def test_new_categories_are_named():
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 3, (200, 1)), rng.integers(0, 3, (200, 1))
    b[:60] = 5
    b[60:70] = MISSING
    found = by_name(sides(categories=(a, b)))["c0"]
    assert "30.0% of the target in categories that the source lacks (f)" in found["sentence"]
    assert found["target"]["top"][0][0] in "abcf"
    assert found["target"]["missing"] == pytest.approx(0.05)


def test_chi_square_permutes_where_counts_are_small():
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(200):
        pooled = np.array([3, 2, 2, 1, 1, 1])
        target = rng.multivariate_hypergeometric(pooled, 5)
        rejected += chi_square(pooled - target, target, rng)[1] <= 0.05
    assert rejected <= bound(200)
    assert chi_square(np.array([50, 0]), np.array([0, 50]), rng)[1] < 1e-10
    assert chi_square(np.array([5]), np.array([5]), rng) == (0.0, 1.0)


def test_dates_are_written_as_dates():
    X, Y = np.full((30, 1), 10_957.0) + np.arange(30)[:, None] % 3, np.full((30, 1), 11_323.0)
    assert "2000-01-02 → 2001-01-01" in by_name(sides(X, Y, kinds={0: "date"}))["x0"]["sentence"]


def test_telling_terms_of_texts():
    rng = np.random.default_rng(6)
    common = ["the", "was", "very", "and", "with"]

    def texts(word, n):
        return np.array([[" ".join([*rng.choice(common, 4), word if rng.random() < 0.6 else "plain"])] for _ in range(n)], object)

    found = by_name(sides(texts=(texts("pizza", 80), texts("movie", 80))))["t0"]
    assert "more often in the target: movie" in found["sentence"]
    assert "less often: pizza" in found["sentence"]
    assert found["p_value"] <= 0.01
    assert found["js"] > 0.01
    same = by_name(sides(texts=(texts("pizza", 80), texts("pizza", 80))))["t0"]
    assert same["p_value"] > 0.05
    assert same["js"] < 0.01


def test_images_are_compared_by_how_they_look():
    rng = np.random.default_rng(7)
    a, b = (rng.integers(0, 120, (40, 8, 8, 1), dtype=np.uint8) for _ in range(2))
    first = measure(sides(images=(a, b + np.uint8(100)))).evidence["features"][0]
    assert first["name"] == "image brightness"
    assert first["p_value"] < 1e-6
    assert first["target"]["mean"] - first["source"]["mean"] == pytest.approx(100, abs=5)


def test_hostile_names_and_huge_values_do_no_harm():
    X, Y = np.full((30, 1), 1e308), np.full((30, 1), -1e308)
    found = measure(sides(X, Y))
    json.dumps(dict(found.evidence), allow_nan=False)
    assert found.evidence["features"][0]["js"] > 0.9


def test_no_columns():
    assert measure(sides(np.zeros((30, 0)), np.zeros((30, 0)))).evidence["features"] == []


def test_one_column_of_many_is_found():
    rng = np.random.default_rng(8)
    X, Y = rng.standard_normal((50, 10_000)), rng.standard_normal((50, 10_000))
    Y[:, 777] += 5
    found = measure(sides(X, Y))
    assert found.evidence["features"][0]["name"] == "x777"
    assert found.evidence["shifted"] == 1
