"""The weighted median of several predictors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.learners.base import Predictor, State, restore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector


@dataclass(frozen=True, eq=False)
class Median(Predictor):
    """The weighted median of several predictors of a number (Drucker 1997). weights (members,) sum to 1."""

    kind: ClassVar[str] = "median"
    members: Sequence[Predictor]
    weights: NDArray[np.float64]

    def scores(self, X: Matrix) -> Vector:
        """The least prediction (n, 1) at which half of the weight is reached."""
        said = np.column_stack([m.scores(X)[:, 0] for m in self.members])
        order = np.argsort(said, axis=1, kind="stable")
        reached = np.cumsum(self.weights[order], axis=1) >= 0.5 - 1e-12
        at = np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1)
        return np.take_along_axis(said, at, axis=1)

    def state(self) -> State:
        """The weights, and the members by number."""
        return State(self.kind, {}, {"weights": self.weights}, children={f"{i:03d}": m.state() for i, m in enumerate(self.members)})

    @classmethod
    def restore(cls, state: State) -> Median:
        """Put together again."""
        return cls([restore(state.children[k]) for k in sorted(state.children)], state.arrays["weights"])
