from dataclasses import replace

import numpy as np
import pytest
from made import accuracy, context, linear_context, prepared

from mdshift.learners.pool import design
from mdshift.learners.trees import Trees
from mdshift.strategies.blend import Blend, log_fit, softmax
from mdshift.types import MISSING


def turned(seed, labels, m=600):
    """The target obeys another rule than the source: only its labels tell."""
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(600, 3)), rng.normal(size=(m, 3))
    yt = (Z @ [0.0, 1.0, 1.0] > 0).astype(int)
    known = np.where(np.arange(m) < labels, yt, -1)
    return prepared(X, (X @ [1.0, 1.0, 0.0] > 0).astype(int), Z, known), yt


def drifted(seed, labels, m=600):
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(600, 3)), rng.normal(size=(m, 3))
    yt = (Z @ [1.0, 1.0, 0.0] > 0).astype(int)
    return prepared(X, (X @ [1.0, 1.0, 0.0] > 0).astype(int), Z + np.array([2.0, 0, 0]), np.where(np.arange(m) < labels, yt, -1)), yt


def shares(found):
    return dict(zip(found.evidence["members"], found.evidence["weights"], strict=True))


@pytest.mark.parametrize("world", [turned, drifted])
def test_a_few_labels_buy_a_better_model(world):
    found = []
    for seed in range(5):
        p, yt = world(seed, 30)
        c = linear_context(p)
        found.append([accuracy(m.scores(p.X_target[30:]), yt[30:]) for m in (c.base, Blend().run(p, c).predictor)])
    plain, blended = np.mean(found, axis=0)
    assert blended > plain + 0.05


def test_where_the_source_is_right_its_labels_are_not_thrown_away():
    """No shift: a blend with few labels must not do worse than the source model by more than noise."""
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, Z = rng.normal(size=(600, 3)), rng.normal(size=(600, 3))
        yt = (Z @ [1.0, 1.0, 0.0] + rng.normal(size=600) > 0).astype(int)
        p = prepared(X, (X @ [1.0, 1.0, 0.0] + rng.normal(size=600) > 0).astype(int), Z, np.where(np.arange(600) < 10, yt, -1))
        c = linear_context(p)
        found.append([accuracy(m.scores(Z.astype(np.float32)), yt) for m in (c.base, Blend().run(p, c).predictor)])
    plain, blended = np.mean(found, axis=0)
    assert blended > plain - 0.01


def test_the_weights_go_to_the_member_that_the_labels_favour():
    p, _ = turned(0, 200)
    weights = shares(Blend().run(p, linear_context(p)))
    assert weights["target alone"] + weights["neighbours"] > 0.9
    p, _ = drifted(0, 200)
    weights = shares(Blend().run(p, linear_context(p)))
    assert weights["source-only"] < 0.05
    assert sum(weights.values()) == pytest.approx(1)


def test_the_source_model_is_worth_a_few_labels_beside_them():
    p, _ = turned(0, 15)
    c = linear_context(p)
    alone, beside = (Blend(prior=prior, vote=0.0).run(p, c) for prior in (0, 5))
    np.testing.assert_allclose(
        beside.predictor.scores(p.X_target), 0.75 * alone.predictor.scores(p.X_target) + 0.25 * c.base.scores(p.X_target)
    )
    np.testing.assert_allclose(beside.labelled, 0.75 * alone.labelled + 0.25 * c.base.scores(p.X_target[:15]))  # as they are judged, too
    assert sum(beside.evidence["weights"]) == pytest.approx(1)


def test_a_quarter_of_each_members_say_goes_to_its_likeliest_class():
    p, _ = turned(0, 15)
    c = linear_context(p)
    plain, found = (Blend(vote=vote).run(p, c) for vote in (0, 0.25))
    assert plain.evidence["weights"] == found.evidence["weights"]  # members are weighed by how sure they are of the labels, as before
    models = plain.predictor.members
    said = [m.scores(p.X_target) for m in models]
    expected = sum(w * (0.75 * s + 0.25 * np.eye(2)[s.argmax(axis=1)]) for w, s in zip(plain.predictor.weights, said, strict=True))
    np.testing.assert_allclose(found.predictor.scores(p.X_target), expected)
    assert not np.allclose(found.labelled, plain.labelled)  # what judges is what predicts
    np.testing.assert_allclose(found.labelled.sum(axis=1), 1)


