"""Every threshold of the rules, in one place, with its reason.

Rules read them as facts, by name. They are printed with every recommendation and can be overridden in `[thresholds]` of
`mdshift.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A number that a rule compares a fact with, and why it is this number."""

    value: float
    reason: str


THRESHOLDS: Mapping[str, Threshold] = {
    "js_small": Threshold(0.02, "bits, mean over the features: two unit normals a third of a standard deviation apart"),
    "js_large": Threshold(0.10, "bits, mean over the features: two unit normals three quarters of a standard deviation apart"),
    "auc_similar": Threshold(0.60, "of the domain classifier: two unit normals .36 standard deviations apart along the best direction"),
    "auc_different": Threshold(0.80, "of the domain classifier: two unit normals 1.2 standard deviations apart along the best direction"),
    "overlap_enough": Threshold(
        0.80, "share of the target that lies where the source has data: below it weights rest on few rows, and say nothing of the rest"
    ),
    "label_overlap_enough": Threshold(0.80, "share of classes in common: below it the tasks differ, not only the data"),
    "feature_overlap_enough": Threshold(
        0.50, "share of columns in common: below it more is lost by intersecting than a common model can win"
    ),
    "few_labels": Threshold(
        100, "labelled target rows: fewer can neither train a network nor show a gain of 10 points (124 do, of one candidate)"
    ),
    "many_labels": Threshold(
        2000,
        "labelled target rows: an interval of the accuracy on a fifth of them is about 4 points wide to each side, so that models can be compared",
    ),
    "few_shots": Threshold(10, "labelled rows a class: the usual upper end of the few-shot literature (Finn 2017 uses 1 and 5)"),
    "plenty_unlabelled": Threshold(5000, "unlabelled target rows: contrastive learning needs large batches and many of them (Chen 2020)"),
    "small_source": Threshold(
        500, "source rows: cross-validated scores have a standard error of about 2 points there, so that averaging models is worth its cost"
    ),
    "small_batch": Threshold(1000, "training rows: below it batches of 32 give some thirty steps a pass (D4 §1.2)"),
    "easy_score": Threshold(0.90, "source score in cross-validation: above it the task counts as easy (D4 table 1)"),
    "large_data": Threshold(10000, "source rows: enough for a warm-up to be worth its steps (D4 table 1)"),
    "missing_much": Threshold(0.05, "share of missing cells: above it how they are filled in begins to matter"),
    "duplicates_much": Threshold(0.01, "share of duplicate rows: above it cross-validation sees its own training rows"),
    "outliers_much": Threshold(0.01, "share of rows far outside: above it means and covariances follow them"),
    "leakage_much": Threshold(0.01, "share of target rows that stand in the source too: above it scores on the target flatter"),
    "imbalance_strong": Threshold(
        3.0, "rows of the largest class over those of the rarest: from here the rarest of two classes holds at most a quarter of the rows"
    ),
    "small_split": Threshold(1000, "rows: below it a random split moves the class shares by more than a point"),
    "part_low": Threshold(0.02, "share of shifted columns: below it there is nothing to select against"),
    "part_high": Threshold(0.60, "share of shifted columns: above it too few are left to carry the task"),
    "prior_small": Threshold(0.05, "total variation between class shares: below it correcting the prior moves hardly a prediction"),
    "prior_large": Threshold(
        0.25, "total variation between class shares: from here a model that keeps the source's prior can lose as many points"
    ),
    "drop_small": Threshold(0.01, "points of the score: what is lost to the shift; below it nothing is to be won back"),
    "tolerance": Threshold(
        0.02, "accuracy: how far below the source model the low end of an estimated gain may lie where it rests on precedents alone"
    ),
    "tolerance_r2": Threshold(0.05, "R2: the same for numbers"),
    "churn": Threshold(
        0.10, "share of rows on which two models of equal worth disagree in being right; the number of labels needed is computed with it"
    ),
}


def defaults() -> dict[str, float]:
    """The value of every threshold."""
    return {name: t.value for name, t in THRESHOLDS.items()}


def similarity(js_mean: float | None, auc: float | None, limits: Mapping[str, float] | None = None) -> str:
    """`high` where both distances are small, `low` where one is large, else `medium`; an unknown distance speaks for neither."""
    at = {**defaults(), **(limits or {})}
    a, j = (0.5 if auc is None else auc), (0.0 if js_mean is None else js_mean)
    if a < at["auc_similar"] and j < at["js_small"]:
        return "high"
    return "low" if a >= at["auc_different"] or j >= at["js_large"] else "medium"
