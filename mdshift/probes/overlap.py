"""How much of the target lies where the source has data.

Assumes: Near in the columns means near in what matters.

Helps: Asking whether weights, or the expected score, can stand on the source's rows.

Hurts: Many columns that do not matter make everything far; rows that matter may still be near.

Cost: The domain classifier's scores, which are there already, and neighbours among 2,000 rows a side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View
from mdshift.probes.domainclassifier import Scores, crossfit
from mdshift.probes.plane import plane
from mdshift.stats.intervals import wilson
from mdshift.types import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RATIO = 20.0  # a target row is covered where the source is at least a twentieth as dense as the target
CAP = 2_000  # rows of a side that neighbours are sought among
FAR = 0.99  # quantile of the source's own neighbour distances that counts as near


@probe
class Overlap(Probe):
    """The share of the target that the source covers.

    A target row counts as covered where neither of two things says otherwise: the cross-fitted domain classifier's density ratio is at most
    20, and its nearest source row is no further than 99 % of source rows are from theirs. effect is that share with its Wilson interval.
    evidence: both shares by themselves, the effective sample size of the source under importance weights (Kish 1965), as a share, and
    some rows of both sides in a plane.
    """

    name: ClassVar = "overlap"
    question: ClassVar = "overlap"
    cites: ClassVar = "Kish 1965; Wilson 1927"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: ARG002 - shared draws come from view.rng
        """Measure; effect is None with fewer than 20 rows on a side, or without a usable column."""
        counts = (view.n_source, view.n_target)
        if view.few or not view.X_source.shape[1]:
            why = f"too few rows to tell ({counts[0]} against {counts[1]})" if view.few else "no column can be compared"
            return Finding(self.name, "overlap", "not run", *counts, sentence=f"Overlap: {why}.")
        scores = crossfit(view)
        ratio = np.exp(scores.log_ratio[1])
        dense = ratio <= RATIO
        place = {int(r): k for k, r in enumerate(scores.rows_target)}
        rows, near = _near(view, scores)
        both = dense[[place[int(r)] for r in rows]] & near
        low, high = wilson(float(both.sum()), len(both), alpha)
        weights = np.exp(scores.log_ratio[0])
        effective = float(weights.sum() ** 2 / (weights**2).sum() / len(weights))
        share = float(both.mean())
        return Finding(
            probe=self.name,
            question="overlap",
            method=f"density ratio at most {RATIO:.0f} by the domain classifier, and within the source's neighbour distances",
            n_source=counts[0],
            n_target=counts[1],
            effect=share,
            low=low,
            high=high,
            sentence=f"{share:.0%} of the target lies where the source has data; re-weighting leaves the worth of {effective:.0%} of its rows.",
            evidence={
                "share": share,
                "low": low,
                "high": high,
                "density_share": float(dense.mean()),
                "neighbour_share": float(near.mean()),
                "effective_sample_size": effective,
                "effective_rows": effective * counts[0],
                "plane": plane(view, scores),
            },
        )


def _near(view: View, scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Some target rows (positions), and whether each has a source row as near as source rows have one another."""
    from sklearn.neighbors import NearestNeighbors

    rng = view.rng("overlap")
    some = [r if len(r) <= CAP else np.sort(rng.choice(r, CAP, replace=False)) for r in (scores.rows_source, scores.rows_target)]
    source, target = view.Z_source[some[0]], view.Z_target[some[1]]
    search = NearestNeighbors(n_neighbors=2, n_jobs=1).fit(source)
    own = search.kneighbors(source)[0][:, 1]
    other = search.kneighbors(target, n_neighbors=1)[0][:, 0]
    # a tolerance for sums in another order: equal rows must count as near
    return some[1], other <= np.quantile(own, FAR) * (1 + 1e-6) + 1e-3
