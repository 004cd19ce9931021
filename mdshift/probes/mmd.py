"""Is P(X) the same: the answer by kernels.

Assumes: Rows are independent, so that under no shift the sides may be exchanged.

Helps: Differences of any form in numbers that belong together.

Hurts: In very many columns a change of a single one drowns, which is why the columns are tested beside it.

Cost: Sixteen kernels, each permuted at least 299 times; at most 10,000 rows a side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View, draws
from mdshift.stats.kernels import Discrepancy, discrepancy
from mdshift.stats.permutation import assignments
from mdshift.types import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERMUTATIONS = 299
MOST = 799  # kernels of many rows are dear
CAP = 10_000  # rows of a side; more rows change the verdict on effects that no one would act upon


@probe
class MaximumMeanDiscrepancy(Probe):
    """Two-sample test of P(X) with sixteen kernels at once.

    Asks whether source and target rows come from one distribution, of whatever form the difference is: a moved mean, another
    spread, a changed dependence between columns. Laplace and Gaussian kernels at eight bandwidths each, taken from the pooled
    rows, are compared by their standardised discrepancies. The p-value counts how many permutations of sides differ as much.

    The effect is the unbiased squared discrepancy of the kernel that saw most. It has no unit that compares between data sets;
    read the domain classifier's AUC for that.
    """

    name: ClassVar = "mmd"
    question: ClassVar = "x"
    cites: ClassVar = "Gretton et al. 2012; Schrab et al. 2023; Biggs et al. 2023"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: ARG002 - draws come from view.rng
        """Test; p_value is None with fewer than 20 rows on a side, or without a usable column."""
        if view.few or not view.Z_source.shape[1]:
            why = "no column can be compared" if not view.few else f"too few rows to tell ({view.n_source} against {view.n_target})"
            return Finding(self.name, "x", "not run", view.n_source, view.n_target, sentence=f"MMD: {why}.")
        found = kernels_of(view, alpha)
        kind, bandwidth = found.best
        p = found.p_value
        return Finding(
            probe=self.name,
            question="x",
            method=found.method,
            n_source=len(view.rows(CAP)[0]),
            n_target=len(view.rows(CAP)[1]),
            p_value=p,
            statistic=float(found.statistics[0]),
            effect=found.squared,
            sentence=f"By kernels the difference of source and target rows has p = {p:.3g} (MMD).",
            evidence={"kernel": kind, "bandwidth": bandwidth, "squared": found.squared, "permutations": draws(PERMUTATIONS, alpha, MOST)},
        )


def sides(view: View, alpha: float) -> NDArray[np.float32]:
    """The permuted sides that all permutation tests of P(X) share, (N, B+1), so that they can be combined exactly."""
    source, target = view.rows(CAP)
    return view.once("x-sides", lambda: assignments(len(source), len(target), draws(PERMUTATIONS, alpha, MOST), view.rng("x", "sides")))


def kernels_of(view: View, alpha: float) -> Discrepancy:
    """The discrepancy of the view, computed once."""
    source, target = view.rows(CAP)
    pooled = np.concatenate([view.Z_source[source], view.Z_target[target]])
    return view.once("x-kernels", lambda: discrepancy(pooled, sides(view, alpha), view.rng("x", "kernels")))
