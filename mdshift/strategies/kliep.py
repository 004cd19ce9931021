from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Reweigh
from mdshift.stats.ratios import kliep

if TYPE_CHECKING:
    import numpy as np

    from mdshift.learners.base import Prepared, Vector


@final
@strategy
@dataclass(frozen=True)
class Kliep(Reweigh):
    """Weigh the source's rows by a density ratio fitted by maximum likelihood on the target, then train on them.

    The ratio p_target(x) / p_source(x) is a non-negative mixture of Gaussian kernels on target rows; it maximises the target's mean log
    ratio (the Kullback-Leibler divergence to the reweighted source) while it averages one over the source. The width is found by
    likelihood cross-validation. More than 30 columns are seen through their first 10 principal components.

    Assumes: P(Y|X) is the same, and the target lies where the source has rows.

    Helps: Covariate shift of smooth kind in few columns.

    Hurts: With many columns the ratio grows flat or spiky, which the effective sample size shows; where P(Y|X) changed, weights throw
    rows away for nothing.
    """

    name: ClassVar[str] = "kliep"
    cites: ClassVar[str] = "Sugiyama et al. 2008"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    centres: int = param(100, "target rows that carry a kernel", low=2, high=1000)

    def ratios(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """The fitted ratio (n,)."""
        return kliep(prepared.X_source, prepared.X_target, self.centres, rng)[0]
