import json
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from shifts import bound
from sides import sides

from mdshift.probes.domainclassifier import crossfit
from mdshift.probes.marginal import Marginal, bounds, test_x


def normal(n, m, p, seed, change=lambda Y: Y):
    rng = np.random.default_rng([seed, 9])
    return sides(rng.standard_normal((n, p)), change(rng.standard_normal((m, p))), seed=seed)


def p_of(view):
    return test_x(view, np.random.default_rng(0)).p_value


def test_keeps_its_level():
    repeats = 40
    assert sum(p_of(normal(25, 35, 3, s)) <= 0.05 for s in range(repeats)) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "p", "repeats"), [(50, 50, 3, 500), (40, 200, 5, 400), (500, 500, 20, 200), (5000, 5000, 4, 100)])
def test_keeps_its_level_at_length(n, m, p, repeats):
    assert sum(p_of(normal(n, m, p, s)) <= 0.05 for s in range(repeats)) <= bound(repeats)


def one_column(Y):
    Y[:, 3] += 0.5
    return Y


def every_column(Y):
    return Y + 0.15


def dependence(Y):
    Y[:, 0] = 0.7 * Y[:, 1] + np.sqrt(1 - 0.49) * Y[:, 0]
    return Y


@pytest.mark.parametrize("change", [one_column, every_column, dependence])
def test_sees_a_sparse_a_dense_and_a_joint_shift(change):
    assert p_of(normal(300, 300, 12, 1, change)) <= 0.02


def test_a_tiny_shift_of_many_rows_is_significant_and_small():
    found = test_x(normal(20_000, 20_000, 2, 2, lambda Y: Y + 0.08), np.random.default_rng(0))
    assert found.p_value <= 0.05
    assert found.evidence["classifier"]["severity"] in ("none", "minor")
    assert 0 <= found.low <= found.effect <= found.high < 0.15


def test_the_same_rows_on_both_sides_are_no_shift():
    X = np.random.default_rng(3).standard_normal((200, 3))
    assert p_of(sides(X, X.copy())) > 0.5


def test_the_evidence_has_every_part():
    found = Marginal().measure(normal(60, 60, 3, 4, lambda Y: Y + 2), np.random.default_rng(0))
    evidence = json.loads(json.dumps(found.evidence))
    assert set(evidence) == {"mmd", "classifier", "columns", "js"}
    assert evidence["classifier"]["auc"] > 0.9
    assert evidence["js"]["max"] > 0.2
    assert evidence["columns"]["column"] in ("x0", "x1", "x2")
    assert found.question == "x"
    assert found.effect > 0.8


def test_the_result_does_not_depend_on_the_generator_or_on_what_ran_before():
    a, b = normal(60, 60, 3, 5), normal(60, 60, 3, 5)
    Marginal().measure(b, np.random.default_rng(1))
    assert test_x(a, np.random.default_rng(2)) == test_x(b, np.random.default_rng(3))


def test_too_few_rows_are_said():
    found = test_x(normal(1000, 10, 3, 6, lambda Y: Y + 9), np.random.default_rng(0))
    assert found.p_value is None
    assert "too few rows to tell: 1000 against 10" in found.sentence
    assert set(found.evidence) >= {"mmd", "classifier", "js"}


def covered(n, m, p, d, repeats, all_columns):
    """How many of the bounds, of seeded pairs whose first or all columns moved, lie below what the best classifier reaches."""
    best = 2 * NormalDist().cdf(d / np.sqrt(2)) - 1
    missed = 0
    for seed in range(repeats):
        view = normal(n, m, p, seed, lambda Y: Y + (d / np.sqrt(p) if all_columns else d * (np.arange(p) == 0)))
        missed += bounds(crossfit(view), p, 0.05)[2] < best
    return missed


@pytest.mark.parametrize("d", [0.0, 0.3])
def test_the_bound_covers_what_the_best_classifier_reaches(d):
    repeats = 10
    assert covered(60, 60, 3, d, repeats, all_columns=False) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "p"), [(60, 60, 3), (300, 300, 3), (300, 100, 8), (400, 400, 30)])
@pytest.mark.parametrize("d", [0.0, 0.1, 0.2, 0.3, 0.4])
def test_the_bound_covers_at_length(n, m, p, d):
    repeats = 100
    assert covered(n, m, p, d, repeats, all_columns=p > 3) <= bound(repeats)


def test_an_auc_below_chance_excludes_no_more_than_one_of_chance():
    found = crossfit(normal(60, 60, 3, 7))
    unlucky, fair = replace(found, auc=0.44), replace(found, auc=0.5)
    assert bounds(unlucky, 3, 0.05)[2] == pytest.approx(bounds(fair, 3, 0.05)[2])
    assert bounds(unlucky, 3, 0.05)[:2] == (0.0, 0.0)
