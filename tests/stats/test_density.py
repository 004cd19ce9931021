import numpy as np
import pytest

from mdshift.stats.density import clip, effective, flatten, importance, ratios, shared_support


def test_odds_become_ratios():
    np.testing.assert_allclose(ratios(np.array([0.5, 0.75, 0.25]), 100, 100), np.array([1, 3, 1 / 3]) / np.mean([1, 3, 1 / 3]))


def test_clipping_bounds_every_weight_and_keeps_the_mean():
    w = clip(np.r_[np.ones(99), 1000.0], 5)
    assert w.max() <= 5 * 1.001
    assert w.mean() == pytest.approx(1)


def test_flattening_reaches_the_floor_and_leaves_good_weights_alone():
    w = np.exp(np.random.default_rng(0).normal(size=500) * 4)
    assert effective(w) < 0.05 * 500
    flat, power = flatten(w, 0.3)
    assert effective(flat) == pytest.approx(150, rel=0.01)
    assert 0 < power < 1
    assert np.argsort(flat).tolist() == np.argsort(w).tolist()
    assert flatten(np.ones(10), 0.9)[1] == 1.0


def test_effective_rows():
    assert effective(np.ones(7)) == pytest.approx(7)
    assert effective(np.r_[1.0, np.zeros(9)]) == pytest.approx(1)


def test_importance_is_flat_where_the_domains_are_alike():
    assert importance(np.full(100, 0.25), 300, 100) == pytest.approx(np.ones(100))


def test_importance_cuts_the_upper_tail():
    w = importance(np.r_[np.full(99, 0.5), 1.0], 100, 100, heavy=0.9)
    assert w == pytest.approx(np.ones(100))


def test_both_sides_meet_on_the_law_that_they_share():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40_000), rng.normal(size=20_000) + 1
    e = 1 / (1 + 2 * np.exp(-(np.r_[a, b] - 0.5)))  # two source rows for each target row
    s = shared_support(e, 40_000, 20_000)
    assert ((s >= 0) & (s <= 1)).all()
    here, there = np.average(a, weights=s[:40_000]), np.average(b, weights=1 - s[40_000:])
    assert here == pytest.approx(0.5, abs=0.02)
    assert there == pytest.approx(0.5, abs=0.02)
