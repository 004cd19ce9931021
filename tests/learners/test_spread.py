import numpy as np
import pytest
from made import linear_context, prepared
from scipy.spatial import KDTree
from sklearn.semi_supervised import LabelSpreading

from mdshift.learners import spread
from mdshift.learners.base import restore
from mdshift.learners.compose import Averaged
from mdshift.learners.spread import LABEL, SMOOTH, Neighbourhood, placed, unspread


def world(seed=0, m=300, d=4):
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(200, d)), rng.normal(size=(m, d)) + 1
    known = np.where(np.arange(m) < 12, (Z[:, 0] > 1).astype(int), -1)
    p = prepared(X, (X[:, 0] > 0).astype(int), Z, known)
    return p, linear_context(p).base


def test_labels_spread_as_in_the_library():
    """With nothing but labels to start from it is scikit-learn's label spreading on the same affinities."""
    p, _ = world()
    around = Neighbourhood.of(p.X_target, np.flatnonzero(p.labelled))
    np.testing.assert_array_equal(around.rows, np.arange(300))
    near = around.near.toarray()
    np.testing.assert_allclose(near, near.T)
    y = p.y_target[around.rows]
    assert (np.diag(near) == 0).all()
    peer = LabelSpreading(kernel=lambda _X, _Y: affinities(p.X_target), alpha=SMOOTH, max_iter=1000, tol=1e-12).fit(p.X_target, y)
    found = around.spread(np.zeros((300, 2)), y)
    np.testing.assert_allclose(found, peer.label_distributions_, atol=1e-3)


def affinities(X):
    """By the definition: each row to its five nearest ones, by how far the fifth is; the larger of the two ways."""
    X = X.astype(float)
    apart = ((X[:, None] - X[None]) ** 2).sum(axis=-1) ** 0.5
    close = np.zeros_like(apart)
    for i, row in enumerate(apart):
        nearest = [j for j in np.argsort(row) if j != i][:5]
        close[i, nearest] = np.exp(-((row[nearest] / row[nearest[-1]]) ** 2))
    return np.maximum(close, close.T)


@pytest.mark.parametrize("label", [LABEL, 1000.0])
def test_what_the_rows_start_from_counts_too_and_a_label_more(label):
    p, base = world()
    around = Neighbourhood.of(p.X_target, np.flatnonzero(p.labelled))
    y, start = p.y_target, base.scores(p.X_target)
    known = y >= 0
    start[known] = label * np.eye(2)[y[known]]
    exact = np.linalg.solve(np.eye(300) - SMOOTH * around.near.toarray(), (1 - SMOOTH) * start)
    np.testing.assert_allclose(around.spread(base.scores(p.X_target), y, label=label), exact / exact.sum(axis=1, keepdims=True), atol=1e-3)
    carrier = around.predictor(base, p.X_target, y, label=label).carrier
    np.testing.assert_array_equal(carrier.found, around.spread(base.scores(p.X_target), y, label=label))


def test_who_lies_far_from_all_of_the_target_keeps_his_own_scores():
    p, base = world()
    model = Neighbourhood.of(p.X_target, np.flatnonzero(p.labelled)).predictor(base, p.X_target, p.y_target)
    own, found = base.scores(p.X_target), model.scores(p.X_target)
    np.testing.assert_allclose(  # of the target's rows none is far: the nearest is the row itself
        found, (1 - SMOOTH) * own + SMOOTH * theirs(model.carrier, p.X_target)
    )
    far = p.X_target + np.float32(1000)
    np.testing.assert_allclose(model.scores(far), base.scores(far), atol=1e-3)


def theirs(carrier, X):
    """By the definition, row by row."""
    out = []
    for row in (X - carrier.centre) @ carrier.axes:
        apart = ((carrier.points - row) ** 2).sum(axis=1) ** 0.5
        nearest = np.argsort(apart)[:5]
        weights = np.exp(-((apart[nearest] / apart[nearest[-1]]) ** 2))
        out.append(weights @ carrier.found[nearest] / weights.sum())
    return np.array(out)


