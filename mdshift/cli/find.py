"""Where the data are: positional paths, a plan, `mdshift.toml`, or `src/` and `tgt/`, in this order."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift.cli.session import Session
from mdshift.errors import UsageError

if TYPE_CHECKING:
    from mdshift.types import DataSpec, Problem

SCHEMAS = ("mdshift.diagnosis/1", "mdshift.recommendation/1")
PATIENCE = 2.0  # seconds that a silent pipe is waited for when nobody is seen at its other end and other data are at hand


def spec_of(session: Session, sources: Sequence[str], target: str | None) -> DataSpec:
    """The data with the session's reading options."""
    from mdshift.types import DataSpec

    s = session.settings
    return DataSpec(
        sources=tuple(sources),
        target=target,
        labels=tuple(s.get("label") or ()),
        task=s.get("task", "auto"),
        domain_column=s.get("domain_column"),
        time=s.get("time"),
        text=tuple(s.get("text") or ()),
        drop=tuple(s.get("drop") or ()),
        encoding=s.get("encoding"),
        on_schema=s.get("on_schema", "intersect"),
        kinds=_kinds(session),
    )


def _kinds(session: Session) -> Mapping[str, str]:
    from_plan = dict((session.plan or {}).get("data", {}).get("kinds", {}))
    return {**session.configuration.kinds, **from_plan}


def from_paths(session: Session, paths: Sequence[str]) -> DataSpec:
    """The last path is the target, all before it are sources.

    Raises UsageError when there is only one, or when standard input is named twice.
    """
    if sum(p == "-" for p in paths) > 1:
        raise _twice()
    if len(paths) == 1:
        if session.settings.get("goal") == "general" or session.settings.get("domain_column"):
            return spec_of(session, paths, None)  # with a domain column the readers take one of its values as the target
        raise UsageError("a target is missing", repr(paths[0]), "the last path is the target, all before it are sources: SOURCE... TARGET")
    return spec_of(session, paths[:-1], paths[-1])


def data_of(problem: Problem) -> dict[str, Any]:
    """The `data` part of a document: the label that was found is named, so that a later command finds the same."""
    found = problem.spec.to_json()
    return found if problem.label is None else {**found, "labels": found.get("labels") or [problem.label]}


def locate(session: Session, paths: Sequence[str]) -> tuple[DataSpec, Mapping[str, Any] | None]:
    """The data, and the plan (a diagnosis or recommendation) that named them. What was taken is said on standard error.

    Raises UsageError when nothing is found.
    """
    plan_file = session.settings.get("plan")
    if plan_file == "-" and "-" in paths:
        raise _twice()
    if plan_file is not None:
        session.follow(read_plan(plan_file))
        session.message(f"data and settings: {'the plan on standard input' if plan_file == '-' else plan_file}")
    if paths:
        if session.plan is not None:
            session.message("data: the paths given, not those of the plan")
        return from_paths(session, paths), session.plan
    if session.plan is None:
        text = _piped(session)
        if text is not None:
            session.follow(parse_plan(text, "standard input"))
            session.message("data and settings: the plan on standard input")
    if session.plan is not None:
        return from_plan(session, session.plan), session.plan
    return at_hand(session), None


def _twice() -> UsageError:
    return UsageError("standard input can stand in one place only", "'-' twice", "write one of the two to a file")


def at_hand(session: Session) -> DataSpec:
    """The data that `mdshift.toml` names, else the folders `src/` and `tgt/`.

    Raises UsageError when there are neither.
    """
    values = session.configuration.values
    if "source" in values and ("target" in values or session.settings.get("goal") == "general"):
        session.message(f"data: [data] in {session.configuration.path}")
        return spec_of(session, values["source"], values.get("target"))
    if Path("src").is_dir() and Path("tgt").is_dir():
        session.message("data: the folders src/ and tgt/")
        return spec_of(session, ("src",), "tgt")
    half = "[data] in mdshift.toml needs source and target; " if "source" in values or "target" in values else ""
    raise UsageError(
        "no data was named",
        "",
        f"{half}give SOURCE... TARGET, or --plan FILE, or [data] in mdshift.toml, or the folders src/ and tgt/",
    )


