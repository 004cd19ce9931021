"""Summaries of all rows of a path, batch by batch, beside the sample of rows that is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdshift.readers.base import Block
from mdshift.readers.values import days, family, floats, plain, words
from mdshift.stats.summaries import LEVELS, Levels, Numbers, Summary

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from mdshift.types import Schema


class Tally:
    """Summaries of the columns of a stream of batches or blocks, from the row on that no longer can be held.

    Until then the batches wait: a table that is held whole needs no second account of it. `typed`: whether the format tells text
    from numbers; where it does not, text is counted as numbers for as long as all of it can be read as such.
    """

    def __init__(self, limit: int | None, *, typed: bool) -> None:
        self.limit, self.typed = limit, typed
        self.rows = 0
        self.waiting: list[Any] | None = []
        self.columns: dict[str, Summary] = {}
        self.given_up: set[str] = set()

    def add(self, batch: Any) -> None:
        """Count the rows of a batch or a block in."""
        if self.limit is None:
            return
        self.rows += batch.num_rows if hasattr(batch, "num_rows") else len(batch.X)
        if self.waiting is not None:
            self.waiting.append(batch)
            if self.rows <= self.limit:
                return
            batches, self.waiting = self.waiting, None
        else:
            batches = [batch]
        for some in batches:
            self._count(some)

    @property
    def found(self) -> dict[str, Summary]:
        """The summaries of the columns that could be kept for every row; none where all rows are held."""
        # a column that some file of a folder lacks has fewer rows than the folder
        return {n: s for n, s in self.columns.items() if s.rows == self.rows} if self.waiting is None else {}

    def _count(self, batch: Any) -> None:
        if isinstance(batch, Block):
            if batch.X.ndim == 2:  # noqa: PLR2004 - a matrix; images have no columns
                for j in range(batch.X.shape[1]):
                    self._merge(f"f{j}", Numbers.of(batch.X[:, j]))
            return
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name not in self.given_up:
                self._merge(name, self._summary(name, column))

    def _summary(self, name: str, column: pa.Array) -> Summary | None:
        import pyarrow as pa
        import pyarrow.types as t

        before = self.columns.get(name)
        if isinstance(before, Levels) and before.counts is None:  # too many levels: no need to tell them apart again
            return Levels(len(column), len(column) - column.null_count, None)
        if t.is_dictionary(column.type) and family(column.type.value_type) == "string" and self.typed:
            return levels(column)  # counted as codes
        column = plain(column)
        sort = family(column.type)
        if sort in ("number", "empty"):
            return Numbers.of(floats(column))
        if sort == "date":
            return Numbers.of(days(column))
        if sort == "other":
            return None
        if sort == "string" and not self.typed and not isinstance(before, Levels):
            try:
                return Numbers.of(floats(column.cast(pa.float64())))
            except pa.ArrowInvalid:
                pass
        return levels(column)

    def _merge(self, name: str, summary: Summary | None) -> None:
        before = self.columns.get(name)
        joined = summary if before is None or summary is None else _joined(before, summary)
        if joined is None:
            self.given_up.add(name)
            self.columns.pop(name, None)
        else:
            self.columns[name] = joined


def _joined(before: Summary, summary: Summary) -> Summary | None:
    """Both in one; None where one is of numbers and the other of words. What has no known value is of either sort."""
    if isinstance(summary, Numbers):
        if isinstance(before, Numbers):
            return before.merged(summary)
        if not before.known:
            return summary.merged(Numbers(before.rows))
        return None if summary.known else before.merged(Levels(summary.rows))
    if isinstance(before, Levels):
        return before.merged(summary)
    if not before.known:
        return summary.merged(Levels(before.rows))
    return None if summary.known else before.merged(Numbers(summary.rows))


def levels(column: pa.Array) -> Levels:
    """How often each value occurs, as words."""
    import pyarrow.compute as pc

    rows, known = len(column), len(column) - column.null_count
    counted = pc.value_counts(column)
    if len(counted) > LEVELS + 2:  # a missing and an empty one may be among them
        return Levels(rows, known, None)
    named = words(plain(counted.field("values"))).to_pylist()
    counts: dict[str, int] = {}
    for name, count in zip(named, counted.field("counts").to_pylist(), strict=True):
        if name is not None:
            counts[name] = counts.get(name, 0) + count  # words that differ in blanks at their ends alone are one
    return Levels(rows, sum(counts.values()), counts if len(counts) <= LEVELS else None)


def held(schema: Schema, numbers: NDArray[np.float64], codes: NDArray[np.int32]) -> dict[str, Summary]:
    """The summaries of a domain that is held whole, (n, p) numbers and (n, q) codes, to be merged with those of one that is not."""
    import numpy as np

    from mdshift.types import MISSING, UNKNOWN

    found: dict[str, Summary] = {c.name: Numbers.of(numbers[:, j]) for j, c in enumerate(schema.numbers)}
    for j, column in enumerate(schema.categories):
        counts = np.bincount(codes[:, j].astype(np.int64) - UNKNOWN, minlength=2 + len(column.levels))
        named = {level: int(n) for level, n in zip(column.levels, counts[2:], strict=True) if n}
        absent = int(counts[MISSING - UNKNOWN])
        found[column.name] = Levels(len(codes), len(codes) - absent, named)
    return found
