"""The record of runs: purpose, data, settings, steps and results of every `adapt`, in one sqlite file.

It lies at `MDSHIFT_RUNS`, else in the user's data folder. A run goes on when the record cannot be written: the record
serves the work, not the other way round.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mdshift.errors import EnvironmentFault, UsageError

TABLE = """create table if not exists runs (
    id integer primary key, started real not null, ended real, process integer not null, status text not null, out text not null,
    data text not null, settings text not null, plan text, report text)"""


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
            with connection:
                yield connection
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as e:
        raise EnvironmentFault(
            "the record of runs cannot be used", f"{path}: {e}", "set MDSHIFT_RUNS to a file that can be written"
        ) from None


def begin(out: str, data: Mapping[str, Any], settings: Mapping[str, Any], plan: Mapping[str, Any] | None = None) -> int | None:
    """Note that a run starts; returns its number, or None where no record can be kept."""
    values = (
        time.time(),
        os.getpid(),
        "running",
        str(Path(out).absolute()),
        _pack(data),
        _pack(settings),
        None if plan is None else _pack(plan),
    )
    try:
        with _open(write=True) as connection:
            assert connection is not None
            sql = "insert into runs (started, process, status, out, data, settings, plan) values (?, ?, ?, ?, ?, ?, ?)"
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


def list_runs() -> list[dict[str, Any]]:
    """All runs, oldest first, each with its main results."""
    return [_brief(r) for r in _rows("select * from runs order by id")]


def show(run: int) -> dict[str, Any]:
    """Everything that was recorded of a run.

    Raises UsageError when there is no such run.
    """
    found = _rows("select * from runs where id = ?", run) if run < 2**63 else []
    if not found:
        known = [r["id"] for r in _rows("select id from runs order by id desc limit 5")]
        raise UsageError("unknown run", str(run), f"the latest: {', '.join(map(str, known))}" if known else "no run was recorded yet")
    return {**_brief(found[0]), "report": _unpack(found[0]["report"]), "plan": _unpack(found[0]["plan"])}


def unfinished(out: str) -> dict[str, Any] | None:
    """The last run into this output, if it did not come to its end."""
    rows = _rows("select * from runs where out = ? order by id desc limit 1", str(Path(out).absolute()))
    if not rows or rows[0]["status"] == "done":
        return None
    return {**_brief(rows[0]), "plan": _unpack(rows[0]["plan"])}


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
    return {"data": run["data"], "settings": run["settings"], "status": run["status"], **kept}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        return {k: v for key, item in value.items() for k, v in _leaves(item, f"{path}.{key}" if path else str(key)).items()}
    return {path: value}


def _rows(sql: str, *values: Any) -> list[sqlite3.Row]:
    with _open(write=False) as connection:
        return [] if connection is None else list(connection.execute(sql, values))


def _brief(row: sqlite3.Row) -> dict[str, Any]:
    report = _unpack(row["report"]) or {}
    return {
        "id": row["id"],
        "status": row["status"],
        "model": row["out"],
        "strategy": report.get("strategy"),
        "kept": report.get("kept"),
        "scores": report.get("scores"),
        "data": _unpack(row["data"]),
        "settings": _unpack(row["settings"]),
        "seconds": {"started": row["started"], "total": None if row["ended"] is None else round(row["ended"] - row["started"], 3)},
    }


def _pack(value: Mapping[str, Any]) -> str:
    from mdshift.report.json import plain

    return json.dumps(plain(value), allow_nan=False)


def _unpack(text: str | None) -> Any:
    return None if text is None else json.loads(text)
