"""How related the two sides are: labels, columns, distributions.

Assumes: Columns and classes of one name mean the same on both sides.

Helps: Asking whether two data sets are about the same task at all.

Hurts: Renamed columns and classes read as another task.

Cost: Figures of `features` and `domain-classifier`, which are there already.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View
from mdshift.probes.domainclassifier import crossfit
from mdshift.probes.features import columns_of
from mdshift.types import Finding, Problem


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
    """Share of all columns that source and target both have (Jaccard); images count as one column.

    The readers count for each domain the columns that it lacks of those that any has. A column is apart where the target lacks it, or
    where every source does; one that only some sources lack is left out too, but does not set source and target apart.
    """
    lacking = problem.quality.get("lacking") or {}
    target = problem.target.name if problem.target is not None else None
    away = set(lacking.get(target, ()))
    gone = [set(lacking.get(s.name, ())) for s in problem.sources]
    apart = len(away ^ set.intersection(*gone)) if gone else len(away)
    shared = len(problem.schema.columns) + len(problem.schema.left_out) + (problem.schema.image_shape is not None)
    return shared / (shared + apart) if shared + apart else 1.0
