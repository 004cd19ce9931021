"""Every option of the command line, declared once, and how its value is settled.

Precedence: flag, then the plan on standard input or `--plan`, then `MDSHIFT_*` variable, then `mdshift.toml`, then default.
The same conversion and bounds hold wherever a value comes from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mdshift.errors import UsageError, nearest

Section = Literal["data", "settings", "output"]
FILE = "mdshift.toml"
PREFIX = "MDSHIFT_"
OTHER_VARIABLES = ("MDSHIFT_RUNS",)  # where the record of runs lies; see record.py
COLUMN_KINDS = ("number", "date", "category", "text", "identifier")


@dataclass(frozen=True)
class Option:
    """One option: its flags, type and bounds, and where else it may be set.

    section "data" and "settings" may stand in `mdshift.toml` and in a variable, "output" in a variable or a flag; None: flag only.
    many: may be repeated (a list in TOML, commas in a variable).
    """

    name: str
    kind: type
    default: Any
    help: str
    section: Section | None = None
    flags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    many: bool = False
    metavar: str = ""

    @property
    def flag(self) -> str:
        """The long flag."""
        return next((f for f in self.flags if f.startswith("--")), f"--{self.name.replace('_', '-')}")

    @property
    def variable(self) -> str | None:
        """The environment variable, if it may be set by one."""
        return PREFIX + self.name.upper() if self.section else None


def _table(*options: Option) -> Mapping[str, Option]:
    return {o.name: o for o in options}


OPTIONS = _table(
    # data: what a later command needs to find the same data again
    Option("source", str, (), "source paths (mdshift.toml only: on the command line they are positional)", "data", many=True),
    Option("target", str, None, "target path (mdshift.toml only)", "data"),
    Option(
        "label",
        str,
        (),
        "label column; repeat for several tasks [default: the first of label, target, y, class]",
        "data",
        many=True,
        metavar="NAME",
    ),
    Option("task", str, "auto", "what is predicted", "data", choices=("auto", "classification", "regression")),
    Option("domain_column", str, None, "every value of this column is a domain of its own", "data", metavar="NAME"),
    Option("time", str, None, "column that orders the rows in time", "data", metavar="NAME"),
    Option("text", str, (), "column to be read as text; repeatable", "data", many=True, metavar="NAME"),
    Option("drop", str, (), "column to be left out; repeatable", "data", many=True, metavar="NAME"),
    Option("encoding", str, None, "text encoding of the files [default: utf-8]", "data", metavar="NAME"),
    Option(
        "on_schema", str, "intersect", "columns that one side lacks: use the common ones, or fail", "data", choices=("intersect", "fail")
    ),
    # settings: what a result depends on beside the data
    Option("alpha", float, 0.05, "level of the tests", "settings", low=1e-6, high=0.5, metavar="A"),
    Option("seed", int, 0, "seed of everything random", "settings", low=0, high=2**32 - 1, metavar="N"),
    Option("device", str, "auto", "where networks are trained", "settings", choices=("auto", "cpu", "cuda")),
    Option("engine", str, "local", "where the candidates of adapt run: here, or on Ray", "settings", choices=("local", "ray")),
    Option(
        "workers",
        int,
        None,
        "units of work at a time [default: as many as cores, 4 at most, to diagnose; else 1]",
        "settings",
        low=1,
        high=4096,
        metavar="N",
    ),
    Option("goal", str, "target", "one known target, or unknown future domains", "settings", choices=("target", "general")),
    Option("compute", str, "medium", "how much may be spent", "settings", choices=("low", "medium", "high")),
    Option(
        "strategy",
        str,
        "auto",
        "strategy to run, or auto; `mdshift explain` lists them",
        "settings",
        flags=("--strategy", "-s"),
        metavar="NAME",
    ),
    Option(
        "budget",
        float,
        None,
        "begin no candidate after so many seconds, nor one that is expected to outlast them",
        "settings",
        low=0.001,
        metavar="SECONDS",
    ),
    Option("out", str, "mdshift-model", "model folder to write", "settings", metavar="DIR"),
    # output: how it is said
    Option("quiet", bool, False, "no messages on standard error, errors aside", "output", flags=("--quiet", "-q")),
    Option("verbose", bool, False, "say more on standard error", "output", flags=("--verbose", "-v")),
    Option("debug", bool, False, "show the traceback of an error", "output"),
    Option("no_color", bool, False, "no colour", "output"),
    Option("json", bool, False, "the result as JSON on standard output"),
    Option("output", str, None, "write the result to this file; its ending chooses the form", flags=("--output", "-o"), metavar="FILE"),
    # single commands
    Option("plan", str, None, "a diagnosis or recommendation (JSON) that says data and settings; - is standard input", metavar="FILE"),
    Option(
        "label_plan",
        str,
        None,
        "recommend: write which target rows to label first, and why, to this file (.csv); diagnose and adapt: that file, once they are labelled: only its `judge` rows, a random sample, tell what moved and what helped",
        metavar="FILE",
    ),
    Option("fail_on", str, None, "exit with 1 from this severity on", choices=("minor", "moderate", "severe")),
    Option(
        "fail_on_worse",
        str,
        None,
        "exit with 1 when the source model was kept because adapting made it worse",
        flags=("--fail-on",),
        choices=("worse",),
    ),
    Option("set", str, (), "a parameter of the strategy; repeatable", many=True, metavar="NAME=VALUE"),
    Option("from", str, None, "start from this saved model", metavar="MODEL"),
    Option("purpose", str, None, "what the run is for: kept in the record [default: said from the data]", metavar="TEXT"),
    Option("where", str, (), "only runs that meet this (also !=, <, >, <= and >=); repeatable", many=True, metavar="KEY=VALUE"),
    Option("last", int, None, "only the latest N runs", low=1, high=1_000_000, metavar="N"),
    Option("resume", bool, False, "take up the unfinished run into --out again, or the one of a number: --resume ID"),
    Option("dry_run", bool, False, "read the data, check everything, say what would run, and stop"),
    Option("force", bool, False, "replace what stands at the output"),
    Option("proba", bool, False, "a column p_CLASS for every class"),
)


def convert(option: Option, given: Any, where: str) -> Any:
    """The value as the option's type, within its bounds; `where` names its origin in errors.

    Raises UsageError for a wrong type, a value out of bounds, or an unknown choice (with the nearest one).
    """
    if option.many:
        return tuple(_one(option, item, where) for item in (given if isinstance(given, list | tuple) else [given]))
    return _one(option, given, where)


def _one(option: Option, given: Any, where: str) -> Any:
    kind, value = option.kind, given
    try:
        if kind is bool:
            value = given if isinstance(given, bool) else _BOOLEANS[str(given).strip().lower()]
        elif isinstance(given, bool) or not isinstance(given, str | int | float):
            raise TypeError  # noqa: TRY301 - one place turns every mismatch into the same message
        elif kind is int:
            value = int(str(given))
        elif kind is float:
            value = float(given)
        elif not isinstance(given, str):
            raise TypeError  # noqa: TRY301
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"{where} must be {_TYPE_NAMES[kind]}", repr(given), option.help) from None
    if option.choices and value not in option.choices:
        raise UsageError(f"{where} must be one of {', '.join(option.choices)}", repr(given), nearest(str(value), option.choices))
    below, above = option.low is not None and not value >= option.low, option.high is not None and not value <= option.high
    if below or above:  # written so that NaN is out of bounds too
        low, high = _bound(option.low, "-inf"), _bound(option.high, "inf")
        raise UsageError(f"{where} must lie in [{low}, {high}]", repr(given), option.help)
    return value


def _bound(value: float | None, none: str) -> str:
    if value is None:
        return none
    return str(int(value)) if value == int(value) else f"{value:g}"


_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False, "": False}
_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True)
class Configuration:
    """What `mdshift.toml` says: checked values by option name, thresholds, and the user's word on columns."""

    values: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    path: str | None = None


