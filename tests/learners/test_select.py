from dataclasses import replace

import numpy as np
import pytest
from made import prepared, rng_of

from mdshift.errors import DataError
from mdshift.learners.construct import parts
from mdshift.learners.linear import Linear
from mdshift.learners.select import (
    Both,
    by_parts,
    choose,
    make_folds,
    merits,
    out_of_fold,
    pick,
    score,
    source_model,
    stratified,
    trees_for,
)
from mdshift.learners.trees import Trees
from mdshift.validators.base import paired

rng = np.random.default_rng(0)


def test_a_line_is_chosen_for_a_line_and_trees_for_a_chessboard():
    X = rng.uniform(-1, 1, (600, 30))
    straight = (X.sum(axis=1) + 0.3 * rng.normal(size=600) > 0).astype(int)
    assert choose(prepared(X, straight), rng_of(), network=False).label.startswith("linear (")
    board = ((X[:, 0] > 0) ^ (X[:, 1] > 0)).astype(int)
    chosen = choose(prepared(X[:, :3], board), rng_of(), network=False)
    assert "trees" in chosen.label
    assert chosen.table["trees"] > 0.9
    assert chosen.table["linear (C=1)"] < 0.7


@pytest.mark.parametrize(
    ("linear", "trees", "both", "net", "chosen"),
    [
        (0.90, 0.88, 0.895, None, "linear+trees"),  # within .01 of the line
        (0.90, 0.88, 0.885, None, "linear (C=1)"),
        (0.80, 0.90, 0.895, None, "linear+trees"),  # within .01 of the trees
        (0.80, 0.90, 0.870, None, "trees"),
        (0.90, 0.89, 0.895, 0.903, "linear+trees"),  # the network is not better by its step
        (0.90, 0.89, 0.895, 0.990, "net"),
        (0.90, None, None, None, "linear (C=1)"),
    ],
)
def test_lines_and_trees_together_are_taken_where_they_come_close_to_the_best(linear, trees, both, net, chosen):
    scores = {"linear (C=1)": linear, "trees": trees, "linear+trees": both, "net": net}
    table = {name: value for name, value in scores.items() if value is not None}
    right = {name: (np.arange(1000) < round(1000 * value)).astype(float) for name, value in table.items()}
    assert pick(table, right, images=False) == chosen


def test_lines_and_trees_weigh_what_they_are_worth_on_the_source():
    """A bend that trees alone can follow, and a line: together they are better than either, and the line weighs little."""
    own = np.random.default_rng(5)
    X = own.uniform(-1, 1, (600, 3))
    y = (3 * np.sign(X[:, 0] * X[:, 1]) + X[:, 2] + 0.5 * own.normal(size=600) > 0).astype(int)
    p = prepared(X, y)
    chosen = choose(p, rng_of(), network=False)
    assert isinstance(chosen.learner, Both)
    assert 0 < chosen.learner.share < 0.3
    weights = chosen.learner.fit(p, p.X_source, y, np.random.default_rng(1)).weights
    np.testing.assert_allclose(weights, [chosen.learner.share, 1 - chosen.learner.share])
    assert chosen.lines == chosen.learner.share
    assert chosen.in_words == f"linear+trees (lines {chosen.learner.share:.0%}) by stratified folds"
    best = max(v for name, v in chosen.table.items() if name != "linear+trees")
    assert chosen.table["linear+trees"] >= best - 0.01


def test_where_the_line_only_adds_error_the_trees_are_taken_though_it_is_as_often_right():
    """One row in seventy is of the second class: a line that never says so is as often right as trees that find it."""
    own = np.random.default_rng(7)
    X = own.uniform(-1, 1, (600, 2))
    y = (np.abs(X) < 0.1).all(axis=1).astype(int) ^ (own.random(600) < 0.01)
    chosen = choose(prepared(X, y), rng_of(), network=False)
    assert chosen.table["trees"] - chosen.table["linear (C=0.01)"] < 0.003
    assert chosen.label == "trees"
    assert chosen.lines is None
    assert chosen.in_words == "trees by stratified folds"
    assert isinstance(chosen.learner, Trees)


