"""How related the two sides are: labels, columns, distributions; and the word for it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View
from mdshift.probes.domainclassifier import crossfit
from mdshift.probes.features import columns_of
from mdshift.types import Finding, Problem

# The joint law first (AUC of the domain classifier), then the columns one by one (mean JS in bits), then the classes in common. An AUC of
# .6 is two unit normals .36 standard deviations apart along the best direction, one of .8 is 1.2; a mean of .1 bits is
# .75 standard deviations in every column. Below half of the classes in common it is another task.
SIMILAR_AUC, DIFFERENT_AUC = 0.6, 0.8
SIMILAR_JS, DIFFERENT_JS = 0.02, 0.1
SAME_LABELS, OTHER_LABELS = 0.8, 0.5


@probe
class Relatedness(Probe):
    """Label overlap, feature overlap and similarity of the distributions, each from 0 to 1.

    label_overlap: share of all classes that both sides have (None without target labels). feature_overlap: share of all columns that both
    have. distribution_similarity: 1 less the mean chance-corrected Jensen-Shannon divergence of the columns, in bits; joint_similarity: 1
    less that of the joint laws, from below by the domain classifier's log loss.
    """

    name: ClassVar = "relatedness"
    question: ClassVar = "relatedness"
    cites: ClassVar = "D2 §4; Lin 1991"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: ARG002 - no randomness of its own
        """Measure."""
        js = [c["js"] for c in columns_of(view)]
        alike = 1 - float(np.mean(js)) if js else None
        scored = not view.few and view.X_source.shape[1] > 0
        evidence = {
            "label_overlap": label_overlap(view.problem),
            "feature_overlap": feature_overlap(view.problem),
            "distribution_similarity": alike,
            "joint_similarity": 1 - crossfit(view).joint_js if scored else None,
        }
        parts = []
        if evidence["label_overlap"] is not None:
            parts.append(f"{evidence['label_overlap']:.0%} of the classes in common")
        parts.append(f"{evidence['feature_overlap']:.0%} of the columns in common")
        if alike is not None:
            parts.append(f"columns {alike:.0%} alike in distribution")
        return Finding(
            probe=self.name,
            question="relatedness",
            method="shares of classes and columns in common; 1 - Jensen-Shannon divergence",
            n_source=view.n_source,
            n_target=view.n_target,
            effect=alike,
            sentence=", ".join(parts).capitalize() + ".",
            evidence=evidence,
        )


def label_overlap(problem: Problem) -> float | None:
    """Share of all classes that both sides have (Jaccard); None for numbers, and where a side has no labels."""
    source, target = problem.source, problem.target
    if problem.task != "classification" or target is None or source.y is None or target.y is None:
        return None
    here, there = (set(np.unique(d.y[d.labelled]).tolist()) for d in (source, target) if d.y is not None)
    return len(here & there) / len(here | there) if here and there else None


def feature_overlap(problem: Problem) -> float:
    """Share of all columns that both sides have; what the readers left out for want of a side counts against it."""
    quality = problem.quality
    apart = len(quality.get("missing_columns", ()) or ()) + len(quality.get("extra_columns", ()) or ())
    shared = len(problem.schema.columns) or (1 if problem.schema.image_shape is not None else 0)
    return shared / (shared + apart) if shared + apart else 1.0


def similarity(*, js_mean: float | None, auc: float | None, labels: float | None = None, **others: float | None) -> dict[str, Any]:
    """`high`, `medium` or `low`, with the numbers that it was read from; others are passed on (mmd, overlap)."""
    a, j, k = auc if auc is not None else 0.5, js_mean if js_mean is not None else 0.0, labels if labels is not None else 1.0
    if a >= DIFFERENT_AUC or j >= DIFFERENT_JS or k < OTHER_LABELS:
        level = "low"
    elif a < SIMILAR_AUC and j < SIMILAR_JS and k >= SAME_LABELS:
        level = "high"
    else:
        level = "medium"
    return {"level": level, "js_mean": js_mean, "auc": auc, "label_overlap": labels, **others}
