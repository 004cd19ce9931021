import numpy as np
import pytest

from mdshift.stats.density import clip, effective, flatten, ratios


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
