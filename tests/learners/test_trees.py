import numpy as np
import pytest
from made import prepared

from mdshift.learners.base import State, restore
from mdshift.learners.trees import Trees, TreesPredictor, bin_edges

rng = np.random.default_rng(0)
X = rng.normal(size=(500, 5)).astype(np.float32)
XOR = ((X[:, 0] > 0) ^ (X[:, 1] > 0)).astype(int)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_flat_arrays_score_as_the_fitted_estimator_does(k):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    y = X[:, 0] * 2 + X[:, 1] ** 2
    y = y if k == 1 else np.digitize(y, np.quantile(y, np.arange(1, k) / k))
    model = (HistGradientBoostingRegressor if k == 1 else HistGradientBoostingClassifier)(max_iter=20, random_state=0).fit(X, y)
    flat = TreesPredictor.of(model, k, "regression" if k == 1 else "classification")
    expected = model.predict(X)[:, None] if k == 1 else model.predict_proba(X)
    np.testing.assert_allclose(flat.scores(X), expected, rtol=1e-10, atol=1e-12)


def test_trees_learn_what_a_line_cannot():
    scores = Trees(30).fit(prepared(X, XOR), X, XOR, np.random.default_rng(1)).scores(X)
    assert (scores.argmax(axis=1) == XOR).mean() > 0.95


def test_a_row_gets_the_same_bits_in_any_batch_and_after_a_round_trip():
    found = Trees(10).fit(prepared(X, XOR), X, XOR, np.random.default_rng(1))
    whole = found.scores(X)
    np.testing.assert_array_equal(restore(found.state()).scores(X), whole)
    for at in (0, 250, 499):
        np.testing.assert_array_equal(found.scores(X[at : at + 1])[0], whole[at])
    assert found.scores(X[:0]).shape == (0, 2)


def test_the_seed_alone_decides():
    def once(seed):
        return Trees(10).fit(prepared(X, XOR), X, XOR, np.random.default_rng(seed)).scores(X)

    np.testing.assert_array_equal(once(3), once(3))


def test_constant_columns_rare_classes_and_few_rows_do_not_stop_it():
    Z = X.copy()
    Z[:, 2] = 0.0
    y = XOR.copy()
    y[0] = 2
    assert Trees(5).fit(prepared(Z, y), Z, y, rng).scores(Z).shape == (500, 3)
    few = prepared(Z[:3], np.array([0, 1, 0]))
    np.testing.assert_allclose(Trees(5).fit(few, Z[:3], few.y_source, rng).scores(Z[:2])[0], [2 / 3, 1 / 3])


def test_nodes_that_point_outside_are_refused():
    state = Trees(3).fit(prepared(X, XOR), X, XOR, rng).state()
    bad = dict(state.arrays) | {"left": np.full_like(state.arrays["left"], 10**6)}
    with pytest.raises(ValueError, match="points outside"):
        restore(State("trees", state.meta, bad))


@pytest.mark.parametrize("k", [1, 3])
def test_weighted_rows_are_binned_here_and_give_the_trees_that_scikit_learn_grows(k):
    """With weights that are all 1 the bins are scikit-learn's own."""
    y = X[:, 0] * 2 + X[:, 1] ** 2
    y = y if k == 1 else np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    Z = X.copy()
    Z[:, 3] = np.round(Z[:, 3])  # a column of few values
    Z[:, 4] = 1.0
    p = prepared(Z, y)
    plain, weighed = (Trees(20).fit(p, Z, y, np.random.default_rng(1), w).scores(Z) for w in (None, np.ones(500)))
    np.testing.assert_allclose(weighed, plain, rtol=1e-9, atol=1e-12)


def test_rows_without_weight_are_as_if_they_were_not_there():
    w = (np.arange(500) % 2).astype(float)
    far = np.where(w[:, None] > 0, X, 1000 * X).astype(np.float32)  # bins of theirs would leave few for the others
    half = Trees(20).fit(prepared(X[1::2], XOR[1::2]), X[1::2], XOR[1::2], np.random.default_rng(1), np.ones(250))
    found = Trees(20).fit(prepared(far, XOR), far, XOR, np.random.default_rng(1), w)
    assert set(np.abs(found.threshold).round(6)) <= set(np.abs(np.concatenate([bin_edges(c) for c in X[1::2].T])).round(6)) | {0.0}
    assert (found.scores(X).argmax(axis=1) == half.scores(X).argmax(axis=1)).mean() > 0.9