def test_of_numbers_a_line_keeps_a_part_where_the_source_gives_it_none():
    """The source has no use for the line, and beyond the source trees are flat: with the line's part they err less there."""
    own = np.random.default_rng(6)
    X = own.uniform(0, 1, (500, 1))
    y = 2 * X[:, 0] + 0.5 * np.sin(20 * X[:, 0]) + 0.05 * own.normal(size=500)
    p = prepared(X, y)
    chosen = choose(p, rng_of(), network=False)
    assert isinstance(chosen.learner, Both)
    assert chosen.learner.share >= 0.125
    beyond = own.uniform(1, 2, (300, 1))
    away = 2 * beyond[:, 0] + 0.5 * np.sin(20 * beyond[:, 0])
    far = (beyond - X.mean()) / X.std()
    errors = [
        ((learner.fit(p, p.X_source, y, np.random.default_rng(1)).scores(far)[:, 0] - away) ** 2).mean()
        for learner in (chosen.learner, chosen.learner.trees)
    ]
    assert errors[0] < 0.9 * errors[1]


def test_the_trees_that_are_chosen_see_a_part_of_the_columns_at_each_split():
    """Of twelve copies of what the label hangs on they use every one, where trees that see all of them lean on a few."""
    y = rng.integers(0, 2, 400)
    copies = (2.0 * y - 1)[:, None] + rng.normal(size=(400, 12))
    p = prepared(copies, y)
    chosen = trees_for(p.X_source.size)
    shares = []
    for learner in (chosen, replace(chosen, features=1.0)):
        grown = learner.fit(p, p.X_source, y, np.random.default_rng(1))
        used = np.bincount(grown.feature[grown.roots.ravel()], minlength=12)
        shares.append(used.max() / used.sum())
    assert shares[0] < 0.8 * shares[1]


def test_numbers_are_chosen_for_by_r2():
    X = rng.uniform(-1, 1, (500, 2))
    chosen = choose(prepared(X, np.sign(X[:, 0]) * np.sign(X[:, 1]) + 0.01 * X[:, 0]), rng_of(), network=False)
    assert chosen.metric == "r2"
    assert "trees" in chosen.label


def test_several_sources_are_folds_of_their_own():
    X, y = rng.normal(size=(120, 2)), np.tile([0, 1], 60)
    p = prepared(X, y, domain=np.repeat([0, 1, 2], 40))
    fold, how = make_folds(p, np.arange(120), rng)
    assert how == "leave-one-source-out"
    assert {tuple(np.unique(p.domain[fold == f])) for f in np.unique(fold)} == {(0,), (1,), (2,)}
    small = prepared(X, y, domain=np.repeat([0, 1], [115, 5]))
    assert make_folds(small, np.arange(120), rng)[1] == "stratified folds"


def test_a_class_of_one_source_alone_rules_out_folds_by_source():
    y = np.repeat([0, 1], 60)
    p = prepared(rng.normal(size=(120, 2)), y, domain=np.repeat([0, 1], 60))
    assert make_folds(p, np.arange(120), rng)[1] == "stratified folds"


@pytest.mark.parametrize("counts", [(50, 50), (97, 3), (99, 1)])
def test_folds_spread_every_class(counts):
    y = np.repeat([0, 1], counts)
    fold = stratified(y, "classification", rng)
    for k in (0, 1):
        per = np.bincount(fold[y == k], minlength=5)
        assert per.max() - per.min() <= 1
    assert np.ptp(np.bincount(fold)) <= 1


def test_out_of_fold_scores_do_not_see_their_labels():
    X = rng.normal(size=(200, 150))
    y = rng.integers(0, 2, 200)  # nothing to learn: in-sample it is learnt by heart
    p = prepared(X, y)
    held = out_of_fold(Linear(10.0), p, np.arange(200), stratified(y, p.task, rng), rng)
    assert abs(score(p.task, y, held) - 0.5) < 0.15
    assert score(p.task, y, Linear(10.0).fit(p, p.X_source, y, rng).scores(p.X_source)) > 0.95


