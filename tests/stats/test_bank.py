"""The tests made of mean differences hold their level whatever the columns, and see what is there."""

import numpy as np
from scipy import stats

from mdshift.stats import bank

REPEATS, DRAWS, ALPHA = 800, 99, 0.05
N, M = 600, 25


def rejections(repeats, make, rng):
    """How often a bank of these sums, (1 + DRAWS, D), is rejected, and the same with a statistic beside it."""
    alone, beside = 0, 0
    for _ in range(repeats):
        sums = make(rng)
        half = sums.shape[1] // 2
        groups = (bank.Group("each", np.arange(sums.shape[1]), "max", 2.0), bank.Group("all", np.arange(half), "sum", 1.0))
        further = [("further", np.abs(sums[:, half:]).max(axis=1), 1.0)]
        alone += bank.judge(sums, groups).p_value <= ALPHA
        beside += bank.judge(sums, groups, further).p_value <= ALPHA
    return alone, beside


def rare(rng):
    """Sums of 100 indicators that one to eight of 625 rows carry, over 25 rows drawn from them."""
    carriers = np.arange(100) % 8 + 1
    hits = rng.hypergeometric(carriers, N + M - carriers, M, size=(DRAWS + 1, 100))
    return hits - M * carriers / (N + M)


def normal(rng):
    return rng.standard_normal((DRAWS + 1, 40))


def test_the_level_holds_for_rare_columns_and_common_ones():
    least, most = (int(stats.binom.ppf(q, REPEATS, ALPHA)) for q in (0.0005, 0.9995))
    rng = np.random.default_rng(3)
    assert max(rejections(REPEATS, rare, rng)) <= most
    found = rejections(REPEATS, normal, rng)
    assert max(found) <= most
    assert min(found) >= least  # nothing ties there: the level is used up


def test_no_row_is_told_from_another():
    """With every row taken as the observed one in turn, each rank comes once."""
    sums = rare(np.random.default_rng(5))
    groups = (bank.Group("each", np.arange(100), "max"), bank.Group("all", np.arange(100), "sum"))
    further = [("further", np.abs(sums).sum(axis=1), 1.0)]
    found = [
        bank.judge(np.roll(sums, -i, axis=0), groups, [(name, np.roll(v, -i), w) for name, v, w in further]).p_value
        for i in range(len(sums))
    ]
    assert np.all(np.sort(found) >= np.arange(1, len(sums) + 1) / len(sums) - 1e-9)


def test_a_shift_of_one_column_is_seen_among_many():
    rng = np.random.default_rng(6)

    def moved(rng):
        sums = rng.standard_normal((DRAWS + 1, 100))
        sums[0, 7] += 5.0
        return sums

    alone, _ = rejections(60, moved, rng)
    assert alone >= 55


def test_a_rare_value_that_fills_the_target_is_seen():
    rng = np.random.default_rng(7)

    def moved(rng):
        sums = rare(rng)
        sums[0, 55] = 8 - M * 8 / (N + M)  # all carriers of it
        return sums

    assert min(rejections(60, moved, rng)) >= 55
