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
    with pytest.raises(ValueError, match="below 0"):
        restore(State("trees", state.meta, dict(state.arrays) | {"feature": np.full_like(state.arrays["feature"], -1)}))


@pytest.mark.parametrize("break_it", ["a child of two", "a way back", "no parent"])
def test_nodes_that_are_no_trees_are_refused(break_it):
    state = Trees(3).fit(prepared(X, XOR), X, XOR, rng).state()
    left, roots = state.arrays["left"].copy(), state.arrays["roots"].ravel()
    root = int(roots[0])
    if break_it == "a child of two":
        left[root] = state.arrays["right"][root]
    elif break_it == "a way back":
        left[left[root]] = root
    else:
        left[root] = root
    with pytest.raises(ValueError, match="no trees"):
        restore(State("trees", state.meta, dict(state.arrays) | {"left": left}))


def test_trees_of_any_depth_are_walked_to_their_leaves():
    """A lone leaf, a stump, and a chain of three: by hand."""
    own = {
        "feature": [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        "threshold": [0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 0.0],
        "left": [0, 3, 2, 3, 5, 5, 7, 7, 9, 9, 10],
        "right": [0, 2, 2, 3, 6, 5, 8, 7, 10, 9, 10],
        "value": [1.0, 0.0, 10.0, 20.0, 0.0, 100.0, 0.0, 200.0, 0.0, 300.0, 400.0],
    }
    arrays = {name: np.array(v, dtype=float if name in ("threshold", "value") else int) for name, v in own.items()}
    arrays |= {"roots": np.array([[0, 1, 4]]), "base": np.zeros(1), "classes": np.zeros(1, int)}
    found = TreesPredictor(**arrays, depth=3, n_classes=1, task="regression")
    Z = np.array([[0.5, 0.0], [0.6, 0.0], [0.6, 1.0], [1.5, 1.0], [2.0, 1.0], [2.5, 1.0]], dtype=np.float32)
    assert found.scores(Z)[:, 0].tolist() == [121.0, 111.0, 211.0, 311.0, 311.0, 411.0]
    np.testing.assert_array_equal(restore(found.state()).scores(Z), found.scores(Z))


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


def test_splits_that_choose_among_a_few_columns_lose_less_when_one_of_many_alike_columns_breaks():
    """The columns are noisy copies of one another: trees that see all of them lean on the best one."""
    gains = []
    for seed in range(4, 8):
        r = np.random.default_rng(seed)
        y = r.integers(0, 2, 2400)
        Z = (2.0 * y - 1 + 0.6 * r.normal(size=2400))[:, None] + np.linspace(0.5, 0.8, 10) * r.normal(size=(2400, 10))
        Z[400:, 0] = r.permutation(Z[400:, 0])
        Z, p = Z.astype(np.float32), prepared(Z[:400].astype(np.float32), y[:400])
        found = [Trees(60, features=share).fit(p, Z[:400], y[:400], np.random.default_rng(1)).scores(Z[400:]) for share in (1.0, 0.3)]
        all_columns, some = ((scores.argmax(axis=1) == y[400:]).mean() for scores in found)
        gains.append(some - all_columns)
    assert min(gains) >= 0
    assert np.mean(gains) > 0.01


def test_of_few_columns_a_split_chooses_among_two_at_least():
    """Of two columns both; of one, that one."""
    Z = X[:, :2]
    both, free = (Trees(30, features=f).fit(prepared(Z, XOR), Z, XOR, np.random.default_rng(1)).scores(Z) for f in (0.1, 1.0))
    np.testing.assert_array_equal(both, free)
    sign = (X[:, 0] > 0).astype(int)
    alone = Trees(30, features=0.1).fit(prepared(Z[:, :1], sign), Z[:, :1], sign, np.random.default_rng(1)).scores(Z[:, :1])
    assert (alone.argmax(axis=1) == sign).mean() > 0.95


def test_wide_data_have_fewer_bins_with_weights_as_without():
    r = np.random.default_rng(2)
    Z = r.normal(size=(300, 120)).astype(np.float32)
    y = (Z[:, 0] + 0.5 * r.normal(size=300) > 0).astype(int)
    p = prepared(Z, y)
    plain, weighed = (Trees(5).fit(p, Z, y, np.random.default_rng(1), w) for w in (None, np.ones(300)))
    np.testing.assert_allclose(weighed.scores(Z), plain.scores(Z), rtol=1e-9, atol=1e-12)
    split = np.flatnonzero(plain.left != np.arange(len(plain.left)))
    edges = {f: bin_edges(Z[:, f], 63) for f in np.unique(plain.feature[split])}
    assert all(len(e) == 62 for e in edges.values())
    assert all(np.abs(edges[plain.feature[i]] - plain.threshold[i]).min() < 1e-6 for i in split)
