"""What the page of a diagnosis says at its top, and that it contradicts neither its tables nor itself."""

import pytest

from mdshift.report.pages import diagnosis
from mdshift.report.pages.diagnosis import closeness, verdict


def document(kinds, concept="no-shift", drop=None, ends=None):
    shifts = {
        k: {"verdict": "shift" if k in kinds else "no-shift", "severity": "severe", "p_value": 0.001}
        for k in ("covariate", "label", "concept")
    }
    if "concept" not in kinds:
        shifts["concept"]["verdict"] = concept
    performance = {"metric": "accuracy", "source": 0.9, "target": 0.9 - (drop or 0), "drop": drop, "attribution_intervals": {"drop": ends}}
    return {
        "kinds": kinds,
        "shifts": shifts,
        "settings": {"alpha": 0.05},
        "tests": {"y": {"p_value": 0.001, "effect": 0.3}},
        "label": {"task": "classification"},
        "performance": performance if ends else None,
    }


@pytest.mark.parametrize(
    ("kinds", "concept", "told"),
    [
        (["covariate"], "no-shift", "as the inputs' change brings with it"),
        (["covariate"], "unclear", "perhaps because of the inputs' change"),
        (["covariate"], "untestable", "perhaps because of the inputs' change"),
        (["concept"], None, "beside the change named above"),
    ],
)
def test_class_shares_that_moved_along_are_explained_as_far_as_the_reading_goes(kinds, concept, told):
    assert f"The classes' shares moved by 30 %, {told}." in verdict(document(kinds, concept))


def test_class_shares_that_moved_beside_a_concept_shift_are_no_consequence_of_it():
    made = document(["concept", "covariate"], None)
    made["tests"]["x_given_y"] = {"p_value": 0.002}
    assert "The classes' shares moved by 30 %, which alone does not explain the rest: inputs of equal labels differ too." in verdict(made)


@pytest.mark.parametrize(
    ("drop", "ends", "told"),
    [
        (0.007, [-0.012, 0.026], "No fall of the score can be shown: the drop is 0.007 [-0.012, 0.026]."),
        (-0.02, [-0.03, -0.01], "The score did not fall: the drop is -0.020 [-0.030, -0.010]."),
        (0.2, [0.1, 0.3], None),
        (0.2, [None, 0.3], None),
    ],
)
def test_a_severe_shift_that_costs_nothing_is_said_to(drop, ends, told):
    lines = verdict(document(["covariate"], drop=drop, ends=ends))
    assert [line for line in lines if "the drop is" in line] == ([told] if told else [])


def test_a_method_is_told_without_what_stands_in_brackets():
    method = "aggregated MMD and largest column difference (joint permutation), with a cross-fitted domain classifier (weighted Bonferroni)"
    found = diagnosis.tests({"tests": {"x": {"method": method}, "y": {"method": "chi-square, permutation"}}}).table.rows
    assert [r[1] for r in found[:2]] == ["aggregated MMD and largest column difference", "chi-square, permutation"]


@pytest.mark.parametrize(
    ("estimated", "kinds", "told"), [(False, ["covariate"], None), (True, ["covariate"], "don't rely on them."), (True, ["label"], "same.")]
)
def test_estimated_shares_say_on_what_they_stand(estimated, kinds, told):
    label = {"classes": ["a"], "source_prior": [0.5], "target_prior": [0.9], "estimated": estimated}
    lines = diagnosis.classes({"kinds": kinds, "label": label}).lines
    assert [line.endswith(told) for line in lines] == [True] if told else lines == ()


def test_shares_are_told_as_shares():
    near = {"level": "low", "js_mean": None, "auc": None, "mmd": None}
    found = closeness(
        {"similarity": near, "overlap": {"value": 0.002, "low": 0.0003, "high": 0.009, "effective_rows": 436.2}, "relatedness": {}}
    )
    assert ("share of the target where the source has data", "0.2 % [0.0 %, 0.9 %]") in found.table.rows
    assert ("effective source rows once weighted to the target", "436") in found.table.rows


@pytest.mark.parametrize(
    ("prior", "told"),
    [
        ([0.574, 0.426], ("57 %", "43 %")),
        ([0.575, 0.425], ("57.5 %", "42.5 %")),
        ([0.946, 0.054], ("94.6 %", "5.4 %")),
        ([1.0, 0.0], ("100 %", "0 %")),
    ],
)
def test_shares_of_classes_add_up(prior, told):
    made = {"label": {"classes": ["a", "b"], "source_prior": prior, "target_prior": None, "estimated": False}, "kinds": []}
    rows = diagnosis.classes(made).table.rows
    assert tuple(r[1] for r in rows) == told
    assert [r[2] for r in rows] == ["–", "–"]


def test_classes_that_moved_alike_are_not_ranked():
    found = [{"class": c, "auc": 1.0, "p_value": 0.01} for c in "abc"]
    assert diagnosis.where({"where": {"classes": found}}).lines == ("Classes whose inputs moved: all 3 alike (AUC 1.00).",)
    found[0] = found[0] | {"auc": 0.8}
    assert "most: a (AUC 0.80), b" in diagnosis.where({"where": {"classes": found}}).lines[0]
