from dataclasses import replace

import pytest

from mdshift.engine.reading import Evidence, read, severity, shifts
from mdshift.types import Finding

LOW, HIGH = 0.002, 0.6


def finding(p, effect=0.3):
    if p is None:
        return None
    return Finding("made", "x", "made", 100, 100, p, 1.0, effect, effect / 2, 2 * effect, "What was seen.")


def evidence(x, y=HIGH, xy=HIGH, yx=HIGH, prior=HIGH, fit=HIGH, *, labels=True, few=False, **more):
    found = [finding(p) for p in (x, y, xy, yx)]
    if not labels:
        found[1:] = [None, None, None]
    return Evidence(*found, finding(prior), fit, labels, more.get("classes", True), few, more.get("some", 100 if labels else 0))


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (evidence(HIGH), set()),
        (evidence(LOW, LOW, LOW, HIGH), {"covariate"}),
        (evidence(LOW, HIGH, LOW, HIGH), {"covariate"}),
        (evidence(LOW, LOW, HIGH, LOW), {"label"}),
        (evidence(HIGH, LOW, HIGH, HIGH), {"label"}),
        (evidence(HIGH, LOW, LOW, LOW), {"concept"}),
        (evidence(HIGH, HIGH, HIGH, LOW), {"concept"}),
        (evidence(LOW, LOW, LOW, LOW), {"concept", "covariate"}),
        (evidence(LOW, LOW, LOW, LOW, prior=LOW, fit=HIGH), {"concept", "label"}),
        (evidence(LOW, HIGH, HIGH, HIGH), {"covariate"}),
        (evidence(0.02, LOW, LOW, 0.018), {"concept", "covariate"}),
        (evidence(LOW, LOW, LOW, 0.018), {"covariate"}),
    ],
)
def test_with_labels(seen, kinds):
    assert set(read(seen, 0.05).kinds) == kinds


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (evidence(HIGH, labels=False), set()),
        (evidence(LOW, prior=LOW, fit=HIGH, labels=False), {"label"}),
        (evidence(LOW, prior=LOW, fit=LOW, labels=False), {"covariate"}),
        (evidence(LOW, prior=HIGH, fit=LOW, labels=False), {"covariate"}),
    ],
)
def test_without_labels(seen, kinds):
    found, verdicts = shifts(seen, 0.05)
    assert set(found) == kinds
    assert verdicts["concept"].verdict == "untestable"


def test_two_readings_that_fit_equally_well_are_unclear():
    found, verdicts = shifts(evidence(LOW, prior=HIGH, fit=HIGH, labels=False), 0.05)
    assert found == ()
    assert verdicts["covariate"].verdict == verdicts["label"].verdict == "unclear"
    assert "covariate and label" in verdicts["covariate"].reason


def test_nothing_is_explained_while_another_kind_could_not_be_tested():
    _, verdicts = shifts(evidence(LOW, LOW, LOW, None), 0.05)
    assert verdicts["concept"].verdict == "unclear"
    assert "may explain what changed, if P(Y|X) stayed" in verdicts["label"].reason
    _, verdicts = shifts(evidence(LOW, prior=LOW, fit=LOW, labels=False), 0.05)
    assert "may explain what changed, if P(Y|X) stayed" in verdicts["label"].reason
    _, verdicts = shifts(evidence(LOW, LOW, LOW, LOW), 0.05)
    assert verdicts["label"].reason.startswith("Concept and covariate shift explain what changed.")


def test_few_rows_are_unclear_whatever_the_tests_say():
    _, verdicts = shifts(evidence(LOW, LOW, LOW, LOW, few=True), 0.05)
    assert {v.verdict for v in verdicts.values()} == {"unclear"}
    assert {v.p_value for v in verdicts.values()} == {v.effect for v in verdicts.values()} == {None}


def test_labels_of_the_target_alone_show_no_concept_shift():
    _, verdicts = shifts(evidence(LOW, prior=None, fit=None, labels=False, classes=False, some=300), 0.05)
    assert verdicts["concept"].verdict == "untestable"
    assert "source labels" in verdicts["concept"].reason


def test_no_source_labels_leave_only_the_inputs():
    found, verdicts = shifts(evidence(LOW, prior=None, fit=None, labels=False, classes=False), 0.05)
    assert found == ("covariate",)
    assert verdicts["label"].verdict == "untestable"


def test_one_small_p_value_among_four_is_no_shift():
    """At .02 each of four hypotheses would be rejected too often: together they get .05."""
    assert not read(evidence(0.02), 0.05).kinds


def test_the_severity_of_a_number_counts_standard_deviations_as_total_variation():
    moved = Finding("conditional", "y_given_x", "", 100, 100, 0.001, 9.0, 0.28, 0.26, 0.3, evidence={"scale": "standard deviations"})
    assert severity("concept", moved) == "moderate"  # two normal laws .28 sd apart differ by 11 %
    assert severity("concept", replace(moved, evidence={"scale": "total variation"})) == "severe"


