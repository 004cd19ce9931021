"""The record of runs: purpose, data and their hashes, settings, results and times of every `adapt`, in one sqlite file.

It lies at `MDSHIFT_RUNS`, else in the user's data folder. A run goes on when the record cannot be written: the record
serves the work, not the other way round.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import operator
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mdshift.errors import EnvironmentFault, UsageError, nearest

TABLE = """create table if not exists runs (
    id integer primary key, started real not null, ended real, process integer not null, status text not null, out text not null,
    data text not null, settings text not null, plan text, report text, purpose text, hashes text)"""
LATER = ("purpose", "hashes")  # columns that older records lack
NEEDED = ("id", "started", "ended", "status", "out", "data", "settings", "plan", "report")
LATEST = 253402300800.0  # seconds: the end of the year 9999
NAMED = 12  # damaged runs that a warning names
ELSEWHERE = "set MDSHIFT_RUNS to a file that can be written"
TIMED = "%Y-%m-%d %H:%M:%S"


def place() -> Path:
    """The file of the record."""
    given = os.environ.get("MDSHIFT_RUNS", "").strip()
    if given:
        path = Path(given)
        return path / "runs.sqlite" if path.is_dir() else path
    base = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".local" / "share") / "mdshift" / "runs.sqlite"


@contextlib.contextmanager
def _open(*, write: bool) -> Iterator[sqlite3.Connection | None]:
    """A connection, closed at the end; None when there is no record to read yet."""
    path = place()
    if not write and not path.exists():
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute(TABLE)
            have = {row["name"] for row in connection.execute("pragma table_info(runs)")}
            lacking = next((c for c in NEEDED if c not in have), None)
            if lacking is not None:
                raise EnvironmentFault("the record of runs cannot be used", f"{path}: it has no column {lacking!r}", ELSEWHERE)
            for column in (c for c in LATER if write and c not in have):
                connection.execute(f"alter table runs add column {column} text")
            with connection:
                yield connection
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as e:
        raise EnvironmentFault("the record of runs cannot be used", f"{path}: {e}", ELSEWHERE) from None


def begin(
    out: str, data: Mapping[str, Any], settings: Mapping[str, Any], plan: Mapping[str, Any] | None = None, *, purpose: str | None = None
) -> int | None:
    """Note that a run starts; returns its number, or None where no record can be kept. purpose: the user's word, else what data and settings say."""
    said = _told(purpose or describe(data, settings))
    values = (
        time.time(),
        os.getpid(),
        "running",
        _place_of(out),
        _pack(data),
        _pack(settings),
        None if plan is None else _pack(plan),
        said,
        _pack(hashes(data)),
    )
    try:
        with _open(write=True) as connection:
            assert connection is not None
            sql = (
                "insert into runs (started, process, status, out, data, settings, plan, purpose, hashes) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            )
            return connection.execute(sql, values).lastrowid
    except EnvironmentFault:
        return None


def end(run: int | None, status: str, report: Mapping[str, Any] | None) -> None:
    """Note how a run ended."""
    if run is None:
        return
    with contextlib.suppress(EnvironmentFault), _open(write=True) as connection:
        assert connection is not None
        packed = None if report is None else _pack(report)
        connection.execute("update runs set ended = ?, status = ?, report = ? where id = ?", (time.time(), status, packed, run))


def describe(data: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What a run is for, where the user does not say."""
    sources = ", ".join(Path(s).name for s in data.get("sources") or ())
    label = ", ".join(data.get("labels") or ())
    aim = f"for the target {Path(data['target']).name}" if data.get("target") else "for domains unknown yet"
    if settings.get("goal") == "general" and data.get("target"):
        aim = f"for domains unknown yet, beside {Path(data['target']).name}"
    return f"{f'predict {label}' if label else 'learn'} from {sources or 'the source'} {aim}"


def hashes(data: Mapping[str, Any]) -> dict[str, str | None]:
    """The SHA-256 of every file of the data (of a folder: over its files' names and hashes); None for what is no file, such as standard input."""
    given = [*(data.get("sources") or ()), *([data["target"]] if data.get("target") else [])]
    return {path: _hash(Path(path)) for path in given}


def _hash(path: Path) -> str | None:
    try:
        if path.is_file():
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        if not path.is_dir():
            return None
        found = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            with file.open("rb") as stream:
                found.update(os.fsencode(file.relative_to(path)) + b"\0" + hashlib.file_digest(stream, "sha256").digest())
        return found.hexdigest()
    except (OSError, ValueError):  # gone, or denied: the readers tell what matters
        return None


class _Damaged(ValueError):
    """What stands in a row is not what was written there."""


def list_runs(warn: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """All runs, oldest first, each with its main results; one that is damaged is left out, and `warn` is told."""
    found, damaged = [], []
    for row in _rows("select * from runs order by id"):
        try:
            found.append(_brief(row))
        except _Damaged:
            damaged.append(str(row["id"]))
    if damaged and warn is not None:
        named = ", ".join(damaged[:NAMED]) + (", …" if len(damaged) > NAMED else "")
        several = "s" * (len(damaged) > 1)
        warn(f"the record{several} of run{several} {named} {'are' if several else 'is'} damaged, and left out")
    return found


def keys(run: Mapping[str, Any]) -> list[str]:
    """The keys by which a run can be chosen."""
    return [*_leaves(searched(run))]


def chosen(runs: list[dict[str, Any]], conditions: Sequence[str]) -> list[dict[str, Any]]:
    """Those of the runs that meet all conditions `KEY=VALUE`, with `!=`, `<`, `>`, `<=` or `>=` in the place of `=`.

    A key is a path such as `settings.seed` or its end, `seed`; of a list one item must do, and of paths the file's name. `started` is compared as
    `YYYY-MM-DD HH:MM:SS` as far as the value goes, so that a day is the whole of it; numbers are compared as numbers. Raises UsageError for what is
    no condition, and for a key that no run has.
    """
    every = [(run, _leaves(searched(run))) for run in runs]
    known = {k for _, leaves in every for k in leaves}
    left = every
    for text in conditions:
        match = CONDITION.fullmatch(text)
        if match is None or match["value"].lstrip().startswith(tuple("=<>!")):
            raise UsageError("--where needs KEY=VALUE", repr(text), "for example --where strategy=coral, --where 'started>2026-01-31'")
        key, sign, value = match["key"].strip(), match["sign"], match["value"].strip()
        if every and not any(_is(k, key) for k in known):
            raise UsageError("no run has this key", repr(key), nearest(key, {k.rpartition(".")[2] for k in known}))
        left = [(run, leaves) for run, leaves in left if _meets([v for k, v in leaves.items() if _is(k, key)], sign, value)]
    return [run for run, _ in left]


ROW = (
    *("id", "started", "seconds", "status", "purpose", "strategy", "kept", "metric", "source_only", "adapted"),
    *("sources", "target", "label", "seed", "model", "settings", "hashes"),
)
CONDITION = re.compile(r"(?P<key>[^=<>!]+)(?P<sign>!=|<=|>=|=|<|>)(?P<value>.*)", re.DOTALL)
TIME = re.compile(r"\d{4}-\d\d(-\d\d( \d\d(:\d\d(:\d\d)?)?)?)?")  # or the beginning of one
COMPARED: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


def searched(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run as it is searched and exported: the time as a date, the rest as it stands."""
    seconds = run["seconds"]
    return {
        **{k: v for k, v in run.items() if k not in ("seconds", "report", "plan", "hashes")},
        "hashes": list((run["hashes"] or {}).values()),
        "started": time.strftime(TIMED, time.localtime(seconds["started"])),
        "seconds": seconds["total"],
    }


def row(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run as one row of a table: texts and numbers."""
    flat, data = searched(run), run["data"]
    scores = run["scores"] or {}
    values = {k: (scores.get(k) or {}).get("value") for k in ("source_only", "adapted")}
    return {
        **{k: flat[k] for k in ("id", "started", "seconds", "status", "purpose", "strategy", "kept")},
        "metric": next((s.get("metric") for s in scores.values() if s), None),
        **values,
        "sources": " ".join(data.get("sources") or ()),
        "target": data.get("target"),
        "label": " ".join(data.get("labels") or ()),
        "seed": run["settings"].get("seed"),
        "model": run["model"],
        "settings": json.dumps(run["settings"], sort_keys=True),
        "hashes": json.dumps(run["hashes"], sort_keys=True),
    }


def _is(path: str, key: str) -> bool:
    return path == key or path.endswith(f".{key}")


def _meets(found: Sequence[Any], sign: str, value: str) -> bool:
    items = [i for v in found for i in (v if isinstance(v, list) else [v])]
    if sign in ("=", "!="):
        equal = any(value in (_word(i), Path(_word(i)).name) for i in items)
        return equal == (sign == "=")
    return any(_lies(item, sign, value) for item in items)


def _lies(item: Any, sign: str, value: str) -> bool:
    """Whether a number, or a text, lies below or above the value; a time, as far as the value tells it."""
    if isinstance(item, str):
        return COMPARED[sign](item[: len(value)] if TIME.fullmatch(value) else item, value)
    try:
        return COMPARED[sign](float(item), float(value))
    except (TypeError, ValueError):
        return False


def _word(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def show(run: int) -> dict[str, Any]:
    """Everything that was recorded of a run.

    Raises UsageError when there is no such run, EnvironmentFault where its record is damaged.
    """
    found = _rows("select * from runs where id = ?", run) if run < 2**63 else []
    if not found:
        known = [r["id"] for r in _rows("select id from runs order by id desc limit 5")]
        raise UsageError("unknown run", str(run), f"the latest: {', '.join(map(str, known))}" if known else "no run was recorded yet")
    return _whole(found[0], "report", "plan")


def unfinished(out: str) -> dict[str, Any] | None:
    """The last run into this output, if it did not come to its end.

    Raises EnvironmentFault where its record is damaged.
    """
    rows = _rows("select * from runs where out = ? order by id desc limit 1", _place_of(out))
    if not rows or rows[0]["status"] == "done":
        return None
    return _whole(rows[0], "plan")


def partial(out: str) -> Path:
    """The folder in which an unfinished run into this output keeps what it has finished (see `mdshift.checkpoint`)."""
    name = hashlib.sha256(os.fsencode(Path(out).absolute())).hexdigest()[:16]
    return place().parent / "unfinished" / name


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every leaf in which two runs differ: its path and both values; times and environments are left out."""
    left, right = _leaves(_comparable(a)), _leaves(_comparable(b))
    keys = sorted({*left, *right})
    return [{"key": k, "a": left.get(k), "b": right.get(k)} for k in keys if left.get(k) != right.get(k)]


def _comparable(run: Mapping[str, Any]) -> dict[str, Any]:
    report = run.get("report") or {}
    kept = {k: report[k] for k in ("strategy", "params", "kept", "reason", "scores", "validator") if k in report}
    stated = {"data": run["data"], "settings": run["settings"], "status": run["status"]}
    return {**stated, "purpose": run.get("purpose"), "hashes": run.get("hashes"), **kept}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        return {k: v for key, item in value.items() for k, v in _leaves(item, f"{path}.{key}" if path else str(key)).items()}
    return {path: value}


def _rows(sql: str, *values: Any) -> list[sqlite3.Row]:
    with _open(write=False) as connection:
        return [] if connection is None else list(connection.execute(sql, values))


def _whole(row: sqlite3.Row, *further: str) -> dict[str, Any]:
    try:
        return {**_brief(row), **{name: _unpack(row[name]) for name in further}}
    except _Damaged:
        raise _fault(row["id"]) from None


def _fault(run: object) -> EnvironmentFault:
    """The error for a run whose record cannot be read."""
    return EnvironmentFault(f"the record of run {run} is damaged", str(place()), "`mdshift runs` lists the others")


def _brief(row: sqlite3.Row) -> dict[str, Any]:
    """The main part of a run.

    Raises _Damaged where a value has another type than was written.
    """
    report = _unpack(row["report"]) or {}
    purpose, kept_hashes = (row[c] if c in row.keys() else None for c in LATER)  # noqa: SIM118 - a row is no mapping
    started, ended = row["started"], row["ended"]
    found = {
        "id": row["id"],
        "status": row["status"],
        "purpose": purpose,
        "model": row["out"],
        "strategy": report.get("strategy"),
        "kept": report.get("kept"),
        "scores": report.get("scores"),
        "data": _unpack(row["data"]),
        "hashes": _unpack(kept_hashes),
        "settings": _unpack(row["settings"]),
    }
    texts = all(isinstance(found[k], str) for k in ("status", "model"))
    texts = texts and all(isinstance(found[k], str | None) for k in ("purpose", "strategy", "kept"))
    times = _timed(started) and (ended is None or _timed(ended))
    hashed = all(isinstance(h, str | None) for h in (found["hashes"] or {}).values())
    if not (texts and times and hashed and _read_from(found["data"]) and found["settings"] is not None and _scored(found["scores"])):
        raise _Damaged
    return {**found, "seconds": {"started": started, "total": None if ended is None else round(ended - started, 3)}}


def _timed(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < LATEST


def _scored(scores: Any) -> bool:
    """Whether these are scores by name, or none."""
    each = [] if scores is None else list(scores.values()) if isinstance(scores, dict) else [scores]
    return all(s is None or (isinstance(s, dict) and isinstance(s.get("metric"), str | None) and _number(s.get("value", ""))) for s in each)


def _number(value: object) -> bool:
    return isinstance(value, int | float | None)


def _read_from(data: Any) -> bool:
    """Whether these are sources, a target and labels."""
    if not isinstance(data, dict) or not isinstance(data.get("target"), str | None):
        return False
    lists = [data.get(k) or [] for k in ("sources", "labels")]
    return all(isinstance(v, list) and all(isinstance(i, str) for i in v) for v in lists)


def _told(text: str) -> str:
    """Text that UTF-8 has bytes for: a path need not be."""
    return text.encode("utf-8", "backslashreplace").decode()


def _place_of(out: str) -> str:
    return _told(str(Path(out).absolute()))


def _pack(value: Mapping[str, Any]) -> str:
    from mdshift.report.json import plain

    return json.dumps(plain(value), allow_nan=False)


def _unpack(text: object) -> Any:
    """The object of a column, or None where it is empty.

    Raises _Damaged for what is no JSON object; NaN and infinity are never written.
    """
    if text is None:
        return None
    try:
        found = json.loads(text, parse_constant=_refuse) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Damaged
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)
