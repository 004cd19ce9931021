"""New data under a saved schema: the treatment that the model was trained with, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mdshift.errors import DataError, nearest
from mdshift.readers.base import Ask, Block
from mdshift.readers.collect import Raw, assemble
from mdshift.readers.labels import DEFAULT, encoded, names_of, read_numbers, untold
from mdshift.readers.notes import listed
from mdshift.readers.paths import located, reader
from mdshift.readers.screen import LARGEST
from mdshift.readers.values import Parsed, canonical, days, each_date, family, floats, numbers, words
from mdshift.types import MISSING, UNKNOWN, Column, DataSpec, Domain, Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS = 16_384  # rows of a batch that is predicted at once


INFINITE = "infinite numbers, which count as missing"
HUGE = f"numbers beyond {LARGEST:g}, which are cut to it"
WILD = f"labels that are infinite or beyond {LARGEST:g}, and count as missing"
UNREAD = {"number": "values that are no numbers, and count as missing", "date": "values that are no dates, and count as missing"}
NEW = "categories that the model does not know"
EMPTY = "columns of the model that are all missing"
ENOUGH = 20  # rows from which a column that is all missing is told


@dataclass(eq=False)
class Odd:
    """Values of new data that are not as the model's columns have them, counted by what they are and by column, and the values that are missing."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    labels: bool = True  # whether the labels are of use, so that what cannot be one is told

    def count(self, what: str, column: str, number: int) -> None:
        """Add to what was counted of a column."""
        if number:
            self.counts.setdefault(what, Counter())[column] += number

    @property
    def said(self) -> list[str]:
        """A line for each sort of them, with the columns and how many of each."""
        told = [f"{what}: {listed([f'{name} ({n})' for name, n in columns.items()])}" for what, columns in self.counts.items()]
        unread = sum((self.counts.get(what, Counter()) for what in (INFINITE, *UNREAD.values())), Counter())
        empty = [name for name, n in self.missing.items() if n == self.rows and 2 * unread[name] < n]  # else it is told already
        return [*told, f"{EMPTY}: {listed(empty)}"] if empty and self.rows >= ENOUGH else told


def batches(
    schema: Schema,
    task: str | None,
    classes: Sequence[str],
    path: str,
    *,
    label: str | None,
    labels_wanted: bool,
    spec: DataSpec,
    odd: Odd | None = None,
) -> Iterator[Domain]:
    """Domains of some thousand rows each, in input order.

    A label is read where it is wanted, or named and there; a class that the model does not know is coded UNKNOWN. Values that
    cannot be read as the model's column has them are missing; categories that it does not know are UNKNOWN; `odd` counts them.

    Raises DataError, before the first batch, for a path that cannot be read or that lacks a column of the model.
    """
    stack = ExitStack()
    try:
        place = stack.enter_context(located(path))
        name = spec.labels[0] if spec.labels else label
        ask = Ask(encoding=spec.encoding, shape=schema.image_shape, label=name or "label", rows=ROWS)
        stream = _raws(place, ask)
        first = _first(stream, place.given)
        check(schema, first, path)
        name = _label_name(first, name, labels_wanted=labels_wanted, path=path)
    except BaseException:
        stack.close()
        raise
    odd = odd or Odd()
    odd.labels = labels_wanted
    return _domains(stack, first, stream, schema, task, {c: i for i, c in enumerate(classes)}, name, odd)


def _raws(place: Any, ask: Ask) -> Iterator[Raw]:
    import numpy as np

    row = 0
    for batch in reader(place.reader).batches(place, ask):
        n = len(batch.X) if isinstance(batch, Block) else batch.num_rows
        if not n:
            continue
        index = batch.index if isinstance(batch, Block) and batch.index is not None else np.arange(row, row + n)
        row += n
        whole = assemble(place.name, place.given, [batch], index, n, ask)
        for start in range(0, n, ROWS):
            part = slice(start, start + ROWS)
            yield replace(
                whole,
                table=whole.table.slice(start, ROWS),
                X=None if whole.X is None else whole.X[part],
                index=index[part],
                rows=len(index[part]),
            )


def _first(stream: Iterator[Raw], given: str) -> Raw:
    first = next(stream, None)
    if first is None:
        raise DataError("no rows", given, "a header row and at least one row are needed")
    return first


def _domains(
    stack: ExitStack, first: Raw, rest: Iterator[Raw], schema: Schema, task: str | None, codes: dict[str, int], label: str | None, odd: Odd
) -> Iterator[Domain]:
    with stack:
        yield domain(first, schema, task, codes, label, odd)
        for raw in rest:
            yield domain(raw, schema, task, codes, label, odd)


def domain(raw: Raw, schema: Schema, task: str | None, codes: dict[str, int], label: str | None, odd: Odd | None = None) -> Domain:
    """The rows under the schema; what is not as it has it is counted in `odd`."""
    import numpy as np

    n, odd = len(raw.index), odd or Odd()
    made: dict[str, Any] = {
        "number": np.empty((n, len(schema.numbers))),
        "category": np.empty((n, len(schema.categories)), np.int32),
        "text": np.empty((n, len(schema.texts)), object),
    }
    odd.rows += n
    for kind, columns in (("number", schema.numbers), ("category", schema.categories), ("text", schema.texts)):
        for j, column in enumerate(columns):
            made[kind][:, j] = found = _values(raw, column, odd)
            if column.where != "source":  # the target never had those
                odd.missing[column.name] += int(
                    (found == MISSING).sum() if kind == "category" else np.isnan(found).sum() if kind == "number" else 0
                )
    y = None
    if label is not None and label in raw.positions:
        y = _y(raw.column(label), task, codes, label, odd)
    return Domain(raw.name, made["number"], made["category"], made["text"], raw.images, y, raw.index, raw.rows)


