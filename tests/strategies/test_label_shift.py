import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.strategies.label_shift import LabelShift


def two_gaussians(n, prior, rng, d=5):
    y = (rng.random(n) < prior).astype(int)
    return rng.normal(size=(n, d)) + 0.6 * y[:, None], y


@pytest.mark.parametrize("method", ["em", "bbse"])
def test_rarer_classes_are_found_and_corrected_for(method):
    rng = np.random.default_rng(0)
    X, y = two_gaussians(1000, 0.5, rng)
    Xt, yt = two_gaussians(1000, 0.05, rng)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    trained = LabelShift(method=method).run(p, c)
    assert trained.evidence["target_prior"][1] == pytest.approx(0.05, abs=0.05)
    assert accuracy(trained.predictor.scores(p.X_target), yt) > accuracy(c.base.scores(p.X_target), yt) + 0.1


def test_without_a_shift_hardly_anything_is_corrected():
    moved = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        p = prepared(*two_gaussians(300, 0.4, rng), two_gaussians(200, 0.4, rng)[0])
        evidence = LabelShift().run(p, linear_context(p)).evidence
        moved.append(abs(evidence["target_prior"][1] - evidence["source_prior"][1]))
        assert evidence["kept_share"] <= 1
    assert np.mean(moved) < 0.03
    assert np.median(moved) < 0.01


def test_a_class_that_the_source_lacks_stays_impossible():
    rng = np.random.default_rng(0)
    X, y = two_gaussians(200, 0.5, rng)
    p = prepared(X, y, X, classes=3)
    scores = LabelShift(draws=5).run(p, linear_context(p)).predictor.scores(p.X_target)
    assert (scores[:, 2] < 1e-9).all()
