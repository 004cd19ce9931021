"""`mdshift evaluate`."""

from __future__ import annotations

from mdshift.cli import options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session
from mdshift.errors import UsageError

OPTIONS = ("label", "encoding", *options.TESTING, *options.RESULT)


@command(
    "evaluate",
    "Scores of a saved model on labelled data.",
    [argument("model", "model folder", required=True), argument("data", "labelled data; - is standard input", required=True)],
    OPTIONS,
)
def evaluate(model: str, data: str, flags: options.Flags) -> int:
    """Scores on labelled data: metric with interval, per class, confusion, ROC, calibration."""
    session = Session.open(OPTIONS, flags)
    session.check_output()
    if len(session["label"]) > 1:
        raise UsageError("one label can be evaluated at a time", repr(session["label"]), "give --label once")
    from mdshift import store
    from mdshift.engine.evaluate import evaluate as engine
    from mdshift.readers.apply import Odd
    from mdshift.report.json import document
    from mdshift.types import DataSpec

    loaded = store.load(model)
    session.mark("read")
    label = session["label"][0] if session["label"] else None
    spec = DataSpec(target=data, labels=session["label"], encoding=session["encoding"])
    odd = Odd()
    found = engine(loaded, data, label=label, alpha=session["alpha"], seed=session["seed"], spec=spec, odd=odd)
    for sentence in odd.said:
        session.warn(sentence)
    session.mark("evaluate")
    where = {"target": data, "model": model, "labels": [label or loaded.label]}
    session.emit(document("mdshift.evaluation/1", found, data=where, settings=session.told(), seconds=session.seconds))
    return 0