def clusters(seed, labels, m=600, beside=0):
    """Four far clusters of the target, each all of one class, where the source's line tells nothing. beside: columns that vary more, and tell nothing."""
    rng = np.random.default_rng(seed)
    places = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    X, which = rng.normal(size=(600, 2)), rng.integers(0, 4, m)
    Z = places[which] + rng.normal(size=(m, 2)) + 20
    yt = np.array([0, 1, 1, 0])[which]
    noise = 8.5 * rng.uniform(-1, 1, size=(2, m, beside))
    X, Z = np.hstack([X, noise[0]]), np.hstack([Z, noise[1]])
    return prepared(X, (X[:, 0] > 0).astype(int), Z, np.where(np.arange(m) < labels, yt, MISSING)), yt


def test_labels_are_spread_among_rows_that_lie_together():
    """The members that spread them do better than the models they start from, and the labels see it."""
    found = []
    for seed in range(5):
        p, yt = clusters(seed, 40)
        blended = Blend().run(p, linear_context(p))
        assert shares(blended)["target alone"] > 0.8
        members = dict(zip(blended.evidence["members"], blended.predictor.members, strict=True))
        alone, near = members["target alone"], members["neighbours"]
        found.append([accuracy(m.scores(p.X_target[40:]), yt[40:]) for m in (alone, alone.inner, near, near.inner, blended.predictor)])
    alone, line, near, pooled, blended = np.mean(found, axis=0)
    assert alone > line + 0.3
    assert near > pooled + 0.1
    assert blended > 0.9


def test_rows_that_lie_together_are_found_behind_ten_columns_that_vary_more():
    """Neighbours are looked for in more than ten components: in ten these would be noise, and the labels would spread to nobody of their own (.55)."""
    found = []
    for seed in range(5):
        p, yt = clusters(seed, 40, beside=10)
        blended = Blend().run(p, linear_context(p))
        alone = dict(zip(blended.evidence["members"], blended.predictor.members, strict=True))["target alone"]
        found.append(accuracy(alone.scores(p.X_target[40:]), yt[40:]))
    assert np.mean(found) > 0.6


def test_where_rows_tell_nothing_of_one_another_spreading_costs_little():
    """Neighbours in twenty columns of noise, of which one speaks: the members that do not spread must not be outvoted."""
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, Z = rng.normal(size=(600, 20)), rng.normal(size=(600, 20))
        p = prepared(X, (X[:, 0] > 0).astype(int), Z, np.where(np.arange(600) < 20, (Z[:, 0] > 0).astype(int), MISSING))
        c = linear_context(p)
        blended = Blend().run(p, c)
        found.append([accuracy(m.scores(p.X_target[20:]), (Z[20:, 0] > 0).astype(int)) for m in (c.base, blended.predictor)])
    plain, after = np.mean(found, axis=0)
    assert after > plain - 0.01


def test_a_label_that_is_held_back_is_not_spread():
    p, _ = clusters(0, 40)
    other = np.array(p.y_target)
    other[0] = 1 - other[0]
    c = linear_context(p)
    one, two = (
        Blend()._with_labels(q, c, [("", q.X_source)], np.arange(1, 40), np.ones(600), Blend._around(q, np.arange(40)))
        for q in (p, replace(p, y_target=other))
    )
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.scores(p.X_target), second.scores(p.X_target))