def test_severity_is_read_from_the_effect_and_never_from_p():
    tiny = Finding("made", "x", "made", 10**6, 10**6, 1e-300, 1.0, 0.01, 0.009, 0.011)
    assert severity("covariate", tiny) == "minor"
    large = Finding("made", "x", "made", 100, 100, 0.04, 1.0, 0.8, 0.7, 0.9)
    assert severity("covariate", large) == "severe"
    unsure = Finding("made", "x", "made", 30, 30, 0.04, 1.0, 0.6, 0.1, 0.9)
    assert severity("covariate", unsure) == "moderate"


def test_a_sliver_of_common_support_leaves_concept_shift_unclear():
    seen = evidence(LOW, LOW, LOW, HIGH)
    thin = replace(seen, y_given_x=replace(seen.y_given_x, evidence={"support": 30.0, "support_share": 0.02}))
    found, verdicts = shifts(thin, 0.05)
    assert found == ("covariate",)
    assert verdicts["concept"].verdict == "unclear"
    assert "2%" in verdicts["concept"].reason


def test_every_reason_is_a_sentence():
    for seen in (evidence(HIGH), evidence(LOW, LOW, LOW, HIGH), evidence(LOW, prior=LOW, labels=False), evidence(LOW, few=True)):
        for shift in shifts(seen, 0.05)[1].values():
            assert shift.reason[0].isupper()
            assert shift.reason.endswith(".")


@pytest.mark.parametrize("rest", [(HIGH, HIGH, HIGH), (LOW, HIGH, HIGH), (LOW, LOW, LOW), (LOW, LOW, HIGH), (HIGH, LOW, HIGH)])
@pytest.mark.parametrize("evidenced", [None, {}, {"support": 3.0, "support_share": 0.02}])
def test_what_was_not_tested_is_unclear_and_not_unchanged(rest, evidenced):
    seen = evidence(*rest)
    blind = None if evidenced is None else replace(seen.y_given_x, p_value=HIGH if evidenced else None, evidence=evidenced)
    verdicts = shifts(replace(seen, y_given_x=blind), 0.05)[1]
    assert verdicts["concept"].verdict == "unclear"
    assert "could not be tested" in verdicts["concept"].reason
    for shift in verdicts.values():
        assert "P(Y|X) did not" not in shift.reason
        assert "P(Y|X) was" not in shift.reason


def test_an_untested_law_of_x_in_the_classes_is_not_said_to_hold():
    found, verdicts = shifts(replace(evidence(HIGH, LOW, HIGH, HIGH), x_given_y=None), 0.05)
    assert found == ("label",)
    assert "P(X|Y) did not" not in verdicts["label"].reason


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (evidence(HIGH), set()),
        (evidence(LOW, HIGH, HIGH, HIGH, prior=LOW, fit=HIGH), {"label"}),
        (evidence(LOW, LOW, HIGH, LOW, prior=LOW, fit=HIGH), {"label"}),
        (evidence(LOW, LOW, LOW, LOW, prior=LOW, fit=HIGH), {"concept", "label"}),
        (evidence(LOW, HIGH, LOW, HIGH, prior=LOW, fit=HIGH), set()),
        (evidence(LOW, HIGH, HIGH, HIGH, prior=LOW, fit=LOW), {"covariate"}),
        (evidence(LOW, HIGH, HIGH, LOW, prior=LOW, fit=LOW), {"concept", "covariate"}),
        (evidence(HIGH, HIGH, HIGH, LOW), {"concept"}),
        (evidence(HIGH, LOW, HIGH, HIGH), set()),
    ],
)
def test_with_few_labels_the_unlabelled_rows_settle_the_marginal(seen, kinds):
    assert set(read(replace(seen, few_labels=True), 0.05).kinds) == kinds


@pytest.mark.parametrize(("alpha", "word"), [(0.05, "beside covariate"), (0.2, "explains what changed")])
def test_what_is_denied_is_weighed_at_the_level_asked_for(alpha, word):
    assert word in shifts(evidence(LOW, 0.1, LOW, HIGH), alpha)[1]["label"].reason


def test_few_counted_labels_tell_the_shares_unless_the_estimate_is_what_was_read():
    seen = replace(
        evidence(LOW, HIGH, LOW, HIGH, prior=LOW, fit=LOW), few_labels=True, prior=finding(LOW, effect=0.5), y=finding(HIGH, effect=0.1)
    )
    kinds, found = shifts(seen, 0.05)
    assert kinds == ("covariate",)
    assert (found["label"].effect, found["label"].p_value) == (0.1, HIGH)
    kinds, found = shifts(replace(seen, x_given_y=finding(HIGH), fit=HIGH), 0.05)
    assert kinds == ("label",)
    assert found["label"].effect == 0.5


def test_where_nothing_was_found_the_largest_shift_that_the_data_admit_is_told():
    none = Finding("made", "x", "made", 100, 100, HIGH, 1.0, 0.03, 0.0, 0.07)
    _, found = shifts(replace(evidence(HIGH), x=none, y=none, y_given_x=none), 0.05)
    assert (found["covariate"].excluded, found["label"].excluded) == (0.07, 0.07)
    assert "No shift larger than 0.07" in found["covariate"].reason
    assert "which would be minor" in found["covariate"].reason
    assert found["concept"].excluded is None  # its effect is an estimate from below
    _, found = shifts(evidence(LOW, HIGH, LOW, HIGH), 0.05)
    assert {s.excluded for s in found.values()} == {None}  # beside another kind the bound is no answer
