"""Columns that are no features but say how rows belong together: their time, their group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdshift.errors import UsageError, nearest
from mdshift.readers.columns import treat
from mdshift.readers.labels import names_of
from mdshift.types import MISSING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.readers.collect import Raw
    from mdshift.readers.notes import Notes
    from mdshift.types import DataSpec


def read_aside(wanted: Mapping[str, str], raws: Sequence[Raw], spec: DataSpec, notes: Notes) -> list[dict[str, NDArray[Any]]]:
    """The values of these columns (by use: "time", "group") in every domain, in the form of `Domain.aside`.

    Raises UsageError where a domain has no such column, or it is the label.
    """
    found: list[dict[str, NDArray[Any]]] = [{} for _ in raws]
    for use, column in wanted.items():
        for raw in raws:
            if column not in raw.positions:
                known = list(dict.fromkeys(n for r in raws for n in r.positions))
                hint = nearest(column, known) if known else "images and arrays have no such column"
                raise UsageError(f"the {use} column is not in {raw.name!r}", repr(column), hint)
        if column in spec.labels:
            raise UsageError(f"the label cannot be the {use}", repr(column), "name another column")
        if use == "group":
            notes.say("info", f"column {column!r} groups the rows, and is no feature")
        values = _times(column, raws, spec, notes) if use == "time" else _groups(column, raws)
        for into, v in zip(found, values, strict=True):
            into[use] = v
    return found


def _groups(column: str, raws: Sequence[Raw]) -> list[NDArray[np.int64]]:
    """Codes of the values, the same in every domain; MISSING where there is none."""
    import numpy as np

    names = [names_of(r.column(column)) for r in raws]
    codes = {v: i for i, v in enumerate(sorted({v for part in names for v in part if v is not None}))}
    return [np.array([MISSING if v is None else codes[v] for v in part], dtype=np.int64) for part in names]


def _times(column: str, raws: Sequence[Raw], spec: DataSpec, notes: Notes) -> list[NDArray[np.float64]]:
    """Numbers and dates as they are; words by their place in the alphabet; NaN where missing."""
    import numpy as np

    read = treat(column, [r.column(column) for r in raws], spec, [r.name for r in raws], notes)
    if read.column.kind in ("number", "date"):
        return [np.asarray(v, dtype=np.float64) for v in read.values]
    codes = _groups(column, raws)
    return [np.where(v == MISSING, np.nan, v.astype(np.float64)) for v in codes]
