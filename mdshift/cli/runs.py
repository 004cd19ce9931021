"""`mdshift runs`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import REPORT_ENDINGS, Session, write_out
from mdshift.errors import UsageError
from mdshift.report.text import clean

OPTIONS = ("where", "last", *options.RESULT)
TWO = 2
CSV = ".csv"
DIGITS = 18  # of the greatest number that sqlite can hold


@command(
    "runs",
    "The record of past adapt runs; two of them side by side.",
    [argument("ids", "no run: the list; one: all of it; two: side by side", many=True)],
    OPTIONS,
)
def runs(ids: list[str] | None, flags: options.Flags) -> int:
    """The record of past `adapt` runs, those that `--where` chooses, and two of them side by side; `-o FILE.csv` writes a row for every run, or every difference."""
    from mdshift import record
    from mdshift.report.json import document, dumps

    session = Session.open(OPTIONS, flags)
    session.check_output((*REPORT_ENDINGS, CSV))
    wanted = [_number(i) for i in ids or []]
    if len(wanted) > TWO:
        raise UsageError("at most two runs can stand side by side", f"{len(wanted)} runs", "mdshift runs ID ID")
    if wanted and (session["where"] or session["last"]):
        raise UsageError(
            "--where and --last choose from the list", f"runs {' '.join(map(str, wanted))} were named", "leave one of the two out"
        )
    found = [record.show(i) for i in wanted] if wanted else record.chosen(record.list_runs(session.warn), session["where"])
    found = found[-session["last"] :] if session["last"] else found
    content: dict[str, object] = {"runs": found}
    differences = record.differences(found[0], found[1]) if len(wanted) == TWO else None
    if differences is not None:
        content["differences"] = differences
    told = document("mdshift.runs/1", content, data={}, settings={"ids": wanted}, seconds={})
    if str(session["output"] or "").lower().endswith(CSV):
        columns = (
            [[d["key"], _cell(d["a"]), _cell(d["b"])] for d in differences]
            if differences is not None
            else [list(record.row(r).values()) for r in found]
        )
        names = ["key", *(str(i) for i in wanted)] if differences is not None else list(record.ROW)
        _write_csv(session["output"], names, columns)
        session.message(f"wrote {session['output']}")
        if session["json"]:
            write_out(dumps(told))
        return 0
    session.emit(told)
    return 0


def _write_csv(output: str, names: list[str], rows: list[list[object]]) -> None:
    import numpy as np

    from mdshift.readers.write import write_rows

    def column(values: list[object]) -> np.ndarray:
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made

    write_rows(output, [{name: column([r[j] for r in rows]) for j, name in enumerate(names)}])


def _cell(value: object) -> object:
    import json

    return value if isinstance(value, str | int | float) or value is None else json.dumps(value)


def _number(given: str) -> int:
    if not (given.isascii() and given.isdecimal()):
        raise UsageError("a run is named by its number", repr(given), "`mdshift runs` lists them")
    if len(given.lstrip("0")) > DIGITS:
        raise UsageError("unknown run", clean(given, 40), "`mdshift runs` lists them")
    return int(given)
