"""Which column is the label, and whether it is a class or a number."""

import numpy as np
import pytest

from mdshift.errors import DataError

X = {"x": [i * 1.5 for i in range(60)]}
RNG = np.random.default_rng(0)


def warned(problem, *words):
    return any(all(w in n.text for w in words) for n in problem.notes if n.level == "warning")


@pytest.mark.parametrize(
    ("there", "taken"), [(("class", "y"), "y"), (("y", "target"), "target"), (("target", "label"), "label"), (("z",), None)]
)
def test_the_first_usual_name_is_the_label(pair, there, taken):
    table = {**X, **{name: ["a", "b"] * 30 for name in there}}
    assert pair(table, table).label == taken


@pytest.mark.parametrize(
    ("name", "values", "task"),
    [
        ("label", [0, 1], "classification"),
        ("label", range(20), "classification"),
        ("label", [1.0, 2.0], "classification"),
        ("label", [0.5, 1.5, 2.0], "regression"),
        ("label", range(30), "classification"),
        ("label", range(60), "regression"),
        ("label", ["a", "b"], "classification"),
        ("target", [3, 4, 5, 6, 7, 8, 9], "regression"),
        ("target", [0, 1], "classification"),
        ("target", ["x", "y", "z"], "classification"),
        ("y", [3, 4, 5], "classification"),
        ("y", range(30), "regression"),
        ("price", range(30), "regression"),
        ("class", ["01", "02"], "classification"),
    ],
)
def test_the_task(pair, name, values, task):
    values = list(values)
    table = {**X, name: [values[i % len(values)] for i in range(60)]}
    assert pair(table, table, labels=(name,)).task == task


def test_the_user_decides_the_task(pair):
    table = {**X, "target": [3, 4, 5] * 20}
    found = pair(table, table, task="classification")
    assert (found.task, found.classes) == ("classification", ("3", "4", "5"))
    assert "label 'target': classification, since that was asked for" in [n.text for n in found.notes]
    assert "label 'target': regression, since it holds 3 whole numbers and is called `target`" in [n.text for n in pair(table, table).notes]
    table = {**X, "label": [0, 1] * 30}
    found = pair(table, table, task="regression")
    assert found.task == "regression"
    assert found.classes == ()
    assert found.source.y.dtype == np.float64
    with pytest.raises(DataError, match="not a number"):
        pair({**X, "label": ["a", "b"] * 30}, X, task="regression")


def test_classes_are_in_the_order_of_their_numbers(pair):
    table = {**X, "label": [2, 10, 1] * 20}
    assert pair(table, table).classes == ("1", "2", "10")


def test_classes_of_the_target_alone_come_last_with_a_warning(pair):
    found = pair({**X, "label": ["b", "c"] * 30}, {**X, "label": ["a", "b"] * 30})
    assert found.classes == ("b", "c", "a")
    assert found.source_classes == 2
    assert found.target.y[:2].tolist() == [2, 0]
    assert warned(found, "classes that the source lacks", "never predicts", "a")


def test_spellings_of_one_class_are_told(pair):
    source = {**X, "label": ["1", "1.0", "2"] * 20}
    problem = pair(source, {**X, "label": [" 2", "1.0", "2"] * 20})
    assert problem.classes == ("1", "2")
    assert warned(problem, "taken for one class", "'1' and '1.0'", "' 2' and '2'")
    many = pair({**X, "label": [" " * i + "a" for i in range(30)] + ["b" * 50, "b" * 50 + " "] * 15}, {**X, "label": ["a"] * 60})
    assert warned(many, "taken for one class", "' " + " " * 27 + "a' and", "and 27 more", repr("b" * 40))
    whole = pair({**X, "label": ["1", "2", "2"] * 20}, {**X, "label": ["1.0", "2.0", "2.0"] * 20})
    assert whole.classes == ("1", "2")  # whole numbers with missing ones among them, as many a program writes them
    assert not warned(whole, "taken for one class")


def test_one_class(pair):
    table = {**X, "label": ["a"] * 60}
    assert warned(pair(table, table), "one class only")
    with pytest.raises(DataError, match="one class only"):
        pair(table, table, need_label=True)


def test_a_class_with_one_row(pair):
    assert warned(pair({**X, "label": ["a", "b"] * 29 + ["a", "q"]}, X, need_label=True), "one source row", "q")


def test_no_label_where_one_is_needed(pair):
    with pytest.raises(DataError, match="no label column"):
        pair(X, X, need_label=True)
    with pytest.raises(DataError, match="no labels"):
        pair({**X, "label": [None] * 60}, {**X, "label": ["a"] * 60}, need_label=True)
    with pytest.raises(DataError, match="source has no label column"):
        pair(X, {**X, "grade": ["a"] * 60}, labels=("grade",), need_label=True)
    assert pair(X, X).task is None


def test_labels_in_the_target_alone(pair):
    found = pair(X, {**X, "grade": ["a", "b"] * 30}, labels=("grade",))
    assert found.source.y is None
    assert found.target.y.tolist() == [0, 1] * 30
    assert warned(found, "in the target alone")


def test_the_other_labels_are_no_features(pair):
    table = {**X, "u": [1, 2] * 30, "v": [2, 1] * 30}
    found = pair(table, table, labels=("u", "v"))
    assert found.label == "u"
    assert [c.name for c in found.schema.columns] == ["x"]


@pytest.mark.parametrize("wild", ["inf", "-inf", "1e400", "1e308", "-2e150"])
def test_labels_that_are_infinite_or_huge_are_missing_and_told(pair, wild):
    found = pair({**X, "target": [wild, *RNG.normal(size=59)]}, X)
    assert np.isnan(found.source.y[0])
    assert np.isfinite(found.source.y[1:]).all()
    assert warned(found, "labels that are infinite or beyond 1e+150", "missing", "target (1)")
    assert found.quality["wild_labels"] == {"target": 1}
    large = pair({**X, "target": [1e149, *RNG.normal(size=59)]}, X)
    assert large.source.y[0] == 1e149
    second = {**X, "y": ["a", "b"] * 30, "z": [wild, *RNG.normal(size=59)]}
    assert warned(pair(second, second, labels=("y", "z")), "labels that are infinite or beyond", "z (2)")
    classes = pair({**X, "y": [wild, *[0, 1] * 29, 1]}, X)
    assert classes.classes == ("0", "1")
    assert classes.source.y[0] == -1
    assert warned(classes, "labels that are infinite or beyond", "y (1)")
    assert not warned(large, "infinite")


def test_numbers_that_are_all_alike_are_told(pair):
    constant = {**X, "y": [3.0] * 60}
    assert warned(pair(constant, X, task="regression", need_label=True), "always 3.0", "nothing to learn")
    varied = {**X, "y": [3.0] * 59 + [4.5]}
    assert not warned(pair(varied, constant, task="regression", need_label=True), "always")


def test_the_label_is_not_the_domain(pair):
    with pytest.raises(DataError, match="label and domain at once"):
        pair({**X, "y": ["a", "b"] * 30}, X, labels=("y",), domain_column="y")
    with pytest.raises(DataError, match="label and domain at once"):
        pair({**X, "y": ["a", "b"] * 30, "z": ["a", "b"] * 30}, X, labels=("y", "z"), domain_column="z")
