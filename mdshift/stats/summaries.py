"""Summaries of a column that can be merged: one pass over rows that are never held together.

The summary of a column is that of its parts, merged in any order and however it is cut: counts exactly, mean and spread up to
rounding (Chan, Golub & LeVeque 1983).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 1e150  # magnitudes beyond it are cut, as in the rows that are held
LEVELS = 1_000  # levels of a column that are counted
SAFE = 1e100  # deviations between 1/SAFE and SAFE can be squared as they are


@dataclass(frozen=True)
class Numbers:
    """Rows, known values, least, greatest, mean, and the root of the sum of squared deviations.

    The root stands in the place of its square, which would overflow from deviations of 1e154 on.
    """

    rows: int = 0
    known: int = 0
    low: float = np.inf
    high: float = -np.inf
    mean: float = 0.0
    root: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Numbers:
        """The summary of values (n,), NaN where missing; infinite ones count as missing, too."""
        rows = len(values)
        if not rows:
            return cls()
        with np.errstate(all="ignore"):  # what is not finite is looked for next
            low, high, total = float(values.min()), float(values.max()), float(values.sum())
        if not (low >= -LARGEST and high <= LARGEST):  # a NaN compares as false
            values = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
            if not len(values):
                return cls(rows)
            low, high, total = float(values.min()), float(values.max()), float(values.sum())
        known = len(values)
        mean = min(max(total / known, low), high)  # rounding can't carry it out of the values
        away = values - mean
        far = max(high - mean, mean - low)
        scale = far if far > SAFE or 0 < far < 1 / SAFE else 1.0
        if scale != 1:
            away /= scale
        return cls(rows, known, low, high, mean, scale * float(np.sqrt(np.einsum("i,i->", away, away))))

    def merged(self, other: Numbers) -> Numbers:
        """The summary of both."""
        known = self.known + other.known
        rows = self.rows + other.rows
        if not self.known or not other.known:
            full = self if self.known else other
            return Numbers(rows, known, full.low, full.high, full.mean, full.root)
        share = other.known / known
        apart = other.mean - self.mean
        between = abs(apart) * float(np.sqrt(self.known * share))
        return Numbers(
            rows,
            known,
            min(self.low, other.low),
            max(self.high, other.high),
            self.mean + apart * share,
            float(np.hypot(np.hypot(self.root, other.root), between)),
        )

    @property
    def sd(self) -> float:
        """Standard deviation of the known values; NaN without any."""
        return self.root / float(np.sqrt(max(self.known - 1, 1))) if self.known else float("nan")

    @property
    def missing(self) -> float:
        """Share of the rows without a value."""
        return 1 - self.known / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Levels:
    """Rows, known values, and how often each level occurs; no counts (None) where there are more than LEVELS levels."""

    rows: int = 0
    known: int = 0
    counts: Mapping[str, int] | None = field(default_factory=dict)

    def merged(self, other: Levels) -> Levels:
        """The summary of both."""
        counts = None
        if self.counts is not None and other.counts is not None:
            both = dict(self.counts)
            for level, count in other.counts.items():
                both[level] = both.get(level, 0) + count
            counts = both if len(both) <= LEVELS else None
        return Levels(self.rows + other.rows, self.known + other.known, counts)

    def coded(self, levels: tuple[str, ...]) -> NDArray[np.int64] | None:
        """How often each of these levels occurs, behind the counts of all others and of the missing: (2 + levels,); None without counts."""
        if self.counts is None:
            return None
        known = [self.counts.get(level, 0) for level in levels]
        return np.array([self.known - sum(known), self.rows - self.known, *known], dtype=np.int64)


Summary = Numbers | Levels
