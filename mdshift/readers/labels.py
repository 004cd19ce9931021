"""Which column is the label, whether it is a class or a number, and its codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdshift.errors import DataError, nearest
from mdshift.readers.collect import Raw
from mdshift.readers.notes import Notes, listed
from mdshift.readers.screen import LARGEST
from mdshift.readers.values import canonical, family, floats, numbers, padded, shown, words
from mdshift.types import MISSING, UNKNOWN, DataSpec

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

DEFAULT = ("label", "target", "y", "class")
FEW = 20  # whole numbers with at most so many distinct values are classes …
MANY = 100  # … and up to so many where the column is called label or class
ALIKE, LONG = 3, 40  # spellings of one class that a warning lists, and letters of each


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of all domains: codes into `classes` or numbers, None for a domain without any."""

    task: str
    classes: tuple[str, ...]
    source_classes: int
    ys: tuple[NDArray[Any] | None, ...]
    why: str
    alike: tuple[str, ...] = ()  # spellings that are taken for one class
    wild: int = 0  # numbers that are infinite or too large, and count as missing


def pick(spec: DataSpec, known: Collection[str]) -> str | None:
    """The label column: what the user named, else the first usual name among the known columns."""
    if spec.labels:
        if spec.labels[0] not in known:
            raise DataError("label column not found", repr(spec.labels[0]), nearest(spec.labels[0], known))
        if spec.domain_column in spec.labels:
            raise DataError(
                "one column cannot be label and domain at once", repr(spec.domain_column), "name another --label or --domain-column"
            )
        return spec.labels[0]
    taken = {*spec.drop, *spec.text, spec.domain_column, spec.time}
    return next((n for n in DEFAULT if n in known and n not in taken), None)


def read_numbers(column: pa.Array) -> NDArray[np.float64] | None:
    """The label column as numbers, NaN where missing, if all of it is that."""
    sort = family(column.type)
    if sort in ("number", "empty"):
        return floats(column)
    if sort != "string":
        return None
    text = words(column)
    parsed = numbers(text)
    return None if parsed.bad or not parsed.present or padded(text) else parsed.values


def encode(name: str, columns: Sequence[pa.Array | None], n_sources: int, spec: DataSpec) -> Labels:
    """Labels of the domains (the first `n_sources` are sources) as codes or numbers.

    The task, unless `--task` says it: words and truth values are classes; numbers with a fraction are numbers; whole
    numbers are numbers in a column called `target` with more than 2 values, classes in one called `label` or
    `class` with up to 100 values (two rows each), and anywhere else classes up to 20 values. Numbers that are infinite or beyond `LARGEST` count as missing:
    one such label would be all that a model learns.

    Raises DataError when numbers are asked for and the column holds words.
    """
    import numpy as np

    read = [None if c is None else read_numbers(c) for c in columns]
    numeric = all(v is not None for c, v in zip(columns, read, strict=True) if c is not None)
    there = [None if v is None else v[~np.isnan(v) & ~untold(v)] for v in read]
    values = np.concatenate([v for v in there if v is not None] or [np.zeros(0)]) if numeric else np.zeros(0)
    rows = sum(len(v) for v in there[:n_sources] if v is not None) or len(values)
    task, why = _task(name, np.unique(values), rows, numeric=numeric, wanted=spec.task)
    if task == "regression":
        if not numeric:
            raise DataError(
                "a label that is not a number", f"{name!r}: {_word(columns, read)!r}", "--task classification, or clean the column"
            )
        wild = sum(int(untold(v).sum()) for v in read if v is not None)
        return Labels(task, (), 0, tuple(_known(v) for v in read), why, wild=wild)
    named = [None if c is None else names_of(c) for c in columns]
    wild = sum(_blanked(names, v) for names, v in zip(named, read, strict=True) if names is not None and v is not None)
    in_source = _sorted({w for column in named[:n_sources] if column is not None for w in column if w is not None})
    beyond = _sorted({w for column in named[n_sources:] if column is not None for w in column if w is not None} - set(in_source))
    classes = (*in_source, *beyond)
    codes = {w: i for i, w in enumerate(classes)}
    ys = tuple(None if column is None else _none_if_blank(encoded(column, codes)) for column in named)
    return Labels(task, classes, len(in_source), ys, why, tuple(dict.fromkeys(_alike(c for c in columns if c is not None))), wild)


def _blanked(names: list[str | None], values: NDArray[np.float64]) -> int:
    """Take the names of numbers that can be no label away; returns how many they were."""
    import numpy as np

    at = np.flatnonzero(untold(values)).tolist()
    for i in at:
        names[i] = None
    return len(at)


def _alike(columns: Iterable[pa.Array]) -> Iterator[str]:
    """What one column spells in more than one way and is called one class: blanks around a word, or a ".0" behind a whole number."""
    import pyarrow as pa

    for column in columns:
        if family(column.type) == "string":
            ways = column.unique().drop_null().cast(pa.large_string())
            spelled: dict[str | None, list[str]] = {}
            for way, name in zip(ways.to_pylist(), names_of(ways), strict=True):
                spelled.setdefault(name, []).append(way)
            for name, found in spelled.items():
                if name is not None and len(found) > 1:
                    first = " and ".join(repr(way[:LONG]) for way in sorted(found)[:ALIKE])
                    yield first + (f" and {len(found) - ALIKE} more" if len(found) > ALIKE else "")


