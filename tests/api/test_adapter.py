"""The estimators: scikit-learn's own checks, and what they add to them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import mdshift
from mdshift.api.adapter import Adapter, AdapterRegressor, InputError
from mdshift.errors import UsageError
from mdshift.learners import select

DOES_NOT_APPLY: dict[str, str] = {}  # check: why; none so far


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One linear model is fitted in the place of a choice: the manners of an estimator are asked for here, not what it learns."""
    monkeypatch.setattr(select, "MAX_TREE_COLUMNS", 0)
    monkeypatch.setattr(select, "MIN_NET_ROWS", dict.fromkeys(select.MIN_NET_ROWS, 10**9))
    monkeypatch.setattr(select, "STRENGTHS", {task: values[1:2] for task, values in select.STRENGTHS.items()})


@parametrize_with_checks([Adapter(), AdapterRegressor()], expected_failed_checks=lambda _: DOES_NOT_APPLY)
def test_scikit_learn_agrees(estimator, check):
    check(estimator)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80), "c": rng.choice(["red", "blue"], 80)})
    return X, np.where(X["a"] + (X["c"] == "red") > 0.5, "yes", "no")


def test_without_a_target_it_is_the_source_model(rows):
    X, y = rows
    made = Adapter().fit(X, y)
    assert (made.strategy_, made.kept_) == ("source-only", "source-only")
    assert made.feature_names_in_.tolist() == ["a", "b", "c"]
    assert made.n_features_in_ == 3
    assert made.classes_.tolist() == ["no", "yes"]
    assert made.score(X, y) > 0.8
    assert made.predict_proba(X).shape == (80, 2)


def test_a_strategy_adapts_to_the_target(rows):
    X, y = rows
    moved = X.assign(a=X["a"] + 1)
    made = Adapter("coral", params={"regularisation": 0.5}).fit(X, y, moved)
    direct = mdshift.adapt(X, moved, strategy="coral", params={"regularisation": 0.5}, y_source=(y == "yes") * 1, task="classification")
    assert made.kept_ == "adapted"
    assert made.predict(moved).tolist() == np.where(direct.predict(moved) == 1, "yes", "no").tolist()
    np.testing.assert_equal(made.predict_proba(moved), direct.predict_proba(moved))


@pytest.mark.parametrize("blank", [None, float("nan")])
def test_some_target_rows_may_have_labels(rows, blank):
    X, y = rows
    labels = [*y[:30], *[blank] * 50]
    made = Adapter("label-shift").fit(X, y, X.assign(a=X["a"] + 1), labels)
    assert made.result_.scores["source_only"].on == "target labels"


def test_a_class_that_the_target_alone_has_stands_among_the_classes(rows):
    X, y = rows
    made = Adapter("source-only").fit(X, y, X, ["maybe", *y[1:40], *[None] * 40])
    assert made.classes_.tolist() == ["maybe", "no", "yes"]
    p = made.predict_proba(X)
    assert p.shape == (80, 3)
    assert made.classes_[p.argmax(axis=1)].tolist() == made.predict(X).tolist()


def test_a_regression_adapts_too(rows):
    X, _ = rows
    y = X["a"] * 3.0 + (X["c"] == "red")
    made = AdapterRegressor("coral").fit(X, y, X.assign(b=X["b"] + 1), np.where(np.arange(80) < 25, y, np.nan))
    assert made.score(X, y) > 0.9
    assert made.predict(X).dtype == np.float64


def test_it_is_told_apart_cloned_pickled_and_composed(rows):
    X, y = rows
    assert is_classifier(Adapter())
    assert is_regressor(AdapterRegressor())
    made = clone(Adapter("source-only", seed=3)).set_params(compute="low")
    assert made.get_params()["seed"] == 3
    assert cross_val_score(made, X, y, cv=3).mean() > 0.7
    fitted = made.fit(X, y)
    assert pickle.loads(pickle.dumps(fitted)).predict(X).tolist() == fitted.predict(X).tolist()
    piped = make_pipeline(StandardScaler(), Adapter())
    assert piped.fit(X[["a", "b"]], y).score(X[["a", "b"]], y) > 0.6


