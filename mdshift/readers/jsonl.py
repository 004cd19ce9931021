"""JSON Lines, and a JSON file that is one list of records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.declare import reader
from mdshift.errors import DataError
from mdshift.readers.base import Ask, Reader, reading

if TYPE_CHECKING:
    import pyarrow as pa

HINT = 'one JSON object a line, such as {"age": 63, "label": "yes"}'


@reader
class Jsonl(Reader):
    """One JSON object a line; a key that a row lacks is missing there."""

    name: ClassVar[str] = "jsonl"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch]:
        """Record batches; numbers stay numbers, nested values become text."""
        from mdshift.readers.csv import check

        check_quotes = ask.encoding or "utf-8"
        _scan(check, file, shown, ask.encoding)
        records = self._records(file, shown, check_quotes)
        empty = True
        while rows := list(islice(records, min(ask.rows, 16_384))):
            empty = False
            yield _batch(rows, shown)
        if empty:
            raise DataError("no rows", shown, HINT)

    @staticmethod
    def _records(file: Path, shown: str, encoding: str) -> Iterator[dict[str, Any]]:
        from mdshift.readers.csv import _text

        with reading(shown, "JSONL"), _text(file, encoding) as text:
            lines = _decoded(text, shown, encoding)
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                if number == 1 and line.lstrip().startswith("["):
                    yield from _listed(line + "".join(lines), shown)
                    return
                record = _parsed(line.rstrip(), shown, number)
                if not isinstance(record, dict):
                    raise DataError("a line is not a JSON object", f"{shown}:{number}: {line.strip()[:60]}", HINT)
                yield record


def _decoded(text: Iterable[str], shown: str, encoding: str) -> Iterator[str]:
    number = 0
    try:
        for line in text:
            number += 1
            yield line
    except UnicodeDecodeError:
        raise DataError(
            f"not {encoding.upper()}", f"{shown}: after line {number}", "name its encoding, such as --encoding latin-1"
        ) from None
    except LookupError:
        raise DataError("unknown encoding", repr(encoding), "such as utf-8, latin-1, utf-16, cp1252") from None


def _parsed(text: str, shown: str, number: int) -> Any:
    """The JSON value of a text that begins on this line."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DataError("bad JSON", f"{shown}:{number + error.lineno - 1}:{error.colno}: {error.msg}", HINT) from None
    except RecursionError:
        raise DataError("JSON is nested too deep", f"{shown}:{number}", HINT) from None


def _scan(check: Any, file: Path, shown: str, encoding: str | None) -> None:
    try:
        check(file, shown, encoding)
    except DataError as error:
        if "quote" not in error.what:  # CSV's rule on quotes is not JSON's
            raise


def _listed(text: str, shown: str) -> Iterator[dict[str, Any]]:
    records = _parsed(text, shown, 1)
    for i, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError("an entry is not a JSON object", f"{shown}: entry {i}", HINT)
        yield record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    pairs = [(_encodable(k), v) for k, v in pairs]
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [k for k, _ in pairs]
        twice = next(k for k in names if names.count(k) > 1)
        raise DataError("two columns have the same name", repr(twice), "rename one of them")
    return found


def _batch(rows: list[dict[str, Any]], shown: str) -> pa.RecordBatch:
    import pyarrow as pa

    names = list(dict.fromkeys(k for r in rows for k in r))
    columns = []
    for name in names:
        values = [r.get(name) for r in rows]
        types = {type(v) for v in values} - {type(None)}
        if types <= {int, float} and types:
            columns.append(
                pa.array([None if v is None else float(v) for v in values], pa.float64()) if float in types else _integers(values)
            )
        elif types == {bool}:
            columns.append(pa.array(values, pa.bool_()))
        elif not types:
            columns.append(pa.nulls(len(values)))
        else:
            columns.append(pa.array([_shown(v) for v in values], pa.string()))
    if not names:
        raise DataError("rows without any column", shown, HINT)
    return pa.RecordBatch.from_arrays(columns, names=[n.strip() or f"column {i}" for i, n in enumerate(names, 1)])


def _integers(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values, pa.int64())
    except OverflowError:
        return pa.array([None if v is None else float(v) if abs(v) < 10**308 else float("inf") for v in values], pa.float64())


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, bool):
        return str(value)
    return _encodable(json.dumps(value, ensure_ascii=False))


def _encodable(text: str) -> str:
    r"""The text with each half of a surrogate pair written out (`\ud800`): JSON can escape one, UTF-8 has no bytes for it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text
