"""Delimited text: CSV, TSV and their kin.

Every cell is read as text; what is a number is decided later, over all files at once, so that both sides are treated alike
and a word in row 900,000 does not break a column that began with numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.declare import reader
from mdshift.errors import DataError
from mdshift.readers.base import UNPACK, Ask, Reader, distinct_names, packing, reading, suffix

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = (",", ";", "\t", "|")
HEAD = 1 << 18  # bytes in which the delimiter is looked for
BLOCK = 1 << 23
MISSING_MARKS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>", "-nan", "-NaN", "#NA")
BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@reader
class Csv(Reader):
    """Comma-, semicolon-, tab- or bar-separated text with one header row; the delimiter is found."""

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".tab", ".psv", ".data", ".dat")
    typed: ClassVar[bool] = False

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch]:
        """Record batches of text columns, about 8 MiB of the file each."""
        import pyarrow as pa
        import pyarrow.csv as pc_csv

        encoding = ask.encoding or "utf-8"
        length = check(file, shown, ask.encoding)
        delimiter, names, comma, widest = _head(file, shown, encoding, ask)
        faults: list[Any] = []

        def ragged(row: Any) -> str:
            faults.append(row)
            return "error"

        raw_names = _first_record(file, encoding, delimiter)
        block, parsed = max(BLOCK, 4 * widest), 0
        try:
            with reading(shown, "CSV"):
                stream = pc_csv.open_csv(
                    pa.input_stream(str(file), compression="detect"),
                    read_options=pc_csv.ReadOptions(use_threads=False, block_size=block, encoding=encoding),
                    parse_options=pc_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=ragged),
                    convert_options=pc_csv.ConvertOptions(
                        column_types=dict.fromkeys(raw_names, pa.string()), strings_can_be_null=True, null_values=list(MISSING_MARKS)
                    ),
                )
                for batch in stream:
                    parsed += block
                    ask.reach.within = min(1.0, parsed / length)
                    columns = [_decimal_point(c) for c in batch.columns] if comma else batch.columns
                    yield pa.RecordBatch.from_arrays(columns, names=names)
        except DataError as error:
            raise _explain(error, file, shown, encoding, delimiter) from None


def check(file: Path, shown: str, encoding: str | None) -> int:
    """Look at the bytes once: NUL, UTF-16, an unclosed quote. Returns how many there are, unpacked.

    Raises DataError with the offset or line.
    """
    import pyarrow as pa

    quotes, offset = 0, 0
    with reading(shown, "file"), pa.input_stream(str(file), compression="detect") as stream:
        while chunk := stream.read(BLOCK):
            if offset == 0 and chunk[:2] in BOMS and encoding is None:
                raise DataError("not UTF-8", f"{shown}: begins with the mark of UTF-16", f"--encoding {BOMS[chunk[:2]]}")
            if encoding is None or not encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32", "utf16", "utf32")):
                at = chunk.find(b"\0")
                if at >= 0:
                    if offset == 0 and (packed_by := packing(chunk)) is not None:
                        raise DataError(
                            "compressed, and its name does not say so",
                            f"{shown}: {packed_by}",
                            f"unpack it: {UNPACK[packed_by]} < FILE > UNPACKED",
                        )
                    hint = (
                        "--encoding utf-16, if that is what it is"
                        if chunk.count(b"\0") > len(chunk) // 4
                        else "the file is damaged or not text"
                    )
                    raise DataError("NUL byte in a text file", f"{shown}: offset {offset + at}", hint)
                quotes += chunk.count(b'"')
            offset += len(chunk)
    if not offset:
        raise DataError("empty file", shown, "a header row and at least one row are needed")
    if quotes % 2:
        _unclosed(file, shown, encoding or "utf-8")
    return offset


def _text(file: Path, encoding: str) -> io.TextIOWrapper:
    import pyarrow as pa

    stream = pa.input_stream(str(file), compression="detect")
    return io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding, newline="")


def _unclosed(file: Path, shown: str, encoding: str) -> None:
    """Find the quote that is never closed, if there is one: an odd one inside a bare cell is harmless."""
    csv.field_size_limit(2**31 - 1)
    begun = 1
    try:
        with _text(file, encoding) as text:
            delimiter = find_delimiter(text.read(HEAD), suffix(file))
        with _text(file, encoding) as text:
            rows = csv.reader(text, delimiter=delimiter, strict=True)
            for _ in rows:
                begun = rows.line_num + 1
    except csv.Error as error:
        if "end of data" in str(error):
            raise DataError(
                "a quote is opened and never closed", f"{shown}:{begun}", 'close it, or double it (""), if it stands for itself'
            ) from None
    except (UnicodeError, LookupError):
        return  # told apart, with its offset, when the cells are read


def _head(file: Path, shown: str, encoding: str, ask: Ask) -> tuple[str, list[str], bool, int]:
    """The delimiter, the column names, whether numbers have a decimal comma, and the bytes of the longest line seen."""
    try:
        with _text(file, encoding) as text:
            head = text.read(HEAD)
            if "\n" not in head and len(head) == HEAD:  # one endless header line
                head += text.readline() + text.readline()
    except UnicodeDecodeError as error:
        raise _not_decoded(shown, encoding, error.start) from None
    except LookupError:
        raise DataError("unknown encoding", repr(encoding), "such as utf-8, latin-1, utf-16, cp1252") from None
    except UnicodeError as error:
        hint = "--encoding holds for all files: save them in one encoding, such as UTF-8"
        raise DataError(f"not {encoding}", f"{shown}: {error}", hint) from None
    if not head.strip():
        raise DataError("empty file", shown, "a header row and at least one row are needed")
    delimiter = find_delimiter(head, suffix(file))
    if delimiter != "," and not (delimiter == "\t" and suffix(file) in (".tsv", ".tab")):
        spoken = {"\t": "a tab"}.get(delimiter, repr(delimiter))
        ask.told[f"{shown}: the delimiter is {spoken}"] = "warning" if suffix(file) == ".csv" else "info"  # the ending says a comma
    names = distinct_names(_first_record(file, encoding, delimiter), shown)
    if len(names) > 1 and all(re.fullmatch(r"[+-]?\d*\.?\d+([eE][+-]?\d+)?", n) for n in names):
        ask.told[f"{shown}: the first row was taken as column names, but it holds numbers only"] = "warning"
    cells = head.replace('"', "").replace("\n", delimiter).split(delimiter) if delimiter != "," else []
    comma = any(re.fullmatch(r"[+-]?\d+,\d+", c) for c in cells) and not any(re.fullmatch(r"[+-]?\d+\.\d+", c) for c in cells)
    if comma:
        ask.told[f"{shown}: numbers have a decimal comma"] = "info"
    return delimiter, names, comma, 4 * max(len(line) for line in head.splitlines())


def find_delimiter(head: str, ending: str) -> str:
    """The delimiter that stands equally often in the first records, and oftenest."""
    if ending in (".tsv", ".tab") and "\t" in head.split("\n", 1)[0]:
        return "\t"
    lines = re.sub(r'"[^"]*"', "", head).splitlines()[:50]
    lines = [line for line in (lines[:-1] if len(lines) > 2 else lines) if line.strip()]  # noqa: PLR2004 - the last one may be cut
    best, score = ",", (0.0, 0)
    for d in DELIMITERS:
        counts = [line.count(d) for line in lines]
        if counts and counts[0]:
            agree = sum(c == counts[0] for c in counts) / len(counts)
            if (agree, counts[0]) > score:
                best, score = d, (agree, counts[0])
    return best


def _first_record(file: Path, encoding: str, delimiter: str) -> list[str]:
    csv.field_size_limit(2**31 - 1)
    with _text(file, encoding) as text:
        for record in csv.reader(text, delimiter=delimiter):
            if record:
                return record
    return []


def _decimal_point(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.replace_substring_regex(column, r"^([+-]?\d+),(\d+)$", r"\1.\2")


def _not_decoded(shown: str, encoding: str, offset: int) -> DataError:
    return DataError(
        f"not {encoding.upper()}",
        f"{shown}: byte {offset} does not decode",
        "name its encoding, such as --encoding latin-1 or --encoding utf-16",
    )


def _explain(error: DataError, file: Path, shown: str, encoding: str, delimiter: str) -> DataError:
    """Say of a file that could not be read what is wrong and on which line: a slow second look at it."""
    csv.field_size_limit(2**31 - 1)
    decoder, offset = codecs.getincrementaldecoder(encoding)(), 0
    with file.open("rb") as f:
        packed = suffix(file) != file.suffix.lower() and bool(suffix(file))
        try:
            while not packed and (chunk := f.read(BLOCK)):
                decoder.decode(chunk)
                offset += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as bad:
            return _not_decoded(shown, encoding, max(0, offset + bad.start - (len(bad.object) - len(chunk) if chunk else 0)))
    try:
        with _text(file, encoding) as text:
            rows, begun, expected = csv.reader(text, delimiter=delimiter), 1, None
            for row in rows:
                if row and expected is None:
                    expected = len(row)
                elif row and len(row) != expected:
                    return DataError(
                        "a row with another number of cells",
                        f"{shown}:{begun}: {len(row)} cells, the header has {expected}",
                        _cure(len(row), expected),
                    )
                begun = rows.line_num + 1
    except (UnicodeError, csv.Error, OSError, ValueError):
        pass
    return error


def _cure(seen: int, expected: int | None) -> str:
    more = expected is not None and seen > expected
    return "is a cell with a delimiter inside not quoted?" if more else "is the row cut, or a cell missing?"
