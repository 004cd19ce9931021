import numpy as np
import pytest
from shifts import bound

from mdshift.stats.permutation import assignments, joint, largest_difference, p_value, subsets


def test_assignments_are_differences_of_means():
    w = assignments(3, 5, 20, np.random.default_rng(0))
    x = np.arange(8.0)
    assert w.shape == (8, 21)
    assert x @ w[:, 0] == pytest.approx(x[:3].mean() - x[3:].mean())
    assert np.abs(w.sum(axis=0)).max() < 1e-6
    assert len({tuple(c) for c in w.T}) > 5


def test_random_subsets_have_their_size_and_every_row_its_share():
    found = subsets(7, 3, 4000, np.random.default_rng(4))
    assert (found.sum(axis=1) == 3).all()
    assert found.mean(axis=0) == pytest.approx(np.full(7, 3 / 7), abs=0.035)
    assert len({tuple(row) for row in found.tolist()}) == 35  # all of them
    assert subsets(4, 4, 2, np.random.default_rng(0)).all()
    assert not subsets(4, 0, 2, np.random.default_rng(0)).any()


def test_p_is_never_zero_and_counts_ties():
    assert p_value(np.array([9.0, 1, 2, 3])) == 0.25
    assert p_value(np.array([1.0, 1, 2, 0])) == 0.75


def test_the_joint_p_keeps_its_level_whatever_the_dependence():
    rng, repeats, rejected = np.random.default_rng(1), 1500, 0
    for _ in range(repeats):
        base = rng.standard_normal((1, 100))
        rejected += joint(np.concatenate([base + 0.1 * rng.standard_normal((1, 100)), rng.standard_normal((2, 100))])) <= 0.05
    assert rejected <= bound(repeats)
    assert rejected >= repeats * 0.03  # and it is not needlessly strict


def test_the_joint_p_is_not_held_back_by_how_few_the_permutations_are():
    rng = np.random.default_rng(3)
    statistics = rng.standard_normal((2, 300))
    statistics[0, 0], statistics[1, 0] = 1.6, 9.0  # unremarkable by the one, far beyond by the other
    assert joint(statistics, (2.0, 1.0)) == 1 / 300


def test_the_largest_difference_is_a_standardised_one():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((200, 50)).astype(np.float32)
    X[100:, 7] += 1
    X[:, 9] = 3.0  # constant
    top, z = largest_difference(X, assignments(100, 100, 99, rng))
    expected = (X[:100, 7].mean() - X[100:, 7].mean()) / (X[:, 7].std(ddof=1) * np.sqrt(2 / 100))
    assert z[7] == pytest.approx(abs(expected), rel=1e-3)
    assert z[9] == 0
    assert top[0] == pytest.approx(z.max())
    assert p_value(top) == 0.01
