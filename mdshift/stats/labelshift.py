"""The target's class prior from the scores of a source classifier, under label shift: P(X|Y) unchanged.

`em_prior` is the maximum likelihood estimate by expectation maximisation (Saerens 2002), which wants calibrated
probabilities (Alexandari 2020, see `mdshift.stats.calibration`); `bbse` solves the confusion matrix instead (Lipton 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TINY = 1e-12


def em_prior(probabilities: Floats, source_prior: Floats, *, tolerance: float = 1e-6, steps: int = 2000, alpha: float = 0.0) -> Floats:
    """Target prior (k,) that makes the target's scores likeliest, by EM.

    probabilities (m, k): calibrated P_source(y|x) of the target rows. source_prior (k,): the prior those were trained under.
    alpha: pseudo-counts a class (a symmetric Dirichlet prior of alpha + 1), which keep a rare class alive.
    A class that the source lacks (prior 0) keeps 0. Saerens, Latinne & Decaestecker 2002.
    """
    source = _distribution(source_prior)
    if len(probabilities) == 0:
        return source
    ratio = np.divide(np.asarray(probabilities, dtype=np.float64), source, out=np.zeros(np.shape(probabilities)), where=source > 0)
    prior = source.copy()
    for _ in range(steps):
        mass = ratio * prior
        total = mass.sum(axis=1, keepdims=True)
        posterior = np.divide(mass, total, out=np.broadcast_to(prior, mass.shape).copy(), where=total > _TINY)
        now = _distribution(posterior.sum(axis=0) + alpha * (source > 0))
        moved = float(np.abs(now - prior).max())
        prior = now
        if moved < tolerance:
            break
    return prior


def bbse(
    probabilities_source: Floats, y_source: NDArray[np.int64], probabilities_target: Floats, *, soft: bool = True, ridge: float = 1e-3
) -> Floats:
    """Target prior (k,) by black-box shift estimation: solve C w = mu for the class ratios w >= 0 (Lipton 2018).

    probabilities_source (n, k) must be out-of-fold scores of the labelled source rows, y_source (n,) their codes.
    C is the joint of predicted and true class (soft scores or hard decisions); `ridge` pulls w to 1 where C is near singular
    (Azizzadenesheli 2019).
    """
    from scipy.optimize import nnls

    k = probabilities_source.shape[1]
    source, target = (p if soft else np.eye(k)[p.argmax(axis=1)] for p in (probabilities_source, probabilities_target))
    onehot = np.eye(k)[y_source]
    joint = source.T @ onehot / max(len(y_source), 1)  # (predicted, true)
    mu = target.mean(axis=0) if len(target) else joint.sum(axis=1)
    root = np.sqrt(ridge)
    w, _ = nnls(np.vstack([joint, root * np.eye(k)]), np.concatenate([mu, np.full(k, root)]))
    return _distribution(w * onehot.mean(axis=0))


def reweigh_prior(probabilities: Floats, source_prior: Floats, target_prior: Floats) -> Floats:
    """P(y|x) under another class prior by Bayes' rule: proportional to p(y|x) * target / source; rows (n, k) sum to 1."""
    source = _distribution(source_prior)
    ratio = np.divide(target_prior, source, out=np.zeros_like(source), where=source > 0)
    mass = probabilities * ratio
    total = mass.sum(axis=1, keepdims=True)
    out: Floats = np.divide(mass, total, out=np.array(probabilities, dtype=np.float64), where=total > _TINY)
    return out


def bootstrap_priors(
    probabilities_source: Floats,
    y_source: NDArray[np.int64],
    probabilities_target: Floats,
    rng: np.random.Generator,
    *,
    method: str = "em",
    draws: int = 100,
) -> Floats:
    """Bootstrap draws (draws, k) of the estimated target prior: source and target rows are drawn again, with replacement."""
    k = probabilities_source.shape[1]
    out = np.empty((draws, k))
    n, m = len(y_source), len(probabilities_target)
    for b in range(draws):
        i, j = rng.integers(0, n, n), rng.integers(0, m, m)
        out[b] = estimate_prior(probabilities_source[i], y_source[i], probabilities_target[j], method=method, tolerance=1e-4)
    return out


def estimate_prior(
    probabilities_source: Floats,
    y_source: NDArray[np.int64],
    probabilities_target: Floats,
    *,
    method: str = "em",
    **options: Any,
) -> Floats:
    """Target prior (k,) by `method` "em" or "bbse", from out-of-fold source scores and target scores."""
    if method == "bbse":
        return bbse(probabilities_source, y_source, probabilities_target)
    return em_prior(probabilities_target, np.bincount(y_source, minlength=probabilities_source.shape[1]).astype(float), **options)


def _distribution(counts: Any) -> Floats:
    values = np.maximum(np.asarray(counts, dtype=np.float64), 0.0)
    total = values.sum()
    return values / total if total > 0 else np.full(len(values), 1.0 / len(values))
