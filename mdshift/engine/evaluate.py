"""Evaluate: what a saved model is worth on labelled rows, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.engine.breakdown import by_class, scatter
from mdshift.engine.digest import Digest
from mdshift.errors import DataError
from mdshift.types import Score

if TYPE_CHECKING:
    import numpy as np

    from mdshift.readers.apply import Odd
    from mdshift.store import Model
    from mdshift.types import DataSpec

ON = "labels"
DRAWS = 200  # bootstrap draws of what takes more than a mean
MIN_DRAWS = 50
WORK = 100_000_000  # rows x classes x draws from which the draws become fewer


@dataclass(frozen=True)
class Evaluation:
    """The content of `mdshift.evaluation/1`, less the envelope.

    scores: the metric first, each with its interval. Of a classification also per_class (precision, recall, F1, rows), confusion
    (rows: true class, columns: predicted), roc (one against the rest, with the points of the curves of the first 20 classes), calibration (ECE and bins).
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
    points: tuple[Any, ...] = ()  # of a regression: true and predicted values of some rows
    digest: str = ""  # of the rows that were scored


def evaluate(
    model: Model,
    path: str,
    *,
    label: str | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    spec: DataSpec | None = None,
    odd: Odd | None = None,
) -> Evaluation:
    """Score a model on the labelled rows of a file or folder; `odd` counts what is not as the model's columns have it.

    Accuracy and rates have Wilson's interval, everything else a bootstrap one. Raises DataError without a labelled row.
    """
    import numpy as np

    from mdshift.readers.load import domain_for

    scores, labels, unlabelled = [], [], 0
    hashed = Digest(model.schema, model.classes)
    wanted = label or model.label
    for domain in domain_for(model.schema, model.task, model.classes, path, label=wanted, labels_wanted=True, spec=spec, odd=odd):
        if domain.y is None:
            raise DataError("the data have no labels", path, "name the column with --label")
        known = domain.y != -1 if domain.y.dtype.kind == "i" else ~np.isnan(domain.y)  # -2 is a class that the model does not know
        unlabelled += int((~known).sum())
        rows = domain.take(known)
        hashed.update(rows)
        assert rows.y is not None
        scores.append(model.predictor.scores(model.encoder.transform(rows)))
        labels.append(rows.y)
    S, y = np.concatenate(scores), np.concatenate(labels)
    if not len(y):
        raise DataError("no row has a label", path, "name the label column with --label")
    about: dict[str, Any] = {
        "task": model.task,
        "strategy": model.strategy,
        "rows": len(y),
        "unlabelled": unlabelled,
        "digest": hashed.hexdigest(),
    }
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
    return {"metric": "r2", "scores": scores, "points": tuple(scatter(predicted, y))}


def _classes(
    S: np.ndarray[Any, Any], y: np.ndarray[Any, Any], classes: tuple[str, ...], alpha: float, rng: np.random.Generator
) -> dict[str, Any]:
    import numpy as np

    from mdshift.stats.intervals import wilson

    n, k = S.shape
    best, known = S.argmax(axis=1), y >= 0
    right = int((best == y).sum())
    parts = by_class(S, y, classes, alpha)
    per_class, roc = parts["per_class"], parts["roc"]
    # a row of an unknown class can only be wrong: its true class has probability 0
    p_true = np.where(known, S[np.arange(n), np.maximum(y, 0)], 0.0)
    squared = (S**2).sum(axis=1) - 2 * p_true + 1
    losses = -np.log(np.clip(p_true, 1e-15, None))
    present = [c for c in range(k) if per_class[c]["rows"]]

    def balanced(rows: Any) -> float:
        truth = y[rows]
        of_class = np.bincount(truth[truth >= 0], minlength=k)
        hits = np.bincount(truth[best[rows] == truth], minlength=k)
        there = of_class > 0
        return float((hits[there] / of_class[there]).mean()) if there.any() else 0.0

    def mean_of(values: np.ndarray[Any, Any]) -> Any:
        return lambda rows: float(values[rows].mean())

    f1 = [c["f1"] for c in per_class if c["rows"]]
    spread, log_loss, brier = (
        _resampled(name, f, n, alpha, rng)
        for name, f in (("balanced_accuracy", balanced), ("log_loss", mean_of(losses)), ("brier", mean_of(squared)))
    )
    macro_f1 = _resampled("macro_f1", _macro_f1(best, y, k), n, alpha, rng, draws=DRAWS, value=float(np.mean(f1)) if f1 else np.nan)
    draws = min(max(WORK // (n * k), MIN_DRAWS), DRAWS)
    area = float(np.mean([r["auc"] for r in roc])) if roc else np.nan
    macro_auc = _resampled("macro_auc", _macro_auc(S, y, present), n, alpha, rng, draws=draws, value=area)
    scores = (Score("accuracy", right / n, *wilson(right, n, alpha), ON), spread, macro_f1, macro_auc, log_loss, brier)
    return {
        "metric": "accuracy",
        "scores": scores,
        "classes": classes,
        "unknown": int((~known).sum()),
        **parts,
    }


def _macro_f1(best: np.ndarray[Any, Any], y: np.ndarray[Any, Any], k: int) -> Any:
    """The mean F1 over the classes that the rows hold, as a function of the rows."""
    import numpy as np

    def macro_f1(rows: Any) -> float:
        truth, said = y[rows], best[rows]
        of_class, predicted = np.bincount(truth[truth >= 0], minlength=k), np.bincount(said, minlength=k)
        hits = np.bincount(said[truth == said], minlength=k)
        there = of_class > 0
        return float((2 * hits[there] / (of_class + predicted)[there]).mean()) if there.any() else float("nan")

    return macro_f1


def _macro_auc(S: np.ndarray[Any, Any], y: np.ndarray[Any, Any], present: list[int]) -> Any:
    """The mean area over the classes that the rows hold, each against the rest, as a function of the rows; sorted once, not once a draw."""
    import numpy as np

    n = len(y)
    sides = []  # of each class: rows from the lowest score up, where a new score begins, and which rows are the class's
    for c in present:
        order = np.argsort(S[:, c], kind="stable").astype(np.int32)
        ordered = S[order, c]
        begins = np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1]])).astype(np.int32)
        sides.append((order, begins, y[order] == c))

    def macro_auc(rows: Any) -> float:
        times = np.bincount(rows, minlength=n)
        areas = []
        for order, begins, own in sides:
            drawn = times[order]
            high, low = np.add.reduceat(drawn * own, begins), np.add.reduceat(drawn * ~own, begins)
            m, p = int(low.sum()), int(high.sum())
            if m and p:
                areas.append(float((high * (np.cumsum(low) - low / 2)).sum()) / (m * p))
        return float(np.mean(areas)) if areas else float("nan")

    return macro_auc


def _resampled(
    metric: str, statistic: Any, n: int, alpha: float, rng: np.random.Generator, *, draws: int = 400, value: float | None = None
) -> Score:
    import numpy as np

    from mdshift.stats.resample import bootstrap

    value = statistic(np.arange(n)) if value is None else value
    low, high = bootstrap(statistic, n, rng, alpha, draws)
    return Score(metric, value if np.isfinite(value) else None, low, high, ON)
