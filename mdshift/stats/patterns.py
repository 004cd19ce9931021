"""Traces that a known cause leaves in one number column: another unit, an offset, clipping, rounding, a placeholder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdshift.stats.intervals import auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PROBABILITIES = np.linspace(0.04, 0.96, 47)  # of the quantile-quantile line: tails are few rows
LEAST, DISTINCT = 50, 10  # known values, and different ones, that a line is fitted to
BAD, GOOD = 0.8, 0.98  # share of the target's quantile variance on the diagonal before, on the line after
BEFORE = 0.2  # least Kolmogorov-Smirnov distance before
CRITICAL = 1.63  # of the Kolmogorov-Smirnov law at level .01
FACTOR_SLACK, OFFSET_SLACK = 0.04, 0.12  # how near a known unit's factor (share) and offset (target sd) must be, of many rows
LOOSE, LOOSEST = 2.0, 0.12  # of few rows: so many standard errors; at most
NORMAL, LEAST_SLACK = 2.58, 0.01  # of the normal law at level .01; difference of an AUC from .5 that any unit may leave
FINEST = 6  # decimals that are told apart
PILE = 0.03  # share of the rows at a bound that counts as a pile


@dataclass(frozen=True)
class Unit:
    """target = factor * source + offset, and what that is called."""

    factor: float
    offset: float
    name: str


def both_ways(factor: float, one: str, two: str, offset: float = 0.0) -> tuple[Unit, Unit]:
    """Two = factor * one + offset, and back."""
    return Unit(factor, offset, f"{one} → {two}"), Unit(1 / factor, 0.0 - offset / factor, f"{two} → {one}")


def scaled(factor: int, example: str = "") -> tuple[Unit, Unit]:
    """A plain factor, and back; example: two units that it stands between, "small/large"."""
    small, _, large = example.partition("/")
    there, back = (f", as of {large} → {small}", f", as of {small} → {large}") if example else ("", "")
    return Unit(float(factor), 0.0, f"× {factor:,}{there}"), Unit(1 / factor, 0.0, f"÷ {factor:,}{back}")


UNITS = (
    *(unit for power in (1, 2, 3, 6, 9) for unit in scaled(10**power)),
    *both_ways(1.8, "°C", "°F", offset=32.0),
    *both_ways(1.0, "°C", "K", offset=273.15),
    *both_ways(2.54, "inches", "cm"),
    *both_ways(25.4, "inches", "mm"),
    *both_ways(0.3048, "feet", "m"),
    *both_ways(1.609344, "miles", "km"),
    *both_ways(0.45359237, "pounds", "kg"),
    *both_ways(9.80665, "g", "m/s²"),
    *both_ways(3.6, "m/s", "km/h"),
    *both_ways(18.016, "mmol/l", "mg/dl of glucose"),
    *both_ways(38.67, "mmol/l", "mg/dl of cholesterol"),
    *scaled(60, "seconds/minutes"),
    *scaled(3600, "seconds/hours"),
    *scaled(1024),
)


@dataclass(frozen=True)
class Line:
    """target = factor * source + offset fits the quantiles; unit: the known one that it matches, or None.

    before, after: Kolmogorov-Smirnov distances without and with the map. r2: share of the target's quantile variance on the line.
    """

    factor: float
    offset: float
    unit: Unit | None
    before: float
    after: float
    r2: float


def line(source: Floats, target: Floats) -> Line | None:
    """The map that turns the source's law into the target's, where there is a linear one and it is needed; else None.

    source (n,), target (m,): known values. A known unit is preferred to a fitted line.
    """
    n, m = len(source), len(target)
    if min(n, m) < LEAST or min(len(np.unique(source)), len(np.unique(target))) < DISTINCT:
        return None
    before = distance(source, target)
    q, r = np.quantile(source, PROBABILITIES), np.quantile(target, PROBABILITIES)
    if before < BEFORE or q.std() <= 0 or r.std() <= 0 or on_line(q, r, 1.0, 0.0) > BAD:
        return None
    allowed = min(max(CRITICAL * np.sqrt((n + m) / (n * m)), 0.03), before / 3)
    fitted = float(r.std() / q.std())
    made = Line(fitted, float(r.mean() - fitted * q.mean()), None, before, 0.0, 0.0)
    slack = max(FACTOR_SLACK, min(LOOSE * np.sqrt((n + m) / (n * m)), LOOSEST))
    near = [u for u in UNITS if _near(u, q, r, FACTOR_SLACK)]
    loose = [u for u in UNITS if u not in near and _near(u, q, r, slack)]
    near += sorted(loose, key=lambda u: abs(float(np.log(fitted / u.factor))))
    tried = [Line(u.factor, u.offset, u, before, 0.0, 0.0) for u in near] + [made]
    for one in tried:
        mapped = one.factor * source + one.offset
        after = distance(mapped, target)
        r2 = on_line(np.quantile(mapped, PROBABILITIES), r, 1.0, 0.0)
        if after <= allowed and r2 >= GOOD and (one.unit is None or _agree(mapped, target)):
            return Line(one.factor, one.offset, one.unit, before, after, r2)
    return None


def _near(unit: Unit, q: Floats, r: Floats, slack: float) -> bool:
    scale = unit.factor * q.std()
    away = abs(float((unit.factor * q + unit.offset).mean() - r.mean()))
    return bool(abs(np.log(r.std() / scale)) <= slack and away <= max(OFFSET_SLACK, slack) * r.std())


def _agree(mapped: Floats, target: Floats) -> bool:
    """Whether middle and spread agree within their errors, by ranks: so keen that a factor near a unit's is not taken for it."""
    middle = float(np.median(target))
    for one, two in ((mapped, target), (np.abs(mapped - middle), np.abs(target - middle))):
        value, variance = auc(one, two)
        if abs(value - 0.5) > max(NORMAL * np.sqrt(variance), LEAST_SLACK):
            return False
    return True


