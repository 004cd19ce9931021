from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Map
from mdshift.stats.ot import barycentric, couple, follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdshift.learners.base import Matrix, Predictor, Prepared

ROWS = 2_000  # rows a side that are coupled: the plan grows with their product


@final
@strategy
@dataclass(frozen=True)
class OtMap(Map):
    """Carry each source row to the target rows that the optimal transport pairs it with, then train on the carried rows.

    The transport of least squared displacement between the two samples, blurred by an entropy, pairs the rows; a source row goes to the
    mean of its partners. Unlike `linear-ot` the map may bend, so that each cluster can move its own way. With `regularise` classes, a
    target row is urged to take its partners from one class; that is slower, and gains little. Up to 2,000 rows a side are paired; other
    source rows move as their nearest paired neighbour does. Target rows, indicator columns and columns of two values stay. An entropy
    too weak for the arithmetic, or for the iterations to settle, is doubled until it serves.

    Assumes: Every cluster's nearest counterpart after the shift is its own, and the classes' shares are the same.

    Helps: A bent or turned cloud, moved by less than the gaps in it.

    Hurts: The classes' shares differ: it carries rows of one class onto another, since all mass must go somewhere. In many columns with
    few rows the pairs are chance.
    """

    name: ClassVar[str] = "ot-map"
    cites: ClassVar[str] = "Courty, Flamary, Tuia & Rakotomamonjy 2017"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"), extra="ot")
    cost: ClassVar[Cost] = Cost.LOW
    entropy: float = param(0.1, "strength of the entropy, in units of the median squared distance", low=1e-4, high=1e3, tries=(0.03, 0.3))
    regularise: str = param(
        "none", "what the plan is regularised by beside the entropy (classes: for classification)", choices=("none", "classes")
    )
    grouping: float = param(1.0, "strength of `regularise` classes, in units of the median squared distance", low=0.0, high=1e3)

    def mapping(self, prepared: Prepared, rng: np.random.Generator) -> tuple[Matrix, Callable[[Predictor], Predictor]]:
        """The carried source, and no wrapper: target rows are used as they are."""
        columns = prepared.movable
        X, Z = np.array(prepared.X_source), prepared.X_target
        if len(columns) and min(len(X), len(Z)) > 1:
            here, there = (np.sort(rng.choice(n, ROWS, replace=False)) if n > ROWS else np.arange(n) for n in (len(X), len(Z)))
            A, B = X[np.ix_(here, columns)].astype(np.float64), Z[np.ix_(there, columns)].astype(np.float64)
            grouped = self.regularise == "classes" and prepared.task == "classification"
            plan = couple(A, B, self.entropy, prepared.y_source[here] if grouped else None, self.grouping)
            moved = barycentric(plan, B)
            X[:, columns] = follow(X[:, columns], A, moved)
        return X, lambda predictor: predictor
