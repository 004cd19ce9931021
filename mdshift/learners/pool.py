"""Source rows and labelled target rows as one training set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Learner, Matrix, Predictor, Prepared, Vector

SURE = 0.05  # level at which labels given class by class are told from a random sample
SHARE, MOST = 0.5, 20.0  # weight of the target rows in the total; the largest weight of one, in source rows


def design(prepared: Prepared, base: Predictor) -> Vector:
    """Weights (m,) of the target's rows that make up for labels given class by class, mean 1 over the labelled rows; ones where nothing speaks of that.

    The same number of labels in every class is what a person gives who labels a few rows of each. Where that is surely (chi-square, 5 %) not
    a random sample of the target as the source model sees it, a row stands for its class's share over its share of the labels
    (post-stratification, Little 1993). The share is the one that the source model sees once it is fine-tuned on the labels: one that puts nearly
    all rows into one class would have the labels of one class alone count. Numbers are never weighed.
    """
    from scipy.special import chdtrc

    from mdshift.learners.finetuned import fine_tune

    out = np.ones(len(prepared.y_target))
    known = prepared.labelled
    if prepared.task != "classification" or not known.any():
        return out
    counts = np.bincount(prepared.y_target[known], minlength=prepared.n_classes)
    seen = counts > 0
    if seen.sum() < 2 or np.ptp(counts[seen]) > 1 or counts[seen].max() < 2:  # noqa: PLR2004 - nothing to balance
        return out
    share = base.scores(prepared.X_target).mean(axis=0)[seen]
    expected = np.maximum(share / max(float(share.sum()), 1e-12), 1e-6) * counts.sum()
    if chdtrc(int(seen.sum()) - 1, float(((counts[seen] - expected) ** 2 / expected).sum())) > SURE:
        return out
    tuned = fine_tune(base, prepared, np.random.default_rng(0))[0]
    share = tuned.scores(prepared.X_target).mean(axis=0)[seen]
    weights = np.zeros(prepared.n_classes)
    weights[seen] = share / max(float(share.sum()), 1e-12) / (counts[seen] / counts.sum())
    out[known] = np.maximum(weights[prepared.y_target[known]], 0.05)
    out[known] /= out[known].mean()
    return out


def pooled(
    prepared: Prepared,
    X: Matrix,
    rows: NDArray[np.int64],
    learner: Learner,
    rng: np.random.Generator,
    weights: Vector,
    share: float = SHARE,
    most: float = MOST,
) -> tuple[Predictor, float]:
    """The learner on the source, its features given as X (n, d), and the target's rows `rows`, and the weight of a target row in source rows.

    weights (m,): of the target's rows, mean 1 over the labelled ones (`design`). All of the source weighs 1 - `share`, the target's rows `share`,
    though none of them more than `most` source rows on average.
    """
    n, m = len(prepared.y_source), len(rows)
    heavy = float(np.clip(share / max(1 - share, 1e-9) * n / max(m, 1), 1.0, most))
    own = weights[rows] / weights[rows].mean() if m else np.zeros(0)
    w = np.concatenate([np.ones(n), heavy * own])
    both = np.concatenate([X, prepared.X_target[rows]])
    y: NDArray[Any] = np.concatenate([prepared.y_source, prepared.y_target[rows]])
    return learner.fit(prepared, both, y, rng, w / w.mean()), heavy
