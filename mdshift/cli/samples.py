"""`mdshift samples`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session, write_out

OPTIONS = ("seed", "force", "json", *options.SPEECH)


@command("samples", "Write small sample pairs with a known shift.", [argument("folder", "folder to write into", required=True)], OPTIONS)
def samples(folder: str, flags: options.Flags) -> int:
    """Write small sample pairs with a known shift."""
    session = Session.open(OPTIONS, flags)
    from mdshift.report.json import document, dumps
    from mdshift.samples import write

    written = write(folder, seed=session["seed"], force=session["force"])
    if session["json"]:
        content = {"folder": folder, "pairs": written}
        write_out(dumps(document("mdshift.samples/1", content, data={}, settings={"seed": session["seed"]}, seconds={})))
    else:
        for pair in written:
            write_out(f"{pair}\n")
    return 0
