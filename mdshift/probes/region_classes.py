"""Which classes' rows moved most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes.base import FEW
from mdshift.probes.domainclassifier import crossfit
from mdshift.stats.intervals import auc
from mdshift.stats.multiple import holm

if TYPE_CHECKING:
    from mdshift.probes.base import View


def classes(view: View, alpha: float) -> list[dict[str, Any]]:
    """How far the rows of each class are told apart by side, most moved first; empty without labels of both sides."""
    from scipy.special import ndtr, ndtri

    problem = view.problem
    if problem.task != "classification" or view.few or view.y_source is None or view.y_target is None or not view.X_source.shape[1]:
        return []
    scores = crossfit(view)
    here, there = view.y_source[scores.rows_source], view.y_target[scores.rows_target]
    inflation = 1 + scores.folds / (scores.folds - 1)  # the folds share training rows (Nadeau & Bengio 2003)
    z = float(ndtri(1 - alpha / 2))
    found = []
    for k, name in enumerate(problem.classes):
        low, high = scores.source[here == k], scores.target[there == k]
        if min(len(low), len(high)) < FEW:
            continue
        value, variance = auc(low, high)
        # a class told apart without error has no variance of its own
        spread = np.sqrt(variance * inflation + (0.5 / min(len(low), len(high))) ** 2)
        found.append(
            {
                "class": name,
                "auc": value,
                "low": max(0.0, value - z * spread),
                "high": min(1.0, value + z * spread),
                "p_value": float(max(ndtr(-(value - 0.5) / spread), 1e-300)),
                "n_source": len(low),
                "n_target": len(high),
            }
        )
    for record, p in zip(found, holm([r["p_value"] for r in found]), strict=True):
        record["p_value"] = float(p)
    return sorted(found, key=lambda r: -r["auc"])
