from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mdshift.declare import Cost, Needs, strategy
from mdshift.families import Reweigh
from mdshift.learners.domains import source_ratios

if TYPE_CHECKING:
    import numpy as np

    from mdshift.learners.base import Prepared, Vector


@strategy
@dataclass(frozen=True)
class ReweightClassifier(Reweigh):
    """Weigh the source's rows by how target-like they are, then train on them.

    A classifier is trained to tell source from target rows, cross-fitted, so that no row is scored by a model that saw it; its odds,
    calibrated, are the density ratio p_target(x) / p_source(x) (Bickel 2007). Weights are clipped at `clip` times their mean, and
    flattened to a power below 1 (Shimodaira 2000) until at least `floor` of the source's rows are left in effect.

    Assumes: P(Y|X) is the same, and the target lies where the source has rows.

    Helps: Covariate shift where the source has rows in the target's region, and the model is too simple to be right everywhere.

    Hurts: The domains hardly overlap: few rows carry all weight, which the effective sample size shows. Where P(Y|X) changed, weights
    throw rows away for nothing.
    """

    name: ClassVar[str] = "reweight-classifier"
    cites: ClassVar[str] = "Shimodaira 2000; Bickel, Brückner & Scheffer 2007"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW

    def ratios(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """The classifier's odds (n,)."""
        return source_ratios(prepared, rng)[0]
