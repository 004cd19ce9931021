"""Which rows to label first: what they teach, that those drawn at random are a fair sample, and what is refused."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from made import accuracy, context, prepared, problem, rng_of

from mdshift.engine import labelplan
from mdshift.engine.judging import as_judged
from mdshift.engine.labelplan import cover, doubt, draw, plan_labels
from mdshift.engine.recommend import labels_needed, smallest_gain
from mdshift.errors import DataError, UsageError
from mdshift.learners import select
from mdshift.learners.linear import Linear
from mdshift.rules.thresholds import defaults
from mdshift.strategies.pooled import Pooled

pytestmark = pytest.mark.usefixtures("simple")
NEEDED = {"large_gain": 20, "small_gain": 45}


def drifting(seed):
    """Four clusters, a class each two of them; the target has five more, small ones, whose classes the source says nothing of."""
    rng = np.random.default_rng(seed)
    centres = 5 * np.eye(9)
    classes = np.array([0, 1, 0, 1, 1, 0, 1, 0, 1])

    def rows(n, shares):
        k = rng.choice(9, n, p=shares)
        return centres[k] + rng.normal(0, 0.8, size=(n, 9)), classes[k], k

    X, y, _ = rows(300, [0.25] * 4 + [0] * 5)
    return (X, y, *rows(400, [0.2] * 4 + [0.04] * 5))


@pytest.fixture
def simple(request, monkeypatch):
    """Linear source models alone, as fast as they are; a test named for trees has them."""
    if "disagreement" not in request.node.name:
        monkeypatch.setattr(select, "MAX_TREE_COLUMNS", 0)
        monkeypatch.setattr(select, "choose", partial(select.choose, network=False))


def planned(p, size, seed=0):
    """Rows as `plan_labels` takes them: a half at random, the others to learn from."""
    ctx = context(p, seed, Linear(1.0))
    scores = ctx.base.scores(p.X_target)
    judge = draw(scores.argmax(axis=1).astype(float), size // 2, np.random.default_rng([seed, 1]))
    learn, _ = cover(p, doubt(p, scores, rng_of(seed)), judge, size - size // 2, np.random.default_rng([seed, 2]))
    return np.concatenate([judge, learn]), learn


def taught(p, truth, rows, judged, seed):
    """The accuracy on the target rows `judged` of `pooled` with the labels of `rows`."""
    y = np.full(len(truth), -1)
    y[rows] = truth[rows]
    found = Pooled().run(replace(p, y_target=y), context(p, seed, Linear(1.0)))
    return accuracy(found.predictor.scores(p.X_target[judged]), truth[judged])


def test_planned_labels_teach_more_than_as_many_random_ones():
    by_plan, by_chance, reached = [], [], []
    for seed in range(8):
        X, y, Xt, yt, k = drifting(seed)
        p = prepared(X, y, Xt)
        rows, learn = planned(p, 24, seed)
        chance = np.random.default_rng(seed + 100).choice(len(yt), 24, replace=False)
        rest = np.setdiff1d(np.arange(len(yt)), np.concatenate([rows, chance]))
        by_plan.append(taught(p, yt, rows, rest, seed))
        by_chance.append(taught(p, yt, chance, rest, seed))
        reached.append((len(np.unique(k[rows])), len(np.unique(k[chance])), np.mean(k[learn] >= 4)))
    every, some, new = np.mean(reached, axis=0)
    assert every == 9 > some + 1  # the plan has a row of every cluster, chance has not
    assert new > 0.3  # their share of the target is a fifth
    assert np.mean(by_plan) - np.mean(by_chance) > 0.03, (np.mean(by_plan), np.mean(by_chance))


def test_the_judging_rows_are_a_fair_sample():
    """Every row is as likely to be drawn, and the mean over the draw is that of all rows within its error."""
    rng = np.random.default_rng(0)
    strata = rng.choice(3, 200, p=[0.7, 0.25, 0.05]).astype(float)
    value = strata + rng.normal(size=200)
    draws = [draw(strata, 30, np.random.default_rng(seed)) for seed in range(2000)]
    often = np.bincount(np.concatenate(draws), minlength=200) / 2000
    assert np.abs(often - 0.15).max() < 5 * np.sqrt(0.15 * 0.85 / 2000)
    means = np.array([value[d].mean() for d in draws])
    assert abs(means.mean() - value.mean()) < 4 * means.std() / np.sqrt(len(means))
    assert means.std() < value.std() / np.sqrt(30)  # and strata make it sharper
    assert all(len(np.unique(d)) == 30 for d in draws)
    assert np.mean([value[d[:5]].mean() for d in draws]) == pytest.approx(value.mean(), abs=0.05)  # its beginning is a sample too


def test_rows_of_doubt_alone_are_no_fair_sample():
    """Why the plan has two parts: the error of the source model on the rows to learn from is not its error on the target."""
    X, y, Xt, yt, _ = drifting(1)
    p = prepared(X, y, Xt)
    scores = context(p, 1, Linear(1.0)).base.scores(p.X_target)
    right = scores.argmax(axis=1) == yt
    judge = [right[draw(scores.argmax(axis=1).astype(float), 40, np.random.default_rng(s))].mean() for s in range(50)]
    learn, _ = cover(p, doubt(p, scores, rng_of(1)), np.zeros(0, np.int64), 40, np.random.default_rng(0))
    assert np.mean(judge) == pytest.approx(right.mean(), abs=0.03)
    assert right[learn].mean() < right.mean() - 0.05


def test_the_next_row_is_the_one_that_covers_most():
    """Step by step against the objective written out; rows of the source count by half."""
    rng = np.random.default_rng(0)
    p = prepared(rng.normal(size=(15, 3)), rng.integers(0, 2, 15), rng.normal(1, 2, size=(25, 3)))
    unsure = rng.random(25)
    found, far = cover(p, unsure, np.array([3]), 6, rng)
    X, S = p.X_target.astype(float), p.X_source.astype(float)
    rest = np.setdiff1d(np.arange(25), [3])
    weight = 1 + unsure[rest] / unsure[rest].mean()

    def uncovered(rows):
        total = 0.0
        for i, w in zip(rest, weight, strict=True):
            centre = np.linalg.norm(X[i] - X[rest].mean(axis=0))
            source = min(np.linalg.norm(X[i] - s) for s in S)
            total += w * min((min(source, centre) + centre) / 2, *(np.linalg.norm(X[i] - X[j]) for j in (3, *rows)))
        return total

    taken: list[int] = []
    for _ in range(6):
        taken.append(min(set(rest.tolist()) - set(taken), key=lambda i: uncovered([*taken, i])))
    assert found.tolist() == taken
    assert far == pytest.approx([min(np.linalg.norm(x - s) for s in S) for x in X])


def test_a_group_comes_before_an_outlier_by_its_middle_row():
    group = np.array([[10.0, 0], [10.2, 0], [10.4, 0]])
    p = prepared([[0, 0], [0.1, 0]], [0, 1], [*group, *(group * -1), [0, 14.0]])
    learn, _ = cover(p, np.ones(7), np.zeros(0, np.int64), 3, np.random.default_rng(0))
    assert sorted(learn[:2].tolist()) == [1, 4]
    assert learn[2] == 6


def test_what_is_taken_or_labelled_is_covered_already():
    group = np.array([[10.0, 0], [10.2, 0], [10.4, 0]])
    p = prepared([[0, 0], [0.1, 0]], [0, 1], [*group, *(group * -1)], [-1, 1, -1, -1, -1, -1])
    learn, _ = cover(p, np.ones(6), np.zeros(0, np.int64), 1, np.random.default_rng(0))
    assert learn.tolist() == [4]
    learn, _ = cover(p, np.ones(6), np.array([4]), 9, np.random.default_rng(0))
    assert sorted(learn.tolist()) == [0, 2, 3, 5]


def test_doubt_weighs():
    """Two groups alike but for the model's doubt: the doubtful one comes first."""
    group = np.array([[10.0, 0], [10.2, 0], [10.4, 0]])
    p = prepared([[0, 0], [0.1, 0]], [0, 1], [*group, *(group * -1)])
    for unsure, first in (([1, 1, 1, 0, 0, 0], 1), ([0, 0, 0, 1, 1, 1], 4)):
        learn, _ = cover(p, np.array(unsure, float), np.zeros(0, np.int64), 1, np.random.default_rng(0))
        assert learn.tolist() == [first]


