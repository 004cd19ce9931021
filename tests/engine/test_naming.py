from made import problem

from mdshift.engine.adapt import adapt
from mdshift.engine.naming import MOST, named


def test_columns_and_sources_are_told_by_name_and_the_rest_stays():
    found = named({"attention": [0.1, 0.7, 0.2], "gate_shares": [0.4, 0.6], "rows": 5, "discrepancy": [1.0]}, ["a", "b", "c"], ["x", "y"])
    assert list(found["attention"].items()) == [("b", 0.7), ("c", 0.2), ("a", 0.1)]
    assert found["gate_shares"] == {"x": 0.4, "y": 0.6}
    assert found["rows"] == 5
    assert found["discrepancy"] == [1.0]  # of another length: not by column


def test_of_many_columns_the_largest_are_told():
    found = named({"attention": list(range(200))}, [f"c{j}" for j in range(200)], [])
    assert len(found["attention"]) == MOST
    assert next(iter(found["attention"])) == "c199"


def test_a_report_names_the_columns_that_carry_over():
    adapted, _ = adapt(problem("table"), strategy="selective", params={"epochs": 1.0}, out="m", device="cpu")
    told = adapted.candidates[1].evidence["trained"]["attention"]
    assert {"n0", "c = red"} <= set(told)
