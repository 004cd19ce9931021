import numpy as np
import pytest
from made import accuracy, linear_context, prepared, rng_of
from sklearn.linear_model import LogisticRegression, Ridge

from mdshift.learners.base import restore
from mdshift.learners.finetuned import BIAS, FineTuned, change, fine_tune, logs, target_weights
from mdshift.learners.linear import constant
from mdshift.learners.trees import Trees


def rows(n=40, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    return X, (X[:, 0] + 0.5 * rng.normal(size=n) > 0).astype(int)


def test_from_no_knowledge_it_is_penalised_logistic_regression():
    X, y = rows()
    pull = 2.0
    coef, intercept = change(X, np.log(np.full((40, 2), 0.5)), y, np.ones(40), pull, "classification")
    size = (X.astype(float) ** 2).sum(axis=1).mean()
    # both columns of the softmax share the penalty: half of it falls on their difference; the intercept is a column of its own scale
    design = np.column_stack([X / np.sqrt(pull * size), np.full(40, 1 / np.sqrt(BIAS))])
    model = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10).fit(design, y)
    np.testing.assert_allclose((coef[:, 1] - coef[:, 0]) * np.sqrt(pull * size), model.coef_[0, :3], atol=2e-3)
    np.testing.assert_allclose((intercept[1] - intercept[0]) * np.sqrt(BIAS), model.coef_[0, 3], atol=2e-3)


def test_numbers_are_ridge_regression_of_the_residuals():
    X, _ = rows()
    y = np.random.default_rng(1).normal(size=40)
    start = np.full((40, 1), 0.3)
    coef, intercept = change(X, start, y, np.ones(40), 2.0, "regression")
    size = (X.astype(float) ** 2).sum(axis=1).mean()
    design = np.column_stack([X / np.sqrt(2.0 * size), np.full(40, 1 / np.sqrt(BIAS))])
    expected = Ridge(alpha=1.0, fit_intercept=False).fit(design, y - 0.3).coef_
    np.testing.assert_allclose(coef[:, 0], expected[:3] / np.sqrt(2.0 * size), rtol=1e-5)
    np.testing.assert_allclose(intercept[0], expected[3] / np.sqrt(BIAS), rtol=1e-5)


def test_a_strong_pull_changes_next_to_nothing_but_the_offset():
    X, y = rows()
    coef, _ = change(X, np.log(np.full((40, 2), 0.5)), y, np.ones(40), 1e9, "classification")
    assert np.abs(coef).max() < 1e-6


def test_weights_give_the_labels_the_shares_that_the_model_sees():
    X, y = rows()
    p = prepared(X, y)
    model = constant(p, np.repeat([0, 1], [30, 10]))
    w = target_weights(model, X, np.repeat([0, 1], 5), 2)
    assert w.mean() == pytest.approx(1)
    assert w[:5].sum() / w.sum() == pytest.approx((0.75 + 0.05) / 1.1)


@pytest.mark.parametrize("learner", [None, Trees(20)])
def test_a_concept_that_moved_is_followed_by_trees_and_lines(learner):
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(400, 4)), rng.normal(size=(400, 4))
    y, yt = (X[:, 0] > 0).astype(int), (0.3 * Xt[:, 0] + Xt[:, 1] > 0.5).astype(int)
    p = prepared(X, y, Xt, np.where(np.arange(400) < 40, yt, -1))
    base = linear_context(p).base if learner is None else learner.fit(p, p.X_source, p.y_source, rng_of()("t"))
    found, told = fine_tune(base, p, rng_of()("f"))
    assert told["target_rows"] == 40
    assert accuracy(found.scores(p.X_target[40:]), yt[40:]) > accuracy(base.scores(p.X_target[40:]), yt[40:]) + 0.1


def test_where_nothing_moved_the_model_is_left_nearly_alone():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(800, 4)), rng.normal(size=(600, 4))
    y, yt = ((A[:, 0] + 0.5 * rng.normal(size=len(A)) > 0).astype(int) for A in (X, Xt))
    p = prepared(X, y, Xt, np.where(np.arange(600) < 10, yt, -1))
    base = linear_context(p).base
    found, _ = fine_tune(base, p, rng_of()("f"))
    assert accuracy(found.scores(p.X_target[10:]), yt[10:]) > accuracy(base.scores(p.X_target[10:]), yt[10:]) - 0.02


def test_an_offset_of_numbers_is_found_in_any_unit():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(200, 3)), rng.normal(size=(100, 3))
    for unit in (1e-3, 1.0, 1e6):
        y, yt = unit * X[:, 0], unit * (Xt[:, 0] + 4)
        p = prepared(X, y, Xt, np.where(np.arange(100) < 20, yt, np.nan))
        base = linear_context(p).base
        found, _ = fine_tune(base, p, rng_of()("f"))
        error = np.mean((found.scores(p.X_target[20:])[:, 0] - yt[20:]) ** 2)
        assert error < 0.05 * np.mean((base.scores(p.X_target[20:])[:, 0] - yt[20:]) ** 2)


def test_it_is_saved_bit_by_bit_and_impossible_classes_can_come_back():
    X, y = rows()
    p = prepared(X, y, classes=3)
    inner = constant(p, y)  # gives class 2 the probability 0
    model = FineTuned(inner, np.zeros((3, 3)), np.array([0.0, 0.0, 20.0]), "classification")
    assert (model.scores(p.X_source).argmax(axis=1) == 2).all()
    np.testing.assert_array_equal(restore(model.state()).scores(p.X_source), model.scores(p.X_source))
    np.testing.assert_array_equal(model.scores(p.X_source[3:4])[0], model.scores(p.X_source)[3])
    assert np.isfinite(logs(np.zeros(2))).all()


def test_labels_overrule_a_model_that_is_sure_and_wrong():
    rng = np.random.default_rng(0)
    X, Xt = 2 * rng.normal(size=(400, 3)), 2 * rng.normal(size=(300, 3))
    y, yt = (X[:, 0] > 0).astype(int), (Xt[:, 0] < 0).astype(int)
    p = prepared(X, y, Xt, np.where(np.arange(300) < 40, yt, -1))
    base = linear_context(p).base
    found, told = fine_tune(base, p, rng_of()("f"))
    assert accuracy(base.scores(p.X_target[40:]), yt[40:]) < 0.1
    assert accuracy(found.scores(p.X_target[40:]), yt[40:]) > 0.85
    assert told["slope"] < 0.5
    assert told["unchanged"] == 0


def test_where_the_labels_agree_no_change_keeps_a_weight():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(400, 3)), rng.normal(size=(300, 3))
    y, yt = (X[:, 0] > 0).astype(int), (Xt[:, 0] > 0).astype(int)
    p = prepared(X, y, Xt, np.where(np.arange(300) < 12, yt, -1))
    _, told = fine_tune(linear_context(p).base, p, rng_of()("f"))
    assert told["unchanged"] > 0.02
    assert told["slope"] > 0.5


def test_a_model_saved_before_there_were_slopes_reads_as_it_was():
    X, y = rows()
    p = prepared(X, y)
    model = FineTuned(constant(p, y), np.ones((X.shape[1], 2)), np.zeros(2), "classification")
    state = model.state()
    del state.meta["slope"]
    np.testing.assert_array_equal(restore(state).scores(p.X_source), model.scores(p.X_source))
