"""Self-training of any learner: rounds of refits on its own sure predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.learners.base import Context, Predictor, Prepared, Trained
from mdshift.learners.finetuned import fine_tune, target_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEAVIEST = 3.0  # the weight of a labelled target row, in source rows


def surest(scores: NDArray[np.float64], share: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Predicted classes (m,), and the mask of the surest `share` of each class's predictions, at least one (Zou 2018)."""
    labels, confidence = scores.argmax(axis=1), scores.max(axis=1)
    kept = np.zeros(len(labels), dtype=bool)
    for c in np.unique(labels):
        rows = np.flatnonzero(labels == c)
        order = rows[np.argsort(-confidence[rows], kind="stable")]
        kept[order[: max(1, round(share * len(rows)))]] = True
    return labels.astype(np.int64), kept


def self_train(prepared: Prepared, context: Context, rounds: int, share: float) -> Trained:
    """Rounds of the chosen learner on source, labelled and trusted target rows; the trusted share grows evenly to `share`.

    All unlabelled target rows together weigh as much as the source; the labelled ones half of it, none more than HEAVIEST source rows.
    """
    known = prepared.labelled
    free = np.flatnonzero(~known)
    X, y, n = prepared.X_target, prepared.y_target, len(prepared.y_source)
    teacher: Predictor = context.base
    evidence: dict[str, Any] = {"target_rows": int(known.sum())}
    if known.any():
        teacher, told = fine_tune(teacher, prepared, context.rng("teacher"))
        evidence |= told
    history: list[dict[str, Any]] = []
    for number in range(1, rounds + 1):
        if not len(free):
            break
        trusted = share * number / rounds
        labels, kept = surest(teacher.scores(X[free]), trusted)
        parts = [np.ones(n), np.full(int(kept.sum()), n / len(free))]
        if known.any():
            parts.append(target_weights(teacher, X, y[known], prepared.n_classes) * np.clip(0.5 * n / known.sum(), 1.0, HEAVIEST))
        w = np.concatenate(parts)
        rows = np.concatenate([prepared.X_source, X[free[kept]], X[known]])
        told_y = np.concatenate([prepared.y_source, labels[kept], y[known]])
        before = labels
        teacher = context.learner.fit(prepared, rows, told_y, context.rng(f"round-{number}"), w / w.mean())
        moved = float((teacher.scores(X[free]).argmax(axis=1) != before).mean())
        history.append({"phase": f"round {number}", "step": number, "trusted": int(kept.sum()), "changed": moved})
    return Trained(teacher, tuple(history), evidence | {"rounds": len(history), "trusted": history[-1]["trusted"] if history else 0})
