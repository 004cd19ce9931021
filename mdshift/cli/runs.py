"""`mdshift runs`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session
from mdshift.errors import UsageError

OPTIONS = options.RESULT


@command(
    "runs",
    "The record of past adapt runs; two of them side by side.",
    [argument("ids", "no run: the list; one: all of it; two: side by side", many=True)],
    OPTIONS,
)
def runs(ids: list[str] | None, flags: options.Flags) -> int:
    """The record of past `adapt` runs, and two of them side by side."""
    from mdshift import record
    from mdshift.report.json import document

    session = Session.open(OPTIONS, flags)
    session.check_output()
    wanted = [_number(i) for i in ids or []]
    if len(wanted) > 2:  # noqa: PLR2004 - side by side is two
        raise UsageError("at most two runs can stand side by side", f"{len(wanted)} runs", "mdshift runs ID ID")
    found = [record.show(i) for i in wanted] if wanted else record.list_runs()
    content: dict[str, object] = {"runs": found}
    if len(found) == 2 and wanted:  # noqa: PLR2004
        content["differences"] = record.differences(found[0], found[1])
    session.emit(document("mdshift.runs/1", content, data={}, settings={"ids": wanted}, seconds={}))
    return 0


def _number(given: str) -> int:
    if not given.isdecimal():
        raise UsageError("a run is named by its number", repr(given), "`mdshift runs` lists them")
    return int(given)
