import numpy as np
from made import accuracy, linear_context, prepared

from mdshift.stats.subspaces import aligned
from mdshift.strategies.subspace import Subspace


def turned(seed, angle=1.2, n=400):
    """Two strong directions carry the label; the target's plane is turned out of the source's within ten columns."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    plane = basis[:, :2]
    after = np.c_[np.cos(angle) * basis[:, 0] + np.sin(angle) * basis[:, 2], np.cos(angle) * basis[:, 1] + np.sin(angle) * basis[:, 3]]

    def rows():
        y = rng.integers(0, 2, n)
        return rng.normal(size=(n, 2)) * [2.0, 1.0] + (2 * y - 1)[:, None] * [2.0, 0.0], y

    (A, y), (B, yt) = rows(), rows()
    return prepared(A @ plane.T + 0.2 * rng.normal(size=(n, 10)), y, B @ after.T + 0.2 * rng.normal(size=(n, 10)) + 1.5), yt


def test_a_turned_plane_is_turned_back():
    found = []
    for seed in range(5):
        p, yt = turned(seed)
        c = linear_context(p)
        found.append([accuracy(m.scores(p.X_target), yt) for m in (c.base, Subspace(dimensions=2).run(p, c).predictor)])
    plain, adapted = np.mean(found, axis=0)
    assert adapted > plain + 0.1
    assert adapted > 0.8


def test_where_the_label_hangs_on_a_weak_direction_it_harms():
    rng = np.random.default_rng(0)
    X, Xt = (rng.normal(size=(400, 6)) * [5, 5, 5, 5, 5, 0.5] for _ in range(2))
    p, yt = prepared(X, (X[:, 5] > 0).astype(int), Xt), (Xt[:, 5] > 0).astype(int)
    c = linear_context(p, C=100.0)
    assert accuracy(Subspace().run(p, c).predictor.scores(p.X_target), yt) < accuracy(c.base.scores(p.X_target), yt) - 0.2


def test_the_matrix_brings_the_bases_nearest():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(200, 5)) * [5, 4, 3, 2, 1], rng.normal(size=(150, 5)) * [1, 2, 3, 4, 5] + 2
    there, here, mean_s, mean_t = aligned(source, target, 3, 0.9, rng)
    P_s, P_t = (np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)[2][:3].T for Z in (source, target))
    np.testing.assert_allclose(there @ here.T, P_s @ P_s.T @ P_t @ P_t.T, atol=1e-8)  # whatever the signs of the directions
    M = np.linalg.lstsq(P_s, P_t, rcond=None)[0]  # the paper's problem: min |P_s M - P_t|
    np.testing.assert_allclose(there @ here.T, P_s @ M @ P_t.T, atol=1e-8)
    np.testing.assert_allclose(mean_s, source.mean(axis=0))
    np.testing.assert_allclose(mean_t, target.mean(axis=0))


def test_as_many_dimensions_as_hold_the_share_in_both():
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=(500, 8)) * [9, 8, 1, 1, 1, 0, 0, 0], rng.normal(size=(500, 8)) * [9, 8, 7, 1, 1, 1, 1, 1]
    assert aligned(source, target, 0, 0.9, rng)[0].shape == (8, 3)
    assert aligned(source, target, 0, 1.0, rng)[0].shape == (8, 5)  # the source has no more


def test_indicators_pass_and_numbers_work_too():
    rng = np.random.default_rng(3)
    X = np.c_[rng.normal(size=(300, 3)), rng.integers(0, 2, 300)]
    y = X[:, 0] + 2 * X[:, 3]
    p = prepared(X, y, X + np.array([4, 4, 4, 0]), kinds=["number"] * 3 + ["indicator"])
    mapped, _ = Subspace(share=1.0).mapping(p, rng)
    np.testing.assert_array_equal(mapped[:, -1], p.X_source[:, -1])
    c = linear_context(p, C=100.0)
    error = ((Subspace(share=1.0).run(p, c).predictor.scores(p.X_target)[:, 0] - y) ** 2).mean()
    assert error < 0.05 * ((c.base.scores(p.X_target)[:, 0] - y) ** 2).mean()


def test_where_one_side_is_constant_the_columns_stay():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 3))
    p = prepared(X, (X[:, 0] > 0).astype(int), np.ones((20, 3)))
    c = linear_context(p)
    np.testing.assert_array_equal(
        Subspace().run(p, c).predictor.scores(p.X_source), c.learner.fit(p, p.X_source, p.y_source, c.rng("fit")).scores(p.X_source)
    )
