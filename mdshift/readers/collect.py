"""From batches to the rows that are held: all of them, or a seeded sample of bounded size."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mdshift.errors import DataError
from mdshift.pace import follow, shows
from mdshift.readers.base import Ask, Block, Place
from mdshift.readers.paths import reader
from mdshift.readers.tally import Tally
from mdshift.readers.values import family, flat, floats, plain, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from mdshift.readers.base import Reader
    from mdshift.stats.summaries import Summary

EVERY = 5.0  # seconds between two lines of progress
LOOK = 1.0  # seconds until it is asked how many rows there are, where the work is shown while it goes on


@dataclass(frozen=True, eq=False)
class Raw:
    """The rows of one domain as they were read: a table, or X with a table that holds its labels alone.

    X: None, (n, d) float64, or uint8 (n, h, w, c). index (n,): the rows' numbers in the input; rows: how many there were.
    typed: whether the format tells text from numbers, so that digits which it stores as text are meant as words.
    summaries: of all rows, by column, where not all are held.
    """

    name: str
    table: pa.Table
    X: NDArray[Any] | None
    index: NDArray[np.int64]
    rows: int
    typed: bool = True
    summaries: Mapping[str, Summary] = field(default_factory=dict)

    @property
    def images(self) -> NDArray[np.uint8] | None:
        """X, where it is of images."""
        return self.X if self.X is not None and self.X.ndim == 4 else None  # noqa: PLR2004 - the axes

    @property
    def matrix(self) -> NDArray[np.float64] | None:
        """X, where it is a matrix of features."""
        return self.X if self.X is not None and self.X.ndim == 2 else None  # noqa: PLR2004 - the axes

    @property
    def names(self) -> list[str]:
        """The columns, in order; those of a matrix are f0, f1 and so on."""
        width = 0 if self.matrix is None else self.matrix.shape[1]
        return [f"f{j}" for j in range(width)] + list(self.table.column_names)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each column of the table stands: looking names up in a wide table is slow."""
        return {n: i for i, n in enumerate(self.table.column_names)}

    def column(self, name: str) -> pa.Array:
        """One column of the table, contiguous."""
        return plain(self.table.column(self.positions[name]))

    def take(self, rows: NDArray[np.bool_], name: str) -> Raw:
        """The rows under a mask, under another name."""
        import pyarrow as pa

        kept = self.table.filter(pa.array(rows)) if self.table.num_columns else self.table
        X = None if self.X is None else self.X[rows]
        return replace(self, name=name, table=kept, X=X, index=self.index[rows], rows=int(rows.sum()), summaries={})


class Reservoir:
    """A uniform sample of at most `limit` rows out of a stream (without a limit: all), in input order.

    Every row draws a key, the smallest keys stay (Fan, Muller & Rezucha 1962): the sample does not depend on how the stream is cut
    into batches. Rows are taken out of a batch as they stand in it; only those that stay are ever converted.
    """

    def __init__(self, limit: int | None, rng: np.random.Generator) -> None:
        self.limit, self.rng = limit, rng
        self.parts: list[tuple[Any, Any, Any]] = []  # batch or block, index, keys
        self.bound, self.held, self.rows = 1.0, 0, 0

    def add(self, batch: Any) -> None:
        """Take the batch's rows in."""
        import numpy as np

        n = batch.num_rows if hasattr(batch, "num_rows") else len(batch.X)
        index = getattr(batch, "index", None)
        index = np.arange(self.rows, self.rows + n) if index is None else index
        self.rows += n
        keys = None
        if self.limit is not None:
            keys = self.rng.random(n)
            if self.bound < 1:
                batch, index, keys = _pick(batch, index, keys, keys <= self.bound)
        self.parts.append((batch, index, keys))
        self.held += len(index)
        if self.limit is not None and self.held > 2 * self.limit:
            self.shrink()

    def shrink(self) -> None:
        """Forget the rows whose keys are too large."""
        import numpy as np

        if self.limit is None or self.held <= self.limit:
            return
        keys = np.concatenate([k for *_, k in self.parts])
        self.bound = float(np.partition(keys, self.limit - 1)[self.limit - 1])
        self.parts = [_pick(*part, part[2] <= self.bound) for part in self.parts]
        self.held = sum(len(i) for _, i, _ in self.parts)


def _pick(batch: Any, index: Any, keys: Any, mask: Any) -> tuple[Any, Any, Any]:
    import numpy as np
    import pyarrow as pa

    at = pa.array(np.flatnonzero(mask))  # few of many: taken faster than filtered
    if isinstance(batch, Block):
        y = None if batch.y is None else batch.y.take(at)
        picked: Any = Block(batch.X[mask], y)
    else:
        picked = batch.take(at)
    return picked, index[mask], keys[mask]


