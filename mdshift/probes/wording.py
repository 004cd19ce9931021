"""Sentences that say how a column moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Summary = Mapping[str, float | None]

NOTABLE_SHARE = 0.02  # a change of a share that is worth a clause
LEAST_SHARE = 0.0005  # below it a share is rounded to nothing
NOTABLE_SHIFT = 0.1  # standard deviations
NOTABLE_SPREAD = 1.2  # ratio of standard deviations
BIG = 1e9  # from here on a number is told by its power of ten
LEAST = 1e-16  # p-values below are not told apart
ROUNDING = 1e-9
LONG = 60  # characters of a name in a sentence
NAMED = 3  # levels or terms named in a sentence


def short(name: str) -> str:
    """A name that fits in a sentence."""
    return name if len(name) <= LONG else name[: LONG - 1] + "…"


def figure(value: float, digits: int = 4) -> str:
    """A value with so many significant digits, and no power of ten where the digits before the point can be read."""
    rounded = float(f"{value:.{digits}g}")
    return f"{value:,.0f}" if 10 ** min(digits, 4) <= abs(rounded) < BIG else f"{rounded:.{max(digits, 4)}g}"


def portion(share: float) -> str:
    """A share in percent, with a decimal below a tenth."""
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"  # noqa: PLR2004 - two digits


def counted(rows: float) -> str:
    """The number and its noun: 1 row, 12 rows."""
    return f"{rows:,.0f} row{'' if round(rows) == 1 else 's'}"


def probability(p: float) -> str:
    """A p-value in a sentence: beyond the sixteenth decimal it is an approximation's, not a number to be told."""
    return f"= {p:.2g}" if p >= LEAST else f"< {LEAST:.0g}"


def binary(source: Summary, target: Summary) -> bool:
    """Whether a number is 0 or 1 alone on both sides: within [0, 1] only then is the variance mean (1 - mean)."""
    for side in (source, target):
        mean, sd, low, high, rows = (side.get(k) for k in ("mean", "sd", "min", "max", "rows"))
        if mean is None or sd is None or low is None or high is None or not rows or low < 0 or high > 1:
            return False
        known = rows * (1 - (side.get("missing") or 0.0))
        if abs(sd**2 * (1 - 1 / known) - mean * (1 - mean)) > ROUNDING:
            return False
    return True


def number(kind: str, source: Summary, target: Summary, sd: float | None) -> str:
    """What changed in a number or date: missing values, mean, spread; the largest change first."""
    a, b = source["mean"], target["mean"]
    gone = (source["missing"] or 0.0), (target["missing"] or 0.0)
    parts = []
    if abs(gone[1] - gone[0]) >= NOTABLE_SHARE:
        parts.append((abs(gone[1] - gone[0]) * 3, f"missing {gone[0]:.1%} → {gone[1]:.1%}"))
    if a is None or b is None:
        return parts[0][1] if parts else "nothing known on one side"
    if binary(source, target):
        return "; ".join([f"= 1 in {_change(f'{a:.1%}', f'{b:.1%}')}", *(text for _, text in parts)])
    moved = (b - a) / sd if sd else 0.0
    if abs(moved) >= NOTABLE_SHIFT:
        parts.append((abs(moved), f"mean {_value(kind, a)} → {_value(kind, b)} ({moved:+.1f} sd)"))
    before, after = source["sd"], target["sd"]
    if before is not None and after is not None and max(before, after) > 0:
        ratio = np.inf if min(before, after) <= 0 else max(before, after) / min(before, after)
        if ratio >= NOTABLE_SPREAD:
            unit = " days" if kind == "date" else ""
            parts.append((min(float(np.log(ratio)), 3.0), f"spread (sd) {figure(before, 3)} → {figure(after, 3)}{unit}"))
    if not parts:
        return _inner(kind, source, target, sd) or f"mean {_change(_value(kind, a), _value(kind, b))}"
    return "; ".join(text for _, text in sorted(parts, key=lambda p: -p[0]))


def _inner(kind: str, source: Summary, target: Summary, sd: float | None) -> str:
    """The middle half, where mean and spread stayed and it did not: another shape. Empty where two of its quartiles are not known to have moved.

    One quartile alone is no sign: among few values it jumps from one to the next.
    """
    sides = [[side.get(k) for k in ("q25", "median", "q75")] for side in (source, target)]
    moved = [abs(b - a) for a, b in zip(*sides, strict=True) if a is not None and b is not None]
    if not sd or sum(m / sd >= 2 * NOTABLE_SHIFT for m in moved) < 2:  # noqa: PLR2004
        return ""
    before, after = (" to ".join(_value(kind, v) for v in (q[0], q[2]) if v is not None) for q in sides)
    return f"middle half {before} → {after}"


def _change(before: str, after: str) -> str:
    """Both figures, or the one that they are rounded."""
    return f"{before} → {after}" if before != after else f"{before} on both sides"


def _value(kind: str, v: float) -> str:
    if kind == "date":
        try:
            return (dt.date(1970, 1, 1) + dt.timedelta(days=round(v))).isoformat()
        except (OverflowError, ValueError):
            pass
    return figure(v)


def category(names: list[str], source: Floats, target: Floats, counts: NDArray[np.int64]) -> str:
    """What changed in a category: levels that the source lacks, then the shares that moved most.

    names[0] and names[1] stand for unknown and missing values; counts are the source's.
    """
    parts = []
    new = [i for i in np.argsort(-target, kind="stable") if target[i] > 0 and counts[i] == 0 and i != 1]
    if new:
        listed = ", ".join(short(names[i]) for i in new[:NAMED]) + (" …" if len(new) > NAMED else "")
        share = float(sum(target[i] for i in new))
        parts.append(
            f"{f'{share:.1%}' if share >= LEAST_SHARE else 'less than 0.1%'} of the target in categories that the source lacks ({listed})"
        )
    moved = [i for i in np.argsort(-np.abs(target - source), kind="stable")[:NAMED] if i not in new]
    parts += [f"{short(names[i])}: {source[i]:.1%} → {target[i]:.1%}" for i in moved if abs(target[i] - source[i]) >= NOTABLE_SHARE]
    if not parts:
        most = int(np.argmax(np.abs(target - source))) if len(source) else 0
        if not len(source) or f"{source[most]:.1%}" == f"{target[most]:.1%}":
            return "the same shares on both sides"
        return f"{short(names[most])}: {source[most]:.1%} → {target[most]:.1%}"
    return "; ".join(parts[: NAMED + 1])


def text(more: list[str], less: list[str], before: float, after: float) -> str:
    """Which terms became more or less frequent, and the length where it changed."""
    parts = []
    if more:
        parts.append(f"more often in the target: {', '.join(short(w) for w in more)}")
    if less:
        parts.append(f"less often: {', '.join(short(w) for w in less)}")
    if min(before, after) > 0 and max(before, after) / min(before, after) >= NOTABLE_SPREAD:
        parts.append(f"{before:.0f} → {after:.0f} words a text")
    return "; ".join(parts) or "the same terms on both sides"