def _values(raw: Raw, column: Column, odd: Odd) -> NDArray[Any]:
    import numpy as np

    if column.where == "source" and column.name not in raw.names:
        blank: Any = {"category": MISSING, "text": ""}.get(column.kind, np.nan)
        return np.full(len(raw.index), blank, dtype={"category": np.int32, "text": object}.get(column.kind, np.float64))
    if raw.matrix is not None and column.name not in raw.positions:
        return _finite(raw.matrix[:, int(column.name[1:])], column, odd)
    array = raw.column(column.name)
    sort = family(array.type)
    if column.kind == "number":
        return _finite(floats(array) if sort in ("number", "bool", "empty") else _numbers(array, column, odd), column, odd)
    if column.kind == "date":
        if sort == "date":
            return days(array)
        if sort in ("number", "bool", "empty"):  # days, seconds or 20240131: nobody knows which
            odd.count(UNREAD["date"], column.name, int((~np.isnan(floats(array))).sum()))
            return np.full(len(array), np.nan)
        return _read(each_date(words(array)), column, odd)
    text = words(array)
    if column.kind == "text":
        return np.asarray(text.fill_null("").to_numpy(zero_copy_only=False), dtype=object)
    coded = text.dictionary_encode()
    known = {level: i for i, level in enumerate(column.levels)}
    truth = {level.lower(): i for level, i in known.items()} if {v.lower() for v in known} <= {"true", "false"} else {}
    codes = (known.get(v, known.get(canonical(v), truth.get(v.lower(), UNKNOWN))) for v in coded.dictionary.to_pylist())
    to = np.array([*codes, MISSING], dtype=np.int32)
    found = np.asarray(to[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)])
    odd.count(NEW, column.name, int((found == UNKNOWN).sum()))
    return found


def _numbers(array: pa.Array, column: Column, odd: Odd) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = words(array)
    lower = pc.utf8_lower(text)
    for truth, number in (("true", "1"), ("false", "0")):
        text = pc.if_else(pc.equal(lower, truth), pa.scalar(number, pa.large_string()), text)
    return _read(numbers(text), column, odd)


def _read(parsed: Parsed, column: Column, odd: Odd) -> NDArray[np.float64]:
    odd.count(UNREAD[column.kind], column.name, parsed.bad)
    return parsed.values


def _finite(values: NDArray[np.float64], column: Column, odd: Odd) -> NDArray[np.float64]:
    import numpy as np

    infinite = np.isinf(values)
    odd.count(INFINITE, column.name, int(infinite.sum()))
    odd.count(HUGE, column.name, int((np.abs(values) > LARGEST).sum() - infinite.sum()))
    return np.clip(np.where(infinite, np.nan, values), -LARGEST, LARGEST)


def _y(column: pa.Array, task: str | None, codes: dict[str, int], label: str, odd: Odd) -> NDArray[Any]:
    import numpy as np

    if task != "regression":
        return encoded(names_of(column), codes)
    values = read_numbers(column)
    if values is None:
        raise DataError("a label that is not a number", str(words(column).drop_null()[0]), "the model predicts numbers")
    wild = untold(values)
    odd.count(WILD, label, int(wild.sum()) if odd.labels else 0)
    return np.where(wild, np.nan, values)


def check(schema: Schema, raw: Raw, path: str) -> None:
    """Raise DataError where the data are of another kind than the model's, or lack a column of it."""
    if (schema.image_shape is None) != (raw.images is None):
        kinds = ("a table", "images") if schema.image_shape is None else ("images", "a table")
        raise DataError(f"the model was trained on {kinds[0]}", f"{path} holds {kinds[1]}", "give it the kind of data that it knows")
    have = set(raw.names)
    lacking = [c.name for c in schema.columns if c.name not in have and c.where != "source"]  # the target never had those
    if lacking:
        trained = ", ".join(c.name for c in schema.columns[:12]) + (" …" if len(schema.columns) > 12 else "")  # noqa: PLR2004 - a line
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise DataError(
            "a column of the model is missing",
            f"{lacking[0]!r}{more} in {path}",
            f"{nearest(lacking[0], raw.names)}; the model was trained on: {trained}",
        )


def _label_name(raw: Raw, name: str | None, *, labels_wanted: bool, path: str) -> str | None:
    if name is None and labels_wanted:
        name = next((n for n in DEFAULT if n in raw.positions), None)
    if labels_wanted and (name is None or name not in raw.positions):
        what = "label column not found" if name else "no label column"
        hint = nearest(name or "label", raw.names) if raw.names else "a file's label is the folder that it lies in: DOMAIN/CLASS/FILE"
        raise DataError(what, f"{name!r} in {path}" if name else path, hint)
    return name
