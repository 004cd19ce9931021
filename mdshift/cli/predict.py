"""`mdshift predict`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session

OPTIONS = ("proba", "encoding", *options.RESULT)


@command(
    "predict",
    "Predictions of a saved model.",
    [argument("model", "model folder", required=True), argument("data", "data to predict; - is standard input", required=True)],
    OPTIONS,
)
def predict(model: str, data: str, flags: options.Flags) -> int:
    """Predictions of a saved model, one row for every input row, in input order."""
    from pathlib import Path

    session = Session.open(OPTIONS, flags)
    from mdshift import store
    from mdshift.engine.predict import predict as engine
    from mdshift.readers.write import ENDINGS, write_rows
    from mdshift.types import DataSpec

    session.check_output(ENDINGS)
    loaded = store.load(model)
    spec = DataSpec(target=data, encoding=session["encoding"])
    batches = engine(loaded, data, proba=session["proba"], spec=spec)
    write_rows(session["output"], batches, json=session["json"])
    if session["output"]:
        session.message(f"wrote {Path(session['output'])}")
    return 0