def read(folder: Path | None = None) -> Configuration:
    """The `mdshift.toml` of the working folder; empty when there is none.

    Raises UsageError with key and line for what is unknown or of a wrong type.
    """
    path = (folder or Path()) / FILE
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Configuration()
    except OSError as e:
        raise UsageError(f"{FILE} cannot be read", e.strerror or str(e), "make it a readable file, or remove it") from None
    return parse(raw)


def parse(raw: bytes) -> Configuration:
    """Check the bytes of a `mdshift.toml`; see `read`."""
    import tomllib

    try:
        text = raw.decode()
        tables = tomllib.loads(text)
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1
        raise UsageError(f"{FILE}:{line}: not UTF-8", f"byte {raw[e.start]:#04x}", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"{FILE} is not TOML", str(e), 'texts need quotes: label = "y"') from None
    except RecursionError:
        raise UsageError(
            f"{FILE} is not TOML that can be read", "nested too deep", "its tables are [data], [settings], [thresholds], [columns]"
        ) from None
    sections = ("data", "settings", "thresholds", "columns")
    values: dict[str, Any] = {}
    thresholds: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for section, entries in tables.items():
        if section not in sections:
            raise UsageError(
                f"{FILE}:{_line(text, None, section)}: unknown {'table' if isinstance(entries, dict) else 'key'}",
                repr(section),
                nearest(section, sections),
            )
        if not isinstance(entries, dict):
            raise UsageError(
                f"{FILE}:{_line(text, None, section)}: {section} must be a table", repr(entries), f"write [{section}] on a line of its own"
            )
        for key, given in entries.items():
            where = f"{FILE}:{_line(text, section, key)}: [{section}] {key}"
            if section == "thresholds":
                thresholds[key] = _threshold(key, given, where)
            elif section == "columns":
                kinds[key] = _kind(given, where)
            else:
                values[_known(key, section, where).name] = convert(_known(key, section, where), given, where)
    return Configuration(values, thresholds, kinds, FILE)