def test_doubt_of_classes_is_the_margin_and_of_numbers_a_disagreement():
    p = prepared([[0.0], [1.0]], [0, 1], [[0.0], [1.0]])
    assert doubt(p, np.array([[0.5, 0.5], [0.1, 0.9]]), rng_of()) == pytest.approx([1.0, 0.2])
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    q = prepared(X, X[:, 0] + rng.normal(0, 0.1, 200), [[0.0], [8.0]])  # where trees are flat, a line runs on
    inside, outside = doubt(q, np.zeros((2, 1)), rng_of())
    assert outside > 5 * inside


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("modality", ["table", "array", "text", "image"])
def test_every_kind_of_data(modality, task):
    given = problem(modality, task, n=40, m=30, labelled=4)
    plan = plan_labels(given, NEEDED, seed=1)
    assert len(plan) == 16  # 20 less the 4 that there are
    assert len(set(plan.row.tolist())) == 16
    assert plan.row.min() >= 4  # rows with a label are not listed
    assert plan.purpose.tolist() == ["judge"] * 8 + ["learn"] * 8
    assert plan.judge == 8
    assert all(isinstance(w, str) and w for w in plan.why)
    columns = plan.columns()
    assert list(columns) == ["row", "priority", "purpose", "prediction", "confidence", "why"]
    assert columns["priority"].tolist() == list(range(1, 17))
    if task == "classification":
        assert set(plan.prediction) <= set(given.classes)
        assert ((plan.confidence >= 0.5) & (plan.confidence <= 1)).all()
    else:
        assert np.isfinite(plan.prediction.astype(float)).all()
        assert np.isnan(plan.confidence).all()
    again = plan_labels(given, NEEDED, seed=1).columns()
    assert all(columns[c].tolist() == again[c].tolist() for c in columns if c != "confidence")
    other = plan_labels(given, NEEDED, seed=2)
    assert other.row.tolist() != plan.row.tolist()


