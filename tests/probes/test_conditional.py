import numpy as np
import pytest
from shifts import bound, pair

from mdshift.probes.base import view
from mdshift.probes.conditional import Conditional


def measure(problem, seed=0):
    return Conditional().measure(view(problem, seed), np.random.default_rng(seed))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_holds_still_under_covariate_shift(task):
    repeats = 10
    found = [measure(pair("covariate", 150, 120, seed=s, task=task), s).p_value for s in range(repeats)]
    assert sum(p is not None and p <= 0.05 for p in found) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("strength", [1.0, 2.0])
def test_keeps_its_level_under_covariate_shift(task, strength):
    repeats = 150
    found = [measure(pair("covariate", 400, 400, seed=s, task=task, strength=strength), s).p_value for s in range(repeats)]
    assert sum(p is not None and p <= 0.05 for p in found) <= bound(repeats)


@pytest.mark.parametrize("kind", ["concept", "compound"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_finds_a_change_of_meaning(kind, task):
    found = measure(pair(kind, 500, seed=5, task=task))
    assert found.p_value < 0.01
    assert found.low > 0


def test_the_effect_is_near_the_share_of_changed_labels():
    """Seven tenths of the labels change in half of the space: the total variation is below .35, and most of it is seen."""
    found = measure(pair("concept", 1500, seed=6))
    assert 0.1 < found.effect < 0.4


def test_sees_a_change_of_spread_alone():
    problem = pair("none", 600, seed=7, task="regression")
    rng = np.random.default_rng(0)
    problem.target.y[:] = problem.target.y + 1.5 * rng.standard_normal(600)
    assert measure(problem).p_value < 0.01


def test_too_little_common_support_is_said():
    problem = pair("none", 300, seed=8)
    problem.target.numbers[:] += 8
    found = measure(problem)
    assert found.p_value is None
    assert "too little" in found.sentence
