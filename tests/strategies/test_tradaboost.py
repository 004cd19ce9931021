import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.learners.base import restore
from mdshift.learners.linear import constant
from mdshift.learners.voting import Median
from mdshift.stats.boosting import source_share, transfer_step
from mdshift.strategies.tradaboost import TrAdaBoost


def mixed(seed, share, task="classification", n=300, shots=12, d=8):
    """A share of the source obeys the target's rule, the rest (told by a column) another; and the target's labels."""
    rng = np.random.default_rng(seed)
    w, other = rng.normal(size=(2, d))

    def labels(X, rule):
        z = X @ rule
        return (z > 0).astype(int) if task == "classification" else z + 0.1 * rng.normal(size=len(X))

    X, Xt = rng.normal(size=(n, d)), rng.normal(size=(400, d))
    good = np.arange(n) < share * n
    y, yt = np.where(good, labels(X, w), labels(X, other)), labels(Xt, w)
    known = np.arange(400) < shots
    blank = -1 if task == "classification" else np.nan
    return prepared(X, y, Xt, np.where(known, yt, blank)), yt, known


def both(p, yt, known, strategy):
    """The target's score of: all labels pooled, the target's labels alone, the strategy."""
    c = linear_context(p)
    rng = np.random.default_rng(0)
    pooled = c.learner.fit(p, np.concatenate([p.X_source, p.X_target[known]]), np.concatenate([p.y_source, yt[known]]), rng)
    models = (pooled, c.learner.fit(p, p.X_target[known], yt[known], rng), strategy.run(p, c).predictor)
    if p.task == "classification":
        return [accuracy(m.scores(p.X_target[~known]), yt[~known]) for m in models]
    return [-float(((m.scores(p.X_target[~known])[:, 0] - yt[~known]) ** 2).mean()) for m in models]


def test_the_part_of_the_source_that_obeys_the_targets_rule_is_found():
    found = np.mean([both(*mixed(seed, 0.7), TrAdaBoost()) for seed in range(5)], axis=0)
    assert found[2] > found[0] + 0.03
    assert found[2] > found[1] + 0.05


def test_numbers_in_two_stages():
    found = np.mean([both(*mixed(seed, 0.5, "regression", n=150), TrAdaBoost(stages=5, rounds=8)) for seed in range(3)], axis=0)
    assert found[2] > 0.7 * found[0]
    assert found[2] > 0.9 * found[1]


def test_a_source_that_contradicts_the_target_is_no_help_over_its_labels():
    p, yt, known = mixed(0, 0.0, shots=60)
    _, alone, boosted = both(p, yt, known, TrAdaBoost())
    assert boosted < alone


def test_trees_too():
    p, yt, known = mixed(1, 0.5, shots=30)
    pooled, _, boosted = both(p, yt, known, TrAdaBoost(learner="trees", rounds=6))
    assert boosted > pooled - 0.05


def test_one_round_by_hand():
    w, vote = transfer_step(np.full(6, 1 / 6), np.array([1, 0, 1, 0, 0, 0.0]), 2, 4)
    beta = 1 / (1 + np.sqrt(2 * np.log(2) / 4))  # source
    assert vote == pytest.approx(np.log(3))  # one of four target rows wrong: (1 - 1/4) / (1/4)
    expected = np.array([beta, 1, 3, 1, 1, 1])
    np.testing.assert_allclose(w, expected / expected.sum())


def test_a_model_no_better_than_chance_has_no_vote():
    w, vote = transfer_step(np.full(4, 0.25), np.array([0, 1, 1, 1.0]), 2, 4)
    assert vote == 0
    assert w[1] < w[0] == w[2] == w[3]


def test_the_target_gets_its_share_and_the_worst_source_rows_pay():
    w = source_share(np.full(10, 0.1), np.array([0, 0.2, 0.5, 0.7, 0.9, 1.0, 1.0, 1.0]), 8, 0.5)
    assert w[8:].sum() == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(w[:8]) <= 0).all()
    assert w.sum() == pytest.approx(1)


def test_the_median_of_three():
    p = prepared(np.zeros((2, 1)), np.zeros(2, float))
    members = [constant(p, np.array([float(v)])) for v in (1, 5, 100)]
    found = Median(members, np.array([0.4, 0.3, 0.3]))
    np.testing.assert_array_equal(found.scores(p.X_source), 5)
    np.testing.assert_array_equal(restore(found.state()).scores(p.X_source), 5)
    np.testing.assert_array_equal(Median(members, np.array([0.2, 0.2, 0.6])).scores(p.X_source), 100)
