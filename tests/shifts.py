"""Pairs of samples with a shift that is known by construction."""

import numpy as np
from made import domain

from mdshift.types import MISSING, Column, Problem, Schema

SCHEMA = Schema("table", (*(Column(f"x{i}", "number") for i in range(4)), Column("colour", "category", ("red", "green", "blue"), 3)))


def population(n, rng, task="classification"):
    """Inputs and labels of one law: two numbers that matter, two that do not, a category that follows one of them."""
    X = rng.standard_normal((n, 4))
    colour = (X[:, 0] + rng.standard_normal(n) > 0.5).astype(int) + (X[:, 2] > 1)
    score = 1.5 * X[:, 0] + 1.0 * X[:, 1]
    if task == "regression":
        return X, colour, score + rng.standard_normal(n)
    return X, colour, (score + rng.logistic(size=n) > 0).astype(np.int64)


def draw(n, rng, kind="none", task="classification", strength=1.0):
    """n rows under a shift: covariate selects by X alone, label by y alone, concept changes y in a half space of X."""
    X, colour, y = population(8 * n, rng, task)
    weight = np.zeros(len(y))
    if kind in ("covariate", "compound"):
        weight = strength * (0.7 * X[:, 2] + 0.5 * X[:, 0])
    if kind == "label":
        weight = strength * (2.0 * y if task == "classification" else 0.6 * y)
    keep = np.argsort(-(weight + rng.gumbel(size=len(y))))[:n] if weight.any() else np.arange(n)
    X, colour, y = X[keep], colour[keep], y[keep]
    if kind in ("concept", "compound"):
        where = (X[:, 3] > 0) & (rng.random(n) < 0.7 * strength)
        y = np.where(where, 1 - y, y) if task == "classification" else y + 1.5 * where
    return X, colour, y


def pair(kind="none", n=400, m=None, *, seed=0, task="classification", labelled=True, strength=1.0):
    """A problem of n source rows and m target rows with this shift; labelled: True, False, or how many target rows carry a label."""
    rng = np.random.default_rng([seed, 17])
    X, colour, y = draw(n, rng, task=task)
    Xt, colour_t, yt = draw(m or n, rng, kind, task, strength)
    if labelled is False:
        yt = None
    elif labelled is not True:
        yt = np.where(np.arange(len(yt)) < labelled, yt, MISSING if task == "classification" else np.nan)
    return Problem(
        sources=(domain("source", y, numbers=X, categories=colour[:, None]),),
        target=domain("target", yt, numbers=Xt, categories=colour_t[:, None]),
        schema=SCHEMA,
        task=task,
        label="y",
        classes=("no", "yes") if task == "classification" else (),
        source_classes=2 if task == "classification" else 0,
    )


def bound(repeats, level=0.05, sure=0.999):
    """The largest number of rejections that a valid test of this level exceeds with probability 1 - sure."""
    from scipy import stats

    return int(stats.binom.ppf(sure, repeats, level))