def test_a_race_is_given_up_once_lost():
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] > 0).astype(int)
    p = prepared(X, y)
    perfect = np.eye(2)[y]
    folds = parts(p, np.arange(200), stratified(y, p.task, rng))
    assert by_parts(Linear(1e-6), prepared(rng.normal(size=(200, 2)), y), np.arange(200), folds, rng, perfect) is None
    assert by_parts(Linear(), p, np.arange(200), folds, rng, np.eye(2)[1 - y]) is not None


def test_the_mean_of_the_merits_is_the_score():
    y = rng.normal(size=100)
    S = (y + rng.normal(size=100))[:, None]
    assert merits("regression", y, S).mean() == pytest.approx(score("regression", y, S))


def test_the_source_model_is_calibrated():
    X = rng.normal(size=(300, 100))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    p = prepared(X, y)
    choice = choose(p, rng_of(), network=False)
    fresh = rng.normal(size=(3000, 100)).astype(np.float32)
    truth = fresh[:, 0] + rng.normal(size=3000) > 0
    scores = source_model(p, choice, rng).scores(fresh)
    assert abs(scores.max(axis=1).mean() - (scores.argmax(axis=1) == truth).mean()) < 0.06


@pytest.mark.parametrize(("X", "y", "what"), [(np.ones((5, 2)), np.zeros(5, int), "one class"), (np.ones((0, 2)), np.zeros(0, int), "no labelled row"), (np.ones((4, 0)), np.array([0, 1, 0, 1]), "no column")])  # fmt: skip
def test_a_source_that_cannot_teach_is_refused_with_a_hint(X, y, what):
    with pytest.raises(DataError, match=what) as caught:
        choose(prepared(X, y, classes=2), rng_of())
    assert caught.value.hint


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_a_handful_of_rows_is_enough_to_run(n):
    y = np.arange(n) % 2
    p = prepared(rng.normal(size=(n, 3)), y)
    choice = choose(p, rng_of())
    assert np.isfinite(source_model(p, choice, rng).scores(p.X_source)).all()


def test_r2_under_weights_is_that_of_the_weighted_population_and_its_interval_covers():
    """Source x ~ N(0, 3), target x ~ N(0, 1), y = x + N(0, 1), prediction x: R2 is .9 in the source, .5 in the target."""
    covered, n = 0, 400
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 3, n)
        y = x + rng.normal(size=n)
        w = 3 * np.exp(-(x**2) / 2 + x**2 / 18)  # the densities' ratio
        gain = paired(merits("regression", y, x[:, None], w), 1.96, w)
        covered += gain.low <= 0.5 <= gain.high
        error = np.average((y - x) ** 2, weights=w) / np.average((y - np.average(y, weights=w)) ** 2, weights=w)
        np.testing.assert_allclose(gain.value, 1 - error)
    assert covered >= 178  # .95 of 200, less four standard errors


def test_a_network_is_not_tried_where_it_could_not_win(monkeypatch):
    from mdshift.learners import select

    monkeypatch.setattr(select, "MIN_NET_ROWS", {"table": 50})
    y = np.arange(200) % 2
    easy = prepared(np.c_[np.random.default_rng(0).normal(size=(200, 2)), 50.0 * y], y)
    assert select._net_can_win(easy, 200, 0.6)
    assert not select._net_can_win(easy, 200, 0.995)
    assert "net" not in choose(easy, rng_of()).table  # the linear model is right on every row


def test_no_network_competes_for_numbers_of_a_table_unless_it_is_asked_for():
    from mdshift.learners import select

    X = rng.normal(size=(1200, 3))
    assert select._net_can_win(prepared(X, (X[:, 0] > 0).astype(int)), 1200, 0.6)
    assert not select._net_can_win(prepared(X, X[:, 0]), 1200, 0.6)
    pixels = prepared(X, X[:, 0], modality="image")
    assert select._net_can_win(pixels, 1200, 0.6)
