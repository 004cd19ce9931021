"""Evaluate: what a saved model is worth on labelled rows, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.errors import DataError
from mdshift.types import Score

if TYPE_CHECKING:
    import numpy as np

    from mdshift.store import Model
    from mdshift.types import DataSpec

ON = "labels"
MAX_ROC_CLASSES = 20


@dataclass(frozen=True)
class Evaluation:
    """The content of `mdshift.evaluation/1`, less the envelope.

    scores: the metric first, each with its interval. Of a classification also per_class (precision, recall, F1, rows), confusion
    (rows: true class, columns: predicted), roc (one against the rest, with points), calibration (ECE and bins).
    """

    task: str
    strategy: str
    rows: int
    unlabelled: int
    metric: str
    scores: tuple[Score, ...]
    classes: tuple[str, ...] = ()
    unknown: int = 0  # rows whose class the model does not know: counted as wrong
    per_class: tuple[Mapping[str, Any], ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    roc: tuple[Mapping[str, Any], ...] = ()
    calibration: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    model: Model, path: str, *, label: str | None = None, alpha: float = 0.05, seed: int = 0, spec: DataSpec | None = None
) -> Evaluation:
    """Score a model on the labelled rows of a file or folder.

    Accuracy and rates have Wilson's interval, everything else a bootstrap one. Raises DataError without a labelled row.
    """
    import numpy as np

    from mdshift.readers.load import domain_for

    scores, labels, unlabelled = [], [], 0
    for domain in domain_for(model.schema, model.task, model.classes, path, label=label or model.label, labels_wanted=True, spec=spec):
        if domain.y is None:
            raise DataError("the data have no labels", path, "name the column with --label")
        known = domain.y != -1 if domain.y.dtype.kind == "i" else ~np.isnan(domain.y)  # -2 is a class that the model does not know
        unlabelled += int((~known).sum())
        rows = domain.take(known)
        assert rows.y is not None
        scores.append(model.predictor.scores(model.encoder.transform(rows)))
        labels.append(rows.y)
    S, y = np.concatenate(scores), np.concatenate(labels)
    if not len(y):
        raise DataError("no row has a label", path, "name the label column with --label")
    about: dict[str, Any] = {"task": model.task, "strategy": model.strategy, "rows": len(y), "unlabelled": unlabelled}
    rng = generator(seed, "evaluate")
    found = _numbers(S[:, 0], y, alpha, rng) if model.task == "regression" else _classes(S, y, model.classes, alpha, rng)
    return Evaluation(**about, **found)


def _numbers(predicted: np.ndarray[Any, Any], y: np.ndarray[Any, Any], alpha: float, rng: np.random.Generator) -> dict[str, Any]:
    import numpy as np

    def r2(rows: Any) -> float:
        total = float(((y[rows] - y[rows].mean()) ** 2).sum())
        return 1 - float(((y[rows] - predicted[rows]) ** 2).sum()) / total if total > 0 else float("nan")

    def mae(rows: Any) -> float:
        return float(np.abs(y[rows] - predicted[rows]).mean())

    def rmse(rows: Any) -> float:
        return float(np.sqrt(((y[rows] - predicted[rows]) ** 2).mean()))

    scores = tuple(_resampled(name, f, len(y), alpha, rng) for name, f in (("r2", r2), ("mae", mae), ("rmse", rmse)))
    return {"metric": "r2", "scores": scores}


def _classes(
    S: np.ndarray[Any, Any], y: np.ndarray[Any, Any], classes: tuple[str, ...], alpha: float, rng: np.random.Generator
) -> dict[str, Any]:
    import numpy as np

    from mdshift.stats.calibration import reliability
    from mdshift.stats.intervals import wilson

    n, k = S.shape
    best, known = S.argmax(axis=1), y >= 0
    right = int((best == y).sum())
    confusion = np.zeros((k, k), dtype=int)
    np.add.at(confusion, (y[known], best[known]), 1)
    # a row of an unknown class can only be wrong: its true class has probability 0
    p_true = np.where(known, S[np.arange(n), np.maximum(y, 0)], 0.0)
    squared = (S**2).sum(axis=1) - 2 * p_true + 1
    losses = -np.log(np.clip(p_true, 1e-15, None))
    per_class = tuple(_one_class(classes[c], confusion, c, int((best == c).sum()), alpha) for c in range(k))
    present = [c for c in range(k) if confusion[c].sum()]
    roc = tuple(r for c in present[:MAX_ROC_CLASSES] if (r := _roc(classes[c], S[:, c], y == c)) is not None)

    def balanced(rows: Any) -> float:
        return float(np.mean([(best[rows] == c)[y[rows] == c].mean() for c in present if (y[rows] == c).any()] or [0.0]))

    def mean_of(values: np.ndarray[Any, Any]) -> Any:
        return lambda rows: float(values[rows].mean())

    f1 = [c["f1"] for c in per_class if c["rows"]]
    ece, bins = reliability(S, y)
    scores = (
        Score("accuracy", right / n, *wilson(right, n, alpha), ON),
        _resampled("balanced_accuracy", balanced, n, alpha, rng),
        Score("macro_f1", float(np.mean(f1)) if f1 else None, None, None, ON),
        Score("macro_auc", float(np.mean([r["auc"] for r in roc])) if roc else None, None, None, ON),
        _resampled("log_loss", mean_of(losses), n, alpha, rng),
        _resampled("brier", mean_of(squared), n, alpha, rng),
    )
    return {
        "metric": "accuracy",
        "scores": scores,
        "classes": classes,
        "unknown": int((~known).sum()),
        "per_class": per_class,
        "confusion": tuple(tuple(int(v) for v in line) for line in confusion),
        "roc": roc,
        "calibration": {"ece": ece, "bins": bins},
    }


def _one_class(name: str, confusion: np.ndarray[Any, Any], c: int, predicted: int, alpha: float) -> dict[str, Any]:
    from mdshift.stats.intervals import wilson

    hits, rows = int(confusion[c, c]), int(confusion[c].sum())
    precision, recall = (hits / predicted if predicted else None), (hits / rows if rows else None)
    low, high = wilson(hits, rows, alpha) if rows else (None, None)
    f1 = 2 * hits / (predicted + rows) if predicted + rows else 0.0
    return {"class": name, "rows": rows, "predicted": predicted, "precision": precision, "recall": recall, "recall_low": low, "recall_high": high, "f1": f1}  # fmt: skip


def _roc(name: str, scores: np.ndarray[Any, Any], positive: np.ndarray[Any, Any]) -> dict[str, Any] | None:
    """One class against the rest: area (Mann & Whitney 1947) and points of the curve; None where one side is empty."""
    from mdshift.stats.intervals import auc, roc_points

    if positive.all() or not positive.any():
        return None
    area, variance = auc(scores[~positive], scores[positive])
    return {"class": name, "auc": area, "standard_error": variance**0.5, "points": roc_points(scores[~positive], scores[positive])}


def _resampled(metric: str, statistic: Any, n: int, alpha: float, rng: np.random.Generator) -> Score:
    import numpy as np

    from mdshift.stats.resample import bootstrap

    value = statistic(np.arange(n))
    low, high = bootstrap(statistic, n, rng, alpha)
    return Score(metric, value if np.isfinite(value) else None, low, high, ON)