def from_plan(session: Session, plan: Mapping[str, Any]) -> DataSpec:
    """The data that a plan names.

    Raises UsageError when it names none, or standard input.
    """
    data = plan.get("data")
    sources = data.get("sources") if isinstance(data, Mapping) else None
    target = data.get("target") if isinstance(data, Mapping) else None
    named = isinstance(sources, list) and sources and all(isinstance(s, str) for s in sources)
    if not named or not (target is None or isinstance(target, str)):
        raise UsageError(
            "the plan does not say where its data lie", "key 'data'", "make it with `mdshift diagnose SOURCE... TARGET --json`"
        )
    if "-" in [*(sources or ()), target]:
        raise UsageError("the plan was made from standard input, which is gone", "'-'", "name the data: SOURCE... TARGET")
    return spec_of(session, sources or (), target)


def read_plan(place: str) -> Mapping[str, Any]:
    """A diagnosis or recommendation from a file, or from standard input for `-`.

    Raises UsageError when it is missing, no JSON, or another document.
    """
    if place == "-":
        return parse_plan(_stdin(), "standard input")
    path = Path(place)
    try:
        return parse_plan(path.read_bytes(), place)
    except FileNotFoundError:
        from mdshift.errors import nearest

        folder = path.parent
        names = [p.name for p in folder.iterdir() if p.name[:1] != "."] if folder.is_dir() else []
        raise UsageError("the plan does not exist", repr(place), nearest(path.name, names)) from None
    except IsADirectoryError:
        raise UsageError("the plan must be a file", repr(place), "data are positional: SOURCE... TARGET") from None


def parse_plan(raw: bytes, place: str) -> Mapping[str, Any]:
    """Check that these bytes are a diagnosis or a recommendation."""
    import json

    hint = "make it with `mdshift diagnose SOURCE... TARGET --json`"
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        raise UsageError(f"{place} is not UTF-8", f"byte {e.start}", hint) from None
    except RecursionError:
        raise UsageError(f"{place} is no plan", "nested too deep", hint) from None
    except json.JSONDecodeError as e:
        raise UsageError(f"{place} is not JSON", f"line {e.lineno}, column {e.colno}: {e.msg}", hint) from None
    except ValueError as e:  # a number of too many digits
        raise UsageError(f"{place} is not JSON", str(e), hint) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in SCHEMAS:
        raise UsageError(f"{place} must hold {' or '.join(SCHEMAS)}", f"schema {schema!r}", hint)
    for key in ("data", "settings"):
        if not isinstance(document.get(key), dict):
            raise UsageError(f"{place}: {key!r} must be an object", repr(document.get(key))[:80], hint)
    return dict(document)


def _stdin() -> bytes:
    if sys.stdin is None:
        return b""
    stream = getattr(sys.stdin, "buffer", None)
    return stream.read() if stream is not None else sys.stdin.read().encode()


def _piped(session: Session) -> bytes | None:
    """What stands on standard input, or None where it is a terminal, closed, or empty."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return None
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):  # a stream without a file behind it
        descriptor = None
    if descriptor is not None and not _will_speak(session, descriptor):
        return None
    raw = _stdin()
    return raw if raw.strip() else None


def _will_speak(session: Session, descriptor: int) -> bool:
    """Whether to read: at once where something (or the end) is there; a silent pipe is waited for, but for an idle one.

    A pipe that some process has as its standard output is a pipeline: it is waited for as long as that takes. One that
    nobody writes to (a supervisor's, never used) would be waited for in vain where other data are at hand.
    """
    import select

    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            return True
        if select.select([descriptor], [], [], 0)[0]:
            return True
        values = session.configuration.values
        at_hand = "source" in values or (Path("src").is_dir() and Path("tgt").is_dir())
        if at_hand and not _has_writer(str(Path(f"/proc/self/fd/{descriptor}").readlink())):
            return bool(select.select([descriptor], [], [], PATIENCE)[0])
        if not select.select([descriptor], [], [], PATIENCE)[0]:
            session.message("waiting for a plan on standard input")
    except (OSError, ValueError):
        return True
    return True


def _has_writer(pipe: str) -> bool:
    """Whether a process has this pipe (`pipe:[inode]`) as its standard output."""
    for process in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if str(process.readlink()) == pipe:
                return True
        except OSError:  # another user's, or gone
            continue
    return False
