from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Map
from mdshift.stats.ot import recolour

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdshift.learners.base import Matrix, Predictor, Prepared


@strategy
@dataclass(frozen=True)
class Coral(Map):
    """Give the source's features the target's mean and covariance, then train on them.

    The source is whitened with its own covariance and coloured with the target's, in closed form; the target is left as it is, so that
    nothing has to be done at prediction. As in the paper, `regularisation` is added to the diagonal of both covariances of standardised
    features: the larger, the nearer the map is to a shift of the mean alone. Indicator columns (levels of categories, missingness) and
    columns of two values have no covariance worth the name and stay.

    Assumes: The shift is a change of mean and covariance alone, and the classes' shares are the same.

    Helps: A sensor's drift, other units, another mix of correlated measurements.

    Hurts: The classes' shares differ: it moves the classes with the mean. On tables whose columns mean places or amounts the move costs
    more than it gains (docs/strategies.md).
    """

    name: ClassVar[str] = "coral"
    cites: ClassVar[str] = "Sun, Feng & Saenko 2016"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    regularisation: float = param(
        1.0, "added to the diagonal of both covariances, in units of the mean variance", low=1e-6, high=1e6, tries=(0.1, 10.0)
    )

    def mapping(self, prepared: Prepared, rng: np.random.Generator) -> tuple[Matrix, Callable[[Predictor], Predictor]]:
        """The recoloured source, and no wrapper: target rows are used as they are."""
        columns = prepared.movable
        X = np.array(prepared.X_source)
        if len(columns):
            X[:, columns] = recolour(X[:, columns], prepared.X_target[:, columns], self.regularisation, rng)
        return X, lambda predictor: predictor
