"""Feather and Arrow IPC: the file and the stream format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mdshift.declare import reader
from mdshift.readers.base import Ask, Reader, distinct_names, reading
from mdshift.readers.parquet import INDEX

if TYPE_CHECKING:
    import pyarrow as pa


@reader
class Arrow(Reader):
    """Feather (version 2) and Arrow IPC files and streams."""

    name: ClassVar[str] = "arrow"
    suffixes: ClassVar[tuple[str, ...]] = (".feather", ".arrow", ".ipc", ".ft")

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch]:
        """Record batches with the file's own types, as they were written; read, not mapped, so that one lies in the memory at a time."""
        import pyarrow as pa

        with reading(shown, "Arrow"), pa.OSFile(str(file)) as source:
            is_file = source.read(6) == b"ARROW1"
            source.seek(0)
            stored = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
            distinct_names(list(stored.schema.names), shown)
            kept = [n for n in stored.schema.names if not INDEX.fullmatch(n)]
            batches = (stored.get_batch(i) for i in range(stored.num_record_batches)) if is_file else stored
            empty = True
            for batch in batches:
                batch.validate(full=True)  # offsets are trusted otherwise, and damaged ones lead out of the memory
                for start in range(0, batch.num_rows, ask.rows):
                    empty = False
                    yield batch.slice(start, ask.rows).select(kept).rename_columns([n.strip() for n in kept])
            if empty:
                yield pa.RecordBatch.from_pylist([], schema=pa.schema([stored.schema.field(n).with_name(n.strip()) for n in kept]))
