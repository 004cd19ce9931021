"""Intervals for shares and for the area under the ROC curve, and what a permutation of sides does to the latter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def wilson(hits: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's (1927) interval of a share; (0, 1) without rows."""
    from scipy.special import ndtri

    if n <= 0:
        return 0.0, 1.0
    z = float(ndtri(1 - alpha / 2))
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (0.0 if hits <= 0 else float(max(0.0, centre - half))), (1.0 if hits >= n else float(min(1.0, centre + half)))


def auc(low: Floats, high: Floats) -> tuple[float, float]:
    """Area under the ROC curve: P(high > low) + P(tie)/2, and its variance (DeLong 1988)."""
    m, n = len(low), len(high)
    below = _below(np.sort(low), high)
    above = 1 - _below(np.sort(high), low)
    value = float(below.mean())
    variance = float(above.var(ddof=1) / m if m > 1 else 0.25) + float(below.var(ddof=1) / n if n > 1 else 0.25)
    return value, variance


def attainable_auc(reached: float, noise: float) -> float:
    """The AUC of the best classifier, where a learned one reaches `reached`, both from .5 to 1.

    noise: columns over training rows of a side. Two normal laws d standard deviations apart are told apart by a mean difference learned from n
    rows a side in p columns as if they were d^2 / sqrt(d^2 + 2 p / n) apart (Raudys & Jain 1991); solved for d.
    """
    from scipy.special import ndtr, ndtri

    u = 2 * float(ndtri(np.clip(reached, 0.5, 1.0))) ** 2
    return float(ndtr(np.sqrt((u + np.sqrt(u * u + 8 * u * noise)) / 4))) if np.isfinite(u) else 1.0


def _below(ordered: Floats, values: Floats) -> Floats:
    """Share of `ordered` (sorted) below each of `values`, ties counted half."""
    out: Floats = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * max(len(ordered), 1))
    return out


def rank_sum_p(low: Floats, high: Floats) -> float:
    """One-sided p that `high` tends to be larger (Mann & Whitney 1947).

    Exact for small samples without ties, else normal with the tie and continuity corrections.
    """
    from scipy.stats import mannwhitneyu

    if not len(low) or not len(high):
        return 1.0
    p = float(mannwhitneyu(high, low, alternative="greater").pvalue)
    return 1.0 if np.isnan(p) else min(1.0, max(p, 1e-300))  # NaN: every score is the same


def roc_points(low: Floats, high: Floats, points: int = 33) -> list[list[float]]:
    """The ROC curve at up to `points` false-positive rates: [[false positive, true positive], ...]."""
    grid = np.unique(np.quantile(low, np.linspace(0, 1, points)))
    cuts = np.concatenate([[np.inf], grid[::-1], [-np.inf]])
    fpr = 1 - np.searchsorted(np.sort(low), cuts, side="left") / len(low)
    tpr = 1 - np.searchsorted(np.sort(high), cuts, side="left") / len(high)
    return [[round(float(f), 4), round(float(t), 4)] for f, t in zip(fpr, tpr, strict=True)]
