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


@pytest.mark.slow
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


def test_where_the_inputs_of_a_class_moved_the_found_shares_mean_nothing_and_are_left_out():
    changed, unchecked = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, y = two_gaussians(600, 0.5, rng)
        Xt, yt = two_gaussians(600, 0.5, rng)
        Xt[:, :2] += 1.5  # the inputs moved: to the eye of the scores it looks like more of the second class
        p = prepared(X, y, Xt)
        c = linear_context(p)
        checked, plain = LabelShift().run(p, c), LabelShift(check=False).run(p, c)
        changed.append(abs(checked.evidence["target_prior"][1] - 0.5))
        unchecked.append(accuracy(checked.predictor.scores(p.X_target), yt) - accuracy(plain.predictor.scores(p.X_target), yt))
        assert checked.evidence["auc_left"] > 0.6
    assert np.mean(changed) < 0.1
    assert np.mean(unchecked) > 0.05


@pytest.mark.slow
def test_under_label_shift_alone_the_check_takes_little_away():
    kept = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        p = prepared(*two_gaussians(600, 0.5, rng), two_gaussians(600, 0.1, rng)[0])
        kept.append(LabelShift(draws=10).run(p, linear_context(p)).evidence["kept_share"])
    assert np.mean(kept) > 0.85
