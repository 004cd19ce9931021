"""Several p-values: adjusted, or combined into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def holm(p: Sequence[float] | Floats) -> Floats:
    """Holm's (1979) adjusted p-values: the family-wise error is bounded whatever the dependence."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    out = np.empty(len(values))
    out[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0) if len(values) else values
    return out


def weighted_bonferroni(p: Sequence[float], shares: Sequence[float]) -> float:
    """One p-value for several, each given a share of the level (shares add up to 1): min p/share."""
    return float(min(1.0, *(v / s for v, s in zip(p, shares, strict=True))))


def stouffer(p: Sequence[float] | Floats, weights: Sequence[float] | Floats) -> float:
    """One p-value for independent ones: the weighted sum of their normal scores (Stouffer 1949, Lipták 1958)."""
    from scipy.special import ndtr, ndtri

    w = np.asarray(weights, dtype=np.float64)
    z = -ndtri(np.clip(np.asarray(p, dtype=np.float64), 1e-300, 1 - 1e-16))
    return float(max(ndtr(-(w @ z) / np.sqrt(w @ w)), 1e-300))