def test_rows_are_numbered_as_in_the_input():
    given = problem(m=30)
    kept = np.arange(1, 30, 2)
    half = replace(given, target=given.target.take(kept))
    plan = plan_labels(half, NEEDED)
    assert sorted(plan.row.tolist()) == kept.tolist()  # fewer than 20: all of them


def test_labels_that_are_there_do_not_change_the_source_model():
    given = problem(m=40, labelled=6)
    other = replace(given, target=replace(given.target, y=np.where(given.target.y >= 0, 1 - given.target.y, -1)))
    one, two = plan_labels(given, NEEDED), plan_labels(other, NEEDED)
    assert one.row.tolist() == two.row.tolist()


def test_how_many_rows():
    given = problem(m=80, n=40)
    assert len(plan_labels(given, NEEDED)) == 20
    assert len(plan_labels(given, NEEDED, rows=7)) == 7
    assert len(plan_labels(given, NEEDED, rows=1)) == 1
    assert len(plan_labels(given, NEEDED, rows=500)) == 80
    assert len(plan_labels(problem(m=80, n=40, labelled=25), NEEDED)) == 20  # on to a small gain: 45 less 25
    assert len(plan_labels(problem(m=80, n=40, labelled=50), NEEDED)) == 20


def test_the_sentence_says_how_many_of_each_and_what_they_show():
    said = plan_labels(problem(m=80, n=40), NEEDED).sentence
    assert said.startswith("10 rows to judge by, drawn at random")
    assert "then 10 to learn from" in said
    assert "the others are no random sample" in said


