"""`mdshift predict`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session
from mdshift.pace import Work, follow

OPTIONS = ("proba", "encoding", *options.RESULT)


@command(
    "predict",
    "Predictions of a saved model.",
    [argument("model", "model folder", required=True), argument("data", "data to predict; - is standard input", required=True)],
    OPTIONS,
)
def predict(model: str, data: str, flags: options.Flags) -> int:
    """Predictions of a saved model, one row for every input row, in input order.

    Values that the model cannot read as its columns have them, and columns that are all missing, are told at the end.
    """
    from pathlib import Path

    session = Session.open(OPTIONS, flags)
    from mdshift import store
    from mdshift.engine.predict import predict as engine
    from mdshift.readers.apply import Odd
    from mdshift.readers.write import ENDINGS, write_rows
    from mdshift.types import DataSpec

    session.check_output(ENDINGS)
    loaded = store.load(model)
    spec = DataSpec(target=data, encoding=session["encoding"])
    odd = Odd()
    batches = engine(loaded, data, proba=session["proba"], spec=spec, odd=odd)
    if session["output"]:
        with follow(session.progress, f"predicting {data}", "rows") as work:
            write_rows(session["output"], counted(batches, work), json=session["json"])
    else:  # on the terminal, or through a pipe to what writes there: a line in between would mix with the rows
        write_rows(None, batches, json=session["json"])
    for sentence in odd.said:
        session.warn(sentence)
    if session["output"]:
        session.message(f"wrote {Path(session['output'])}")
    return 0


def counted(batches: Iterable[dict[str, Any]], work: Work) -> Iterator[dict[str, Any]]:
    """The batches, their rows counted as they pass."""
    for batch in batches:
        yield batch
        work.done += len(batch["row"])
