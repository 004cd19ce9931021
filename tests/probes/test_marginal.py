import json

import numpy as np
import pytest
from shifts import bound
from sides import sides

from mdshift.probes.marginal import Marginal, test_x


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
