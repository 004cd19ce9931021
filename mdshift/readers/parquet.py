"""Parquet, a row group after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mdshift.declare import reader
from mdshift.errors import DataError
from mdshift.executor import cores
from mdshift.readers.base import Ask, Place, Reader, distinct_names, reading, rows_for

if TYPE_CHECKING:
    import pyarrow as pa

MARK = b"PAR1"  # at both ends of a file
BUFFER = 1 << 20  # bytes of a column read at a time: neither a row group nor, read ahead, the whole file lies in the memory
CODED = 1.5  # bytes a value that a column takes as codes of at most 4,096 levels
INDEX = re.compile(r"__index_level_\d+__")  # pandas stores a nameless index as a column


@reader
class Parquet(Reader):
    """Apache Parquet, read a row group at a time, with the types that the file stores."""

    name: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq", ".parq")

    def count(self, place: Place) -> int | None:
        """The sum of what the files' own ends say."""
        import pyarrow.parquet as pq

        try:
            return sum(int(pq.read_metadata(f).num_rows) for f in place.files)
        except (OSError, ValueError):  # reading it tells what is wrong
            return None

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch]:
        """Record batches with the file's own types."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        check_whole(file, shown)
        if pa.cpu_count() < cores():  # the columns are decoded side by side, which changes no digit; sums stay in one thread
            pa.set_cpu_count(cores())
        with reading(shown, "Parquet"), pq.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER, read_dictionary=coded(file)) as stored:
            schema = stored.schema_arrow
            distinct_names(list(schema.names), shown)
            kept = [n for n in schema.names if not INDEX.fullmatch(n)]
            batches = stored.iter_batches(
                batch_size=rows_for(len(kept), ask.rows), columns=None if len(kept) == len(schema.names) else kept
            )
            empty = True
            for batch in batches:
                empty = False
                batch.validate(full=True)  # text that is no UTF-8 would fail later, in a place that cannot name the file
                yield batch.select(kept).rename_columns([n.strip() for n in kept])
            if empty:
                yield pa.RecordBatch.from_pylist([], schema=pa.schema([schema.field(n).with_name(n.strip()) for n in kept]))


def check_whole(file: Path, shown: str) -> None:
    """Raise DataError, with the offset at which it ends, for a file without Parquet's last four bytes."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - len(MARK)))
        if stream.read() != MARK:
            raise DataError(
                "cannot read Parquet", f"{shown}: it ends at offset {size} without the closing mark", "is the file whole, or cut short?"
            )


def coded(file: Path) -> list[str]:
    """The columns of words that the file stores as codes of few levels, by its own account of their size: cheaper left as codes."""
    import pyarrow.parquet as pq

    meta = pq.read_metadata(file)
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    found = []
    for j in range(meta.num_columns):
        column = meta.schema.column(j)
        if column.physical_type != "BYTE_ARRAY" or column.max_repetition_level or "." in column.path:
            continue
        chunks = [g.column(j) for g in groups]
        if chunks and all(c.total_uncompressed_size <= CODED * c.num_values for c in chunks):
            found.append(column.path)
    return found
