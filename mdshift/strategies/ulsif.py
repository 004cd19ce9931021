from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Reweigh
from mdshift.stats.density import clip, flatten
from mdshift.stats.ratios import FEWEST, ulsif

if TYPE_CHECKING:
    from mdshift.learners.base import Prepared, Vector


@final
@strategy
@dataclass(frozen=True)
class Ulsif(Reweigh):
    """Weigh the source's rows by a density ratio fitted by least squares, then train on them.

    The ratio p_target(x) / p_source(x) is a sum of Gaussian kernels on target rows; its squared error has a closed form, and so has
    its leave-one-out error, by which width and ridge are chosen: the fastest of the kernel ratios. More than 30 columns are seen
    through their first 10 principal components. It repairs covariate shift of smooth kind in few columns; it can only harm where
    the labels' dependence on the features changed, since it throws rows away.
    """

    name: ClassVar[str] = "ulsif"
    cites: ClassVar[str] = "Kanamori, Hido & Sugiyama 2009"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    centres: int = param(100, "target rows that carry a kernel", low=2, high=1000)
    clip: float = param(10.0, "the largest weight, in units of the mean weight", low=1, high=1000)
    floor: float = param(0.2, "least effective share of the source rows", low=0, high=1)

    def weights(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """Clipped, flattened ratios (n,)."""
        if min(len(prepared.X_source), len(prepared.X_target)) < FEWEST:
            return np.ones(len(prepared.X_source))
        ratio = ulsif(prepared.X_source, prepared.X_target, self.centres, rng)[0]
        return flatten(clip(ratio, self.clip), self.floor)[0]
