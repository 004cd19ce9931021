"""Maximum mean discrepancy with many kernels at once, without splitting the rows and without their square in memory.

Bandwidths come from the pooled rows, so that they are the same for every permutation of sides and the test stays exact.
Each kernel's statistic is turned into a tail probability by a gamma law with its own mean, spread and skewness over the permutations,
and the smallest counts: like MMDAgg (Schrab et al. 2023) and MMD-FUSE (Biggs et al. 2023) it adapts to the scale of the difference.
Wide kernels have a skew null law and narrow ones a nearly normal one: standardised values alone would let the wide ones drown the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdshift.stats.permutation import p_value, surprise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Matrix = NDArray[np.float32]

EXACT = 2_000  # pooled rows up to which every pair is summed; beyond, random features
BANDWIDTHS = 8  # a kind of kernel
FREQUENCIES = 64  # random frequencies a kernel at least: a cosine and a sine each
MANY = 8_000  # pooled rows up to which four times as many are affordable, and worth some points of power
BLOCK = 1_024  # rows of a block of the kernel matrix
CITY = 32  # columns up to which the Laplace kernel uses the city-block distance, whose cost grows with the columns
PAIRS = 20_000  # sampled pairs for the quantiles of the distances


@dataclass(frozen=True, eq=False)
class Discrepancy:
    """What the test found: statistics (B+1,) with the observed first; each kernel's observed surprise (kernels,), and what it was."""

    statistics: Floats
    surprise: Floats
    kernels: tuple[tuple[str, float], ...]
    squared: float  # the unbiased squared discrepancy of the kernel that saw most
    method: str

    @property
    def p_value(self) -> float:
        """The permutation p-value."""
        return p_value(self.statistics)

    @property
    def best(self) -> tuple[str, float]:
        """The kernel, and its bandwidth, that saw most."""
        return self.kernels[int(np.argmax(self.surprise))]


def discrepancy(Z: Matrix, weights: Matrix, rng: np.random.Generator, *, exact: int = EXACT) -> Discrepancy:
    """Aggregated MMD of the pooled rows Z (N, d) for all assignments `weights` (N, B+1) of `permutation.assignments`.

    Cost: N^2 kernels/2 up to `exact` rows, linear in N beyond it (Rahimi & Recht 2007). Memory: one block.
    """
    city = Z.shape[1] <= CITY
    grids = (("laplace", bandwidths(Z, rng, city=city)), ("gaussian", bandwidths(Z, rng, city=False)))
    kernels = tuple((kind, float(h)) for kind, grid in grids for h in grid)
    if len(Z) <= exact:
        sums = _all_pairs(Z, weights, kernels, city=city)
        how = f"all pairs of {len(Z)} rows"
    else:
        count = FREQUENCIES * (4 if len(Z) <= MANY else 1)
        sums = _random_features(Z, weights, kernels, rng, city=city, count=count)
        how = f"{count} random frequencies a kernel on {len(Z)} rows"
    mean, sd = sums.mean(axis=1, keepdims=True), sums.std(axis=1, keepdims=True)
    rounding = 1e-4 * float((weights[:, 0].astype(np.float64) ** 2).sum())  # a spread below it is that of sums in another order
    tails = surprise((sums - mean) / np.where(sd > rounding, sd, np.inf))
    best = int(np.argmax(tails[:, 0]))
    method = f"aggregated MMD, {len(kernels)} kernels (Laplace and Gaussian), {how}, {weights.shape[1] - 1} permutations"
    return Discrepancy(tails.max(axis=0), tails[:, 0], kernels, float(sums[best, 0] - mean[best, 0]), method)


def bandwidths(Z: Matrix, rng: np.random.Generator, *, city: bool) -> Floats:
    """A geometric grid from half the 5 % to twice the 95 % quantile of the pooled distances that are not zero."""
    a, b = rng.integers(0, len(Z), (2, PAIRS))
    gap = np.abs(Z[a] - Z[b])
    apart = gap.sum(axis=1, dtype=np.float64) if city else np.sqrt((gap.astype(np.float64) ** 2).sum(axis=1))
    apart = apart[apart > 0]
    if not len(apart):
        return np.ones(1)
    low, high = np.quantile(apart, [0.05, 0.95])
    return np.geomspace(low / 2, high * 2, BANDWIDTHS)


def _all_pairs(Z: Matrix, weights: Matrix, kernels: tuple[tuple[str, float], ...], *, city: bool) -> Floats:
    """The form w' K w for every kernel and assignment w, K without its diagonal; blocks above the diagonal count twice."""
    from scipy.spatial.distance import cdist

    out = np.zeros((len(kernels), weights.shape[1]))
    norms = np.einsum("ij,ij->i", Z, Z)
    wide = Z.astype(np.float64) if city else Z
    for i in range(0, len(Z), BLOCK):
        for j in range(i, len(Z), BLOCK):
            rows, columns = slice(i, i + BLOCK), slice(j, j + BLOCK)
            square = np.maximum(norms[rows, None] + norms[None, columns] - 2 * (Z[rows] @ Z[columns].T), 0)
            plain = cdist(wide[rows], wide[columns], "cityblock").astype(np.float32) if city else np.sqrt(square)
            buffer = np.empty_like(square)
            for k, (kind, h) in enumerate(kernels):
                if kind == "laplace":
                    np.multiply(plain, np.float32(-1 / h), out=buffer)
                else:
                    np.multiply(square, np.float32(-0.5 / h**2), out=buffer)
                np.exp(buffer, out=buffer)
                if i == j:
                    np.fill_diagonal(buffer, 0)
                part = np.einsum("ij,ij->j", weights[rows], buffer @ weights[columns], dtype=np.float64)
                out[k] += part if i == j else 2 * part
    return out


def _random_features(
    Z: Matrix, weights: Matrix, kernels: tuple[tuple[str, float], ...], rng: np.random.Generator, *, city: bool, count: int
) -> Floats:
    """Squared difference of the mean random features for every kernel and assignment."""
    d = Z.shape[1]
    base = {"gaussian": rng.standard_normal((d, count)), "laplace": rng.standard_cauchy((d, count))}
    if not city:  # exp(-|x|_2 / h): a multivariate Cauchy
        base["laplace"] = rng.standard_normal((d, count)) / np.abs(rng.standard_normal(count))
    # all kernels side by side: one wide product is many times faster than a narrow one a kernel
    frequencies = np.concatenate([base[kind] / h for kind, h in kernels], axis=1).astype(np.float32)
    width = frequencies.shape[1]
    sums = np.zeros((2 * width, weights.shape[1]), np.float32)
    features = np.empty((BLOCK, 2 * width), np.float32)
    for start in range(0, len(Z), BLOCK):
        angle = Z[start : start + BLOCK] @ frequencies
        block = features[: len(angle)]
        np.cos(angle, out=block[:, :width])
        np.sin(angle, out=block[:, width:])
        sums += block.T @ weights[start : start + BLOCK]
    sums *= sums
    split = sums.reshape(2, len(kernels), count, -1)
    return np.asarray(split.sum(axis=(0, 2), dtype=np.float64) / count)