def _known(key: str, section: str, where: str) -> Option:
    allowed = {o.name: o for o in OPTIONS.values() if o.section == section}
    option = allowed.get(key.replace("-", "_"))
    if option is None:
        elsewhere = OPTIONS.get(key.replace("-", "_"))
        moved = elsewhere is not None and elsewhere.section in ("data", "settings")
        raise UsageError(
            f"{where}: unknown key", repr(key), f"it belongs in [{elsewhere.section}]" if moved and elsewhere else nearest(key, allowed)
        )
    return option


def _threshold(key: str, given: Any, where: str) -> float:
    from mdshift.rules.thresholds import THRESHOLDS

    if key not in THRESHOLDS:
        raise UsageError(f"{where}: unknown threshold", repr(key), nearest(key, THRESHOLDS))
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise UsageError(f"{where} must be a number", repr(given), THRESHOLDS[key].reason)
    return float(given)


def _kind(given: Any, where: str) -> str:
    if given not in COLUMN_KINDS:
        raise UsageError(f"{where} must be one of {', '.join(COLUMN_KINDS)}", repr(given), nearest(str(given), COLUMN_KINDS))
    return str(given)


def _line(text: str, section: str | None, key: str) -> int:
    """The line where a key stands: tomllib does not tell, so it is looked for. Falls back to the table's line, then 1."""
    here: str | None = None
    table = 1
    bare = rf"""["']?{re.escape(key)}["']?"""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line)
        if header:
            here = header[1].strip("\"' ")
            if here == section:
                table = number
            if section is None and here.split(".")[0].strip("\"' ") == key:
                return number
        elif here == section and re.match(rf"\s*{bare}\s*[=.]", line):
            return number
    return table


def variables(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values that `MDSHIFT_*` variables set, and the names of those that mean nothing.

    Raises UsageError for a wrong value.
    """
    known = {o.variable: o for o in OPTIONS.values() if o.variable}
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for name in sorted(n for n in environment if n.startswith(PREFIX)):
        option = known.get(name)
        if option is not None:
            given: Any = environment[name]
            parts = [p.strip() for p in given.split(",") if p.strip()] if option.many else given
            if given.strip() or option.kind is bool:  # an empty variable is an unset one
                values[option.name] = convert(option, parts, f"variable {name}")
        elif name not in OTHER_VARIABLES:
            unknown.append(name)
    return values, unknown


def settle(
    names: Sequence[str],
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    configuration: Configuration,
    plan: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One value for every named option: flag, plan, variable, `mdshift.toml`, default."""
    given = {n: convert(OPTIONS[n], v, f"option {OPTIONS[n].flag}") for n, v in flags.items() if v not in (None, [], ())}
    from_variables, _ = variables(environment)
    layers = (given, plan or {}, from_variables, configuration.values)
    return {n: next((layer[n] for layer in layers if n in layer), OPTIONS[n].default) for n in names}
