"""From Arrow columns to numbers, dates and words: one treatment, whatever format or side they come from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

Family = Literal["number", "bool", "date", "string", "empty", "other"]

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])$"
PADDED = r"^[+-]?0\d+$"  # a postcode or a key, not a number
WHOLE = re.compile(r"([+-]?\d+)\.0+")
BLANKS = ("?", "-", ".", "*", "None", "none", "NONE", "unknown", "missing")  # missing, where the others are numbers
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T].*)?")
LIKE_DATE = r"^\d{4}-\d\d-\d\d([ T].*)?$"
POSSIBLE = r"^\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|[12]\d))([ T].*)?$"
FINER = r"(\.\d{6})\d+"
ZONE = r"[ T].*(Z|[+-]\d\d(:?\d\d)?)$"
DAY = 86_400_000_000  # microseconds
PADDED_SHARE = 0.1


def family(kind: pa.DataType) -> Family:
    """What sort of values an Arrow type holds."""
    import pyarrow.types as t

    if t.is_null(kind):
        return "empty"
    if t.is_boolean(kind):
        return "bool"
    if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_duration(kind) or t.is_time(kind):
        return "number"
    if t.is_temporal(kind):
        return "date"
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return "string"
    return "other"


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array, dictionaries decoded, bytes read as UTF-8 where they are that."""
    import pyarrow as pa
    import pyarrow.types as t

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if t.is_dictionary(column.type):
        column = column.dictionary_decode()
    if t.is_binary(column.type) or t.is_large_binary(column.type):
        try:
            column = column.cast(pa.large_string())
        except pa.ArrowInvalid:
            return column
    return column


