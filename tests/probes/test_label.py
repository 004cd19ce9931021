import numpy as np
import pytest
from shifts import bound, pair

from mdshift.probes.base import view
from mdshift.probes.label import Label


def measure(problem, seed=0):
    return Label().measure(view(problem), np.random.default_rng(seed))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_keeps_its_level(task):
    repeats = 120
    rejected = sum(measure(pair("none", 60, 40, seed=s, task=task), s).p_value <= 0.05 for s in range(repeats))
    assert rejected <= bound(repeats)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_finds_a_label_shift_and_its_size(task):
    found = measure(pair("label", 400, seed=1, task=task))
    assert found.p_value < 0.01
    assert 0 < found.low <= found.effect <= found.high <= 1


def test_a_handful_of_rows_is_tested_exactly():
    """All of 4 against none of 4: 2 of the 70 tables are as far out."""
    problem = pair("none", 4, 4)
    problem.source.y[:] = 0
    problem.target.y[:] = 1
    p = measure(problem).p_value
    assert 2 / 70 - 0.02 < p < 2 / 70 + 0.02


def test_without_target_labels_there_is_no_test():
    assert measure(pair(labelled=False)).p_value is None


def test_equal_shares_have_an_interval_that_holds_zero():
    found = measure(pair("none", 500, seed=3))
    assert found.low == 0
