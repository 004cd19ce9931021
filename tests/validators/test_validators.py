from dataclasses import replace

import numpy as np
import pytest
from made import prepared, rng_of

from mdshift.declare import every
from mdshift.learners.linear import Linear
from mdshift.validators.aggregation import Aggregation, coefficients
from mdshift.validators.agreement import Agreement
from mdshift.validators.base import Bench, Gain, paired
from mdshift.validators.confidence import Confidence
from mdshift.validators.corrected import Corrected
from mdshift.validators.dev import DeepEmbedded
from mdshift.validators.importance import ImportanceWeighted
from mdshift.validators.information import Information
from mdshift.validators.mixval import MixVal
from mdshift.validators.neighbourhood import SoftNeighbourhood, density
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
    plain, adapted, adapted_held = good.scores(p.X_target), other(p.X_target), other(p.X_source[held])
    crowd, crowd_held = (plain, adapted, (plain + adapted) / 2), (plain_held, adapted_held, (plain_held + adapted_held) / 2)
    models = good, (_Turned(good) if flip else good)
    return Bench(
        p,
        plain,
        adapted,
        w,
        Linear(),
        rng_of(seed),
        held,
        plain_held,
        adapted_held,
        False,
        None,
        1.0,
        crowd,
        crowd_held,
        "consensus",
        {"ambiguity": 0.0},
        *models,
    )


class _Turned:
    """A model that takes each class for the other."""

    def __init__(self, inner):
        self.inner = inner

    def scores(self, X):
        return self.inner.scores(X)[:, ::-1]


@pytest.mark.parametrize("validator", [ImportanceWeighted(), DeepEmbedded(), Reverse()])
def test_a_model_that_is_always_wrong_is_found_out(validator):
    found = validator.gain(bench(flip=True), 2.0)
    assert found.high < -0.5


@pytest.mark.parametrize("name", every("validator"))
def test_two_models_that_are_one_gain_nothing(name):
    found = every("validator")[name]().gain(bench(), 2.0)
    if name == "precedent":  # it looks at what was gained elsewhere, and only where members disagree
        assert "too little" in found
        return
    assert found.value == 0
    assert found.low < 0 < found.high or name == "collapse"  # which counts, and estimates nothing


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


def test_weights_say_nothing_of_a_target_that_lies_elsewhere():
    for said in (v.gain(replace(bench(), coverage=0.1), 2.0) for v in (ImportanceWeighted(), DeepEmbedded(), Aggregation())):
        assert "10% of the target" in said


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


def test_the_weights_as_a_control_variate_take_off_what_their_sample_is_off_by():
    """The gain rises with the weight: a sample with heavy weights by chance shows too much of it, and the correction knows by how much."""
    plain, corrected = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        w = rng.lognormal(-0.125, 0.5, 400)  # mean 1
        right = rng.random(400) < np.clip(w / 4, 0, 1)
        p = prepared(rng.normal(size=(400, 1)), np.ones(400, int), rng.normal(size=(5, 1)), classes=2)
        here, there = np.tile([1.0, 0.0], (400, 1)), np.eye(2)[right.astype(int)]
        b = Bench(p, np.zeros((5, 2)), np.zeros((5, 2)), w, Linear(), rng_of(seed), np.arange(400), here, there)
        corrected.append(DeepEmbedded().gain(b, 2.0).value)
        plain.append(float((w * right).mean()))
    assert np.std(corrected) < 0.9 * np.std(plain)
    assert abs(np.mean(corrected) - np.mean(plain)) < 4 * np.std(plain) / 60**0.5


def test_information_is_the_mutual_information_of_row_and_class():
    b = bench()
    sure, vague = np.eye(2)[np.arange(200) % 2], np.full((200, 2), 0.5)
    found = Information().gain(replace(b, plain=vague, adapted=sure), 2.0)
    assert found.value == pytest.approx(1.0)  # one bit: which of two equal classes
    assert Information().gain(replace(b, plain=vague, adapted=np.tile([1.0, 0.0], (200, 1))), 2.0).value == pytest.approx(0.0)


def test_a_neighbourhood_is_as_dense_as_the_rows_that_share_it():
    heap = np.tile([1.0, 0.0], (40, 1))
    assert density(heap) == pytest.approx(np.log(39))
    two = np.eye(2)[np.arange(40) % 2]
    assert density(two) == pytest.approx(np.log(19), abs=1e-4)
    b = bench()
    clean, noisy = np.eye(2)[np.arange(200) % 2], np.random.default_rng(0).dirichlet([1, 1], 200)
    assert SoftNeighbourhood().gain(replace(b, plain=noisy, adapted=clean), 2.0).low > 0


def test_the_candidates_mean_is_the_judge():
    b = bench(m=2)
    plain, adapted = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.9, 0.1], [0.2, 0.8]])
    third = np.array([[0.8, 0.2], [0.1, 0.9]])
    found = Agreement().gain(replace(b, plain=plain, adapted=adapted, crowd=(plain, adapted, third)), 2.0)
    assert found.value == pytest.approx((0.7 - 0.3) / 2)
    assert "no other" in Agreement().gain(replace(b, crowd=(plain, adapted)), 2.0)


def test_the_combination_leans_on_the_candidate_that_is_right():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    truth = np.eye(2)[y]
    wrong = [rng.dirichlet([1, 1], 500) for _ in range(2)]
    share = coefficients(np.array([wrong[0], truth, wrong[1]]), np.array([wrong[0], truth, wrong[1]]), truth, np.ones(500))
    assert share[1] > 0.95
    assert np.abs(share[[0, 2]]).max() < 0.05
    # the rows that are unlike the target say nothing: there it is another one that is right
    target_like = np.arange(500) < 250
    mixed = np.where(target_like[:, None], truth, 1 - truth)
    first, second = (
        coefficients(np.array([mixed, wrong[0]]), np.array([mixed, wrong[0]]), truth, w) for w in (target_like * 2.0, np.ones(500))
    )
    assert first[0] > second[0] + 0.2
    same = coefficients(np.array([wrong[0]] * 3), np.array([wrong[0]] * 3), truth, np.ones(500))
    np.testing.assert_allclose(same, same.mean())  # candidates that are one get equal shares


def test_confidence_that_falls_from_source_to_target_is_taken_off_the_source_score():
    b = bench()
    y = b.prepared.y_source[b.held]
    right = np.where(np.eye(2)[y] > 0, 0.8, 0.2)
    found = Corrected().gain(
        replace(b, plain=np.tile([0.8, 0.2], (200, 1)), adapted=np.tile([0.6, 0.4], (200, 1)), plain_held=right, adapted_held=right), 2.0
    )
    assert found.value == pytest.approx(-0.2)


def test_mixtures_are_labelled_by_the_larger_share():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1)) + np.where(np.arange(300) % 2, 4, -4)[:, None]
    p = prepared(X, np.arange(300) % 2, X)

    class Border:
        def __init__(self, at):
            self.at = at

        def scores(self, Z):
            return np.eye(2)[(Z[:, 0] > self.at).astype(int)]

    right, wrong = Border(0.0), Border(4.0)  # the border through the gap, and through a cluster
    b = Bench(p, wrong.scores(X), right.scores(X), np.ones(300), Linear(), rng_of(0), plain_model=wrong, adapted_model=right)
    assert MixVal().gain(b, 2.0).low > 0
