"""A region in words: its conditions, and how much more or less frequent its rows are in the target."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes import wording
from mdshift.types import MISSING, UNKNOWN

if TYPE_CHECKING:
    from mdshift.probes.region import Literal, Rows


def text(rule: tuple[Literal, ...], rows: Rows) -> str:
    """The rule in words, conditions on one column as one."""
    order = list(dict.fromkeys((c.column, c.place, c.kind) for c in rule))
    return " and ".join(_clause([c for c in rule if (c.column, c.place, c.kind) == key], rows) for key in order)


def _clause(conditions: list[Literal], rows: Rows) -> str:
    c = conditions[0]
    name = wording.short(c.column)
    if c.kind == "text":
        return f"{name} with \u201c{wording.short(str(c.value))}\u201d"
    if c.kind == "missing":
        return f"{name} is {'known' if c.negated else 'missing'}"
    if c.kind == "category" and c.value == MISSING:
        return f"{name} is {'known' if c.negated else 'missing'}"
    if c.kind == "category":
        level = "a rare value" if c.value == UNKNOWN else wording.short(c.level)
        return f"{name} is not {level}" if c.negated else f"{name} is {level}" if c.value == UNKNOWN else f"{name} = {level}"
    low = [v.value for v in conditions if v.above]
    high = [v.value for v in conditions if not v.above]
    if low and high:
        return f"{_value(c.kind, max(low))} < {name} ≤ {_value(c.kind, min(high))}"
    left = np.unique(rows.numbers[c.holds(rows), c.place])
    if len(left) == 1:  # one value alone lies beyond the bound, as of a yes or no
        return f"{name} = {_value(c.kind, float(left[0]))}"
    return f"{name} > {_value(c.kind, low[0])}" if low else f"{name} ≤ {_value(c.kind, high[0])}"


def _value(kind: str, value: float) -> str:
    if kind == "date":
        try:
            return (dt.date(1970, 1, 1) + dt.timedelta(days=float(np.floor(value)))).isoformat()
        except (OverflowError, ValueError):
            pass
    return f"{value:.6g}"


def sentence(record: dict[str, Any], *, never: bool) -> str:
    """How much more or less frequent the rows of a rule are in the target."""
    shares = f"{_share(record['target_share'])} of the target, {_share(record['source_share'])} of the source"
    if never:  # a ratio of none is no number to tell
        return f"{record['rule']}: {shares}"
    times = record["ratio"]
    told = f"{times:.0f}" if times >= 10 else f"{times:.1f}" if times >= 1 else f"{times:.2f}"  # noqa: PLR2004 - two digits
    told += " times as frequent"
    return f"{record['rule']}: {told} in the target ({shares})"


def _share(value: float) -> str:
    if value == 0:
        return "none"
    return f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"  # noqa: PLR2004 - two digits
