import numpy as np
import pytest
from made import prepared

from mdshift.learners.domains import similarity, source_ratios

rng = np.random.default_rng(0)


def test_the_ratio_of_two_gaussians_is_found():
    X, Xt = rng.normal(size=(2000, 1)), rng.normal(1, 1, (2000, 1))
    p = prepared(X, np.arange(2000) % 2, Xt)
    found, true = source_ratios(p, rng), np.exp(X[:, 0] - 0.5)
    assert np.corrcoef(np.log(found), np.log(true))[0, 1] > 0.9
    assert found @ X[:, 0] / found.sum() == pytest.approx(1.0, abs=0.2)  # weighted, the source has the target's mean


def test_a_source_is_as_similar_as_the_target_looks_like_it():
    X = np.r_[rng.normal(size=(200, 2)), rng.normal(size=(300, 2)) + 4]
    p = prepared(X, np.arange(500) % 2, rng.normal(size=(100, 2)) + 4, domain=np.repeat([0, 1], [200, 300]))
    shares = similarity(p, rng)
    assert shares[1] > 0.95
    assert shares.sum() == pytest.approx(1)
