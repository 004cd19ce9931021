"""Permutations of sides: the reference of every exact two-sample test here.

The pooled rows stand source first. An assignment gives every source row the weight 1/m and every target row
-1/n, so that `weights @ values` is a difference of means; a permuted assignment does so for permuted sides. All of them
stand side by side in one matrix, the observed one first, so that a statistic is a matrix product for all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


LEAST_SKEW = 0.05  # below it a gamma law is a normal one
KEYS = 1_000_000  # random keys held at once


def assignments(m: int, n: int, permutations: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Weights (m + n, permutations + 1), float32; column 0 is the observed assignment."""
    out = np.empty((permutations + 1, m + n), np.float32)
    out[0, :m], out[0, m:] = 1 / m, -1 / n
    out[1:] = np.where(subsets(m + n, m, permutations, rng), out[0, 0], out[0, -1])
    return out.T


def subsets(size: int, count: int, draws: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Uniform random subsets of `count` of `size` rows, (draws, size): the rows with the smallest of random keys."""
    out = np.zeros((draws, size), dtype=bool)
    if count >= size:
        out[:] = True
    elif count > 0:
        step = max(1, KEYS // size)
        for start in range(0, draws, step):
            keys = rng.random((min(step, draws - start), size))
            out[start : start + len(keys)] = keys <= np.partition(keys, count - 1, axis=1)[:, [count - 1]]
    return out


def p_value(statistics: Floats) -> float:
    """The p-value of statistics[0] among all of `statistics` (large is extreme), counting itself: never 0.

    The tolerance keeps two equal statistics equal when they were summed in another order.
    """
    scale = 1e-9 * max(1.0, abs(float(statistics[0])))
    return float(np.mean(statistics >= statistics[0] - scale))


def surprise(z: Floats) -> Floats:
    """Minus the log of the tail probability of standardised statistics (kernels, B+1), by a gamma law of each row's skewness."""
    from scipy.stats import gamma

    skew = np.maximum((z**3).mean(axis=1, keepdims=True), LEAST_SKEW)
    shape = 4 / skew**2
    out: Floats = -gamma.logsf(np.maximum(z * np.sqrt(shape) + shape, 0.0), shape)
    return out


def joint(statistics: Floats, weights: Sequence[float] | None = None) -> float:
    """One p for several statistics of the same assignments, (k, B+1): the least likely one, its share of the level `weights`, itself permuted.

    Exact whatever the dependence, and not paid for when the statistics agree (Westfall & Young 1993). Tails by a gamma law, not by ranks:
    a difference far beyond every permutation is not held back by how few they are.
    """
    sd = statistics.std(axis=1, keepdims=True)
    tails = surprise((statistics - statistics.mean(axis=1, keepdims=True)) / np.where(sd > 0, sd, np.inf))
    if weights is not None:
        tails = tails + np.log(np.asarray(weights) / np.sum(weights))[:, None]
    return p_value(tails.max(axis=0))


def largest_difference(columns: NDArray[np.float32], weights: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """The largest standardised difference of means over all columns, for every assignment.

    columns (N, d), weights (N, B+1) of `assignments`. Returns the maxima (B+1,) and the observed |z| of every column (d,).
    A column without variance has z = 0.
    """
    size, d = columns.shape
    top = np.zeros(weights.shape[1])
    observed = np.zeros(d)
    per_row = float((weights[:, 0].astype(np.float64) ** 2).sum())  # 1/m + 1/n
    step = max(1, int(4e6) // max(weights.shape[1], size))
    for start in range(0, d, step):  # blocks of columns bound the memory
        block = columns[:, start : start + step]
        mean = block.mean(axis=0, dtype=np.float64)
        sd = np.sqrt(np.maximum(np.einsum("ij,ij->j", block, block, dtype=np.float64) / size - mean**2, 0) * size / max(size - 1, 1))
        sd = np.where(sd > 1e-6 * (1 + np.abs(mean)), sd, np.inf)
        z = np.abs((block - mean.astype(np.float32)).T @ weights) / (sd * np.sqrt(per_row))[:, None]
        observed[start : start + step] = z[:, 0]
        top = np.maximum(top, z.max(axis=0))
    return top, observed
