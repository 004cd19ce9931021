"""Bootstrap intervals of any score (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], n: int, rng: np.random.Generator, alpha: float = 0.05, draws: int = 400
) -> tuple[float | None, float | None]:
    """Percentile interval at level 1 - alpha of statistic(rows), rows drawn with replacement from n; None where it can't be computed."""
    if n < 2:  # noqa: PLR2004 - one row does not vary
        return None, None
    values: Any = np.array([statistic(rng.integers(0, n, n)) for _ in range(draws)])
    values = values[np.isfinite(values)]
    if len(values) < draws / 2:
        return None, None
    low, high = np.quantile(values, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def two_sided(alpha: float) -> float:
    """Standard errors on each side of a normal interval at level 1 - alpha."""
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2))


def multiplicities(n: int, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each of n rows stands in every bootstrap draw, (draws + 1, n); the first row holds every one once: the sample itself.

    Weighted means of all draws are then one product of matrices.
    """
    out = np.ones((draws + 1, n))
    for b in range(draws):
        out[b + 1] = np.bincount(rng.integers(0, n, n), minlength=n)
    return out
