import numpy as np
from made import accuracy, linear_context, prepared
from scipy.linalg import eigh

from mdshift.stats.pseudolabels import discriminant, scales
from mdshift.strategies.selective_pseudo_labels import SelectivePseudoLabels


def clustered(seed, gap=2.0, moved=1.6, n=240, d=20, classes=4):
    """Classes as clusters; the target's are moved, each its own way, and its columns rescaled. The problem and the target's labels."""
    rng = np.random.default_rng(seed)
    centres = gap * rng.normal(size=(classes, d)) / np.sqrt(d) * 2
    y, yt = rng.integers(0, classes, n), rng.integers(0, classes, n)
    drift = moved * rng.normal(size=(classes, d)) / np.sqrt(d) * 2
    X = centres[y] + rng.normal(size=(n, d))
    return prepared(
        X, y, ((centres + drift)[yt] + rng.normal(size=(n, d))) * rng.uniform(0.5, 2, d) + rng.normal(size=d), classes=classes
    ), yt


def test_classes_that_moved_each_its_own_way_are_found_again():
    found = []
    for seed in range(5):
        p, yt = clustered(seed)
        c = linear_context(p)
        found.append([accuracy(m.scores(p.X_target), yt) for m in (c.base, SelectivePseudoLabels().run(p, c).predictor)])
    plain, adapted = np.mean(found, axis=0)
    assert adapted > plain + 0.05
    assert adapted > 0.9


def test_other_class_shares_are_taken_for_a_shift_and_it_harms():
    found = []
    for seed in range(3):
        p, _ = clustered(seed, gap=1.5, moved=0.0)
        p = prepared(
            p.X_source, p.y_source, p.X_source[np.random.default_rng(seed).choice(np.flatnonzero(p.y_source == 0), 200)], classes=4
        )
        c = linear_context(p)
        found.append([accuracy(m.scores(p.X_target), np.zeros(200)) for m in (c.base, SelectivePseudoLabels().run(p, c).predictor)])
    plain, adapted = np.mean(found, axis=0)
    assert adapted < plain - 0.1


def test_the_directions_are_those_of_the_full_laplacian():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 5)), rng.integers(0, 3, 30)
    W = (y[:, None] == y[None, :]).astype(float)
    D = np.diag(W.sum(axis=1))
    expected = eigh(X.T @ D @ X, X.T @ (D - W) @ X + 0.5 * np.eye(5))[1][:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(discriminant(X, y, 3, 2, 0.5)), np.abs(expected), rtol=1e-6)


def test_known_target_labels_are_kept_and_constant_columns_are_no_fault():
    p, yt = clustered(0, moved=3.0)
    X = np.c_[p.X_target, np.ones(len(yt))]
    known = np.where(np.arange(len(yt)) < 60, yt, -1)
    q = prepared(np.c_[p.X_source, np.ones(len(p.y_source))], p.y_source, X, known)
    c = linear_context(q)
    blind = prepared(q.X_source, q.y_source, X)
    rest = np.arange(len(yt)) >= 60
    a, b = (accuracy(SelectivePseudoLabels().run(v, c).predictor.scores(X[rest].astype(np.float32)), yt[rest]) for v in (q, blind))
    assert a >= b
    assert scales(X)[1].min() >= 0.1
