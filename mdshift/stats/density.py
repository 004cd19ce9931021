"""Density ratios p_target(x) / p_source(x) from a cross-fitted classifier of the domain (Bickel 2007)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scorer = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], np.random.Generator], Floats]

FEWEST = 10  # rows a side: a handful has no density


def ratios(probabilities: Floats, n_source: int, n_target: int) -> Floats:
    """p_target / p_source of rows whose probability of being a target row is given, for these numbers of training rows; mean 1."""
    p = np.clip(probabilities, 1e-4, 1 - 1e-4)
    w = p / (1 - p) * (n_source / n_target)
    return normalise(w)


def normalise(weights: Floats) -> Floats:
    """Weights of mean 1."""
    mean = weights.mean() if len(weights) else 1.0
    out: Floats = weights / mean if mean > 0 else np.ones_like(weights)
    return out


def effective(weights: Floats) -> float:
    """Effective sample size (sum w)^2 / sum w^2 (Kish 1965)."""
    total = float((weights**2).sum())
    return float(weights.sum() ** 2 / total) if total > 0 else 0.0


def clip(weights: Floats, top: float) -> Floats:
    """No weight above `top` times the mean (of what is left), mean 1."""
    w = normalise(weights)
    for _ in range(20):
        clipped = normalise(np.minimum(w, top))
        if np.allclose(clipped, w, rtol=1e-6):
            break
        w = clipped
    return w


def flatten(weights: Floats, share: float) -> tuple[Floats, float]:
    """Weights to the largest power in [0, 1] at which their effective share of rows reaches `share` (Shimodaira 2000), and that power.

    Few effective rows make the refit noisier than the shift that it cures.
    """
    w = normalise(weights)
    if effective(w) >= share * len(w):
        return w, 1.0
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if effective(w**middle) >= share * len(w) else (low, middle)
    return normalise(w**low), low


def importance(probabilities: Floats, n_source: int, n_target: int, heavy: float = 0.99) -> Floats:
    """p_target / p_source of source rows, the values above the quantile `heavy` cut to it (Ionides 2008), mean 1, (n,)."""
    e = np.asarray(probabilities, dtype=np.float64)
    ratio = e / np.maximum(1 - e, 1e-6) * n_source / max(n_target, 1)
    return normalise(np.minimum(ratio, np.quantile(ratio, heavy)))


def shared_support(probabilities: Floats, n_source: int, n_target: int) -> Floats:
    """Weight in [0, 1] that takes source rows to the law that both domains share, of density pq / (p + q); one less it takes target rows there.

    probabilities: P(target | row) in the sample of n_source and n_target rows. No weight is large, however far the domains are apart
    (Cai 2023; the overlap weights of Li 2018).
    """
    e = np.asarray(probabilities, dtype=np.float64)
    there, here = e / max(n_target, 1), (1 - e) / max(n_source, 1)
    out: Floats = there / np.maximum(there + here, 1e-300)
    return out
