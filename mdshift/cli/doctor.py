"""`mdshift doctor`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import command
from mdshift.cli.session import Session

OPTIONS = options.RESULT


@command("doctor", "Versions, device, optional extras, write test.", [], OPTIONS)
def doctor(flags: options.Flags) -> int:
    """Versions, device, optional extras, write test."""
    from mdshift.doctor import examine
    from mdshift.report.json import document

    session = Session.open(OPTIONS, flags)
    session.check_output()
    found = examine()
    session.emit(document("mdshift.doctor/1", found, data={}, settings={}, seconds=session.seconds))
    return 0 if found["healthy"] else 3
