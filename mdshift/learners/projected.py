"""A predictor that sees rows in fewer coordinates than they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.learners.base import Predictor, State, restore
from mdshift.learners.compose import BLOCK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector


@dataclass(frozen=True, eq=False)
class Projected(Predictor):
    """The inner predictor on ((X - center) / scale) matrix for the columns `columns`, the other columns beside it.

    matrix (c, k), center and scale (c,), columns (c,). unit: whether the c numbers, and then the k, are brought to length one, row by
    row; `middle` (k,) is taken off between.
    """

    kind: ClassVar[str] = "projected"
    inner: Predictor
    matrix: NDArray[np.float64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    columns: NDArray[np.int64]
    middle: NDArray[np.float64]
    unit: bool = False

    def scores(self, X: Matrix) -> Vector:
        """Scores of the projected rows."""
        return self.inner.scores(project(X, self.matrix, self.center, self.scale, self.columns, self.middle, unit=self.unit))

    def state(self) -> State:
        """The projection, and the inner predictor."""
        arrays = {name: getattr(self, name) for name in ("matrix", "center", "scale", "columns", "middle")}
        return State(self.kind, {"unit": self.unit}, arrays, children={"inner": self.inner.state()})

    @classmethod
    def restore(cls, state: State) -> Projected:
        """Put together again."""
        a = state.arrays
        inner = restore(state.children["inner"])
        return cls(inner, a["matrix"], a["center"], a["scale"], a["columns"], a["middle"], bool(state.meta["unit"]))


def project(
    X: Matrix,
    matrix: NDArray[np.float64],
    center: NDArray[np.float64],
    scale: NDArray[np.float64],
    columns: NDArray[np.int64],
    middle: NDArray[np.float64],
    *,
    unit: bool = False,
) -> Matrix:
    """The rows (n, d) in fewer coordinates (n, k + d - c), as `Projected` tells; a row's numbers do not depend on the rows beside it."""
    others = np.setdiff1d(np.arange(X.shape[1]), columns)
    k = matrix.shape[1]
    out = np.empty((len(X), k + len(others)), dtype=np.float32)
    for at in range(0, len(X), BLOCK):
        rows = (X[at : at + BLOCK][:, columns] - center) / scale
        block = np.zeros((BLOCK, len(columns)))
        block[: len(rows)] = to_unit(rows) if unit else rows
        seen = np.ascontiguousarray((block @ matrix)[: len(rows)]) - middle
        out[at : at + BLOCK, :k] = to_unit(seen) if unit else seen
    out[:, k:] = X[:, others]
    return out


def to_unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows (n, k) of length one; a row of zeros stays."""
    rows = np.ascontiguousarray(rows)
    length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    out: NDArray[np.float64] = rows / np.where(length > 0, length, 1.0)
    return out