def test_held_back_scores_are_not_flattered():
    """Labels that nothing can predict: what the blend scores on them is chance, although they weigh its members."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, Z = rng.normal(size=(200, 2)), rng.normal(size=(60, 2))
        yt = rng.integers(0, 2, 60)
        p = prepared(X, (X[:, 0] > 0).astype(int), Z, np.where(np.arange(60) < 30, yt, -1))
        held = Blend().run(p, linear_context(p)).labelled
        assert held.shape == (30, 2)
        found.append(accuracy(held, yt[:30]))
    assert abs(np.mean(found) - 0.5) < 3 * (0.25 / 600) ** 0.5


def test_numbers_are_blended_too():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
    w = np.array([1.0, 2.0, -1.0])
    truth = Z @ w + 5
    p = prepared(X, X @ w, Z, np.where(np.arange(400) < 25, truth, np.nan), task="regression")
    c = linear_context(p)
    before, after = (((m.scores(p.X_target)[:, 0] - truth) ** 2).mean() for m in (c.base, Blend().run(p, c).predictor))
    assert after < 0.2 * before


def test_the_fit_is_the_log_likelihood():
    y = np.array([0, 1])
    scores = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.0, 1.0], [0.5, 0.5]]])
    np.testing.assert_allclose(
        log_fit("classification", y, scores, np.array([1.0, 2.0])), [[np.log(0.9), 2 * np.log(0.8)], [np.log(1e-3), 2 * np.log(0.5)]]
    )
    from scipy.stats import norm

    y, guess = np.array([0.0, 1.0, 5.0]), np.zeros((1, 3, 1))
    sd = np.sqrt((y**2).mean())
    expected = norm.logpdf(y, 0, sd) + 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(log_fit("regression", y, guess, np.ones(3))[0], expected)
    assert softmax(np.array([-1e9, 0.0, 0.0])) == pytest.approx([0, 0.5, 0.5])


def test_labels_given_class_by_class_stand_for_the_classes_shares():
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.1).astype(int)
    yt = (rng.random(1000) < 0.1).astype(int)
    X, Z = (rng.normal(size=(len(v), 1)) + 4 * v[:, None] for v in (y, yt))
    known = np.full(1000, -1)
    for k in (0, 1):
        known[np.flatnonzero(yt == k)[:5]] = k
    p = prepared(X, y, Z, known)
    weights = design(p, linear_context(p).base)
    assert weights[known == 0].mean() / weights[known == 1].mean() == pytest.approx((1 - yt.mean()) / yt.mean(), rel=0.25)
    assert weights[known >= 0].mean() == pytest.approx(1)
    assert (
        design(prepared(X, y, Z, np.where(np.arange(1000) < 50, yt, -1)), linear_context(p).base) == 1
    ).all()  # a random sample is left alone


def test_a_number_that_reads_higher_everywhere_is_mended_by_the_fine_tuned_member():
    """A bent relation and an offset: too few labels to learn the one, enough for the other."""
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(600, 2)), rng.normal(size=(400, 2))
    y, truth = (np.sin(3 * A[:, 0]) + A[:, 1] ** 2 for A in (X, Z))
    truth = truth + 3
    p = prepared(X, y, Z, np.where(np.arange(400) < 20, truth, np.nan), task="regression")
    c = context(p, 0, Trees(60))
    found = Blend().run(p, c)
    weights = shares(found)
    assert "neighbours" not in weights  # classes alone are spread
    assert weights["fine-tuned"] > 0.5
    before, after = (((m.scores(p.X_target)[20:, 0] - truth[20:]) ** 2).mean() for m in (c.base, found.predictor))
    assert after < 0.1 * before


def test_a_source_model_that_sees_one_class_alone_does_not_make_the_others_labels_count_for_nothing():
    rng = np.random.default_rng(0)
    places = 4 * np.eye(4)
    y, yt = (rng.integers(0, 4, n) for n in (400, 400))
    X, Z = places[y] + rng.normal(size=(400, 4)), np.roll(places, 1, axis=0)[yt] + rng.normal(size=(400, 4)) + [8, 0, 0, 0]
    known = np.full(400, -1)
    for k in range(4):
        known[np.flatnonzero(yt == k)[:5]] = k
    p = prepared(X, y, Z, known)
    base = linear_context(p).base
    assert base.scores(p.X_target).mean(axis=0).max() > 0.9
    weights = design(p, base)[known >= 0]
    assert weights.max() < 2  # by the source model alone: 3.9 and .05
    assert weights.min() > 0.5
