"""The column names of a file, from its first bytes alone: what a shell offers while a command is being typed."""

from __future__ import annotations

import csv
import gzip
import json
from itertools import islice
from pathlib import Path

from mdshift.readers.arrow import Arrow
from mdshift.readers.base import suffix
from mdshift.readers.csv import Csv, find_delimiter
from mdshift.readers.jsonl import Jsonl
from mdshift.readers.parquet import Parquet

HEAD = 1 << 18  # bytes that are looked at
MOST_FILES = 1000  # of a folder, until one of them has columns


def columns_of(given: str) -> list[str]:
    """The names of the columns of a file, or of the first file of a folder that has any; none where they cannot be told quickly.

    Raises OSError and ValueError (of which the errors of pyarrow and of the decoders are) for a file that cannot be read.
    """
    path = Path(given)
    if path.is_dir():
        files = sorted(islice((p for p in path.rglob("*") if p.is_file() and not p.name.startswith((".", "_"))), MOST_FILES))
        return next((names for p in files if _known(p) and (names := columns_of(str(p)))), [])
    if not path.is_file():  # standard input and pipes are read once, and not for this
        return []
    ending = suffix(path)
    if ending in Parquet.suffixes:
        import pyarrow.parquet as pq

        return [str(n).strip() for n in pq.read_schema(path).names]
    if ending in Arrow.suffixes:
        import pyarrow as pa

        with pa.OSFile(str(path)) as stream:
            return [str(n).strip() for n in pa.ipc.open_file(stream).schema.names]
    if ending in Jsonl.suffixes:
        return _keys(path)
    return _cells(path, ending) if ending in Csv.suffixes or not ending else []


def _known(path: Path) -> bool:
    return suffix(path) in (*Parquet.suffixes, *Arrow.suffixes, *Jsonl.suffixes, *Csv.suffixes)


def _head(path: Path) -> str:
    """The beginning as text, up to its last whole character."""
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as f:
        head = f.read(HEAD)
    if b"\0" in head:
        return ""
    return head.decode("utf-8-sig", errors="replace")


def _cells(path: Path, ending: str) -> list[str]:
    head = _head(path)
    lines = head.splitlines(keepends=True)
    if not lines:
        return []
    rows = csv.reader(lines, delimiter=find_delimiter(head, ending))
    return [n.strip() for n in next((row for row in rows if row), [])]


def _keys(path: Path) -> list[str]:
    head = _head(path).lstrip().removeprefix("[").lstrip()
    found, _ = json.JSONDecoder().raw_decode(head)
    return [str(n) for n in found] if isinstance(found, dict) else []