def test_what_labels_show_is_what_is_needed_turned_round():
    limits = defaults()
    needed = labels_needed({"task": "classification"}, limits)
    assert smallest_gain(needed["large_gain"], "classification", limits["churn"]) == pytest.approx(0.10, abs=0.001)
    assert smallest_gain(needed["small_gain"], "classification", limits["churn"]) == pytest.approx(0.05, abs=0.001)
    needed = labels_needed({"task": "regression"}, limits)
    assert smallest_gain(needed["large_gain"], "regression", limits["churn"]) == pytest.approx(0.25, abs=0.002)
    assert smallest_gain(0, "classification", 0.1) is None
    assert smallest_gain(3, "classification", 0.1) is None


def test_reasons_name_what_is_true_of_the_row():
    X, y, Xt, _, k = drifting(0)
    p = prepared(X, y, Xt)
    scores = context(p, 0, Linear(1.0)).base.scores(p.X_target)
    unsure = doubt(p, scores, rng_of())
    learn, far = cover(p, unsure, np.zeros(0, np.int64), 40, np.random.default_rng(0))
    told = labelplan._chosen(p, scores, unsure, far, learn, ("no", "yes"))
    for row, why in zip(learn, told, strict=True):
        assert ("far from the source rows" in why) == bool(far[row] > np.quantile(far, 0.75))
        assert ("hesitates between" in why) == bool(unsure[row] > np.quantile(unsure, 0.75))
        if k[row] >= 4:
            assert "far from the source rows" in why
    assert "stands for rows around it that have no label" in told


def test_without_a_target_or_a_label_or_an_open_row_there_is_no_plan():
    given = problem()
    with pytest.raises(UsageError, match="needs a target"):
        plan_labels(replace(given, target=None), NEEDED)
    with pytest.raises(DataError, match="needs a label"):
        plan_labels(replace(given, task=None), NEEDED)
    with pytest.raises(DataError, match="nothing is left to label: all 50 target rows have a label"):
        plan_labels(problem(labelled=50), NEEDED)


def test_a_large_target_is_covered_by_a_sample_of_it(monkeypatch):
    monkeypatch.setattr(labelplan, "POOL", 50)
    monkeypatch.setattr(labelplan, "SOURCE_ROWS", 30)
    monkeypatch.setattr(labelplan, "DIRECTIONS", 3)
    given = problem("array", n=60, m=200)
    plan = plan_labels(given, NEEDED)
    assert len(set(plan.row.tolist())) == 20
    assert plan.row.max() > 50


def test_what_moved_is_read_from_the_labels_that_were_drawn_at_random(monkeypatch):
    from mdshift.engine.adapt import adapt

    seen = []

    def diagnosed(p, **_):
        seen.append(p.target.labelled)
        raise DataError("enough", "", "")

    monkeypatch.setattr("mdshift.engine.diagnose.diagnose", diagnosed)
    p = problem(labelled=30)
    judging = p.target.labelled & (np.arange(len(p.target)) % 2 == 0)
    for judges in (None, judging):
        with pytest.raises(DataError, match="enough"):
            adapt(p, strategy="auto", compute="low", out="m", judges=judges)
    assert np.array_equal(seen[0], p.target.labelled)
    assert np.array_equal(seen[1], judging)
    assert 0 < judging.sum() < p.target.labelled.sum()
    numbers = replace(p, target=replace(p.target, y=np.where(p.target.labelled, 1.5, np.nan), further=(p.target.y,)))
    shown = as_judged(numbers, judging).target
    assert np.array_equal(~np.isnan(shown.y), judging)
    assert np.array_equal(shown.further[0] >= 0, judging)
