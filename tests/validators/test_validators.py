from dataclasses import replace

import numpy as np
import pytest
from made import prepared, rng_of

from mdshift.declare import every
from mdshift.learners.linear import Linear
from mdshift.validators.base import Bench, Gain, paired
from mdshift.validators.confidence import Confidence
from mdshift.validators.importance import ImportanceWeighted
from mdshift.validators.reverse import Reverse


def bench(seed=0, n=300, m=200, *, flip=False, weights=None, noise=0.0):
    """Two models of one concept; the adapted one is the same, noisy, or (flip) always wrong."""
    rng = np.random.default_rng(seed)
    X, Xt = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    y = (X[:, 0] > 0).astype(int)
    p = prepared(X, y, Xt)
    good = Linear(1.0).fit(p, p.X_source, y, rng)

    def other(Z):
        s = good.scores(Z)
        s = s[:, ::-1] if flip else s
        turned = rng.random(len(s)) < noise
        return np.where(turned[:, None], s[:, ::-1], s)

    held = np.arange(0, n, 2)
    w = np.ones(n) if weights is None else weights
    plain_held = good.scores(p.X_source[held])
    return Bench(p, good.scores(p.X_target), other(p.X_target), w, Linear(), rng_of(seed), held, plain_held, other(p.X_source[held]))


@pytest.mark.parametrize("validator", [ImportanceWeighted(), Reverse()])
def test_a_model_that_is_always_wrong_is_found_out(validator):
    found = validator.gain(bench(flip=True), 2.0)
    assert found.high < -0.5


@pytest.mark.parametrize("name", every("validator"))
def test_two_models_that_are_one_gain_nothing(name):
    found = every("validator")[name]().gain(bench(), 2.0)
    assert found.value == 0
    assert found.low < 0 < found.high


def test_by_chance_alone_a_gain_is_rarely_sure():
    """Both models are the truth with independent noise: neither is better, and the weighted estimate must not say so."""
    wins = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 200)
        p = prepared(rng.normal(size=(200, 1)), y, rng.normal(size=(5, 1)))
        scores = [np.eye(2)[np.where(rng.random(200) < 0.2, 1 - y, y)] for _ in range(2)]
        b = Bench(p, np.zeros((5, 2)), np.zeros((5, 2)), rng.lognormal(0, 0.7, 200), Linear(), rng_of(seed), np.arange(200), *scores)
        wins += ImportanceWeighted().gain(b, 1.96).low > 0
    assert wins <= 8  # .025 of 100, at three and a half standard errors


def test_few_effective_rows_are_silent():
    weights = np.r_[np.full(10, 30.0), np.full(290, 1e-6)]
    said = ImportanceWeighted().gain(bench(weights=weights), 2.0)
    assert isinstance(said, str)
    assert "30 are needed" in said


def test_silence_has_a_reason():
    b = bench(m=5)
    assert "too few" in Reverse().gain(b, 2.0)
    without = Bench(b.prepared, b.plain, b.adapted, b.weights, b.learner, b.rng)
    assert "second time" in ImportanceWeighted().gain(without, 2.0)
    by_class = Bench(b.prepared, b.plain, b.adapted, b.weights, b.learner, b.rng, by_class=True)
    assert "class shares" in Reverse().gain(by_class, 2.0)
    assert "no population" in Confidence().gain(by_class, 2.0)


def test_the_error_of_the_estimated_class_shares_widens_the_interval():
    b = bench(noise=0.2)
    found = [ImportanceWeighted().gain(replace(b, by_class=True, prior_error=np.full(2, e)), 2.0) for e in (0.0, 0.1, 1.0)]
    widths = [f.high - f.low for f in found]
    assert widths[0] < widths[1] < widths[2]
    assert len({f.value for f in found}) == 1


def test_the_surer_one_is_believed_where_they_disagree():
    b = bench()
    sure, unsure = np.tile([0.9, 0.1], (200, 1)), np.tile([0.4, 0.6], (200, 1))
    one = Bench(b.prepared, unsure, sure, b.weights, b.learner, b.rng)
    assert Confidence().gain(one, 2.0).low > 0
    assert Confidence().gain(Bench(b.prepared, sure, unsure, b.weights, b.learner, b.rng), 2.0).high < 0


def test_paired_weights_differences():
    found = paired(np.array([1.0, -1.0, 1.0, -1.0] * 25), 2.0, np.array([3.0, 1.0] * 50))
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert paired(np.zeros(0), 2.0) == Gain(0.0, -np.inf, np.inf, "")


def test_small_losses_of_numbers_are_sure_where_they_are_steady():
    rng = np.random.default_rng(0)
    assert paired(-0.03 + 0.01 * rng.normal(size=50), 1.96).high < 0
    assert paired(np.zeros(50), 1.96).low < 0 < paired(np.zeros(50), 1.96).high  # right and wrong alike: no difference seen is not none


@pytest.mark.parametrize("n", [4, 8, 30])
def test_few_rows_keep_the_level(n):
    rng = np.random.default_rng(n)
    wins = sum(paired(rng.normal(size=n), 1.645).low > 0 for _ in range(400))
    assert wins <= 34  # .05 of 400, at three standard errors
