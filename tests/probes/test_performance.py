import json

import numpy as np
import pytest
from shifts import bound, pair

from mdshift.engine.assemble import performance
from mdshift.probes import rows
from mdshift.probes.base import view
from mdshift.probes.performance import Performance, _reach, _sample, _summary, _tilted


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


def test_tilted_rows_have_the_mean_and_spread_of_the_bands():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(20_000)
    edges = np.quantile(y, [0.2, 0.4, 0.6, 0.8])
    moved = np.bincount(np.searchsorted(edges, 0.8 + 0.7 * rng.standard_normal(200_000)), minlength=5) / 200_000
    w = _tilted(y, np.searchsorted(edges, y), np.stack([moved, np.full(5, 0.2)]), np.ones((2, len(y))))
    mean = [float(np.average(y, weights=v)) for v in w]
    sd = [float(np.sqrt(np.average((y - m) ** 2, weights=v))) for m, v in zip(mean, w, strict=True)]
    assert mean == pytest.approx([0.8, 0.0], abs=0.1)  # the tilt inside the outer bands is not told by their shares
    assert sd == pytest.approx([0.7, 1.0], abs=0.1)


def test_even_shares_leave_the_rows_as_they_are():
    y = np.random.default_rng(1).standard_normal(500)
    band = np.argsort(np.argsort(y)) // 100
    w = _tilted(y, band, np.full((1, 5), 0.2), np.ones((1, 500)))
    assert np.allclose(w, 1.0, atol=1e-6)


def test_the_expected_r2_under_label_shift_says_something():
    case = pair("label", 500, task="regression", seed=9, strength=1.0)
    found = cost(case, ("label",))
    e = found["expected"]
    assert e["low"] <= found["target"] <= e["high"]
    assert e["high"] - e["low"] < 1.5


def test_the_expected_r2_ends_where_it_is_useless():
    case = pair("covariate", 200, task="regression", seed=1, strength=4.0, labelled=False)
    e = cost(case, ("covariate",))["expected"]
    assert e["low"] >= min(-1.0, e["value"])
    assert e["low"] <= e["value"] <= e["high"] <= 1.0


def test_few_rows_that_carry_the_error_widen_the_interval():
    even, heavy = (pair("covariate", 400, task="regression", seed=10, labelled=False) for _ in range(2))
    heavy.source.y[:4] += 40
    reach = []
    for p in (even, heavy):
        case = view(p)
        found = rows.rows(case)
        ones = np.ones((1, 400))
        reach.append(_reach(_sample(found, rows.predictions(case), ones, ones), rows.propensity(case)[:400], 0.05))
    assert 1 <= reach[0] < 1.3 < reach[1] <= 2


def test_the_long_tail_of_draws_goes_out_and_the_other_side_stays():
    draws = np.concatenate([[0.0], -np.random.default_rng(2).exponential(size=200) + 1])
    plain, longer = _summary(draws, (0.025, 0.975)), _summary(draws, (0.025, 0.975), reach=1.0)
    assert longer[1] < plain[1] - 0.3
    assert longer[2] == pytest.approx(plain[2])


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_the_long_tail_of_draws_is_measured_at_any_size(size):
    draws = np.concatenate([[0.0], 1 - np.random.default_rng(2).exponential(size=200)])
    at_one, scaled = (_summary(draws * s, (0.025, 0.975), reach=1.0) for s in (1.0, size))
    assert np.array(scaled) / size == pytest.approx(at_one)


@pytest.mark.slow
def test_the_expected_r2_holds_the_true_one_under_label_shift():
    missed = 0
    for seed in range(40):
        found = cost(pair("label", 400, task="regression", seed=seed, strength=1.0), ("label",), seed)
        missed += not found["expected"]["low"] <= found["target"] <= found["expected"]["high"]
    assert missed <= bound(40)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_concept_is_seen_where_there_is_none(task):
    missed = 0
    for seed in range(40):
        kind = ("none", "covariate")[seed % 2]
        low, high = cost(pair(kind, 400, seed=seed, task=task), (), seed)["attribution_intervals"]["concept"]
        missed += not low <= 0 <= high
    assert missed <= bound(40)
