from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Reweigh
from mdshift.stats.ratios import ulsif

if TYPE_CHECKING:
    import numpy as np

    from mdshift.learners.base import Prepared, Vector


@final
@strategy
@dataclass(frozen=True)
class Ulsif(Reweigh):
    """Weigh the source's rows by a density ratio fitted by least squares, then train on them.

    The ratio p_target(x) / p_source(x) is a sum of Gaussian kernels on target rows; its squared error has a closed form, and so has its
    leave-one-out error, by which width and ridge are chosen: the fastest of the kernel ratios. More than 30 columns are seen through
    their first 10 principal components.

    Assumes: P(Y|X) is the same, and the target lies where the source has rows.

    Helps: Covariate shift of smooth kind in few columns: the fastest of the kernel ratios.

    Hurts: The labels' dependence on the features changed: it can only harm there, since it throws rows away.
    """

    name: ClassVar[str] = "ulsif"
    cites: ClassVar[str] = "Kanamori, Hido & Sugiyama 2009"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    centres: int = param(100, "target rows that carry a kernel", low=2, high=1000)

    def ratios(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """The fitted ratio (n,)."""
        return ulsif(prepared.X_source, prepared.X_target, self.centres, rng)[0]
