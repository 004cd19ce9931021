"""Scales, and the lines and labels by which a chart is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mdshift.report.charts.svg import Canvas

WIDTH = 380.0  # of a chart, in pixels: readable on a phone without being scaled much


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on pixels from `start` to `end`; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` round values between two ends."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low] if math.isfinite(low) else []
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 2.5, 5) if m * power >= rough * (1 - 1e-9)), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def told(values: Sequence[float]) -> list[str]:
    """Labels of numbers, all with as many decimals as telling them apart takes."""
    largest = max((abs(v) for v in values), default=0.0)
    span = max(values, default=0.0) - min(values, default=0.0)
    decimals = next(d for d in range(7) if d == 6 or all(abs(round(v, d) - v) < 1e-6 * (span or 1) for v in values))  # noqa: PLR2004 - the last
    comma = "," if largest >= 10_000 else ""  # noqa: PLR2004 - four figures may be a year
    plain = [f"{v + 0.0:{comma}.{decimals}f}".replace("-", "−") for v in values]
    long = largest >= 1e6 or (largest and span < 1e-4 * largest) or (span and span < 1e-3)  # noqa: PLR2004 - more figures than fit
    if not long and len(set(plain)) == len(set(values)):
        return plain
    digits = next(d for d in (3, 6, 9, 17) if d == 17 or len({f"{v:.{d}g}" for v in values}) == len(set(values)))  # noqa: PLR2004 - all there are
    return [f"{v:.{digits}g}".replace("-", "−") for v in values]


def uprights(canvas: Canvas, scale: Scale, spans: Sequence[tuple[float, float]], most: int = 5, unit: float = 1, sign: str = "") -> None:
    """Thin upright lines at round values over these spans of height, with labels below the last, in `unit` and with its sign."""
    places = ticks(scale.low, scale.high, most)
    for value, words in zip(places, told([v * unit for v in places]), strict=True):
        x = scale(value)
        for top, bottom in spans:
            canvas.line([(x, top), (x, bottom)], "grid", 0.8)
        canvas.text(x, spans[-1][1] + 13, words + sign, "middle")


def levels(canvas: Canvas, scale: Scale, left: float, right: float, most: int = 5) -> None:
    """Thin level lines at round values, with their labels to the left."""
    places = ticks(scale.low, scale.high, most)
    for value, words in zip(places, told(places), strict=True):
        y = scale(value)
        canvas.line([(left, y), (right, y)], "grid", 0.8)
        canvas.text(left - 5, y + 4, words, "end")


def known(*values: Any) -> list[float]:
    """Those that are finite numbers."""
    return [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
