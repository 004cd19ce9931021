from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Map
from mdshift.stats.ot import gaussian_map, transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdshift.learners.base import Matrix, Predictor, Prepared


@final
@strategy
@dataclass(frozen=True)
class LinearOT(Map):
    """Carry the source's rows to the target by the optimal transport between two Gaussians, then train on them.

    Both domains are taken for Gaussians; the map of least squared displacement between them is a shift and a symmetric matrix, in
    closed form (the Bures map). Of all linear maps that match mean and covariance it moves rows least, so that unlike `coral` it turns
    nothing that need not turn. `regularisation` is added to the diagonal of both covariances: the larger, the nearer the map is to a
    shift of the mean alone.

    Assumes: The shift is one straight movement of all rows, and the classes' shares are the same.

    Helps: A drift, a rescaling, a correlated change of measurements.

    Hurts: The classes' shares differ: it moves the classes with the mean. For numbers, where the relation hangs on place, moving the
    inputs can cost dearly (docs/strategies.md).
    """

    name: ClassVar[str] = "linear-ot"
    cites: ClassVar[str] = "Flamary, Lounici & Ferrari 2019"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"))
    cost: ClassVar[Cost] = Cost.LOW
    regularisation: float = param(
        1.0, "added to the diagonal of both covariances, in units of the mean variance", low=1e-6, high=1e6, tries=(0.1, 10.0)
    )

    def mapping(self, prepared: Prepared, rng: np.random.Generator) -> tuple[Matrix, Callable[[Predictor], Predictor]]:
        """The transported source, and no wrapper: target rows are used as they are."""
        columns = prepared.movable
        X = np.array(prepared.X_source)
        if len(columns):
            there = gaussian_map(X[:, columns], prepared.X_target[:, columns], self.regularisation, rng)
            X[:, columns] = transport(X[:, columns], there)
        return X, lambda predictor: predictor
