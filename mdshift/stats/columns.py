"""Two samples of many numeric columns at once: binned counts, Kolmogorov-Smirnov, summaries; all columns in a few sorts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Compared:
    """Per column: counts (bins + 1, p) of both sides, the first bin holding the missing; the KS distance and its p-value (p,)."""

    source: Ints
    target: Ints
    distance: Floats
    p_value: Floats


def bins_for(n: int, m: int) -> int:
    """Quantile bins that the smaller side can fill: 2 to 10."""
    return int(np.clip(round(np.sqrt(min(n, m))), 2, 10))


def compare(source: Floats, target: Floats, bins: int) -> Compared:
    """Compare the columns of source (n, p) and target (m, p); NaN is missing.

    Missing values stand below all others, so that a change of their share counts as a difference. Bins end at pooled quantiles,
    ties kept together. The p-value is the asymptotic one with Stephens' (1970) correction, conservative under ties.
    """
    n, m = len(source), len(target)
    size = n + m
    pooled = np.concatenate([source, target])
    missing = np.isnan(pooled)
    values = np.where(missing, -np.inf, pooled)
    order = np.argsort(values, axis=0, kind="stable")
    values = np.take_along_axis(values, order, axis=0)
    here = np.cumsum(order < n, axis=0)  # source rows up to each position
    there = np.arange(1, size + 1)[:, None] - here
    last = np.ones(values.shape, bool)
    last[:-1] = values[1:] != values[:-1]  # the last position of every run of ties
    distance = np.where(last, np.abs(here / n - there / m), 0.0).max(axis=0)
    ends = np.where(last, np.arange(size)[:, None], size)
    ends = np.minimum.accumulate(ends[::-1], axis=0)[::-1]  # where the run of each position ends
    absent = missing.sum(axis=0)
    known = size - absent
    steps = np.ceil(np.arange(1, bins + 1)[:, None] * known[None, :] / bins).astype(np.int64)
    at = np.clip(absent[None, :] + steps - 1, 0, size - 1)
    at = np.concatenate([np.maximum(absent - 1, 0)[None, :], np.take_along_axis(ends, at, axis=0)])
    at = np.where(known[None, :] == 0, size - 1, at)
    cumulated = [np.take_along_axis(c, at, axis=0) for c in (here, there)]
    for c in cumulated:
        c[0] = np.where(absent > 0, c[0], 0)
    counts = [np.diff(c, axis=0, prepend=0) for c in cumulated]
    return Compared(counts[0], counts[1], distance, kolmogorov_p(distance, n, m))


def kolmogorov_p(distance: Floats, n: int, m: int) -> Floats:
    """Asymptotic p of the two-sample KS distance."""
    from scipy.special import kolmogorov

    root = np.sqrt(n * m / (n + m))
    out: Floats = np.clip(kolmogorov((root + 0.12 + 0.11 / root) * distance), 1e-300, 1.0)
    return np.where(distance <= 0, 1.0, out)


def summaries(values: Floats) -> dict[str, Floats]:
    """Mean, sd, quartiles, least, greatest and missing share of every column (p,); NaN where nothing is known."""
    ordered = np.sort(values, axis=0)  # NaN last
    known = (~np.isnan(values)).sum(axis=0)
    top = np.maximum(np.nan_to_num(np.abs(ordered)).max(axis=0, initial=0.0), 1e-300)
    scaled = np.nan_to_num(ordered / top)  # by the largest value: sums of 1e308 stay finite
    count = np.maximum(known, 1)
    mean = scaled.sum(axis=0) / count
    spread = np.sqrt(np.maximum((np.where(np.isnan(ordered), 0, (scaled - mean) ** 2)).sum(axis=0) / np.maximum(known - 1, 1), 0))
    blank = np.where(known > 0, 1.0, np.nan)
    out = {"mean": mean * top * blank, "sd": spread * top * blank}
    for name, q in (("min", 0.0), ("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("max", 1.0)):
        out[name] = quantile(ordered, known, q)
    out["missing"] = 1 - known / max(len(values), 1)
    return out


def quantile(ordered: Floats, known: Ints, q: float) -> Floats:
    """Quantile of every column of sorted values (n, p) of which the first `known` (p,) count; NaN where none does."""
    place = q * np.maximum(known - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(known - 1, 0))
    a, b = (np.take_along_axis(ordered, k[None, :], axis=0)[0] for k in (low, high))
    with np.errstate(invalid="ignore"):  # what stands behind the known values may be infinite
        out: Floats = np.where(known > 0, a * (1 - (place - low)) + b * (place - low), np.nan)
    return out
