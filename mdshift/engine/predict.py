"""Predict: what a saved model says of new rows, batch by batch, in input order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from mdshift.readers.apply import Odd
    from mdshift.store import Model
    from mdshift.types import DataSpec, Domain


def predict(
    model: Model, path: str, *, proba: bool = False, spec: DataSpec | None = None, odd: Odd | None = None
) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """Batches of columns: row, prediction (a class name, or a number), confidence, and with `proba` p_CLASS for every class.

    A model of several labels has prediction_LABEL, confidence_LABEL and p_LABEL_CLASS for each after the first.
    A regression has no confidence: the column is there, empty. A row's numbers do not depend on the rows beside it.
    `odd` counts what is not as the model's columns have it.

    Raises DataError where the data cannot be read or lack a column of the model.
    """
    from mdshift.readers.load import domain_for

    for domain in domain_for(model.schema, model.task, model.classes, path, label=model.label, labels_wanted=False, spec=spec, odd=odd):
        yield columns(model, domain, proba=proba)


def columns(model: Model, domain: Domain, *, proba: bool = False) -> dict[str, np.ndarray[Any, Any]]:
    """The prediction columns of one batch."""
    X = model.encoder.transform(domain)
    out = {"row": domain.index, **_told(model.predictor.scores(X), model.task, model.classes, "", proba=proba)}
    for label, predictor in model.further:
        out |= _told(predictor.scores(X), label.task, label.classes, f"_{label.name}", proba=proba)
    return out


def _told(scores: np.ndarray[Any, Any], task: str, classes: tuple[str, ...], end: str, *, proba: bool) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of one label; `end` tells those of the labels after the first apart."""
    import numpy as np

    if task == "regression":
        return {f"prediction{end}": scores[:, 0], f"confidence{end}": np.full(len(scores), np.nan)}
    names = np.array(classes, dtype=object)
    best = scores.argmax(axis=1) if len(scores) else np.zeros(0, np.int64)
    out = {f"prediction{end}": names[best], f"confidence{end}": scores.max(axis=1) if len(scores) else np.zeros(0)}
    if proba:
        out |= {f"p{end}_{name}": scores[:, k] for k, name in enumerate(classes)}
    return out
