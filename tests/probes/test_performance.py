import json

import numpy as np
import pytest
from shifts import pair

from mdshift.engine.assemble import performance
from mdshift.probes.base import view
from mdshift.probes.performance import Performance, importance


def cost(problem, kinds=(), seed=0):
    return performance(Performance().measure(view(problem, seed), np.random.default_rng(seed)), kinds)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_expected_score_holds_the_true_one_under_covariate_shift(task):
    truth = cost(pair("covariate", 900, seed=1, task=task))["target"]
    found = cost(pair("covariate", 900, seed=1, task=task, labelled=False), ("covariate",))
    slack = 0.03
    assert found["expected"]["low"] - slack <= truth <= found["expected"]["high"] + slack
    assert found["target"] is None
    assert found["attribution"] is None


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("kinds", [(), ("covariate",), ("label",), ("concept", "covariate")])
def test_the_parts_add_up_to_the_drop(kinds, task):
    found = cost(pair("compound", 400, seed=2, task=task), kinds)
    assert found["source"] - found["target"] == pytest.approx(found["drop"])
    assert sum(found["attribution"].values()) == pytest.approx(found["drop"])


def test_what_lies_outside_the_source_widens_the_interval():
    finding = Performance().measure(view(pair("covariate", 200, seed=1, labelled=False)), np.random.default_rng(0))
    near, far = performance(finding, ("covariate",), 1.0)["expected"], performance(finding, ("covariate",), 0.2)["expected"]
    assert far["low"] < near["low"] - 0.1
    assert far["high"] == near["high"]


def test_a_concept_shift_is_charged_to_the_concept():
    found = cost(pair("concept", 900, seed=3), ("concept",))
    assert found["drop"] > 0.1
    assert found["attribution"]["concept"] > 0.8 * found["drop"]


def test_numbers_stay_finite_where_y_hardly_varies():
    problem = pair("none", 100, task="regression", seed=4)
    problem.target.y[:] = 1e6
    json.dumps(cost(problem), allow_nan=False)


def test_no_model_without_labels():
    problem = pair("none", 100)
    problem.source.y[:] = -1
    assert cost(problem) is None


def test_importance_is_flat_where_the_domains_are_alike():
    assert importance(np.full(100, 0.25), 300, 100) == pytest.approx(np.ones(100))
