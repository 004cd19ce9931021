"""Subspaces of two domains, and how one is turned into the other (Fernando 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdshift.stats.ot import spectrum

Floats = NDArray[np.float64]
MOST = 100  # dimensions at most: directions beyond are noise


def aligned(
    source: NDArray[Any], target: NDArray[Any], dimensions: int, share: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Subspace alignment: the source's matrix P_s P_s' P_t and the target's P_t, both (d, k), and the means (d,) of both.

    The columns of P are principal directions. k = dimensions, or where that is 0 as many as hold `share` of the variance in both
    domains, as far as both have them, MOST at most.
    """
    (mean_s, var_s, axes_s), (mean_t, var_t, axes_t) = spectrum(source, rng), spectrum(target, rng)
    held = max(_needed(var_s, share), _needed(var_t, share))
    k = min(dimensions or min(held, MOST), len(var_s), len(var_t))
    P_s, P_t = axes_s[::-1][:k].T, axes_t[::-1][:k].T
    return P_s @ (P_s.T @ P_t), P_t, mean_s, mean_t


def _needed(variances: Floats, share: float) -> int:
    if not len(variances):
        return 0
    held = np.cumsum(variances[::-1]) / variances.sum()
    return int(np.searchsorted(held, share - 1e-12) + 1)
