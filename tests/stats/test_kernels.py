import numpy as np
import pytest
from shifts import bound

from mdshift.stats import kernels
from mdshift.stats.kernels import bandwidths, discrepancy
from mdshift.stats.permutation import assignments


def run(X, Y, seed=0, permutations=99, **more):
    rng = np.random.default_rng(seed)
    Z = np.concatenate([X, Y]).astype(np.float32)
    return discrepancy(Z, assignments(len(X), len(Y), permutations, rng), rng, **more)


def plain_mmd(X, Y, kind, h):
    """w'Kw without the diagonal, written out."""
    Z = np.concatenate([X, Y])
    gap = Z[:, None] - Z[None]
    K = np.exp(-np.abs(gap).sum(-1) / h) if kind == "laplace" else np.exp(-(gap**2).sum(-1) / (2 * h * h))
    np.fill_diagonal(K, 0)
    w = np.r_[np.full(len(X), 1 / len(X)), np.full(len(Y), -1 / len(Y))]
    return w @ K @ w


def test_the_blocked_sum_is_the_plain_one(monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK", 16)
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((30, 2)), rng.standard_normal((41, 2)) + 0.5
    Z = np.concatenate([X, Y]).astype(np.float32)
    weights = assignments(30, 41, 5, rng)
    wanted = (("laplace", 0.7), ("gaussian", 1.3))
    sums = kernels._all_pairs(Z, weights, wanted, city=True)
    assert sums[:, 0] == pytest.approx([plain_mmd(X, Y, *k) for k in wanted], rel=1e-4)


def test_random_features_approach_the_exact_statistic():
    rng = np.random.default_rng(4)
    X, Y = rng.standard_normal((300, 2)), rng.standard_normal((300, 2)) + 1
    Z = np.concatenate([X, Y]).astype(np.float32)
    weights = assignments(300, 300, 0, rng)
    kinds = (("gaussian", 1.0), ("gaussian", 2.0), ("laplace", 2.0))
    exact, random = kernels._all_pairs(Z, weights, kinds, city=True), kernels._random_features(Z, weights, kinds, rng, city=True, count=256)
    diagonal = 2 / 300  # the features keep the diagonal of K, the exact sum leaves it out
    assert random[:, 0] - diagonal == pytest.approx(exact[:, 0], rel=0.25)


def test_bandwidths_do_not_depend_on_the_sides():
    rng = np.random.default_rng(5)
    Z = rng.standard_normal((200, 3)).astype(np.float32)
    one, two = (bandwidths(z, np.random.default_rng(1), city=False) for z in (Z, Z[::-1]))
    assert one == pytest.approx(two, rel=0.1)
    assert np.all(np.diff(one) > 0)


def test_equal_points_give_no_evidence():
    same = np.ones((30, 2))
    assert run(same, same).p_value == 1.0


@pytest.mark.parametrize(("n", "m", "exact"), [(30, 30, 4000), (25, 80, 4000), (40, 40, 10)])
def test_keeps_its_level(n, m, exact):
    repeats, rejected = 100, 0
    for s in range(repeats):
        rng = np.random.default_rng([s, n])
        rejected += run(rng.standard_normal((n, 3)), rng.standard_normal((m, 3)), s, exact=exact).p_value <= 0.05
    assert rejected <= bound(repeats)


@pytest.mark.parametrize("exact", [4000, 10])
def test_sees_a_mean_a_spread_and_a_dependence(exact):
    rng = np.random.default_rng(7)
    X = rng.standard_normal((300, 2))
    base = rng.standard_normal((300, 2))
    tied = base.copy()
    tied[:, 1] = 0.8 * base[:, 0] + 0.6 * base[:, 1]
    for Y in (base + np.array([0.5, 0]), base * 1.5, tied):
        assert run(X, Y, exact=exact).p_value <= 0.02


def test_sees_what_one_median_bandwidth_misses():
    """One of four distant clusters is twice as wide: the scale of the difference is far below that of the data."""
    rng, centres = np.random.default_rng(8), np.array([[20, 20], [-20, 20], [20, -20], [-20, -20]])

    def draw(sd):
        part = rng.integers(0, 4, 500)
        return centres[part] + np.where(part == 3, sd, 1)[:, None] * rng.standard_normal((500, 2))

    assert np.mean([run(draw(1), draw(2), s).p_value <= 0.05 for s in range(5)]) >= 0.8