@pytest.mark.parametrize("d", [4, 40])
def test_a_rows_scores_hang_on_no_other_row_and_survive_the_store(d):
    p, base = world(d=d)
    model = Neighbourhood.of(p.X_target, np.flatnonzero(p.labelled)).predictor(base, p.X_target, p.y_target)
    X = np.random.default_rng(3).normal(size=(500, d)).astype(np.float32)
    at_once = model.scores(X)
    np.testing.assert_allclose(at_once.sum(axis=1), 1)
    np.testing.assert_array_equal(at_once, np.concatenate([model.scores(X[:7]), model.scores(X[7:])]))
    np.testing.assert_array_equal(at_once, restore(model.state()).scores(X))
    assert model.scores(X[:0]).shape == (0, 2)
    assert unspread(model) is base
    assert unspread(base) is base


def test_members_that_ask_the_same_of_the_same_rows_look_once(monkeypatch):
    asked = []

    class Counted(KDTree):
        def query(self, rows, *args, **kwargs):
            asked.append(len(rows))
            return super().query(rows, *args, **kwargs)

    monkeypatch.setattr("scipy.spatial.KDTree", Counted)
    p, base = world()
    around = Neighbourhood.of(p.X_target, np.flatnonzero(p.labelled))
    members = [around.predictor(base, p.X_target, p.y_target, label=label) for label in (1.0, 1000.0)]
    X = np.random.default_rng(3).normal(size=(50, p.X_target.shape[1])).astype(np.float32)
    alone = []
    for member in members:
        spread._LAST.clear()
        alone.append(member.scores(X))
    asked.clear()
    spread._LAST.clear()
    whole = Averaged(members, np.full(2, 0.5))
    np.testing.assert_array_equal(whole.scores(X), 0.5 * alone[0] + 0.5 * alone[1])
    assert asked == [50]
    X[0] += 1  # the same array, other rows
    moved = whole.scores(X)
    assert asked == [50, 50]
    np.testing.assert_array_equal(restore(whole.state()).scores(X), moved)
    assert asked == [50, 50]
    other = Neighbourhood.of(p.X_target[::2]).predictor(base, p.X_target[::2])
    other.scores(X)
    assert len(asked) == 3


def test_many_rows_are_stood_for_by_some_and_half_of_these_are_labelled(monkeypatch):
    monkeypatch.setattr(spread, "ROWS", 50)
    p, base = world(m=400)
    known = np.arange(0, 400, 4)
    around = Neighbourhood.of(p.X_target, known)
    assert len(around.rows) == len(np.unique(around.rows)) == 50
    assert np.isin(around.rows, known).sum() == 25
    assert around.predictor(base, p.X_target, p.y_target).scores(p.X_target).shape == (400, 2)


def test_of_many_columns_fewer_rows_are_looked_at(monkeypatch):
    monkeypatch.setattr(spread, "ENTRIES", 4 * 70)
    monkeypatch.setattr(spread, "FEWEST", 40)
    p, _ = world(m=400)
    assert len(Neighbourhood.of(p.X_target, np.arange(5)).rows) == 70
    monkeypatch.setattr(spread, "ENTRIES", 4)
    assert len(Neighbourhood.of(p.X_target, np.arange(5)).rows) == 40


def test_many_columns_take_no_square_of_them():
    X = np.random.default_rng(0).normal(size=(20, 60_000)).astype(np.float32)  # a square: 29 GB
    around = Neighbourhood.of(X, np.arange(3))
    assert around.axes.shape == (60_000, 10)


def test_rows_that_are_all_alike_and_rows_that_are_few():
    _, base = world()
    same = np.ones((30, 4), np.float32)
    y = np.where(np.arange(30) < 2, 1, -1)
    found = Neighbourhood.of(same, np.arange(2)).predictor(base, same, y).scores(same)
    assert np.isfinite(found).all()
    two = Neighbourhood.of(same[:2], np.arange(1)).predictor(base, same[:2], y[:2]).scores(same)
    assert np.isfinite(two).all()
    with pytest.raises(ValueError, match="two rows"):
        Neighbourhood.of(same[:1], np.arange(1))


@pytest.mark.parametrize("components", [10, 30])
def test_places_are_those_of_the_leading_components(components):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(200, 12)) @ rng.normal(size=(12, 40)) + rng.normal(size=(200, 40))).astype(np.float32)
    around = Neighbourhood.of(X, np.arange(5), components)
    _, lengths, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.sort((around.points**2).sum(axis=0))[::-1], lengths[:components] ** 2, rtol=0.02)
    np.testing.assert_array_equal(around.points, placed(X, around.centre, around.axes))