def test_a_column_may_be_called_label(rows):
    X, y = rows
    assert Adapter().fit(X.rename(columns={"a": "label"}), y).n_features_in_ == 3


def test_faults_are_value_errors_with_a_cure(rows):
    X, y = rows
    for call in (
        lambda: Adapter().fit(X, y[:-1]),
        lambda: Adapter().fit(X, y, X, y[:-1]),
        lambda: Adapter().fit(X, y, None, y),
        lambda: AdapterRegressor().fit(X, np.full(80, np.nan)),
        lambda: Adapter().fit(X.assign(a=1, b=1, c=1), y),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.hint
    with pytest.raises(ValueError, match="feature names"):
        Adapter().fit(X, y).predict(X.rename(columns={"a": "z"}))
    with pytest.raises(UsageError, match="unknown strategy"):
        Adapter("corall").fit(X, y)


@pytest.mark.slow
def test_the_checks_hold_of_the_whole_choice(monkeypatch):
    from sklearn.utils.estimator_checks import check_estimator

    monkeypatch.undo()
    check_estimator(Adapter())


@pytest.mark.parametrize("frame", [True, False])
@pytest.mark.parametrize("labels", [["a", None, "b"], ["a", 1, "b"], [1, None, 2]])
def test_labels_that_are_missing_or_mixed_are_an_input_error(frame, labels):
    X, y = np.arange(30.0).reshape(-1, 1), np.array(labels * 10, dtype=object)
    with pytest.raises(InputError, match="labels"):
        Adapter().fit(pd.DataFrame({"a": X[:, 0]}) if frame else X, y)


@pytest.mark.parametrize("blank", [np.nan, None])
def test_target_labels_beside_missing_ones_leave_the_classes_type(blank):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int)
    target = np.array([*y[:20], *[blank] * 40], dtype=float if blank is not None else object)
    made = Adapter("source-only").fit(X, y, X + 0.1, target)
    assert made.classes_.dtype == y.dtype
    assert made.predict(X).dtype == y.dtype
    halves = Adapter("source-only").fit(X, y, X + 0.1, np.where(target == 1, 0.5, target) if blank is not None else [0.5, *[None] * 59])
    assert 0.5 in halves.classes_  # what is no whole number is not rounded


@pytest.mark.parametrize("made", [Adapter("source-only"), AdapterRegressor("source-only")])
def test_infinite_target_labels_are_an_input_error(made):
    X = np.arange(30.0).reshape(-1, 1)
    with pytest.raises(InputError, match="infinity"):
        made.fit(X, np.arange(30) % 3, X, [np.inf, *[1.0] * 29])


@pytest.mark.parametrize(
    ("fit", "kind", "said"),
    [
        (lambda X: AdapterRegressor().fit(X, ["a"] * 80), InputError, "labels that are no numbers: 'a' in y"),
        (lambda X: AdapterRegressor().fit(X.to_numpy(), ["a"] * 80), InputError, "labels that are no numbers: 'a' in y"),
        (lambda X: AdapterRegressor().fit(X, X["a"], X, ["a", None] * 40), InputError, "labels that are no numbers: 'a' in y_target"),
        (lambda X: Adapter().fit(X, [0, 1] * 40, X, ["a", None] * 40), InputError, "in y numbers, in y_target words"),
        (lambda X: Adapter().fit(X, ["a", "b"] * 40, X, [1, None] * 40), InputError, "in y words, in y_target numbers"),
        (lambda X: Adapter(strategy=None).fit(X, [0, 1] * 40, X), UsageError, "must be a text"),
        (lambda X: Adapter(params="x").fit(X, [0, 1] * 40, X), UsageError, "params must be a mapping"),
    ],
)
def test_labels_and_arguments_of_a_wrong_type_are_told(rows, fit, kind, said):
    with pytest.raises(kind, match=said) as caught:
        fit(rows[0][["a", "b"]])
    assert caught.value.what
    assert caught.value.seen
    assert caught.value.hint