def tell(read: Labels, label: str, raws: Sequence[Raw], n_sources: int, notes: Notes, *, need_label: bool) -> None:
    """Say what was decided of the label, and what follows from the classes that are there.

    Raises DataError when labels are needed and the source has none, or one class only.
    """
    import numpy as np

    notes.say("info", f"label {label!r}: {read.task}, since {read.why}")
    tell_wild(read, label, notes)
    for ways in read.alike:
        notes.say("warning", "labels taken for one class", ways)
    there = [y for y in read.ys[:n_sources] if y is not None]
    if not there and need_label:
        raise DataError("the source has no labels", f"column {label!r} is all missing", "labels in the source are what is learnt from")
    for raw, y in zip(raws[:n_sources], read.ys[:n_sources], strict=True):
        if y is None:
            notes.say("warning", "sources without labels, which are not learnt from", raw.name)
    if read.task == "regression" and there:
        _tell_constant(there, notes)
    if read.task == "classification" and there:
        counts = np.bincount(np.concatenate([y[y >= 0] for y in there]), minlength=len(read.classes))
        if read.source_classes < 2:  # noqa: PLR2004 - nothing to tell apart
            said = f"column {label!r} holds {read.classes[0]!r} alone" if read.classes else f"column {label!r}"
            if need_label:
                raise DataError("the source has one class only", said, "a model needs at least two classes to tell apart")
            notes.say("warning", f"the source has one class only: {said}")
        lonely = [read.classes[i] for i in np.flatnonzero(counts[: read.source_classes] == 1).tolist()]
        if lonely:
            notes.say("warning", "classes with one source row, which cannot be cross-validated", listed(lonely))
        if len(read.classes) > read.source_classes and there:
            new = read.classes[read.source_classes :]
            notes.say("warning", "classes that the source lacks, which a model trained on it alone never predicts", listed(new))
    if len(raws) > n_sources:
        y = read.ys[-1]
        n = 0 if y is None else int((y >= 0).sum() if y.dtype.kind == "i" else (~np.isnan(y)).sum())
        if n < len(raws[-1].index):
            notes.say("info", f"target rows with a label: {n} of {len(raws[-1].index)}")


def tell_wild(read: Labels, label: str, notes: Notes) -> None:
    """Say how many numbers of the label count as missing."""
    if read.wild:
        notes.count("wild_labels", label, read.wild)
        notes.say("warning", f"labels that are infinite or beyond {LARGEST:g}, treated as missing", f"{label} ({read.wild})")


def _tell_constant(numbers: Sequence[NDArray[np.float64]], notes: Notes) -> None:
    import numpy as np

    low, high = min(float(np.nanmin(y)) for y in numbers), max(float(np.nanmax(y)) for y in numbers)
    if low == high:
        notes.say("warning", f"the source's label is always {low!r}: there is nothing to learn but that")


def names_of(column: pa.Array) -> list[str | None]:
    """Class names, None where missing: 1.0 is called "1"."""
    import pyarrow as pa

    coded = words(column).dictionary_encode()
    level = pa.array([canonical(v) for v in coded.dictionary.to_pylist()], pa.large_string())
    found: list[str | None] = level.take(coded.indices).to_pylist()
    return found


def encoded(names: Sequence[str | None], codes: dict[str, int]) -> NDArray[np.int64]:
    """Codes of class names: MISSING without one, UNKNOWN for a class that is not known."""
    import numpy as np

    return np.fromiter((MISSING if w is None else codes.get(w, UNKNOWN) for w in names), dtype=np.int64, count=len(names))


def _task(name: str, distinct: NDArray[np.float64], rows: int, *, numeric: bool, wanted: str) -> tuple[str, str]:
    if wanted != "auto":
        return wanted, "that was asked for"
    if not numeric:
        return "classification", "its values are words"
    k = len(distinct)
    if (distinct % 1 != 0).any():
        return "regression", "its values have a fraction"
    if name == "target" and k > 2:  # noqa: PLR2004 - two values are classes under any name
        return "regression", f"it holds {k} whole numbers and is called `target`"
    limit = MANY if name in ("label", "class") and 2 * k <= rows else FEW
    if k > limit:
        return "regression", f"it holds {k} distinct whole numbers"
    return "classification", f"it holds {k} distinct whole numbers"


def _word(columns: Sequence[pa.Array | None], read: Sequence[Any]) -> str:
    column = next(c for c, v in zip(columns, read, strict=True) if c is not None and v is None)
    text = words(column)
    first = numbers(text).first
    return first[1] if first else shown(text[0].as_py())


def untold(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers can be no label (n,): infinite ones, and those beyond `LARGEST`."""
    import numpy as np

    return np.asarray(np.abs(values) > LARGEST)


def _known(values: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    import numpy as np

    if values is None:
        return None
    found = np.where(untold(values), np.nan, values)
    return None if np.isnan(found).all() else found


def _none_if_blank(codes: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return codes if (codes != MISSING).any() else None


def _sorted(names: set[str]) -> list[str]:
    """Sorted as numbers when all are, else as words."""
    try:
        return sorted(names, key=lambda n: (float(n), n))
    except ValueError:
        return sorted(names)
