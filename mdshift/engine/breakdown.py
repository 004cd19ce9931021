"""Scores of a classifier taken apart: by class, by pair of classes, by threshold, by confidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MAX_ROC_CLASSES = 20  # classes whose ROC curve is given; the area is, of every class
MAX_CLASSES = 50  # classes from which a matrix of pairs tells nobody anything
POINTS = 300  # rows of a scatter


def by_class(S: Array, y: Array, classes: tuple[str, ...], alpha: float) -> dict[str, Any]:
    """per_class, confusion (rows: true, columns: predicted), roc (one against the rest) and calibration of scores (n, k) on labels (n,).

    Labels below 0 are of classes that the model does not know.
    """
    import numpy as np

    from mdshift.stats.calibration import reliability

    k = S.shape[1]
    best, known = S.argmax(axis=1), y >= 0
    confusion = np.zeros((k, k), dtype=int)
    np.add.at(confusion, (y[known], best[known]), 1)
    present = [c for c in range(k) if confusion[c].sum()]
    ece, bins = reliability(S, y)
    return {
        "per_class": tuple(one_class(classes[c], confusion, c, int((best == c).sum()), alpha) for c in range(k)),
        "confusion": tuple(tuple(int(v) for v in line) for line in confusion),
        "roc": tuple(r for i, c in enumerate(present) if (r := roc(classes[c], S[:, c], y == c, curve=i < MAX_ROC_CLASSES)) is not None),
        "calibration": {"ece": ece, "bins": bins},
    }


def one_class(name: str, confusion: Array, c: int, predicted: int, alpha: float) -> dict[str, Any]:
    """Precision, recall with Wilson's interval, and F1 of one class."""
    from mdshift.stats.intervals import wilson

    hits, rows = int(confusion[c, c]), int(confusion[c].sum())
    precision, recall = (hits / predicted if predicted else None), (hits / rows if rows else None)
    low, high = wilson(hits, rows, alpha) if rows else (None, None)
    f1 = 2 * hits / (predicted + rows) if predicted + rows else 0.0
    return {"class": name, "rows": rows, "predicted": predicted, "precision": precision, "recall": recall, "recall_low": low, "recall_high": high, "f1": f1}  # fmt: skip


def roc(name: str, scores: Array, positive: Array, *, curve: bool) -> Mapping[str, Any] | None:
    """One class against the rest: area (Mann & Whitney 1947) and points of the curve, if wanted; None where one side is empty."""
    from mdshift.stats.intervals import auc, roc_points

    if positive.all() or not positive.any():
        return None
    low, high = scores[~positive], scores[positive]
    area, variance = auc(low, high)
    return {"class": name, "auc": area, "standard_error": variance**0.5, "points": roc_points(low, high) if curve else []}


def scatter(predicted: Array, y: Array) -> list[list[float]]:
    """At most POINTS rows, evenly over their order: [[true, predicted], ...]."""
    import numpy as np

    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), POINTS)).round().astype(int))
    return [[float(y[i]), float(predicted[i])] for i in some]
