"""A mixture of experts: a gate on the features weighs the predictions of several models row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.learners.base import Predictor, State, restore
from mdshift.learners.linear import affine
from mdshift.stats.calibration import softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector


@dataclass(frozen=True, eq=False)
class Gated(Predictor):
    """The experts' scores weighed by softmax(X coef + intercept), coef (d, experts), intercept (experts,) (Jacobs 1991)."""

    kind: ClassVar[str] = "gated"
    experts: Sequence[Predictor]
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def shares(self, X: Matrix) -> NDArray[np.float64]:
        """What each expert weighs for each row (n, experts); the rows sum to 1."""
        return np.asarray(softmax(affine(X, self.coef, self.intercept)), dtype=np.float64)

    def scores(self, X: Matrix) -> Vector:
        """The weighted mean of the experts' class probabilities (n, k) or numbers (n, 1)."""
        shares = self.shares(X)
        total = shares[:, :1] * self.experts[0].scores(X)
        for k, expert in enumerate(self.experts[1:], start=1):
            total = total + shares[:, k : k + 1] * expert.scores(X)
        return np.asarray(total, dtype=np.float64)

    def state(self) -> State:
        """The gate, and the experts by number."""
        arrays = {"coef": self.coef, "intercept": self.intercept}
        return State("gated", {}, arrays, children={f"{i:03d}": e.state() for i, e in enumerate(self.experts)})

    @classmethod
    def restore(cls, state: State) -> Gated:
        """Put together again."""
        experts = [restore(state.children[k]) for k in sorted(state.children)]
        return cls(experts, state.arrays["coef"], state.arrays["intercept"])


def fit_gate(
    X: NDArray[Any], likelihoods: NDArray[np.float64], allowed: NDArray[np.bool_], weights: NDArray[np.float64], pull: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The gate's coef (d, k) and intercept (k,) that make the mixture's likelihood best.

    X (n, d), likelihoods (n, k): how likely each expert finds the row's label, weights (n,). allowed (n, k): the experts that may
    speak for a row, among which the gate's weights are shared out anew (Guo 2018: a source's own expert is left out for its rows). pull:
    penalty (pull / 2) mean |x|^2 |coef|^2 + (pull / 2) |intercept|^2 towards equal weights, in rows' worth.
    """
    from scipy.optimize import minimize

    rows = np.asarray(X, dtype=np.float64)
    d = rows.shape[1]
    k = likelihoods.shape[1]
    size = max(float((rows**2).sum(axis=1).mean()), 1e-12)
    log_l = np.where(allowed, np.log(np.maximum(likelihoods, 1e-12)), -np.inf)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        coef, intercept = flat[: d * k].reshape(d, k), flat[d * k :]
        z = np.where(allowed, rows @ coef + intercept, -np.inf)
        top = z.max(axis=1, keepdims=True)
        log_g = z - top - np.log(np.exp(z - top).sum(axis=1, keepdims=True))
        joint = log_g + log_l
        top = joint.max(axis=1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(joint - top).sum(axis=1))
        slope = weights[:, None] * (np.exp(log_g) - np.exp(joint - total[:, None]))
        value = -(weights * total).sum() + 0.5 * pull * (size * (coef**2).sum() + (intercept**2).sum())
        gradient = np.concatenate([(rows.T @ slope + pull * size * coef).ravel(), slope.sum(axis=0) + pull * intercept])
        return float(value), gradient

    found = minimize(objective, np.zeros(d * k + k), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return np.ascontiguousarray(found[: d * k].reshape(d, k)), found[d * k :]
