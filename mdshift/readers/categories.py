"""Columns of words: categories, text, or names that only tell rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mdshift.readers.columns import Found
from mdshift.readers.notes import Notes
from mdshift.types import MISSING, UNKNOWN, Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVELS = 1_000  # a category has at most so many; the rarest are one "unknown"
LONG, WORDY = 40, 5.0  # mean characters, mean words: from there on values are text
DISTINCT, ALMOST_ALL = 0.5, 0.9  # shares of the values that differ
CERTAIN = 20  # rows from which "all values differ" tells something
HOPELESS = 100_000  # distinct levels that no model learns from


def settle(found: Found, n_sources: int, rows: Sequence[int], notes: Notes, *, alone: bool = False) -> Found:
    """Decide between category, text, identifier and constant for a column of words, and code its categories.

    alone: one side has the column; then its levels are new to nobody.
    """
    column = found.column
    if column.kind not in ("category", "text", "identifier"):
        return found
    import numpy as np
    import pyarrow as pa

    text = pa.concat_arrays(found.values)
    coded = text.dictionary_encode()
    level = coded.dictionary.to_pylist()
    present = len(text) - text.null_count
    if not present:
        return replace_kind(found, "empty", "all missing")
    if column.kind == "category" and not column.note:
        kind, note = _words_kind(level, present, found)
        if kind != "category":
            if kind == "text":
                return Found(Column(column.name, "text"), [_texts(v) for v in found.values])
            return replace_kind(found, kind, note)
    elif column.kind != "category":
        return Found(column, [_texts(v) for v in found.values])
    if len(level) == 1 and present == len(text):
        return replace_kind(found, "constant", f"always {level[0][:40]!r}")
    cuts = np.cumsum([0, *rows])
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    n_source_rows = cuts[n_sources]
    in_source = np.bincount(code[:n_source_rows][code[:n_source_rows] >= 0], minlength=len(level))
    in_all = np.bincount(code[code >= 0], minlength=len(level))
    if not in_source.any() and not alone:
        notes.say("warning", "all missing in the source, and left out: nothing can be learnt from it", column.name)
        return replace_kind(found, "empty", "all missing in the source")
    order = sorted(range(len(level)), key=lambda i: (in_source[i] == 0, -in_source[i] if in_source[i] else -in_all[i], level[i]))
    kept = order[:LEVELS]
    known = sum(bool(in_source[i]) for i in kept)
    if len(order) > LEVELS:
        notes.say("warning", f"all levels but the {LEVELS:,} commonest are treated as unknown", f"{column.name} ({len(order):,} levels)")
    new = [i for i in order if not in_source[i]]
    if new and not alone:
        rows_new = int(in_all[new].sum())
        notes.say(
            "warning",
            "categories that the source lacks",
            f"{column.name} ({level[new[0]][:40]!r}{' …' if len(new) > 1 else ''}, {rows_new} rows)",
        )
        notes.count("unseen", column.name, rows_new)
    to = np.full(len(level) + 1, UNKNOWN, dtype=np.int32)
    to[kept] = np.arange(len(kept))
    to[-1] = MISSING  # code -1: missing
    codes = to[code]
    settled = replace(column, levels=tuple(level[i] for i in kept), source_levels=known)
    return Found(settled, [codes[a:b] for a, b in pairwise(cuts)])


def replace_kind(found: Found, kind: Any, note: str) -> Found:
    """The column, left out as this kind with this reason."""
    return Found(Column(found.column.name, kind, note=note), [])


def _words_kind(level: list[str], present: int, found: Found) -> tuple[str, str]:
    """Category, text or identifier: by how many values differ inside the domains, and how long they are."""
    distinct = sum(len(v.unique().drop_null()) for v in found.values)
    share = distinct / present
    some = level[:5000]
    length = sum(map(len, some)) / len(some)
    spaces = sum(len(v.split()) for v in some) / len(some)
    many = share > DISTINCT or len(level) > LEVELS
    if many and spaces > 1.5 and (length > LONG or spaces >= WORDY or found.column.name.lower() == "text"):  # noqa: PLR2004 - more than one word
        return "text", ""
    if (share > ALMOST_ALL and present >= CERTAIN) or (share > DISTINCT and len(level) > LEVELS) or len(level) > HOPELESS:
        return "identifier", f"{len(level):,} values in {present:,} rows tell rows apart, not kinds of rows"
    return "category", ""


def _texts(column: Any) -> NDArray[np.object_]:
    import numpy as np

    return np.asarray(column.fill_null("").to_numpy(zero_copy_only=False), dtype=object)
