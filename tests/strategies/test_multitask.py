import dataclasses

import numpy as np
import pytest
import torch
from made import prepared, rng_of

from mdshift.declare import configure, lookup
from mdshift.engine.further import models, problem_of
from mdshift.engine.guard import hidden
from mdshift.errors import DataError, UsageError
from mdshift.learners.base import Context, Further
from mdshift.learners.net import Net
from mdshift.nn.tasks import known_loss, weighed
from mdshift.types import Label
from strategies.networlds import run


def together(seed, *, related=True, n=300, m=1000, d=20, flips=0.3):
    """A class that is often told wrong, beside a number without noise that hangs on the same direction (or on another one)."""
    rng = np.random.default_rng(seed)
    X, Xt = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.3
    w = rng.normal(size=d) / np.sqrt(d)
    other = w if related else rng.normal(size=d) / np.sqrt(d)
    y, yt = ((A @ w > 0).astype(int) for A in (X, Xt))
    base = prepared(X, np.where(rng.random(n) < flips, 1 - y, y), Xt, modality="array")
    number, theirs = (np.tanh(2 * A @ other) for A in (X, Xt))
    return dataclasses.replace(base, further=(Further("number", "regression", 1, number, np.full(m, np.nan)),)), yt, theirs


def right(predictor, p, yt):
    return float((predictor.scores(p.X_target).argmax(1) == yt).mean())


@pytest.mark.slow
def test_a_related_label_helps_more_than_an_unrelated_one():
    gains = {True: [], False: []}
    for related in (True, False):
        for seed in range(5):
            p, yt, _ = together(seed, related=related)
            alone, both = (right(run("multitask", p, seed, weights=w).predictor, p, yt) for w in ("1,0", ""))
            gains[related].append(both - alone)
    assert np.mean(gains[True]) > 0.03
    assert np.mean(gains[True]) > np.mean(gains[False]) + 0.01


def test_every_label_is_learnt_and_missing_ones_are_left_out():
    p, yt, theirs = together(0, flips=0.0)
    number = p.further[0].y_source.copy()
    level = (p.X_source[:, 0] > 0).astype(np.int64) + (p.X_source[:, 0] > 1)
    number[::3], level[::4] = np.nan, -1
    p = dataclasses.replace(
        p,
        further=(
            dataclasses.replace(p.further[0], y_source=number),
            Further("level", "classification", 3, level, np.full(len(yt), -1, np.int64)),
        ),
    )
    trained = run("multitask", p, epochs=30)
    assert right(trained.predictor, p, yt) > 0.8
    found = trained.further["number"].scores(p.X_target)[:, 0]
    assert np.corrcoef(found, theirs)[0, 1] > 0.8
    truth = (p.X_target[:, 0] > 0).astype(int) + (p.X_target[:, 0] > 1)
    assert right(trained.further["level"], p, truth) > 0.62  # three classes, a third of the rows; guessing is .5
    assert len(trained.evidence["label_weights"]) == 3


def test_a_loss_without_a_known_row_is_nothing_and_keeps_its_gradient():
    outputs = torch.ones((3, 2), requires_grad=True)
    loss = known_loss(outputs, torch.full((3,), float("nan")), classes=True)
    loss.backward()
    assert loss.item() == 0.0
    assert not outputs.grad.any()
    known = known_loss(torch.tensor([[2.0], [5.0]]), torch.tensor([1.0, float("nan")]), classes=False)
    assert float(known) == pytest.approx(1.0)


def test_uncertain_labels_weigh_less():
    losses, spread = [torch.tensor(1.0), torch.tensor(4.0)], torch.tensor([0.0, np.log(4.0)])
    assert float(weighed(losses, spread, None)) == pytest.approx(1 + 1 + 0.5 * np.log(4.0))
    assert float(weighed(losses, spread, [1.0, 0.25])) == pytest.approx(2.0)
    # at the minimum of exp(-s) L + s / 2 the weight is one over twice the loss
    s = torch.linspace(-3, 5, 4001)
    assert float(torch.exp(-s[(torch.exp(-s) * 4.0 + s / 2).argmin()])) == pytest.approx(1 / 8, rel=1e-2)


def test_weights_must_be_one_a_label():
    p, *_ = together(0)
    with pytest.raises(UsageError, match="one number a label"):
        run("multitask", p, weights="1,2,3")
    given = configure(lookup("strategy", "multitask"), {"weights": "1,0.5"}).run(p, Context(rng_of(0), Net(), None))
    assert given.evidence["label_weights"] == [1.0, 0.5]


def test_a_row_s_further_labels_are_hidden_with_its_first():
    p, yt, theirs = together(0)
    p = dataclasses.replace(p, y_target=yt, further=(dataclasses.replace(p.further[0], y_target=theirs),))
    rows = np.arange(10)
    found = hidden(p, rows)
    assert (found.y_target[:10] == -1).all()
    assert np.isnan(found.further[0].y_target[:10]).all()
    assert not np.isnan(found.further[0].y_target[10:]).any()


def test_a_further_label_makes_a_problem_of_its_own():
    p, _, theirs = together(0)
    y = p.further[0].y_source.copy()
    y[:30] = np.nan
    part = problem_of(p, dataclasses.replace(p.further[0], y_source=y, y_target=theirs))
    assert part.task == "regression"
    assert len(part.X_source) == len(y) - 30
    np.testing.assert_array_equal(part.y_source, y[30:])
    np.testing.assert_array_equal(part.y_target, theirs)


def test_a_further_label_that_cannot_be_learnt_is_told_by_its_name():
    p, *_ = together(0)
    one = Further("colour", "classification", 2, np.zeros(len(p.y_source), np.int64), np.full(len(p.X_target), -1, np.int64))
    label = Label("colour", "classification", ("red", "blue"), 1)
    with pytest.raises(DataError, match="label 'colour': the source has one class only"):
        models(dataclasses.replace(p, further=(one,)), (label,), {}, "multitask", seed=0, progress=lambda _: None)