def gather(
    place: Place,
    ask: Ask,
    *,
    limit: int | None,
    rng: np.random.Generator,
    source: Reader | None = None,
    progress: Callable[[str], None] = lambda text: None,  # noqa: ARG005 - silence
) -> Raw:
    """Read a place once, by `source` where it is not files: at most `limit` of its rows are held, all of them are counted into summaries.

    progress is told every few seconds how far reading is, unless it shows work while it goes on.

    Raises DataError when it has no rows, or parts that do not fit together.
    """
    import numpy as np

    source = source or reader(place.reader)
    held, tally = Reservoir(limit, rng), Tally(limit, typed=source.typed)
    told = began = time.monotonic()
    live = shows(progress)
    with follow(progress, f"reading {place.given}", "rows") as work:
        for batch in source.batches(place, ask):
            tally.add(batch)
            held.add(batch)
            work.done, work.share = held.rows, ask.reach.share
            now = time.monotonic()
            if now - told >= (LOOK if live and told == began else EVERY):
                work.total = source.count(place) if told == began else work.total
                told = now
                if not live:
                    progress(f"reading {place.given}: {reached(held.rows, work.total, now - began)}")
    held.shrink()
    if not held.rows:
        raise DataError("no rows", place.given, "a header row and at least one row are needed")
    index = np.concatenate([i for _, i, _ in held.parts]).astype(np.int64)
    made = assemble(place.name, place.given, [b for b, *_ in held.parts], index, held.rows, ask, loose=place.reader == "jsonl")
    return replace(made, typed=source.typed, summaries=tally.found)


def reached(rows: int, total: int | None, seconds: float) -> str:
    """How far reading is: rows, their share where the total is known, and the rate."""
    share = f" of {total:,} rows ({rows / total:.0%})" if total else " rows"
    return f"{rows:,}{share}, {rows / max(seconds, 1e-9):,.0f} a second"


def assemble(name: str, given: str, batches: list[Any], index: NDArray[np.int64], rows: int, ask: Ask, *, loose: bool = False) -> Raw:
    """One Raw out of batches or blocks."""
    import numpy as np
    import pyarrow as pa

    if not isinstance(batches[0], Block):
        return Raw(name, flat(joined(batches, given, loose=loose)), None, index, rows)
    widths = {b.X.shape[1:] for b in batches}
    if len(widths) > 1:
        raise DataError(
            "the parts of a folder differ in shape", f"{given}: {sorted(widths)}", "they must be alike to be put one below the other"
        )
    blocks: list[Block] = batches
    labels = [pa.nulls(len(b.X)) if b.y is None else b.y for b in blocks]
    none = all(b.y is None for b in blocks)
    table = pa.table({}) if none else joined([pa.RecordBatch.from_arrays([y], names=[ask.label]) for y in labels], given)
    X = blocks[0].X if len(blocks) == 1 else np.concatenate([b.X for b in blocks])
    return Raw(name, table, X, index, rows)


def joined(batches: Iterable[pa.RecordBatch], given: str, *, loose: bool = False) -> pa.Table:
    """One table; a column whose type differs from part to part becomes numbers, or else text.

    loose: a part may lack a column, which is missing there (JSON leaves out what is null).
    """
    import pyarrow as pa

    parts = list(batches)
    first = parts[0].schema
    if all(p.schema.equals(first) for p in parts):
        return pa.Table.from_batches(parts)
    names = list(dict.fromkeys(n for p in parts for n in p.schema.names))
    lacking = [n for p in parts for n in names if n not in p.schema.names]
    if lacking and not loose:
        raise DataError(
            "the parts of a folder differ in columns",
            f"{given}: not all have {lacking[0]!r}",
            "give the parts the same columns, or keep them in folders of their own",
        )
    columns = []
    for name in names:
        arrays = [plain(p.column(name)) if name in p.schema.names else pa.nulls(p.num_rows) for p in parts]
        kinds = {a.type for a in arrays if family(a.type) != "empty"}
        if len(kinds) <= 1:
            kind = next(iter(kinds), pa.null())
            columns.append(pa.chunked_array([a.cast(kind) for a in arrays]))
        elif all(family(k) == "number" for k in kinds):
            columns.append(pa.chunked_array([pa.array(floats(a), from_pandas=True) for a in arrays]))
        else:
            columns.append(pa.chunked_array([words(a) if family(a.type) != "empty" else a.cast(pa.large_string()) for a in arrays]))
    return pa.table(columns, names=names)
