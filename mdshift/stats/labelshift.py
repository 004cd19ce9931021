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


def em_prior(probabilities: Floats, source_prior: Floats, *, tolerance: float = 1e-8, steps: int = 2000, alpha: float = 0.0) -> Floats:
    """Target prior (k,) that makes the target's scores likeliest, by EM.

    probabilities (m, k): calibrated P_source(y|x) of the target rows. source_prior (k,): the prior those were trained under.
    alpha: pseudo-counts a class (a symmetric Dirichlet prior of alpha + 1), which keep a rare class alive.
    A class that the source lacks (prior 0) keeps 0. Saerens, Latinne & Decaestecker 2002; steps extrapolated as `em_priors` tells.
    """
    source = _distribution(source_prior)
    if len(probabilities) == 0:
        return source
    ones = np.ones((1, len(probabilities)))
    found: Floats = em_priors(probabilities, source[None], ones, tolerance=tolerance, steps=steps, alpha=alpha)[0]
    return found


def em_priors(
    probabilities: Floats, source_priors: Floats, counts: Floats, *, tolerance: float = 1e-6, steps: int = 2000, alpha: float = 0.0
) -> Floats:
    """Target priors (b, k) of b samples at once, each of which holds every row of `probabilities` (m, k) as often as `counts` (b, m) says.

    source_priors (b, k). EM creeps where the classifier is weak, and a step below the tolerance is then no sign that the end is near; so
    steps are extrapolated (SQUAREM, Varadhan & Roland 2008), and taken back where that moved away from the fixed point. A fixed point
    is the maximum, for the likelihood is concave.
    """
    P = np.asarray(probabilities, dtype=np.float64)
    source = np.array([_distribution(s) for s in source_priors])
    prior = source.copy()
    left = np.arange(len(prior))
    stride, before = np.ones(len(prior)), np.full(len(prior), np.inf)
    weights = np.asarray(counts, dtype=np.float64)
    for _ in range(max(1, steps // 3)):
        start, own, some = prior[left], source[left], weights if len(left) == len(weights) else weights[left]
        one = _em_step(start, P, own, some, alpha)
        first = one - start
        moved = np.abs(first).max(axis=1)
        two = _em_step(one, P, own, some, alpha)
        second = two - one - first
        length = np.sqrt((first**2).sum(axis=1) / np.maximum((second**2).sum(axis=1), _TINY**2))
        stride[left] = np.where(moved > before[left], 1.0, np.minimum(4 * stride[left], 1e6))
        before[left] = moved
        length = np.clip(length, 1.0, stride[left])[:, None]
        far = start + 2 * length * first + length**2 * second
        far = np.where(far > 0, far, two / 2)  # a class at 0 would never come back
        prior[left] = far / far.sum(axis=1, keepdims=True)
        done = moved < tolerance
        prior[left[done]] = two[done]
        left = left[~done]
        if not len(left):
            break
    else:
        prior[left] = two[~done]
    return prior


def _em_step(prior: Floats, P: Floats, source: Floats, counts: Floats, alpha: float) -> Floats:
    """One step of EM: the mean posterior under this prior, for every sample."""
    ratio = np.divide(prior, source, out=np.zeros_like(prior), where=source > 0)
    total = ratio @ P.T
    blank = total <= _TINY
    inverse = counts / np.where(blank, 1.0, total)
    if blank.any():  # a row that no class explains says nothing: it keeps the prior
        inverse[blank] = 0.0
    mass = ratio * (inverse @ P) + prior * (blank * counts).sum(axis=1, keepdims=True) + alpha * (source > 0)
    out: Floats = mass / np.maximum(mass.sum(axis=1, keepdims=True), _TINY)
    return out


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
    k, n, m = probabilities_source.shape[1], len(y_source), len(probabilities_target)
    if method == "em" and m:
        shares, counts = np.empty((draws, k)), np.empty((draws, m))
        for b in range(draws):
            shares[b] = np.bincount(y_source[rng.integers(0, n, n)], minlength=k)
            counts[b] = np.bincount(rng.integers(0, m, m), minlength=m)
        return em_priors(probabilities_target, shares, counts)
    out = np.empty((draws, k))
    for b in range(draws):
        i, j = rng.integers(0, n, n), rng.integers(0, m, m)
        out[b] = estimate_prior(probabilities_source[i], y_source[i], probabilities_target[j], method=method)
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
