"""Data that are in memory already: data frames and arrays, in the place of a path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.errors import DataError
from mdshift.readers import npy
from mdshift.readers.base import Ask, Block, Place, Reader, distinct_names, rows_for
from mdshift.readers.collect import assemble

if TYPE_CHECKING:
    import pyarrow as pa

    from mdshift.readers.apply import Odd
    from mdshift.types import Domain, Schema

HINT = "give a pandas, polars or pyarrow table, a numpy array, or a path"
ROWS = 16_384  # rows of a batch that is predicted at once
NAME = "in memory"  # where an error would name a file


@dataclass(frozen=True)
class Held(Place):
    """The place of data in memory: a name, and no file."""

    @property
    def name(self) -> str:
        """The name that the caller gave."""
        return self.given


class Memory(Reader):
    """A table or an array under a name, and the labels of its rows if they lie apart from it.

    A table is read as Parquet is: its types tell text from numbers, its index is no column. An array is read as `.npy` is: (n, d) features,
    (n, h, w, c), (n, c, h, w) or uint8 (n, h, w) images, else the axes after the first are flattened.
    """

    name: ClassVar[str] = "memory"
    suffixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, data: Any, y: Any = None) -> None:
        """Take the data as they are; nothing is copied that need not be.

        Raises DataError for what is neither a table nor an array of numbers, and for labels that do not fit to the rows.
        """
        self.place = Held(name, Path(name), (), self.name)
        self.table: pa.Table | None = None
        self.X: Any = None
        if is_table(data):
            self.table = table_of(data, name)
        else:
            self.X = array_of(data, name)
        n = self.rows
        if not n:
            raise DataError("no rows", name, "at least one row is needed")
        self.y = None if y is None else values_of(y, f"the labels of {name}")
        if self.y is not None and len(self.y) != n:
            raise DataError("data and labels differ in rows", f"{name}: {n} rows, {len(self.y)} labels", "one label a row")

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(len(self.X) if self.table is None else self.table.num_rows)

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels (1 or 3), where the array is of images."""
        if self.X is None or not npy.is_images(self.X):
            return None
        axes = self.X.shape[1:] if self.X.ndim == 3 else self.X.shape[1:] if self.X.shape[3] in npy.CHANNELS else self.X.shape[2:]  # noqa: PLR2004 - grey
        channels = 1 if self.X.ndim == 3 or 1 in (self.X.shape[3], self.X.shape[1]) else 3  # noqa: PLR2004
        return int(axes[0]), int(axes[1]), channels

    def labels(self, column: str) -> dict[str, Any]:
        """The classes as the caller wrote them, by the names that mdshift gives them."""
        from mdshift.readers.labels import names_of
        from mdshift.readers.values import plain

        held = (
            self.y if self.y is not None else self.table[column] if self.table is not None and column in self.table.column_names else None
        )
        if held is None:
            return {}
        levels = plain(held).unique().drop_null()
        return {str(name): value for name, value in zip(names_of(levels), levels.to_pylist(), strict=True) if name is not None}

    def count(self, place: Place) -> int | None:  # noqa: ARG002 - there is one
        """All of them."""
        return self.rows

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch | Block]:  # noqa: ARG002 - there are no files
        """The rows in memory, whatever file is asked for."""
        return self.batches(self.place, ask)

    def batches(self, place: Place, ask: Ask) -> Iterator[pa.RecordBatch | Block]:  # noqa: ARG002 - there is one
        """The rows, in order. Raises DataError where the labels' column is there already."""
        if self.table is not None:
            table = self.table
            if self.y is not None:
                if ask.label in table.column_names:
                    what = "labels are given twice"
                    raise DataError(what, f"{self.place.given}: as a column {ask.label!r} and apart", "drop one of the two")
                table = table.append_column(ask.label, self.y)
            yield from table.to_batches(rows_for(table.num_columns, ask.rows))
            return
        rows = max(1, min(ask.rows, (1 << 24) // max(1, self.X[0].size)))
        for start in range(0, len(self.X), rows):
            part = self.X[start : start + rows]
            y = None if self.y is None else self.y[start : start + rows]
            yield Block(npy.images(part, self.place.given, ask) if npy.is_images(self.X) else npy.matrix(part), y)


def is_table(data: Any) -> bool:
    """Whether it is a data frame, of whatever library; a single column is none."""
    return hasattr(data, "columns") or (hasattr(data, "__arrow_c_stream__") and hasattr(data, "schema"))


def table_of(data: Any, name: str) -> pa.Table:
    """A data frame as an Arrow table; an index is no column.

    Raises DataError for columns with one name.
    """
    import pyarrow as pa

    if isinstance(data, pa.Table | pa.RecordBatch) or not hasattr(data, "iloc"):
        table = pa.table(data)
        return table.rename_columns(distinct_names(list(table.column_names), name))
    names = distinct_names([str(c) for c in data.columns], name)
    return pa.table([values_of(data.iloc[:, j], f"{n!r} of {name}") for j, n in enumerate(names)], names=names)


def values_of(data: Any, shown: str) -> pa.Array:
    """One column as an Arrow array, missing where it is None, NaN or NaT; a mixture of types is read as text.

    Raises DataError for what is no single column.
    """
    import pyarrow as pa

    from mdshift.readers.values import plain

    if getattr(data, "ndim", 1) == 2 and data.shape[1] == 1:  # noqa: PLR2004 - a table of one column
        data = data.iloc[:, 0] if hasattr(data, "iloc") else data[:, 0]
    if getattr(data, "ndim", 1) != 1:
        raise DataError("not one value a row", f"{shown}: shape {tuple(data.shape)}", "give one column")
    stream = hasattr(data, "__arrow_c_stream__") and not hasattr(data, "iloc")
    try:
        made = plain(pa.chunked_array(data) if stream else pa.array(data, from_pandas=True))
    except OverflowError:  # whole numbers of more than 64 bits
        made = _as_numbers(data)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeError):
        made = _as_text(data)
    except (TypeError, ValueError) as error:
        raise DataError("not a column of values", f"{shown}: {str(error)[:120]}", HINT) from None
    return _as_text(data) if isinstance(made.type, pa.BaseExtensionType) else made  # pandas' periods and intervals


def _as_numbers(data: Any) -> pa.Array:
    """Every value as a double; all as text where one is no number, or too large for a double."""
    import numbers

    import pyarrow as pa

    present = [None if _missing(v) else v for v in data]
    try:
        if any(v is not None and (isinstance(v, bool) or not isinstance(v, numbers.Real)) for v in present):
            return _as_text(data)
        return pa.array([None if v is None else float(v) for v in present], pa.float64())
    except OverflowError:
        return _as_text(data)


def _as_text(data: Any) -> pa.Array:
    """Every value as text; lone surrogates as escapes."""
    import pyarrow as pa

    words = (None if _missing(v) else str(v).encode("utf-8", "backslashreplace").decode() for v in data)
    return pa.array(list(words), pa.large_string())


def _missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)  # noqa: PLR0124 - NaN, NaT
    except (TypeError, ValueError):  # pandas' NA has no truth
        return True


