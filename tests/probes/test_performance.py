import json

import numpy as np
import pytest
from shifts import bound, pair

from mdshift.engine.assemble import performance
from mdshift.probes.base import view
from mdshift.probes.performance import Performance


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


def test_an_unclear_reading_is_held_by_either():
    finding = Performance().measure(view(pair("label", 500, seed=5, strength=1.5)), np.random.default_rng(0))
    x, y = (performance(finding, kinds) for kinds in (("covariate",), ("label",)))
    both = performance(finding, (), None, ("covariate", "label"))
    ends = [e["expected"][k] for e in (x, y) for k in ("low", "high")]
    assert (both["expected"]["low"], both["expected"]["high"]) == (min(ends), max(ends))
    assert both["expected"]["value"] == pytest.approx((x["expected"]["value"] + y["expected"]["value"]) / 2)
    low, high = both["attribution_intervals"]["label"]
    assert low <= 0 <= high
    assert low <= y["attribution"]["label"] <= high
    assert sum(both["attribution"].values()) == pytest.approx(both["drop"])


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(("kind", "named"), [("covariate", "covariate"), ("label", "label"), ("concept", "concept")])
def test_the_drop_is_laid_at_the_door_of_what_moved(kind, named, task):
    found = cost(pair(kind, 1200, seed=6, task=task, strength=1.0), (named,))
    others = [k for k in ("covariate", "label", "concept") if k != named]
    intervals = found["attribution_intervals"]
    assert all(intervals[k][0] <= found["attribution"][k] <= intervals[k][1] for k in (*others, named))
    assert sum(abs(found["attribution"][k]) for k in others) < 0.03 + 0.1 * abs(found["drop"])
    assert (intervals["concept"][0] <= 0 <= intervals["concept"][1]) == (kind != "concept")


def test_with_nothing_in_common_nobody_can_tell_which_part_took_the_drop():
    problem = pair("concept", 300, seed=7)
    problem.target.numbers[:, 2] += 40
    found = cost(problem, ("concept", "covariate"))
    low, high = found["attribution_intervals"]["concept"]
    assert low <= 0 <= found["drop"] <= high


def test_rmse_stands_beside_r2():
    found = cost(pair("none", 600, seed=8, task="regression"))["rmse"]
    assert found["source"] == pytest.approx(1.05, abs=0.1)  # the noise is of unit variance
    assert found["expected"]["low"] <= found["target"] <= found["expected"]["high"]
    assert "rmse" not in cost(pair("none", 100))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_concept_is_seen_where_there_is_none(task):
    missed = 0
    for seed in range(40):
        kind = ("none", "covariate")[seed % 2]
        low, high = cost(pair(kind, 400, seed=seed, task=task), (), seed)["attribution_intervals"]["concept"]
        missed += not low <= 0 <= high
    assert missed <= bound(40)
