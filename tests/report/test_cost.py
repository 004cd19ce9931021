"""The section on the cost: every number with its interval, and words that need no key."""

from mdshift.report.pages.diagnosis import cost


def document(**more):
    performance = {
        "metric": "r2",
        "source": 0.9,
        "source_interval": [0.88, 0.92],
        "target": None,
        "target_interval": None,
        "expected": {"value": 0.7, "low": 0.6, "high": 0.8, "method": "the method", "condition": "only if P(Y|X) has not changed"},
        "rmse": {"source": 2.0, "target": None, "expected": {"value": 3.0, "low": 2.5, "high": 3.5}},
        "drop": 0.2,
        "attribution": None,
    }
    return {"performance": performance | more}


def test_without_labels_the_drop_is_expected_and_holds_on_a_condition():
    section = cost(document())
    rows = dict(section.table.rows)
    assert rows["expected on the target"] == "0.700 [0.600, 0.800]"
    assert rows["expected drop"] == "0.200"
    assert rows["RMSE expected on the target"] == "3.000 [2.500, 3.500]"
    assert section.heading == "Cost (R2)"
    assert section.lines == ("The expected score is the method.", "It holds only if P(Y|X) has not changed.")


def test_with_labels_the_parts_have_intervals_and_what_was_not_split_off_is_left_out():
    intervals = {"drop": [0.1, 0.3], "covariate": [0.0, 0.2], "label": [0.0, 0.0], "concept": [0.05, 0.15]}
    parts = {"covariate": 0.1, "label": 0.0, "concept": 0.1}
    section = cost(document(target=0.7, target_interval=[0.6, 0.8], attribution=parts, attribution_intervals=intervals))
    rows = dict(section.table.rows)
    assert rows["drop"] == "0.200 [0.100, 0.300]"
    assert rows["  of it due to the inputs, P(X)"] == "0.100 [0.000, 0.200]"
    assert rows["  of it due to their relation, P(Y|X)"] == "0.100 [0.050, 0.150]"
    assert not any("P(Y)" in what for what in rows)


def test_an_older_document_is_still_told():
    old = {"metric": "accuracy", "source": 0.9, "target": None, "expected": None, "drop": None, "attribution": None}
    assert dict(cost({"performance": old}).table.rows) == {"on the source, cross-validated": "0.900"}
