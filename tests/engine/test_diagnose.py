import json
from dataclasses import replace

import numpy as np
import pytest
from shifts import pair

from mdshift.engine.diagnose import diagnose
from mdshift.errors import DataError
from mdshift.report.json import document
from mdshift.types import concatenate


def text_of(found):
    return json.dumps(
        document("mdshift.diagnosis/1", found, data={}, settings={}, seconds={}), allow_nan=False, sort_keys=True, default=str
    )


@pytest.mark.parametrize("kind", ["none", "covariate", "label", "concept", "compound"])
def test_names_the_kind_with_labels(kind):
    kinds = set(diagnose(pair(kind, 700, seed=11)).kinds)
    if kind == "compound":
        assert {"concept", "covariate"} == kinds
    else:
        assert kinds == {kind} - {"none"}


@pytest.mark.parametrize(("kind", "kinds"), [("covariate", {"covariate"}), ("label", {"label"}), ("concept", set())])
def test_names_the_kind_without_labels(kind, kinds):
    found = diagnose(pair(kind, 700, seed=12, labelled=False))
    assert set(found.kinds) == kinds
    assert found.shifts["concept"].verdict == "untestable"
    assert found.tests["y_given_x"] is None


def test_a_number_as_label():
    assert diagnose(pair("covariate", 500, seed=13, task="regression")).kinds == ("covariate",)
    assert "concept" in diagnose(pair("concept", 500, seed=13, task="regression")).kinds


def test_the_same_bytes_again():
    problem = pair("covariate", 150, seed=1)
    first = text_of(diagnose(problem))
    assert text_of(diagnose(problem, workers=3)) == first
    assert len(first) > 1000


def test_the_same_data_twice_is_no_shift():
    problem = pair("none", 200, seed=2)
    found = diagnose(replace(problem, target=replace(problem.source, name="target")))
    assert found.kinds == ()


@pytest.mark.parametrize("rows", [1, 3, 15])
def test_a_few_rows_are_too_few_to_tell(rows):
    found = diagnose(pair("concept", rows, rows, seed=3))
    assert found.kinds == ()
    assert {s.verdict for s in found.shifts.values()} == {"unclear"}
    assert not found.label["estimated"]
    text_of(found)


def test_without_any_label_the_inputs_are_still_compared():
    problem = pair("covariate", 300, seed=4, strength=2.0)
    bare = replace(
        problem,
        sources=(replace(problem.source, y=None),),
        target=replace(problem.target, y=None),
        task=None,
        label=None,
        classes=(),
        source_classes=0,
    )
    found = diagnose(bare)
    assert found.kinds == ("covariate",)
    assert found.shifts["label"].verdict == found.shifts["concept"].verdict == "untestable"
    assert found.performance is None
    assert [found.tests[t] for t in ("y", "x_given_y", "y_given_x")] == [None] * 3


def test_few_target_labels_are_used_alone():
    problem = pair("concept", 400, seed=5, labelled=120)
    found = diagnose(problem)
    assert found.tests["y_given_x"]["n_target"] == 120
    assert "concept" in found.kinds


def test_fewer_labels_than_a_test_needs_are_unclear():
    found = diagnose(pair("none", 200, seed=6, labelled=8))
    assert found.shifts["concept"].verdict == "unclear"


def test_one_class_and_a_class_of_the_target_alone():
    single = pair("none", 120, seed=7)
    single.source.y[:] = 0
    single.target.y[:] = 0
    assert diagnose(single).performance is None
    problem = pair("none", 200, seed=8)
    problem.target.y[:60] = 2
    found = diagnose(replace(problem, classes=("no", "yes", "maybe")))
    assert found.label["overlap"] == pytest.approx(2 / 3)
    assert found.label["source_prior"][2] == 0
    assert found.kinds
    text_of(found)


def test_several_sources_are_pooled():
    a, b = pair("none", 150, seed=9), pair("none", 150, seed=10)
    problem = replace(a, sources=(a.source, b.source))
    found = diagnose(problem)
    assert found.facts["n_sources"] == 2
    assert found.facts["n_source"] == len(concatenate(problem.sources))


def test_facts_are_finite_and_named_in_the_docstring():
    from mdshift.engine import diagnose as module

    facts = diagnose(pair("covariate", 150, seed=1)).facts
    assert all(f in module.__doc__ for f in facts)
    json.dumps(facts, allow_nan=False)
    assert not any(isinstance(v, np.generic) for v in facts.values())


def test_needs_a_target():
    with pytest.raises(DataError, match="needs a target"):
        diagnose(replace(pair("none", 30), target=None))


@pytest.mark.parametrize("labelled", [0, pytest.param(25, marks=pytest.mark.slow), 50, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["label", "covariate", "none"])
def test_a_few_labels_do_not_turn_the_reading(kind, labelled):
    right = []
    for seed in (21, 22):
        found = diagnose(pair(kind, 700, seed=seed, labelled=labelled))
        assert set(found.kinds) <= {kind} - {"none"}
        right.append(kind in found.kinds)
        assert found.shifts["concept"].verdict in (("no-shift", "unclear") if labelled else ("untestable",))
    assert kind == "none" or any(right)


def test_an_alpha_below_the_smallest_p_value_is_warned_of():
    problem = pair("none", 60, seed=1)
    assert not any("permutations" in n.text for n in diagnose(problem, alpha=0.01).notes)
    notes = [n for n in diagnose(problem, alpha=0.001).notes if "permutations" in n.text]
    assert [n.level for n in notes] == ["warning"]


def test_a_strong_shift_is_found_at_a_small_alpha():
    found = diagnose(pair("covariate", 500, seed=2, strength=2.0), alpha=0.01)
    assert found.kinds == ("covariate",)


@pytest.mark.parametrize("kind", ["none", "label"])
def test_only_the_reading_says_that_something_differs(kind):
    found = diagnose(pair(kind, 200, seed=3))
    for test in filter(None, found.tests.values()):
        assert not any(word in test["sentence"] for word in ("differs", "differ ", "no difference", "changed"))
