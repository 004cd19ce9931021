"""Predictions as CSV, TSV, JSON, JSON Lines or Parquet: batch by batch, and never half a file."""

from __future__ import annotations

import csv
import json as json_module
import math
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mdshift.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Batch = Mapping[str, NDArray[np.generic]]

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet runs a cell that begins with one of these


def write_rows(output: str | None, batches: Iterable[Batch], *, json: bool = False) -> int:
    """Write batches of columns of equal length to a file, or to standard output (None or "-"), and return the number of rows.

    The ending of the file chooses the format; standard output is CSV, or JSON Lines with `json`. NaN is an empty cell (null). Words
    in CSV and TSV that a spreadsheet would run as a formula get a `'` in front. A file is written beside its place and renamed
    into it when it is whole; a link is written through.

    Raises UsageError for an unknown ending, EnvironmentFault when writing fails; an old file then stays as it was.
    """
    if output in (None, "-"):
        if sys.stdout is None:
            raise EnvironmentFault("standard output is closed", "", "write the result to a file with -o FILE")
        return _write_text(sys.stdout, batches, ".jsonl" if json else ".csv")
    place = Path(str(output)).resolve()
    ending = place.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError("the ending of --output is unknown", repr(output), f"use one of {', '.join(ENDINGS)}")
    made: str | None = None
    try:
        handle, made = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        os.close(handle)
        if ending == ".parquet":
            rows = _write_parquet(made, batches)
        else:
            with Path(made).open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
                rows = _write_text(stream, batches, ending)
        with Path(made).open("rb") as written:
            os.fsync(written.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(made).chmod(0o666 & ~mask)
        Path(made).replace(place)
    except OSError as error:
        raise EnvironmentFault(
            "the output cannot be written", f"{output}: {error.strerror or error}", "is the disk full, or the folder gone?"
        ) from None
    else:
        made = None
    finally:
        if made is not None:
            Path(made).unlink(missing_ok=True)
    return rows


def _write_text(stream: TextIO, batches: Iterable[Batch], ending: str) -> int:
    if ending in (".csv", ".tsv"):
        return _write_delimited(stream, batches, "\t" if ending == ".tsv" else ",")
    rows = 0
    if ending == ".json":
        stream.write("[")
    for names, columns in _plain(batches):
        lines = [json_module.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in zip(*columns, strict=True)]
        if ending == ".json":
            stream.write(("\n" if not rows else ",\n") + ",\n".join(lines))
        else:
            stream.write("".join(line + "\n" for line in lines))
        rows += len(lines)
    if ending == ".json":
        stream.write("\n]\n")
    stream.flush()
    return rows


def _write_delimited(stream: TextIO, batches: Iterable[Batch], delimiter: str) -> int:
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    rows = 0
    for names, columns in _plain(batches):
        if not rows:
            writer.writerow([safe(n) for n in names])
        guarded = [[safe(v) for v in c] if any(isinstance(v, str) for v in c[:1]) else c for c in columns]
        writer.writerows(zip(*guarded, strict=True))
        rows += len(columns[0])
    stream.flush()
    return rows


def _write_parquet(path: str, batches: Iterable[Batch]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, rows = None, 0
    try:
        for batch in batches:
            table = pa.table(
                {
                    _bare(n): pa.array([_bare(c) for c in v.tolist()] if v.dtype.kind in "OU" else v, from_pandas=True)
                    for n, v in batch.items()
                }
            )
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table.cast(writer.schema))
            rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


def _plain(batches: Iterable[Batch]) -> Iterator[tuple[list[str], list[list[Any]]]]:
    """Names and columns of Python values, None for what is no number."""
    for batch in batches:
        columns = [v.tolist() for v in batch.values()]
        yield list(batch), [[None if isinstance(v, float) and not math.isfinite(v) else v for v in c] for c in columns]


def _bare(cell: Any) -> Any:
    """The cell, with what UTF-8 has no bytes for written out, as in the other formats."""
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell


def safe(cell: Any) -> Any:
    """The cell, with a `'` before a word that a spreadsheet would run; numbers stay as they are."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return "'" + cell if cell[0] in "\t\r\n" else cell
