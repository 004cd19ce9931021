from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Reweigh
from mdshift.stats.density import clip, flatten
from mdshift.stats.ratios import FEWEST, kliep

if TYPE_CHECKING:
    from mdshift.learners.base import Prepared, Vector


@final
@strategy
@dataclass(frozen=True)
class Kliep(Reweigh):
    """Weigh the source's rows by a density ratio fitted by maximum likelihood on the target, then train on them.

    The ratio p_target(x) / p_source(x) is a non-negative mixture of Gaussian kernels on target rows; it maximises the target's mean
    log ratio (the Kullback-Leibler divergence to the reweighted source) while it averages one over the source. The width is found by
    likelihood cross-validation. More than 30 columns are seen through their first 10 principal components. It repairs covariate
    shift of smooth kind in few columns; with many columns the ratio grows flat or spiky, which the effective sample size shows.
    """

    name: ClassVar[str] = "kliep"
    cites: ClassVar[str] = "Sugiyama et al. 2008"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    centres: int = param(100, "target rows that carry a kernel", low=2, high=1000)
    clip: float = param(10.0, "the largest weight, in units of the mean weight", low=1, high=1000)
    floor: float = param(0.2, "least effective share of the source rows", low=0, high=1)

    def weights(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """Clipped, flattened ratios (n,)."""
        if min(len(prepared.X_source), len(prepared.X_target)) < FEWEST:
            return np.ones(len(prepared.X_source))
        ratio = kliep(prepared.X_source, prepared.X_target, self.centres, rng)[0]
        return flatten(clip(ratio, self.clip), self.floor)[0]
