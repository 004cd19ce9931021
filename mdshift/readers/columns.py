"""What each column is, settled once for all domains: numbers, dates or words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdshift.readers.notes import Notes
from mdshift.readers.values import Parsed, dates, days, each_date, family, floats, mostly_dates, numbers, padded, words
from mdshift.types import Column, DataSpec

if TYPE_CHECKING:
    import pyarrow as pa

FEW = 20  # digits that a typed format stores as text are codes when at most so many differ
MIXED = 0.5  # a column of words is told of when at most this share of it is no number
EXACT = 2.0**53  # the whole numbers that a float tells apart end here
UNREAD = 0.02  # a column is of numbers when at most this share of its values cannot be read as such


@dataclass(eq=False)
class Found:
    """One column in all domains: its kind so far, and its values (numbers, or trimmed text) domain by domain."""

    column: Column
    values: list[Any]
    whole: bool = False  # integers by their type or their spelling


def treat(name: str, arrays: Sequence[pa.Array], spec: DataSpec, domains: Sequence[str], notes: Notes, *, typed: bool = False) -> Found:
    """Settle whether a column is of numbers, dates or words, and read it as that in every domain.

    arrays: the column of each domain. Numbers on one side that are stored as text on the other are read as numbers; few
    different numbers that a format with types stores as text on all sides (`typed`) are codes, and stay words.
    """
    forced = "text" if name in spec.text else spec.kinds.get(name)
    sorts = [family(a.type) for a in arrays]
    known = {s for s in sorts if s != "empty"}
    if "other" in known:
        kind = next(str(a.type) for a, s in zip(arrays, sorts, strict=True) if s == "other")
        return Found(Column(name, "empty", note=f"values of type {kind} cannot be compared"), [])
    if forced in ("category", "text", "identifier"):
        return Found(Column(name, forced, note="as asked for"), [words(a) for a in arrays])  # type: ignore[arg-type]
    if not known:
        return Found(Column(name, "empty", note="all missing"), [])
    if known <= {"number"} or (known <= {"number", "bool"} and len(known) > 1) or (forced == "number" and known <= {"number", "bool"}):
        import pyarrow.types as t

        whole = all(t.is_integer(a.type) for a, s in zip(arrays, sorts, strict=True) if s != "empty")
        values = [floats(a) for a in arrays]
        if whole:
            _say_rounded(name, arrays, values, domains, notes)
        return Found(Column(name, "number"), values, whole=whole)
    if known == {"date"}:
        return Found(Column(name, "date"), [days(a) if s == "date" else floats(a) for a, s in zip(arrays, sorts, strict=True)])
    quick = None if typed or known != {"string"} or forced not in (None, "number") else _all_numbers(arrays)
    if quick is not None:
        if quick[1]:
            _say_rounded(name, arrays, quick[0], domains, notes)
        return Found(Column(name, "number"), *quick)
    text = [words(a) for a in arrays]
    coded = typed and known == {"string"} and len({v for t in text for v in t.unique().drop_null().to_pylist()}) <= FEW
    if known == {"bool"} or (coded and forced is None and not any(mostly_dates(t, UNREAD) for t in text)):
        return Found(Column(name, "category"), text)
    return _text(name, arrays, sorts, text, forced, domains, notes)


def _all_numbers(arrays: Sequence[pa.Array]) -> tuple[list[Any], bool] | None:
    """The short way for columns whose every cell is a number: the values, and whether they are spelled as integers."""
    import numpy as np
    import pyarrow as pa

    if all(a.null_count == len(a) for a in arrays):
        return None
    try:
        values = [floats(a.cast(pa.float64())) for a in arrays]
    except pa.ArrowInvalid:
        return None
    with np.errstate(invalid="ignore"):  # the remainder of an infinite number
        fraction = any((v % 1 > 0).any() for v in values)
    if not fraction and any(padded(a) for a in arrays):
        return None
    return values, not fraction and all(_integers(a) for a in arrays)


def _text(name: str, arrays: Any, sorts: Any, text: list[Any], forced: str | None, domains: Any, notes: Notes) -> Found:
    """A column of words in some domain: numbers or dates that are spelled out, or else words."""
    present = [len(t) - t.null_count for t in text]
    if not sum(present):
        return Found(Column(name, "empty", note="all missing"), [])
    stored = [s in ("number", "date") for s in sorts]
    if forced in (None, "number") and "date" not in sorts:
        parsed = [
            Parsed(floats(a), 0, None, p) if s in ("number", "empty") else numbers(t)
            for a, s, t, p in zip(arrays, sorts, text, present, strict=True)
        ]
        bad, read = sum(p.bad for p in parsed), sum(p.present for p in parsed)
        keys = forced is None and not any(stored) and any(padded(t) for t in text)
        # a side whose values are mostly words makes the column one of words, however many numbers the other has
        spelled = all(p.bad <= UNREAD * max(1, p.present) for p in parsed) or forced == "number"
        if read and spelled and not keys:
            if bad:
                _say_bad(name, parsed, domains, notes, "are missing in columns of numbers")
            if any(stored) and "string" in sorts:
                notes.say(
                    "info",
                    "numbers that are stored as text on one side are read as numbers",
                    f"{name} in {_where(domains, sorts, 'string')}",
                )
            whole = not bad and all(_integers(t) for t, s in zip(text, sorts, strict=True) if s == "string")
            return Found(Column(name, "number"), [p.values for p in parsed], whole=whole)
        if read and bad and bad <= MIXED * read and forced is None:
            _say_bad(name, parsed, domains, notes, "make columns of numbers ones of words")
    if forced in (None, "date") and all(s in ("date", "string", "empty") for s in sorts):
        parsed = [
            Parsed(days(a), 0, None, p) if s == "date" else each_date(t) if mostly_dates(t, UNREAD) else dates(t)
            for a, s, t, p in zip(arrays, sorts, text, present, strict=True)
        ]
        if all(p.bad <= UNREAD * max(1, p.present) for p in parsed):
            if any(p.bad for p in parsed):
                _say_bad(name, parsed, domains, notes, "are missing in columns of dates", "dates")
            return Found(Column(name, "date"), [p.values for p in parsed])
    if forced == "date":
        notes.say("warning", "not ISO dates, read as words", name)
    if any(stored):
        notes.say(
            "warning", "numbers on one side, words on the other: read as words", f"{name} (words in {_where(domains, sorts, 'string')})"
        )
        notes.count("other_type", name, _where(domains, sorts, "string"))
    return Found(Column(name, "category"), text)


def _say_rounded(name: str, arrays: Sequence[pa.Array], values: Sequence[Any], domains: Sequence[str], notes: Notes) -> None:
    """Warn of whole numbers that a float cannot hold, once a column, with the first row."""
    import numpy as np

    for d, v in enumerate(values):
        beyond = np.flatnonzero(np.isfinite(v) & (np.abs(v) > EXACT))
        if len(beyond):
            seen = str(arrays[d][int(beyond[0])].as_py())[:40]
            notes.say(
                "warning",
                "whole numbers beyond 2^53 are rounded to floats",
                f"{name} (the first, in {domains[d]} row {notes.row(d, int(beyond[0]))}, is {seen})",
            )
            return


def _integers(text: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(text, r"^[+-]?\d+$"), min_count=0).as_py())


def _where(domains: Sequence[str], sorts: Sequence[str], sort: str) -> str:
    return ", ".join(d for d, s in zip(domains, sorts, strict=True) if s == sort)


def _say_bad(name: str, parsed: Sequence[Parsed], domains: Sequence[str], notes: Notes, what: str, sort: str = "numbers") -> None:
    bad = sum(p.bad for p in parsed)
    for d, (domain, p) in enumerate(zip(domains, parsed, strict=True)):
        if p.first:
            notes.say(
                "warning",
                f"values that are no {sort} {what}",
                f"{name} ({bad} such; the first, in {domain} row {notes.row(d, p.first[0])}, is {p.first[1][:40]!r})",
            )
            notes.count("unreadable", name, bad)
            return
