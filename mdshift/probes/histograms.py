"""How the values of a column lie on both sides, for a chart: counts over common bins, or over levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

BINS = 20  # at most
FEW = 12  # distinct values up to which every value is a level by itself
TOP = 7  # levels that are named
EDGE = 0.005  # share of the rows beyond the first and the last edge, which are counted in the bins there


def numbers(source: Floats, target: Floats) -> dict[str, Any] | None:
    """Counts of known values in bins of equal width that both sides share; of each value where there are few.

    {edges (k + 1,), source (k,), target (k,)}, or {levels, source, target}; the first and last bin hold what lies beyond their edge. None
    where a side has no known value, or the values span more than a number can hold.
    """
    here, there = source[np.isfinite(source)], target[np.isfinite(target)]
    if not len(here) or not len(there):
        return None
    both = np.concatenate([here, there])
    values = np.unique(both)
    if len(values) <= FEW:
        counts = [np.bincount(np.searchsorted(values, v), minlength=len(values)) for v in (here, there)]
        return {"levels": values.tolist(), "source": counts[0].tolist(), "target": counts[1].tolist()}
    # a small side must be seen: the ends are those of either side, not of the pooled rows
    ends = np.array([np.quantile(v, (EDGE, 1 - EDGE), method="inverted_cdf") for v in (here, there)])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if low == high:
        low, high = float(values[0]), float(values[-1])
    with np.errstate(over="ignore"):
        edges = _edges(low, high, whole=bool((both == np.round(both)).all()))
    if edges is None:
        return None
    counts = [_counted(v, edges) for v in (here, there)]
    return {"edges": edges.tolist(), "source": counts[0].tolist(), "target": counts[1].tolist()}


def _edges(low: float, high: float, *, whole: bool) -> Floats | None:
    """Edges of at most BINS bins of one width; around whole numbers where all values are."""
    if not np.isfinite(high - low) or abs(low) + abs(high) > 1e300:  # noqa: PLR2004 - sums beyond would overflow
        return None
    if whole and high - low < 1e15:  # noqa: PLR2004 - beyond it not every whole number exists
        width = int(np.ceil((high - low + 1) / BINS))
        found = low - 0.5 + width * np.arange(int(np.ceil((high - low + 1) / width)) + 1)
    else:
        found = np.linspace(low, high, BINS + 1)
    return np.asarray(found, np.float64) if (np.diff(found) > 0).all() else None


def _counted(values: Floats, edges: Floats) -> Ints:
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.asarray(np.bincount(at, minlength=len(edges) - 1), np.int64)


def levels(names: list[str], source: Ints, target: Ints) -> dict[str, Any] | None:
    """Counts of the levels that are most frequent on either side, those of all others as `others` (source, target); None where a side is empty."""
    n, m = int(source.sum()), int(target.sum())
    if not n or not m:
        return None
    share = np.maximum(source / n, target / m)
    kept = [int(i) for i in np.argsort(-share, kind="stable")[:TOP] if share[i] > 0]
    counts = [[int(side[i]) for i in kept] for side in (source, target)]
    return {
        "levels": [names[i] for i in kept],
        "source": counts[0],
        "target": counts[1],
        "others": [n - sum(counts[0]), m - sum(counts[1])],
    }
