"""Predict: what a saved model says of new rows, batch by batch, in input order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from mdshift.store import Model
    from mdshift.types import DataSpec, Domain


def predict(model: Model, path: str, *, proba: bool = False, spec: DataSpec | None = None) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    """Batches of columns: row, prediction (a class name, or a number), confidence, and with `proba` p_CLASS for every class.

    A regression has no confidence: the column is there, empty. A row's numbers do not depend on the rows beside it.

    Raises DataError where the data cannot be read or lack a column of the model.
    """
    from mdshift.readers.load import domain_for

    for domain in domain_for(model.schema, model.task, model.classes, path, label=model.label, labels_wanted=False, spec=spec):
        yield columns(model, domain, proba=proba)


def columns(model: Model, domain: Domain, *, proba: bool = False) -> dict[str, np.ndarray[Any, Any]]:
    """The prediction columns of one batch."""
    import numpy as np

    scores = model.predictor.scores(model.encoder.transform(domain))
    if model.task == "regression":
        return {"row": domain.index, "prediction": scores[:, 0], "confidence": np.full(len(domain), np.nan)}
    names = np.array(model.classes, dtype=object)
    best = scores.argmax(axis=1) if len(scores) else np.zeros(0, np.int64)
    out = {"row": domain.index, "prediction": names[best], "confidence": scores.max(axis=1) if len(scores) else np.zeros(0)}
    if proba:
        out |= {f"p_{name}": scores[:, k] for k, name in enumerate(model.classes)}
    return out
