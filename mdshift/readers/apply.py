"""New data under a saved schema: the treatment that the model was trained with, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.errors import DataError, nearest
from mdshift.readers.base import Ask, Block
from mdshift.readers.collect import Raw, assemble
from mdshift.readers.labels import DEFAULT, encoded, names_of, read_numbers
from mdshift.readers.paths import located, reader
from mdshift.readers.screen import LARGEST
from mdshift.readers.values import canonical, dates, days, family, floats, numbers, words
from mdshift.types import MISSING, UNKNOWN, Column, DataSpec, Domain, Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS = 16_384  # rows of a batch that is predicted at once


def batches(
    schema: Schema, task: str | None, classes: Sequence[str], path: str, *, label: str | None, labels_wanted: bool, spec: DataSpec
) -> Iterator[Domain]:
    """Domains of some thousand rows each, in input order.

    A label is read where it is wanted, or named and there; a class that the model does not know is coded UNKNOWN. Values that
    cannot be read as the model's column has them are missing; categories that it does not know are UNKNOWN.

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
    return _domains(stack, first, stream, schema, task, {c: i for i, c in enumerate(classes)}, name)


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
    stack: ExitStack, first: Raw, rest: Iterator[Raw], schema: Schema, task: str | None, codes: dict[str, int], label: str | None
) -> Iterator[Domain]:
    with stack:
        yield domain(first, schema, task, codes, label)
        for raw in rest:
            yield domain(raw, schema, task, codes, label)


def domain(raw: Raw, schema: Schema, task: str | None, codes: dict[str, int], label: str | None) -> Domain:
    """The rows under the schema."""
    import numpy as np

    n = len(raw.index)
    made: dict[str, Any] = {
        "number": np.empty((n, len(schema.numbers))),
        "category": np.empty((n, len(schema.categories)), np.int32),
        "text": np.empty((n, len(schema.texts)), object),
    }
    for kind, columns in (("number", schema.numbers), ("category", schema.categories), ("text", schema.texts)):
        for j, column in enumerate(columns):
            made[kind][:, j] = _values(raw, column)
    y = None
    if label is not None and label in raw.positions:
        y = _y(raw.column(label), task, codes)
    return Domain(raw.name, made["number"], made["category"], made["text"], raw.images, y, raw.index, raw.rows)


def _values(raw: Raw, column: Column) -> NDArray[Any]:
    import numpy as np

    if column.where == "source" and column.name not in raw.names:
        blank: Any = {"category": MISSING, "text": ""}.get(column.kind, np.nan)
        return np.full(len(raw.index), blank, dtype={"category": np.int32, "text": object}.get(column.kind, np.float64))
    if raw.matrix is not None and column.name not in raw.positions:
        return _finite(raw.matrix[:, int(column.name[1:])])
    array = raw.column(column.name)
    sort = family(array.type)
    if column.kind == "number":
        return _finite(floats(array) if sort in ("number", "bool", "empty") else _numbers(array))
    if column.kind == "date":
        return days(array) if sort == "date" else floats(array) if sort in ("number", "empty") else dates(words(array)).values
    text = words(array)
    if column.kind == "text":
        return np.asarray(text.fill_null("").to_numpy(zero_copy_only=False), dtype=object)
    coded = text.dictionary_encode()
    known = {level: i for i, level in enumerate(column.levels)}
    to = np.array([*(known.get(v, known.get(canonical(v), UNKNOWN)) for v in coded.dictionary.to_pylist()), MISSING], dtype=np.int32)
    return np.asarray(to[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)])


def _numbers(array: pa.Array) -> NDArray[np.float64]:
    import numpy as np

    text = words(array)
    if set(text.unique().drop_null().to_pylist()) <= {"True", "False", "true", "false"}:
        return np.array([np.nan if v is None else float(v.lower() == "true") for v in text.to_pylist()])
    return numbers(text).values


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return np.clip(np.where(np.isinf(values), np.nan, values), -LARGEST, LARGEST)


def _y(column: pa.Array, task: str | None, codes: dict[str, int]) -> NDArray[Any]:
    import numpy as np

    if task != "regression":
        return encoded(names_of(column), codes)
    values = read_numbers(column)
    if values is None:
        raise DataError("a label that is not a number", str(words(column).drop_null()[0]), "the model predicts numbers")
    return np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)


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
        raise DataError(what, f"{name!r} in {path}" if name else path, nearest(name or "label", raw.names))
    return name
