"""Telling domains apart: a cross-fitted classifier of source against target, or of one source against the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.learners.linear import Linear
from mdshift.learners.select import MAX_TREE_COLUMNS, out_of_fold, sample_rows, stratified
from mdshift.learners.trees import Trees
from mdshift.stats.calibration import fit_temperature, scale
from mdshift.stats.density import FEWEST, effective, normalise, ratios

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Learner, Prepared, Vector

ROWS = 10_000  # rows a side that the classifier is trained on
MIN_TREE_ROWS = 200


def domain_problem(prepared: Prepared, X: NDArray[np.float32], y: NDArray[np.int64], classes: int) -> Prepared:
    """The same columns with the domain as the label."""
    return replace(
        prepared,
        texts=None,
        further=(),
        construction=None,
        X_source=X,
        y_source=y,
        domain=np.zeros(len(y), np.int64),
        task="classification",
        n_classes=classes,
    )


def source_ratios(prepared: Prepared, rng: np.random.Generator) -> tuple[Vector, float]:
    """p_target(x) / p_source(x) (n,) of every source row, out of fold, mean 1, and the coverage; ones where there is nothing to compare.

    Coverage: the mean of the ratios over the source before it is made 1, at most 1: the share of the target's mass that lies where the source
    has rows. Where the two are told apart without fail it is near 0, and the ratios, all alike, mean nothing.
    """
    n, m = len(prepared.X_source), len(prepared.X_target)
    if min(n, m) < FEWEST:
        return np.ones(n), 1.0
    source, target = (np.sort(rng.choice(size, ROWS, replace=False)) if size > ROWS else np.arange(size) for size in (n, m))
    X = np.concatenate([prepared.X_source[source], prepared.X_target[target]])
    y = np.repeat(np.array([0, 1]), [len(source), len(target)])
    problem = domain_problem(prepared, X, y, 2)
    fold = stratified(y, "classification", rng)
    learner = domain_learner(problem)
    scores = out_of_fold(learner, problem, np.arange(len(y)), fold, rng)
    slope = fit_temperature(scores, y)
    p = scale(scores, slope)[: len(source), 1]
    if len(source) < n:  # the rows left over are scored by one more model, which saw none of them
        rest = np.setdiff1d(np.arange(n), source)
        every = np.empty(n)
        every[source] = p
        every[rest] = scale(learner.fit(problem, X, y, rng).scores(prepared.X_source[rest]), slope)[:, 1]
        p = every
    raw = np.clip(p, 1e-6, 1 - 1e-6)
    coverage = float(min(1.0, (raw / (1 - raw)).mean() * len(source) / len(target)))
    return ratios(p, len(source), len(target)), coverage


def told_apart(prepared: Prepared, weights: Vector, rng: np.random.Generator, rows: int = 2000) -> tuple[float, float]:
    """How well the weighted source rows (weights (n,)) and the target's are told apart: cross-fitted AUC, and its standard error if they were alike.

    At most `rows` a side are looked at; (0.5, 0.5) where there is too little to compare. 0.5: the weights explain all that a classifier can find.
    """
    n, m = len(prepared.X_source), len(prepared.X_target)
    if min(n, m) < 2 * FEWEST or not weights.any():
        return 0.5, 0.5
    source, target = (np.sort(rng.permutation(size)[:rows]) for size in (n, m))
    X = np.concatenate([prepared.X_source[source], prepared.X_target[target]])
    y = np.repeat(np.array([0, 1]), [len(source), len(target)])
    own = weights[source] if weights[source].any() else np.ones(len(source))
    w = np.concatenate([normalise(own) * len(target) / len(source), np.ones(len(target))])
    problem = domain_problem(prepared, X, y, 2)
    fold, learner = stratified(y, "classification", rng), domain_learner(problem)
    score = np.zeros(len(y))
    for f in np.unique(fold):
        held = fold == f
        score[held] = learner.fit(problem, X[~held], y[~held], rng, normalise(w[~held])).scores(X[held])[:, 1]
    n_effective = effective(own)
    error = float(np.sqrt((n_effective + len(target) + 1) / (12 * n_effective * len(target))))
    return _weighted_auc(score[: len(source)], own, score[len(source) :]), error


def _weighted_auc(low: Vector, weights: Vector, high: Vector) -> float:
    """The weighted share of pairs in which the one of `high` lies above the one of `low`, ties counting half."""
    order = np.argsort(low, kind="stable")
    ordered, total = low[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    below, upto = (total[np.searchsorted(ordered, high, side=side)] for side in ("left", "right"))
    return float((0.5 * (below + upto)).mean() / total[-1])


def domain_learner(prepared: Prepared) -> Learner:
    """Small trees where there are rows for them, else a strongly regularised linear model."""
    d = prepared.X_source.shape[1]
    return Trees(50) if d <= MAX_TREE_COLUMNS and len(prepared.y_source) >= MIN_TREE_ROWS else Linear(0.01)


def similarity(prepared: Prepared, rng: np.random.Generator) -> Vector:
    """How much of the target looks like each source (sources,): the mean over target rows of P(source | x), at equal sizes; sums to 1."""
    k = prepared.n_sources
    if k < 2 or not len(prepared.X_target):  # noqa: PLR2004 - nothing to weigh against each other
        return np.full(k, 1.0 / k)
    rows = sample_rows(prepared, rng, ROWS)
    X, y = prepared.X_source[rows], prepared.domain[rows]
    problem = domain_problem(prepared, X, y, k)
    counts = np.bincount(y, minlength=k).astype(float)
    weights = normalise(1.0 / counts[y])
    slope = fit_temperature(out_of_fold(Linear(0.1), problem, np.arange(len(y)), stratified(y, "classification", rng), rng), y)
    scores: Any = scale(Linear(0.1).fit(problem, X, y, rng, weights).scores(prepared.X_target), slope)
    return normalise(scores.mean(axis=0)) / k
