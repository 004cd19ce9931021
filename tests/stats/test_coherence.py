import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from mdshift.stats.coherence import ROWS, coherence

rng = np.random.default_rng(0)


def blobs(n, apart, d=4):
    y = np.arange(n) % 3
    return rng.normal(size=(n, d)) + apart * np.eye(3, d)[y], y


def test_it_is_one_where_classes_are_clusters_and_none_where_they_are_drawn():
    X, y = blobs(600, 20)
    (whole, drawn, one) = coherence(X, y, rng.permutation(y), np.zeros(600, dtype=int))
    assert whole == (1, 1)
    assert drawn.agreement == pytest.approx(1 / 3, abs=0.05)
    assert drawn.kappa == pytest.approx(0, abs=0.05)
    assert one == (1, 1)


def test_neither_the_names_of_the_classes_nor_the_place_of_the_rows_matter():
    X, y = blobs(300, 2)
    named = coherence(X, y, 2 - y)
    assert named[0] == named[1]
    np.testing.assert_allclose(coherence(X + 100, y)[0], named[0])


def test_it_is_the_kappa_of_each_row_with_its_neighbours():
    """Against Cohen's kappa of scikit-learn, with both margins those of the rows: on a ring every row is a neighbour equally often."""
    from sklearn.metrics import cohen_kappa_score

    turn = 2 * np.pi * np.arange(400) / 400
    X, y = np.c_[np.cos(turn), np.sin(turn)], (np.arange(400) // 25) % 2
    (found,) = coherence(X, y)
    steps = [k for k in range(-5, 6) if k]
    both = np.concatenate([np.roll(y, k) for k in steps])
    assert found.kappa == pytest.approx(cohen_kappa_score(np.tile(y, len(steps)), both), abs=0.02)


def test_a_cut_through_a_cluster_costs():
    X, y = blobs(600, 20)
    wrong = np.where(y == 0, (X[:, 1] > 0).astype(int), y)
    before, after = coherence(X, y, wrong)
    assert after.kappa < before.kappa - 0.05


def test_of_more_rows_evenly_spaced_ones_are_looked_at_and_of_more_columns_the_leading_components():
    X, y = blobs(4 * ROWS, 3)
    some = np.unique(np.linspace(0, 4 * ROWS - 1, ROWS).astype(int))
    assert coherence(X, y)[0] == coherence(X[some], y[some])[0]
    noisy = np.c_[X, rng.normal(size=(len(X), 200))]
    every = NearestNeighbors(n_neighbors=10).fit(noisy[some]).kneighbors(return_distance=False)
    assert coherence(noisy, y)[0].agreement > (y[some][every] == y[some][:, None]).mean() + 0.02


def test_few_rows():
    assert coherence(np.zeros((2, 1)), np.array([0, 1]))[0].agreement == 0
    assert coherence(np.ones((40, 20)), np.arange(40) % 2)[0].kappa < 0.2  # rows that are all alike
    assert 0 <= coherence(rng.normal(size=(5, 30)), np.arange(5) % 2)[0].agreement <= 1
    with pytest.raises(ValueError, match="two rows"):
        coherence(np.zeros((1, 1)), np.zeros(1, dtype=int))