def floats(column: pa.Array) -> NDArray[np.float64]:
    """Numbers, truth values (0, 1) and times as float64, NaN where missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    if t.is_null(kind):
        return np.full(len(column), np.nan)
    if t.is_time(kind) or t.is_duration(kind):
        column = column.cast(pa.int32() if t.is_time32(kind) else pa.int64())
    elif t.is_boolean(kind):
        column = column.cast(pa.uint8())
    if not column.null_count and not t.is_decimal(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    filled: NDArray[np.float64] = column.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return filled


def days(column: pa.Array) -> NDArray[np.float64]:
    """Dates and times as days since 1970-01-01 (UTC where a zone is given), NaN where missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    per_day = {"s": DAY // 1_000_000, "ms": DAY // 1000, "us": DAY, "ns": DAY * 1000}[column.type.unit]
    ticks = column.cast(pa.int64()).cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return np.asarray(ticks / per_day)


def words(column: pa.Array) -> pa.Array:
    """Values as text, trimmed; empty ones are missing. Whole numbers have no point: nulls turn integers into floats."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sort = family(column.type)
    if sort == "string":
        trimmed = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
        shortest = pc.min(pc.binary_length(trimmed)).as_py()
        return trimmed if shortest else pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.large_string()), trimmed)
    if sort == "bool":
        return pc.if_else(column, "True", "False").cast(pa.large_string())
    if sort == "date":
        return column.cast(pa.string()).cast(pa.large_string())
    if sort == "number":
        return pa.array([None if v is None or math.isnan(v) else shown(v) for v in column.to_pylist()], pa.large_string())
    return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.large_string())


def shown(value: Any) -> str:
    """How a class or a level is called: 1.0 is "1", True is "True"."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - beyond it floats skip integers
        return str(int(value))
    return str(value)


def canonical(word: str) -> str:
    """The word, less a ".0" behind a whole number."""
    whole = WHOLE.fullmatch(word)
    return whole[1] if whole else word


@dataclass(frozen=True, eq=False)
class Parsed:
    """Text read as numbers or days: the values, how many could not be read, and the first of those (its row and itself)."""

    values: NDArray[np.float64]
    bad: int
    first: tuple[int, str] | None
    present: int


def numbers(column: pa.Array) -> Parsed:
    """Read trimmed text as numbers; what is none is NaN and counted, marks such as `?` are missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values = floats(column.cast(pa.float64()))
        return Parsed(values, 0, None, len(column) - column.null_count)
    except pa.ArrowInvalid:
        pass
    coded = column.dictionary_encode()
    level = coded.dictionary
    good = pc.match_substring_regex(level, NUMBER)
    read = floats(pc.if_else(good, level, pa.scalar(None, pa.large_string())).cast(pa.float64()))
    blank = pc.is_in(level, value_set=pa.array(BLANKS, pa.large_string())).to_numpy(zero_copy_only=False)
    bad_level = ~good.to_numpy(zero_copy_only=False) & ~blank
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    values = np.where(code >= 0, read[code], np.nan) if len(read) else np.full(len(column), np.nan)
    bad = (code >= 0) & bad_level[code] if len(read) else np.zeros(len(column), dtype=bool)
    blanks = int(((code >= 0) & blank[code]).sum()) if len(read) else 0
    at = int(bad.argmax()) if bad.any() else None
    first = None if at is None else (at, str(column[at].as_py()))
    return Parsed(values, int(bad.sum()), first, len(column) - column.null_count - blanks)


def looks_dated(column: pa.Array) -> bool:
    """Whether the first value that is there begins like an ISO date."""
    return bool(DATE.fullmatch(next((v for v in (s.as_py() for s in column) if v is not None), "")))


def dates(column: pa.Array) -> Parsed:
    """Read trimmed text as ISO 8601 dates or times; all or nothing: `bad` is everything where one cannot be read."""
    import numpy as np

    present = len(column) - column.null_count
    read = _instants(column) if looks_dated(column) else None
    if read is None:
        return Parsed(np.full(len(column), np.nan), present, None, present)
    return Parsed(read, 0, None, present)


def _instants(column: pa.Array) -> NDArray[np.float64] | None:
    """Days since 1970, digits beyond microseconds cut off; None where one value is no date, or some have a zone and others none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for cut in (False, True):
        tried = pc.replace_substring_regex(column, FINER, r"\1") if cut else column
        for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
            try:
                return days(tried.cast(kind))
            except pa.ArrowInvalid:
                continue
    return None


def each_date(column: pa.Array) -> Parsed:
    """Read trimmed text as ISO 8601 dates or times, each by itself, those without a zone as UTC: what is none is NaN and counted."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    together = dates(column)
    if not together.bad:
        return together
    coded = column.dictionary_encode()
    level = coded.dictionary
    like = pc.match_substring_regex(level, POSSIBLE)
    zoned = pc.and_(like, pc.match_substring_regex(level, ZONE))
    values = np.full(len(level), np.nan)
    for alike in (zoned, pc.and_(like, pc.invert(zoned))):
        these = np.flatnonzero(alike.to_numpy(zero_copy_only=False))
        if len(these):
            values[these] = _halved(level.take(pa.array(these)))
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    read = np.where(code >= 0, values[code], np.nan) if len(values) else np.full(len(column), np.nan)
    bad = (code >= 0) & np.isnan(read)
    at = int(bad.argmax()) if bad.any() else None
    return Parsed(read, int(bad.sum()), None if at is None else (at, str(column[at].as_py())), together.present)


def _halved(column: pa.Array) -> NDArray[np.float64]:
    """Days since 1970, NaN where a value is no date: what cannot be read together is read by halves, so that one bad date costs little."""
    import numpy as np

    read = _instants(column)
    if read is not None:
        return read
    half = len(column) // 2
    return np.concatenate([_halved(column.slice(0, half)), _halved(column.slice(half))]) if half else np.full(1, np.nan)


def mostly_dates(column: pa.Array, share: float) -> bool:
    """Whether trimmed text looks like ISO dates where it is there, but for at most this share; not where nothing is."""
    import pyarrow.compute as pc

    like = pc.sum(pc.match_substring_regex(column, LIKE_DATE)).as_py() or 0
    return like > 0 and bool(like >= (1 - share) * (len(column) - column.null_count))


def padded(column: pa.Array) -> bool:
    """Whether enough of the values begin with a superfluous zero to be keys and no numbers."""
    import pyarrow.compute as pc

    found = pc.sum(pc.match_substring_regex(column, PADDED)).as_py() or 0
    return bool(found > PADDED_SHARE * (len(column) - column.null_count))


def flat(table: pa.Table) -> pa.Table:
    """Structs and lists of equal length as columns of their own: `address.city`, `embedding_0` and so on."""
    import pyarrow.types as t

    nested = [f.name for f in table.schema if t.is_nested(f.type)]
    if not nested:
        return table
    import pyarrow as pa

    pieces: list[tuple[str, Any]] = []
    for name in table.column_names:
        pieces += _flat(name, plain(table[name])) if name in nested else [(name, table[name])]
    return pa.table([c for _, c in pieces], names=[n for n, _ in pieces])


def _flat(name: str, column: pa.Array) -> Iterator[tuple[str, Any]]:
    import pyarrow.compute as pc
    import pyarrow.types as t

    kind = column.type
    if t.is_struct(kind):
        for i, field in enumerate(kind):
            yield from _flat(f"{name}.{field.name}", plain(pc.struct_field(column, i)))
    elif (t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind)) and family(kind.value_type) in ("number", "bool"):
        sizes = pc.list_value_length(column).drop_null().unique().to_pylist()
        if len(sizes) != 1 or column.null_count:
            yield name, column  # of another length from row to row: of no use as it stands, and left out with that reason
            return
        values = floats(column.flatten()).reshape(len(column), sizes[0])
        import pyarrow as pa

        for i in range(sizes[0]):
            yield f"{name}_{i}", pa.array(values[:, i], from_pandas=True)
    else:
        yield name, column