def array_of(data: Any, name: str) -> Any:
    """An array of numbers (n, ...).

    Raises DataError for anything else.
    """
    import numpy as np

    if isinstance(data, str | bytes | dict) or not hasattr(data, "__array__") or hasattr(data, "name"):
        raise DataError("neither a table nor an array", f"{name}: {type(data).__name__}", HINT)
    X = np.asarray(np.ma.filled(data.astype(np.float64), np.nan)) if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    if X.dtype.kind not in "biuf":
        raise DataError(
            "array is not of numbers", f"{name}: dtype {X.dtype}", "numbers are read; words stand in the columns of a data frame"
        )
    if X.ndim < 2:  # noqa: PLR2004 - rows and features
        raise DataError("not an array of rows and features", f"{name}: shape {X.shape}", "X.reshape(-1, 1), if it is one feature")
    return X


def batches(held: Memory, schema: Schema, task: str | None, classes: Sequence[str], odd: Odd | None = None) -> Iterator[Domain]:
    """The rows under a saved schema, some thousand at a time, in order; the counterpart of `apply.batches`.

    `odd` counts what is not as the model's columns have it.

    Raises DataError where a column of the model is missing.
    """
    import numpy as np

    from mdshift.readers.apply import check, domain

    codes, row = {c: i for i, c in enumerate(classes)}, 0
    ask = Ask(shape=schema.image_shape, rows=ROWS)
    for batch in held.batches(held.place, ask):
        n = len(batch.X) if isinstance(batch, Block) else batch.num_rows
        raw = assemble(held.place.name, held.place.given, [batch], np.arange(row, row + n), n, ask)
        check(schema, raw, held.place.given)
        row += n
        yield domain(raw, schema, task, codes, None, odd)
