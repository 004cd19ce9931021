from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Map
from mdshift.learners.projected import Projected, project
from mdshift.stats.subspaces import aligned

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdshift.learners.base import Matrix, Predictor, Prepared


@final
@strategy
@dataclass(frozen=True)
class Subspace(Map):
    """Turn the source's principal directions into the target's, and train in the target's.

    Each domain is centred and seen in its own principal directions; the source's coordinates are carried to the target's by the matrix
    that brings the two bases nearest to each other, in closed form. By default as many dimensions are kept as hold `share` of the
    variance of both domains. Columns of levels and missingness stay beside them.

    Assumes: The label hangs on the directions of largest variance, and the shift is a turn of them.

    Helps: A few strong directions carry the label and have turned.

    Hurts: The label hangs on directions of small variance, which are cut off.
    """

    name: ClassVar[str] = "subspace"
    cites: ClassVar[str] = "Fernando et al. 2013"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"))
    cost: ClassVar[Cost] = Cost.LOW
    dimensions: int = param(0, "dimensions of the subspace; 0: as many as hold `share` of the variance", low=0, high=1000)
    share: float = param(0.9, "variance that the subspace holds in both domains", low=0.01, high=1, tries=(0.7, 0.98))

    def mapping(self, prepared: Prepared, rng: np.random.Generator) -> tuple[Matrix, Callable[[Predictor], Predictor]]:
        """The source in aligned coordinates, and the projection of target rows."""
        columns = prepared.movable
        if min(len(prepared.X_source), len(prepared.X_target)) < 2 or not len(columns):  # noqa: PLR2004 - no direction
            return prepared.X_source, lambda predictor: predictor
        there, here, mean_s, mean_t = aligned(
            prepared.X_source[:, columns], prepared.X_target[:, columns], self.dimensions, self.share, rng
        )
        if not there.shape[1]:  # the rows of one side are all the same
            return prepared.X_source, lambda predictor: predictor
        one, none = np.ones(len(columns)), np.zeros(there.shape[1])

        def wrap(predictor: Predictor) -> Predictor:
            return Projected(predictor, here, mean_t, one, columns, none)

        return project(prepared.X_source, there, mean_s, one, columns, none), wrap