def on_grid(source: Floats, target: Floats, unit: Unit) -> bool:
    """Whether the source's values have few decimals, and the target's have as few only once they are converted back."""
    back = (target - unit.offset) / unit.factor
    k = int(np.quantile(decimals(source), 0.98, method="higher"))
    return k < FINEST - 2 and bool((decimals(back) <= k).mean() >= 0.98 and (decimals(target) <= k).mean() <= 0.4)  # noqa: PLR2004


def on_line(q: Floats, r: Floats, factor: float, offset: float) -> float:
    """Share of the variance of r that factor * q + offset explains; below zero where it is worse than the mean."""
    return float(1 - ((r - factor * q - offset) ** 2).mean() / r.var())


def distance(source: Floats, target: Floats) -> float:
    """Kolmogorov-Smirnov distance."""
    one, two = np.sort(source), np.sort(target)
    at = np.concatenate([one, two])
    return float(np.abs(np.searchsorted(one, at, side="right") / len(one) - np.searchsorted(two, at, side="right") / len(two)).max())


@dataclass(frozen=True)
class Bound:
    """The values of one side pile up at a bound that the other side passes.

    value: the bound. upper: whether it is the largest. pile: share of the bounded side there. beyond: share of the other side past it.
    p_value: that by chance so many of the pooled extremes all come from the other side.
    """

    value: float
    upper: bool
    pile: float
    beyond: float
    p_value: float


def bound(bounded: Floats, free: Floats) -> Bound | None:
    """Where `bounded` (n,) stops and `free` (m,) goes on: clipping or saturation; None where there is no such place."""
    n, m = len(bounded), len(free)
    if min(n, m) < LEAST or min(len(np.unique(bounded)), len(np.unique(free))) < 2 * DISTINCT:
        return None
    for sign in (1.0, -1.0):
        top = float((sign * bounded).max())
        pile = float((sign * bounded == top).mean())
        past = int((sign * free > top).sum())
        there = float((sign * free == top).mean())
        # without the pile the law goes on: as much lies at the bound as the other side has at and past it, half and double allowed
        alike = 0.5 <= pile / max(past / m + there, 1e-9) <= 2  # noqa: PLR2004
        if pile >= PILE and past / m >= PILE / 2 and there <= pile / 4 and alike:
            return Bound(sign * top, sign > 0, pile, past / m, float(max((m / (n + m)) ** past, 1e-300)))
    return None


def decimals(values: Floats) -> NDArray[np.int64]:
    """How many decimals each value needs: 0 to FINEST, and -1 for multiples of ten."""
    out = np.full(len(values), FINEST, np.int64)
    for k in range(FINEST - 1, -2, -1):
        scaled = values * 10.0**k
        whole = np.abs(scaled - np.round(scaled)) <= 1e-7 * np.maximum(np.abs(scaled), 1)
        out = np.where(whole & (out == k + 1), k, out)
    return out


def rounding(coarse: Floats, fine: Floats) -> int | None:
    """The decimals to which `coarse` is rounded where `fine` is not; None where there is no such difference."""
    if min(len(coarse), len(fine)) < LEAST or len(np.unique(coarse)) < DISTINCT // 2 or len(np.unique(fine)) < DISTINCT:
        return None
    a, b = decimals(coarse), decimals(fine)
    for k in range(-1, FINEST):
        if (a <= k).mean() >= 0.98 and (b <= k).mean() <= 0.4:  # noqa: PLR2004 - nearly all against a minority
            return k
    return None


def placeholder(values: Floats, other: Floats) -> tuple[float, float] | None:
    """A value far from all others that many of `values` have and few of `other`, and its share: an unmarked missing value."""
    if min(len(values), len(other)) < LEAST:
        return None
    for pick in (np.min, np.max):
        value = float(pick(values))
        share = float((values == value).mean())
        rest = values[values != value]
        if share < PILE or share > 1 - PILE or len(np.unique(rest)) < DISTINCT or (other == value).mean() > share / 10:
            continue
        spread = np.quantile(other, 0.9) - np.quantile(other, 0.1)
        gap = np.abs(np.concatenate([rest, other[other != value]]) - value).min()
        if gap > spread / 2 and gap > 0:
            return value, share
    return None
