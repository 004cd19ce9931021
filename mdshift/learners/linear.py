"""Linear models: logistic regression for classes, ridge regression for numbers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.learners.base import Learner, Predictor, Prepared, State
from mdshift.learners.construct import class_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector

MARGIN = 0.25  # a number is predicted at most this share of the source's range beyond it: lines run away under shift
_BLOCK = 4096  # rows at once, so that memory stays flat


@dataclass(frozen=True, eq=False)
class LinearPredictor(Predictor):
    """softmax(X coef + intercept) over `classes` (others get 0), or X coef + intercept clipped to [low, high].

    coef (d, k), intercept (k,), classes (k,) codes; n_classes 1 for a regression. A row's scores do not depend on
    the rows beside it, down to the last bit.
    """

    kind: ClassVar[str] = "linear"
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    classes: NDArray[np.int64]
    n_classes: int
    task: str
    low: float = -np.inf
    high: float = np.inf

    def scores(self, X: Matrix) -> Vector:
        """Class probabilities (n, n_classes) or numbers (n, 1)."""
        z = affine(X, self.coef, self.intercept)
        if self.task == "regression":
            return np.clip(z, self.low, self.high)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        out = np.zeros((len(X), self.n_classes))
        out[:, self.classes] = e / e.sum(axis=1, keepdims=True)
        return out

    def state(self) -> State:
        """Arrays and a little JSON."""
        meta = {"task": self.task, "n_classes": self.n_classes}
        arrays = {"coef": self.coef, "intercept": self.intercept, "classes": self.classes}
        if self.task == "regression":
            meta |= {"low": self.low, "high": self.high}
        return State("linear", meta, arrays)

    @classmethod
    def restore(cls, state: State) -> LinearPredictor:
        """Put together again."""
        a, m = state.arrays, state.meta
        low, high = float(m.get("low", -np.inf)), float(m.get("high", np.inf))
        return cls(a["coef"], a["intercept"], a["classes"], int(m["n_classes"]), str(m["task"]), low, high)


def affine(X: Matrix, coef: NDArray[np.float64], intercept: NDArray[np.float64]) -> NDArray[np.float64]:
    """X coef + intercept (n, k) in float64, one row at a time as far as rounding goes.

    A matrix product rounds differently with the number of rows handed to it, and a saved model must give a row the same number in
    any batch; a sum along contiguous memory does not.
    """
    out = np.empty((len(X), coef.shape[1]))
    columns = np.ascontiguousarray(coef.T)
    step = max(1, min(_BLOCK, (1 << 23) // max(coef.shape[0], 1)))
    for at in range(0, len(X), step):
        rows = np.ascontiguousarray(X[at : at + step], dtype=np.float64)
        for j, w in enumerate(columns):
            out[at : at + step, j] = (rows * w).sum(axis=1)
    return out + intercept


def constant(prepared: Prepared, y: NDArray[Any], weights: Vector | None = None) -> LinearPredictor:
    """The predictor that ignores X: the class shares, or the mean."""
    d = prepared.X_source.shape[1]
    w = np.ones(len(y)) if weights is None else weights
    if prepared.task == "regression":
        mean = float(np.average(y, weights=w)) if len(y) else 0.0
        return LinearPredictor(np.zeros((d, 1)), np.array([mean]), np.zeros(1, np.int64), 1, "regression", mean, mean)
    counts = np.bincount(y, weights=w, minlength=prepared.n_classes)
    seen = np.flatnonzero(counts > 0)
    seen = seen if len(seen) else np.arange(prepared.n_classes)
    share = np.log(np.maximum(counts[seen], 1e-300)) if counts.any() else np.zeros(len(seen))
    return LinearPredictor(np.zeros((d, len(seen))), share, seen.astype(np.int64), prepared.n_classes, "classification")


@dataclass(frozen=True)
class Linear(Learner):
    """Logistic regression (multinomial, L2 penalty 1 / C) or ridge regression (penalty 1 / C), in float64."""

    name: ClassVar[str] = "linear"
    C: float = 0.1

    def fit(
        self,
        prepared: Prepared,
        X: Matrix,
        y: NDArray[Any],
        rng: np.random.Generator,  # noqa: ARG002 - the solver draws nothing
        weights: Vector | None = None,
    ) -> Predictor:
        """Train; with one class only, the constant predictor is left."""
        weights = class_weights(prepared, y, weights)
        if prepared.task == "regression":
            return self._ridge(X, y, weights) if len(y) > 1 else constant(prepared, y, weights)
        if len(np.unique(y)) < 2:  # noqa: PLR2004 - nothing to tell apart
            return constant(prepared, y, weights)
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.C, max_iter=300, tol=1e-4)
        with warnings.catch_warnings():
            # 300 iterations are enough to predict by, converged to the last digit or not
            warnings.simplefilter("ignore")
            model.fit(np.asarray(X, dtype=np.float64), y, sample_weight=weights)
        coef, intercept = model.coef_.T, model.intercept_
        if coef.shape[1] == 1:  # two classes: one column of log-odds
            coef, intercept = np.column_stack([np.zeros(len(coef)), coef[:, 0]]), np.array([0.0, intercept[0]])
        return LinearPredictor(
            np.ascontiguousarray(coef, dtype=np.float64), intercept.astype(np.float64), model.classes_.astype(np.int64),
            prepared.n_classes, "classification",
        )  # fmt: skip

    def _ridge(self, X: Matrix, y: NDArray[np.float64], weights: Vector | None) -> LinearPredictor:
        from sklearn.linear_model import Ridge

        model = Ridge(alpha=1.0 / self.C)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(np.asarray(X, dtype=np.float64), y, sample_weight=weights)
        margin = MARGIN * float(np.ptp(y))
        return LinearPredictor(
            np.ascontiguousarray(np.ravel(model.coef_)[:, None], dtype=np.float64), np.ravel(model.intercept_).astype(np.float64),
            np.zeros(1, np.int64), 1, "regression", float(y.min()) - margin, float(y.max()) + margin,
        )  # fmt: skip
