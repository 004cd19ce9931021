import numpy as np
import pytest
from shifts import bound

from mdshift.stats.intervals import attainable_auc, auc, rank_sum_p, roc_points, wilson


def test_wilson_covers():
    rng = np.random.default_rng(0)
    missed = 0
    for p in (0.05, 0.5, 0.95):
        for hits in rng.binomial(60, p, 500):
            low, high = wilson(int(hits), 60)
            missed += not low <= p <= high
    assert missed / 1500 < 0.08
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == 1.0


def test_auc_is_the_share_of_ordered_pairs():
    low, high = np.array([1.0, 2, 2, 5]), np.array([2.0, 6, 3])
    pairs = [(h > v) + 0.5 * (h == v) for v in low for h in high]
    assert auc(low, high)[0] == pytest.approx(np.mean(pairs))
    assert auc(high, low)[0] == pytest.approx(1 - np.mean(pairs))


def test_the_variance_of_auc_is_that_of_repeats():
    rng = np.random.default_rng(1)
    found = [auc(rng.standard_normal(60), rng.standard_normal(90) + 0.7) for _ in range(400)]
    values, variances = np.array(found).T
    assert variances.mean() == pytest.approx(values.var(), rel=0.25)


def test_rank_sum_keeps_its_level():
    rng = np.random.default_rng(2)
    rejected = sum(rank_sum_p(rng.integers(0, 4, 30).astype(float), rng.integers(0, 4, 20).astype(float)) <= 0.05 for _ in range(400))
    assert rejected <= bound(400)
    assert rank_sum_p(np.zeros(5), np.zeros(5)) == 1.0
    assert rank_sum_p(np.zeros(0), np.zeros(5)) == 1.0


def test_the_roc_curve_rises_from_corner_to_corner():
    rng = np.random.default_rng(3)
    low, high = rng.standard_normal(500), rng.standard_normal(400) + 1
    curve = np.array(roc_points(low, high))
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert np.all(np.diff(curve, axis=0) >= 0)
    assert len(curve) <= 40
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(auc(low, high)[0], abs=0.02)


def test_the_attainable_auc_is_no_less_and_without_noise_the_same():
    for reached in (0.5, 0.55, 0.7, 0.95, 1.0):
        assert attainable_auc(reached, 0.0) == pytest.approx(reached)
        assert reached - 1e-12 <= attainable_auc(reached, 0.01) <= attainable_auc(reached, 0.1) <= 1
