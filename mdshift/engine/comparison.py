"""The source model and the adapted one side by side: on target labels where there are any, else by what they say of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdshift.declare import configure, lookup
from mdshift.engine import guard
from mdshift.engine.breakdown import MAX_CLASSES, by_class, scatter

if TYPE_CHECKING:
    import numpy as np

    from mdshift.engine.trials import Desk, Trial

    Floats = np.ndarray[Any, Any]


def comparison(desk: Desk, trial: Trial | None) -> dict[str, Any] | None:
    """What the report shows of both models; None without a trial, or without a target.

    on "target labels": rows, classes, and of source_only and adapted the parts of `breakdown.by_class`, for numbers points (true, predicted).
    adapted is None where its scores by models that did not see the labels are not at hand. on "predictions": classes, of either model
    how many target rows it puts into each class, and `moved` (rows: the source model's class, columns: the adapted one's).
    """
    p = desk.judged
    if trial is None or not len(p.X_target):
        return None
    if p.labelled.any():
        return _on_labels(desk, trial)
    return _on_predictions(desk, trial) if p.task == "classification" else None


def _on_labels(desk: Desk, trial: Trial) -> dict[str, Any]:
    p = desk.judged
    y, X = p.y_target[p.labelled], p.X_target[p.labelled]
    plain, adapted = desk.context.base.scores(X), _unseen(trial, X)
    found: dict[str, Any] = {"on": "target labels", "strategy": trial.name, "rows": len(y)}
    if p.task == "regression":
        both = (None if S is None else {"points": scatter(S[:, 0], y)} for S in (plain, adapted))
    else:
        classes = desk.problem.classes
        found["classes"] = list(classes)
        both = (None if S is None else _parts(S, y, classes, desk.alpha) for S in (plain, adapted))
    return found | dict(zip(("source_only", "adapted"), both, strict=True))


def _parts(S: Floats, y: Floats, classes: tuple[str, ...], alpha: float) -> dict[str, Any]:
    found = by_class(S, y, classes, alpha)
    return found if len(classes) <= MAX_CLASSES else found | {"confusion": ()}


def _unseen(trial: Trial, X: Floats) -> Floats | None:
    """Scores of the labelled target rows by models that did not see their labels, if these are at hand."""
    if trial.trained.labelled is not None:
        return trial.trained.labelled
    strategy = configure(lookup("strategy", trial.name), trial.params)
    return None if guard.uses_labels(strategy) else trial.trained.predictor.scores(X)


def _on_predictions(desk: Desk, trial: Trial) -> dict[str, Any]:
    import numpy as np

    p, k = desk.prepared, len(desk.problem.classes)
    before, after = (m.scores(p.X_target).argmax(axis=1) for m in (desk.context.base, trial.trained.predictor))
    moved = np.zeros((k, k), dtype=int)
    np.add.at(moved, (before, after), 1)
    return {
        "on": "predictions",
        "strategy": trial.name,
        "rows": len(before),
        "classes": list(desk.problem.classes),
        "source_only": {"predicted": moved.sum(axis=1).tolist()},
        "adapted": {"predicted": moved.sum(axis=0).tolist()},
        "moved": moved.tolist() if k <= MAX_CLASSES else [],
    }
