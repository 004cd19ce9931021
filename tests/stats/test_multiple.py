import numpy as np
import pytest
from shifts import bound

from mdshift.stats.multiple import holm, stouffer, weighted_bonferroni


def test_holm_by_hand():
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert len(holm([])) == 0


def test_adjusted_values_never_sink_below_the_raw_ones_nor_exceed_one():
    p = np.random.default_rng(0).random(200)
    adjusted = holm(p)
    assert np.all(adjusted >= p * (1 - 1e-12))
    assert adjusted.max() <= 1
    assert np.all(np.diff(adjusted[np.argsort(p)]) >= 0)


def test_combinations_keep_their_level():
    rng, repeats = np.random.default_rng(1), 2000
    p = rng.random((repeats, 2))
    assert sum(stouffer(row, [1, 2]) <= 0.05 for row in p) <= bound(repeats)
    assert sum(weighted_bonferroni(row, (0.9, 0.1)) <= 0.05 for row in p) <= bound(repeats)


def test_stouffer_gathers_weak_evidence_and_survives_the_extremes():
    assert stouffer([0.05, 0.05], [1, 1]) == pytest.approx(0.01, abs=0.001)
    assert 0 < stouffer([1e-300, 1.0], [1, 1]) <= 1
    assert 0 < stouffer([0.0, 0.0], [1, 1]) < 1e-200
