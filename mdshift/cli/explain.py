"""`mdshift explain`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session

OPTIONS = options.RESULT


@command(
    "explain",
    "The manual page of a strategy, probe, rule or validator.",
    [argument("name", "a strategy, probe, rule or validator, or KIND/NAME; a kind, such as probes: its list; none: all")],
    OPTIONS,
)
def explain(name: str | None, flags: options.Flags) -> int:
    """The manual page of a strategy, probe, rule or validator; with no name, the list."""
    from mdshift import manual
    from mdshift.report.json import document

    session = Session.open(OPTIONS, flags)
    session.check_output()
    session.emit(document("mdshift.manual/1", manual.page(name), data={}, settings={}, seconds={}))
    return 0
