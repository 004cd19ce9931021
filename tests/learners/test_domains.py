import numpy as np
import pytest
from made import prepared

from mdshift.learners.domains import _weighted_auc, similarity, source_ratios, told_apart

rng = np.random.default_rng(0)


def test_the_ratio_of_two_gaussians_is_found():
    X, Xt = rng.normal(size=(2000, 1)), rng.normal(1, 1, (2000, 1))
    p = prepared(X, np.arange(2000) % 2, Xt)
    (found, covered), true = source_ratios(p, rng), np.exp(X[:, 0] - 0.5)
    assert np.corrcoef(np.log(found), np.log(true))[0, 1] > 0.9
    assert found @ X[:, 0] / found.sum() == pytest.approx(1.0, abs=0.2)  # weighted, the source has the target's mean
    assert covered > 0.8


def test_a_target_that_lies_elsewhere_is_not_covered():
    X = rng.normal(size=(500, 2))
    _, covered = source_ratios(prepared(X, np.arange(500) % 2, rng.normal(size=(500, 2)) + 20), rng)
    assert covered < 0.05  # although the ratios are all alike, and so no weight is large
    half = np.r_[rng.normal(size=(250, 2)), rng.normal(size=(250, 2)) + 20]
    assert 0.3 < source_ratios(prepared(X, np.arange(500) % 2, half), rng)[1] < 0.85


def test_a_source_is_as_similar_as_the_target_looks_like_it():
    X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(300, 2)) + 4]
    p = prepared(X, np.arange(500) % 2, rng.normal(size=(100, 2)) + 4, domain=np.repeat([0, 1], [200, 300]))
    shares = similarity(p, rng)
    assert shares[1] > 0.95
    assert shares.sum() == pytest.approx(1)


def test_what_weights_explain_is_told_by_the_auc_that_is_left():
    rng = np.random.default_rng(0)
    y, yt = rng.random(800) < 0.5, rng.random(600) < 0.1
    X, Xt = (rng.normal(size=(len(v), 3)) + 2 * v[:, None] for v in (y, yt))
    p = prepared(X, y.astype(int), Xt)
    even, chance = told_apart(p, np.ones(800), np.random.default_rng(1))
    right, _ = told_apart(p, np.where(y, 0.2, 1.8), np.random.default_rng(1))
    assert even > 0.6
    assert abs(right - 0.5) < 3 * chance
    assert told_apart(prepared(X[:5], y[:5].astype(int), Xt), np.ones(5), np.random.default_rng(1)) == (0.5, 0.5)


def test_the_weighted_auc_is_that_of_the_library():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    low, high, w = rng.integers(0, 20, 100).astype(float), rng.integers(5, 25, 80).astype(float), rng.random(100)
    wanted = roc_auc_score(np.repeat([0, 1], [100, 80]), np.concatenate([low, high]), sample_weight=np.concatenate([w, np.ones(80)]))
    assert _weighted_auc(low, w, high) == pytest.approx(wanted)
