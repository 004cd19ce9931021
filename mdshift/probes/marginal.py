"""P(X): one verdict from the kernels, the columns one by one, and the domain classifier.

Assumes: Rows are independent, so that under no shift the sides may be exchanged.

Helps: Asking whether the inputs moved at all, in whatever form.

Hurts: Rows in groups (several of one patient) make it speak too often; a column that counts rows or dates makes it speak always.

Cost: The kernels' permutations, shared with the columns, and the domain classifier's forward pass; at most 10,000 rows a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import wording
from mdshift.probes.base import FEW, Probe, View
from mdshift.probes.domainclassifier import TRAIN, DomainClassifier, Scores, crossfit
from mdshift.probes.features import columns_of
from mdshift.probes.mmd import CAP, MaximumMeanDiscrepancy, kernels_of, sides
from mdshift.stats.intervals import attainable_auc
from mdshift.stats.multiple import weighted_bonferroni
from mdshift.stats.permutation import joint, largest_difference, p_value
from mdshift.types import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

THRESHOLDS = 9  # cuts of a numeric column at its pooled deciles
ROOM = 3_000  # columns with their cuts at most
PAIRED = 45  # columns up to which all their products are compared too: 1,035 of them
SHARES = (0.95, 0.05)  # of the level: permutation tests, classifier
CHANCE = 0.5  # the AUC of a guess
FLEXIBLE = 20  # columns of noise that the classifier's freedom is worth beside its own: 8 to 17 were measured on 60 to 300 rows a side
WITHIN = (2.0, 1.0)  # among the permutation tests: kernels, columns


@probe
class Marginal(Probe):
    """P(X) equal: kernels, columns and classifier under one level.

    The aggregated MMD and the largest standardised difference over all columns, their cuts and their products share the same permutations of sides, so that
    their combination (the smaller p, itself permuted) is exact and costs little where they agree. The forward-tested domain
    classifier, which sees interactions that both miss, has a twentieth of the level (weighted Bonferroni).

    effect is Gini's 2 AUC - 1 of the cross-fitted domain classifier, 0 (alike) to 1 (told apart without error), with its interval;
    the upper end is
    that of the best classifier, which is not learned whole from few rows.
    """

    name: ClassVar = "marginal"
    question: ClassVar = "x"
    cites: ClassVar = "Westfall & Young 1993; Schrab et al. 2023; Lopez-Paz & Oquab 2017"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Test; p_value is None with fewer than 20 rows on a side, or without a usable column."""
        return test_x(view, rng, alpha=alpha)


def test_x(view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: PT028 - no test of pytest's
    """The test of P(X), with the evidence of its parts: mmd, columns, classifier, js."""
    kernels = MaximumMeanDiscrepancy().measure(view, rng, alpha=alpha)
    classifier = DomainClassifier().measure(view, rng, alpha=alpha)
    js = [c["js"] for c in columns_of(view)]
    evidence = {
        "mmd": {"p_value": kernels.p_value, "statistic": kernels.statistic, "method": kernels.method, **kernels.evidence},
        "classifier": dict(classifier.evidence) or {"auc": None, "low": None, "high": None, "p_value": None},
        "js": {"mean": float(np.mean(js)) if js else None, "max": max(js, default=None), "joint": classifier.evidence.get("joint_js")},
    }
    counts = (view.n_source, view.n_target)
    if kernels.p_value is None or classifier.p_value is None:
        if view.few:
            why = f"too few rows to tell: {counts[0]} against {counts[1]}, where {FEW} a side are the least"
        else:
            why = "no column can be compared"
        return Finding("marginal", "x", "not run", *counts, sentence=f"P(X): {why}.", evidence=evidence)
    top, column, where = _columns(view, alpha)
    p_columns = p_value(top)
    evidence["columns"] = {"p_value": p_columns, "statistic": float(top[0]), "column": where, "z": column}
    p = weighted_bonferroni([joint(np.stack([kernels_of(view, alpha).statistics, top]), WITHIN), classifier.p_value], SHARES)
    found = crossfit(view)
    gini, low, high = bounds(found, view.X_source.shape[1], alpha)
    told = "no better than by chance, " if found.auc <= CHANCE else ""
    used = (len(view.rows(CAP)[0]), len(view.rows(CAP)[1]))
    return Finding(
        probe="marginal",
        question="x",
        method="aggregated MMD and largest column difference (joint permutation), with a cross-fitted domain classifier (weighted Bonferroni)",
        n_source=counts[0],
        n_target=counts[1],
        p_value=p,
        statistic=float(kernels_of(view, alpha).statistics[0]),
        effect=gini,
        low=low,
        high=high,
        sentence=f"{used[0]:,} source and {used[1]:,} target rows are told apart {told}with an AUC of {found.auc:.2f} (p {wording.probability(p)}).",
        evidence=evidence,
    )


test_x.__test__ = False  # type: ignore[attr-defined]  # its name looks like a test's to pytest


def bounds(scores: Scores, width: int, alpha: float) -> tuple[float, float, float]:
    """2 AUC - 1 with its interval, each from 0 to 1; width: columns that the classifier saw.

    The upper end bounds what the best classifier reaches. An AUC below .5 is chance, since none does worse than guess: the end is reckoned
    from .5, lest bad luck read as proof that nothing moved. And what a classifier of so many rows fails to learn is added.
    """
    low, high = scores.interval(alpha)
    sizes = [len(scores.source) * (1 - 1 / scores.folds), len(scores.target) * (1 - 1 / scores.folds)]
    rows = 2 / sum(1 / min(n, TRAIN) for n in sizes)
    best = attainable_auc(high + max(CHANCE - scores.auc, 0.0), (FLEXIBLE + width) / rows)
    gini, low, high = (float(np.clip(2 * v - 1, 0, 1)) for v in (scores.auc, low, best))
    return gini, low, high


def _columns(view: View, alpha: float) -> tuple[NDArray[np.float64], float, str]:
    """Largest |z| over columns for every assignment; the observed largest and its column."""
    source, target = view.rows(CAP)
    X = np.concatenate([view.X_source[source], view.X_target[target]])
    weights = sides(view, alpha)
    best, name, top = -1.0, "", np.zeros(weights.shape[1])
    for block, names in _blocks(view, X):
        block_top, z = largest_difference(block, weights)
        top = np.maximum(top, block_top)
        if len(z) and float(z.max()) > best:
            best, name = float(z.max()), names[int(np.argmax(z))]
    return top, best, name


def _blocks(view: View, X: Matrix) -> Iterator[tuple[Matrix, list[str]]]:
    """The encoded columns, the numeric ones cut at their pooled deciles, and the products of two columns: their dependence."""
    yield X, list(view.names)
    numbers = np.flatnonzero(view.kinds == "number")
    if len(numbers) and len(numbers) * THRESHOLDS <= ROOM:
        cuts = np.quantile(X[:, numbers], np.linspace(0, 1, THRESHOLDS + 2)[1:-1], axis=0, method="lower")
        for t in range(THRESHOLDS):
            yield (X[:, numbers] <= cuts[t]).astype(np.float32), [view.names[j] for j in numbers]
    if X.shape[1] <= PAIRED:
        centred = X - X.mean(axis=0)
        for j in range(X.shape[1]):
            yield centred[:, j:] * centred[:, j : j + 1], [f"{view.names[j]} × {n}" for n in view.names[j:]]
