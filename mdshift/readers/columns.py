"""From raw columns to a schema: what each column is, in all domains alike, and which are of no use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mdshift.readers.values import Parsed, dates, days, family, floats, numbers, padded, words
from mdshift.types import MISSING, UNKNOWN, Column, DataSpec

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

LEVELS = 1_000  # a category has at most so many; the rarest are one "unknown"
LARGEST = 1e150  # magnitudes beyond it are cut: their squares would overflow
UNREAD = 0.02  # a column is of numbers when at most this share of its values cannot be read as such
LONG, WORDY = 40, 5.0  # mean characters, mean words: from there on values are text
DISTINCT, ALMOST_ALL = 0.5, 0.9
CERTAIN = 20  # rows from which "all values differ" tells something
HOPELESS = 100_000  # distinct levels that no model learns from
ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|idx|rowid|row_?num(ber)?)$|^column \d+$", re.IGNORECASE)
CAMEL_ID = re.compile(r"[a-z](ID|Id)$")


@dataclass(eq=False)
class Found:
    """One column in all domains: its kind so far, and its values (numbers, or trimmed text) domain by domain."""

    column: Column
    values: list[Any]
    whole: bool = False  # integers by their type or their spelling


@dataclass(eq=False)
class Notes:
    """What the analysis has to tell: (level, text), and what it counted."""

    said: list[tuple[str, str]] = field(default_factory=list)
    counted: dict[str, dict[str, Any]] = field(default_factory=dict)

    def say(self, level: str, text: str) -> None:
        """Add a note."""
        self.said.append((level, text))

    def count(self, what: str, column: str, number: Any) -> None:
        """Add a count of a column."""
        self.counted.setdefault(what, {})[column] = number


def treat(name: str, arrays: Sequence[pa.Array], spec: DataSpec, domains: Sequence[str], notes: Notes, typed: bool = False) -> Found:
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
        return Found(Column(name, "number"), [floats(a) for a in arrays], whole=whole)
    if known == {"date"}:
        return Found(Column(name, "date"), [days(a) if s == "date" else floats(a) for a, s in zip(arrays, sorts, strict=True)])
    text = [words(a) for a in arrays]
    coded = typed and known == {"string"} and len({v for t in text for v in t.unique().drop_null().to_pylist()}) <= CERTAIN
    if known == {"bool"} or (coded and forced is None and not any(dates(t).present > dates(t).bad for t in text)):
        return Found(Column(name, "category"), text)
    return _text(name, arrays, sorts, text, forced, domains, notes)


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
                _say_bad(name, parsed, domains, notes, "read as missing in a column of numbers")
            if any(stored) and "string" in sorts:
                notes.say(
                    "info", f"column {name!r}: numbers are stored as text in {_where(domains, sorts, 'string')}; read as numbers there too"
                )
            whole = not bad and all(_integers(t) for t, s in zip(text, sorts, strict=True) if s == "string")
            return Found(Column(name, "number"), [p.values for p in parsed], whole=whole)
        if read and bad and bad <= DISTINCT * read and forced is None:
            _say_bad(name, parsed, domains, notes, "among numbers: the column is read as words")
    if forced in (None, "date") and all(s in ("date", "string", "empty") for s in sorts):
        parsed = [Parsed(days(a), 0, None, p) if s == "date" else dates(t) for a, s, t, p in zip(arrays, sorts, text, present, strict=True)]
        if all(p.bad == 0 for p in parsed):
            return Found(Column(name, "date"), [p.values for p in parsed])
    if forced == "date":
        notes.say("warning", f"column {name!r} is no column of ISO dates; read as words")
    if any(stored):
        notes.say("warning", f"column {name!r} is of another type in {_where(domains, sorts, 'string')} than elsewhere; read as words")
    return Found(Column(name, "category"), text)


def _integers(text: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(text, r"^[+-]?\d+$"), min_count=0).as_py())


def _where(domains: Sequence[str], sorts: Sequence[str], sort: str) -> str:
    return ", ".join(d for d, s in zip(domains, sorts, strict=True) if s == sort)


def _say_bad(name: str, parsed: Sequence[Parsed], domains: Sequence[str], notes: Notes, what: str) -> None:
    bad = sum(p.bad for p in parsed)
    for domain, p in zip(domains, parsed, strict=True):
        if p.first:
            notes.say(
                "warning", f"column {name!r}: {p.first[1][:40]!r} in {domain}, row {p.first[0]}, is not a number ({bad} such) and is {what}"
            )
            notes.count("unreadable", name, bad)
            return


def settle(found: Found, n_sources: int, rows: Sequence[int], notes: Notes) -> Found:
    """Decide between category, text, identifier and constant for a column of words, and code its categories."""
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
        kind, note = _words_kind(column.name, coded, level, present, found)
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
    if not in_source.any():
        notes.say("warning", f"column {column.name!r} is all missing in the source: nothing can be learnt from it, it is left out")
        return replace_kind(found, "empty", "all missing in the source")
    order = sorted(range(len(level)), key=lambda i: (in_source[i] == 0, -in_source[i] if in_source[i] else -in_all[i], level[i]))
    kept = order[:LEVELS]
    known = sum(bool(in_source[i]) for i in kept)
    if len(order) > LEVELS:
        notes.say("warning", f"column {column.name!r} has {len(order):,} levels; all but the {LEVELS:,} commonest are treated as unknown")
    new = [i for i in order if not in_source[i]]
    if new:
        rows_new = int(in_all[new].sum())
        notes.say(
            "warning",
            f"column {column.name!r}: {len(new)} levels that the source lacks, in {rows_new} target rows, such as {level[new[0]][:40]!r}",
        )
        notes.count("unseen", column.name, rows_new)
    to = np.full(len(level) + 1, UNKNOWN, dtype=np.int32)
    to[kept] = np.arange(len(kept))
    to[-1] = MISSING  # code -1: missing
    codes = to[code]
    settled = replace(column, levels=tuple(level[i] for i in kept), source_levels=known)
    return Found(settled, [codes[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)])


def replace_kind(found: Found, kind: Any, note: str) -> Found:
    """The column, left out as this kind with this reason."""
    return Found(Column(found.column.name, kind, note=note), [])


def _words_kind(name: str, coded: Any, level: list[str], present: int, found: Found) -> tuple[str, str]:
    """Category, text or identifier: by how many values differ inside the domains, and how long they are."""
    distinct = sum(len(v.unique().drop_null()) for v in found.values)
    share = distinct / present
    some = level[:5000]
    length = sum(map(len, some)) / len(some)
    spaces = sum(len(v.split()) for v in some) / len(some)
    many = share > DISTINCT or len(level) > LEVELS
    if many and spaces > 1.5 and (length > LONG or spaces >= WORDY or name.lower() == "text"):  # noqa: PLR2004 - more than one word
        return "text", ""
    if (share > ALMOST_ALL and present >= CERTAIN) or (share > DISTINCT and len(level) > LEVELS) or len(level) > HOPELESS:
        return "identifier", f"{len(level):,} values in {present:,} rows tell rows apart, not kinds of rows"
    return "category", ""


def _texts(column: Any) -> NDArray[np.object_]:
    import numpy as np

    return np.asarray(column.fill_null("").to_numpy(zero_copy_only=False), dtype=object)


def screen(
    names: Sequence[str], matrices: Sequence[NDArray[np.float64]], whole: Sequence[bool], n_sources: int, index: Sequence[Any], notes: Notes
) -> tuple[NDArray[np.bool_], dict[str, Column]]:
    """Clean columns of numbers in place (no infinity, no huge value) and find those to leave out.

    matrices: one (n_d, p) a domain. Returns the mask (p,) of those kept, and the others with the reason.
    """
    import numpy as np

    p = len(names)
    infinite, huge = np.zeros(p, dtype=np.int64), np.zeros(p, dtype=np.int64)
    for m in matrices:
        wild = ~(np.abs(m) <= LARGEST) & ~np.isnan(m)
        if wild.any():
            infinite += np.isinf(m).sum(axis=0)
            huge += (wild & np.isfinite(m)).sum(axis=0)
            m[np.isinf(m)] = np.nan
            np.clip(m, -LARGEST, LARGEST, out=m)
    for what, counts, does in (
        ("infinite", infinite, "are infinite: treated as missing"),
        ("huge", huge, f"are beyond {LARGEST:g}: cut to it"),
    ):
        for j in np.flatnonzero(counts):
            notes.count(what, names[j], int(counts[j]))
        if counts.any():
            notes.say("warning", f"{int(counts.sum())} numbers {does} ({_listed([names[j] for j in np.flatnonzero(counts)])})")
    present = [(~np.isnan(m)).sum(axis=0) for m in matrices]
    low = np.min([np.where(np.isnan(m), np.inf, m).min(axis=0, initial=np.inf) for m in matrices], axis=0)
    high = np.max([np.where(np.isnan(m), -np.inf, m).max(axis=0, initial=-np.inf) for m in matrices], axis=0)
    everywhere = sum(present) == sum(len(m) for m in matrices)
    out: dict[str, Column] = {}
    for j in np.flatnonzero(sum(present) == 0):
        out[names[j]] = Column(names[j], "empty", note="all missing")
    learnt = sum(present[:n_sources])
    for j in np.flatnonzero((learnt == 0) & (sum(present) > 0)):
        notes.say("warning", f"column {names[j]!r} is all missing in the source: nothing can be learnt from it, it is left out")
        out[names[j]] = Column(names[j], "empty", note="all missing in the source")
    for d in range(len(matrices)):
        gone = [names[j] for j in np.flatnonzero((present[d] == 0) & (learnt > 0))]
        if gone and len(matrices[d]):
            notes.count("all_missing", str(d), gone)
    for j in np.flatnonzero(everywhere & (low == high)):
        out.setdefault(names[j], Column(names[j], "constant", note=f"always {low[j]:g}"))
    for j, name in enumerate(names):
        if (
            whole[j]
            and everywhere[j]
            and name not in out
            and high[j] - low[j] >= CERTAIN - 1
            and _counts_rows(name, [m[:, j] for m in matrices], index)
        ):
            out[name] = Column(name, "identifier", note="it numbers the rows")
    for j, twin in _twins(names, matrices, out).items():
        out[names[j]] = Column(names[j], "duplicate", note=f"the same as {names[twin]!r}")
    return np.array([n not in out for n in names], dtype=bool), out


def _counts_rows(name: str, columns: Sequence[Any], index: Sequence[Any]) -> bool:
    """Whether whole numbers only tell rows apart: they count along with the rows, or differ everywhere under a name such as `id`."""
    import numpy as np

    def counted(v: Any, i: Any) -> bool:
        if len(v) < 2 or len(np.unique(v)) < len(v):  # noqa: PLR2004 - one value counts nothing
            return False
        along = bool((np.diff(v - i) == 0).all())
        return along or v.max() - v.min() == len(v) - 1

    long = [(v, i) for v, i in zip(columns, index, strict=True) if len(v) >= CERTAIN]
    if long and all(counted(v, i) for v, i in long):
        return True
    named = bool(ID_NAME.search(name) or CAMEL_ID.search(name))
    return named and all(len(np.unique(v)) == len(v) for v in columns)


def _twins(names: Sequence[str], matrices: Sequence[Any], out: Mapping[str, Column]) -> dict[int, int]:
    """Columns whose values equal those of an earlier one in every row."""
    import hashlib

    import numpy as np

    seen: dict[bytes, int] = {}
    found: dict[int, int] = {}
    step = max(1, (1 << 22) // max(1, sum(len(m) for m in matrices)))
    for start in range(0, len(names), step):
        blocks = [np.ascontiguousarray(m[:, start : start + step].T + 0.0) for m in matrices]  # + 0.0: one zero
        for k in range(min(step, len(names) - start)):
            j = start + k
            if names[j] in out:
                continue
            digest = hashlib.blake2b(digest_size=16)
            for b in blocks:
                digest.update(b[k].tobytes())
            twin = seen.setdefault(digest.digest(), j)
            if twin != j:
                found[j] = twin
    return found


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(map(repr, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
