from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Reweigh
from mdshift.stats.ratios import kmm

if TYPE_CHECKING:
    import numpy as np

    from mdshift.learners.base import Prepared, Vector


@final
@strategy
@dataclass(frozen=True)
class Kmm(Reweigh):
    """Weigh the source's rows so that their mean in a kernel's feature space is the target's, then train on them.

    Kernel mean matching: a quadratic programme in the weights, bounded by `clip`, of mean one. No density is estimated and no
    classifier trained. The width is the median distance times `width`. At most 1,000 rows a side enter the programme, the other rows
    are weighed like those near them; more than 30 columns are seen through their first 10 principal components.

    Assumes: P(Y|X) is the same, and the target lies where the source has rows.

    Helps: Covariate shift where the source has rows in the target's region.

    Hurts: The relation of label and features changed, or the domains hardly overlap: it throws rows away for nothing.
    """

    name: ClassVar[str] = "kmm"
    cites: ClassVar[str] = "Huang et al. 2007; Gretton et al. 2009"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    width: float = param(1.0, "width of the kernel, in units of the median distance", low=0.01, high=100)

    def ratios(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """The weights of the programme (n,)."""
        return kmm(prepared.X_source, prepared.X_target, self.width, self.clip, rng)
