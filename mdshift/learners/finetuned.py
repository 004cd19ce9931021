"""Fine-tuning of any learner: a linear change of the trained model's scores, pulled towards no change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.learners.base import Predictor, State, restore
from mdshift.learners.linear import affine
from mdshift.learners.select import stratified
from mdshift.stats.calibration import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Context, Matrix, Prepared, Vector

FLOOR = 1e-4  # a probability below this counts as this: no start is beyond repair by a few labels
PULLS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # strengths of the pull that are tried, in labelled rows' worth
WEAKEST = 2.0  # over the number of labels: a handful of them cannot say that a weaker pull is right
CAUTION = 0.4  # how fast labels are believed: 1 would be Bayes' rule
SLOPES = (1.0, 0.5, 0.2)  # how far the model's own log-probabilities are believed
LEAST = 1e-3  # a pull's weight, relative to the best one's, below which it is left out
BIAS = 2.0  # the pull of the offset, in labelled rows' worth


@dataclass(frozen=True, eq=False)
class FineTuned(Predictor):
    """The inner model's scores with a linear function of the features added; numbers stay within [low, high].

    Classes: softmax(slope log p + X coef + intercept), coef (d, k), intercept (k,). Numbers: f + X coef + intercept, coef (d, 1). For a
    linear inner model this is a linear model again: the one that training from its weights leaves.
    """

    kind: ClassVar[str] = "fine-tuned"
    inner: Predictor
    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    task: str
    low: float = -np.inf
    high: float = np.inf
    slope: float = 1.0

    def scores(self, X: Matrix) -> Vector:
        """Class probabilities (n, k) or numbers (n, 1)."""
        start, change = self.inner.scores(X), affine(X, self.coef, self.intercept)
        if self.task == "regression":
            return np.clip(start + change, self.low, self.high)
        return np.asarray(softmax(self.slope * logs(start) + change), dtype=np.float64)

    def state(self) -> State:
        """Arrays, a little JSON, and the inner model."""
        number = self.task == "regression"
        meta = {"task": self.task, "low": self.low, "high": self.high} if number else {"task": self.task, "slope": self.slope}
        return State("fine-tuned", meta, {"coef": self.coef, "intercept": self.intercept}, children={"inner": self.inner.state()})

    @classmethod
    def restore(cls, state: State) -> FineTuned:
        """Put together again."""
        a, m = state.arrays, state.meta
        low, high = float(m.get("low", -np.inf)), float(m.get("high", np.inf))
        return cls(restore(state.children["inner"]), a["coef"], a["intercept"], str(m["task"]), low, high, float(m.get("slope", 1.0)))


def suits_net(prepared: Prepared, context: Context) -> bool:
    """Whether a network is what to go on with: for images, where cross-validation chose one, or where a saved one is given."""
    from mdshift.learners.net import nets_in

    saved = context.start is not None and nets_in(context.start.state()) > 0
    return saved or prepared.shape is not None or context.learner.name == "net"


def logs(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-probabilities, none below log FLOOR."""
    return np.log(np.maximum(p, FLOOR))


def change(
    X: NDArray[Any], start: NDArray[np.float64], y: NDArray[Any], weights: NDArray[np.float64], pull: float, task: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The coefficients (d, k) and intercept (k,) of the best linear change of `start` on labelled rows, pulled towards 0.

    X (n, d), start (n, k): log-probabilities or numbers, y (n,), weights (n,) with mean 1. pull: the penalty on the coefficients,
    (pull / 2) mean |x|^2 |coef|^2; that on the intercept is (BIAS / 2) |intercept|^2. Numbers are
    to be given in the spread of their residuals, so that the penalties mean the same in any unit.
    """
    rows = np.asarray(X, dtype=np.float64)
    size = max(float((rows**2).sum(axis=1).mean()), 1e-12)
    n, k = start.shape
    # penalised coordinates: the columns, or where these are more than the rows, the principal axes of the rows' kernel
    basis = np.hstack([rows / np.sqrt(pull * size), np.full((n, 1), 1.0 / np.sqrt(BIAS))])
    if basis.shape[1] > n:
        values, vectors = np.linalg.eigh(basis @ basis.T)
        basis = vectors[:, values > 1e-10] * np.sqrt(values[values > 1e-10])  # noqa: PLR2004 - rounding
    if task == "regression":
        left = y - start[:, 0]
        weighed = basis.T * weights
        found = np.linalg.solve(weighed @ basis + np.eye(basis.shape[1]), weighed @ left)
        dual = weights * (left - basis @ found)
        return (rows.T @ dual)[:, None] / (pull * size), np.array([dual.sum() / BIAS])
    from scipy.optimize import minimize

    onehot = np.eye(k)[y]

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        c = flat.reshape(-1, k)
        z = start + basis @ c
        p = softmax(z)
        loss = -(weights * np.log(np.maximum(p[np.arange(n), y], 1e-300))).sum() + 0.5 * (c**2).sum()
        return float(loss), (basis.T @ (weights[:, None] * (p - onehot)) + c).ravel()

    best = minimize(objective, np.zeros(basis.shape[1] * k), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    p = softmax(start + basis @ best.x.reshape(-1, k))
    dual = weights[:, None] * (onehot - p)  # at the optimum
    return rows.T @ dual / (pull * size), dual.sum(axis=0) / BIAS


def target_weights(model: Predictor, X: NDArray[Any], y: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Weights (n,), mean 1, that give labelled rows y the class shares that the model sees in the unlabelled rows X.

    Labels are often asked for class by class; without weights the model would be moved to the shares of the asking.
    """
    shares = model.scores(X).mean(axis=0) + 0.1 / classes
    w = shares[y] / np.bincount(y, minlength=classes)[y]
    return np.asarray(w / w.mean(), dtype=np.float64)


def fine_tune(inner: Predictor, prepared: Prepared, rng: np.random.Generator) -> tuple[Predictor, dict[str, Any]]:
    """The model fine-tuned on the target's labelled rows; told are the mean slope and the weight of no change at all.

    The change is the average of those of all pulls and (classes) slopes, "none" among them, each weighted by exp(-CAUTION x its loss in
    cross-validation on the labels, summed over rows): a generalised posterior (Bissiri, Holmes & Walker 2016), slow to believe, since a
    handful of labels cannot tell them apart, and the best of them by chance misleads. A slope below 1 lets labels speak against a model
    that is sure and wrong.
    """
    known = prepared.labelled
    X, y = prepared.X_target[known], prepared.y_target[known]
    classes = prepared.task == "classification"
    start = logs(inner.scores(X)) if classes else inner.scores(X)
    spread = 1.0 if classes else max(float((y - start[:, 0]).std()), 1e-12)
    start, labels = start / spread, (y if classes else y / spread)
    both = np.concatenate([prepared.y_source, y])
    margin = 0.25 * float(np.ptp(both)) if not classes else 0.0
    low, high = (-np.inf, np.inf) if classes else (float(both.min()) - margin, float(both.max()) + margin)
    model, weights, w = inner, {}, np.ones(len(y))
    fold = stratified(y, prepared.task, rng, min(5, len(y)))
    for _ in range(3 if classes else 1):  # the weights ask the model, and the model the weights
        if classes:
            w = target_weights(model, prepared.X_target, y, prepared.n_classes)
        weights = _trusted(X, start, labels, w, fold, prepared.task)
        coef, intercept = np.zeros((X.shape[1], start.shape[1])), np.zeros(start.shape[1])
        for (slope, pull), weight in weights.items():
            if np.isfinite(pull):
                more = change(X, slope * start, labels, w, pull, prepared.task)
                coef, intercept = coef + weight * more[0], intercept + weight * more[1]
        slope = sum(weight * slope for (slope, _), weight in weights.items())
        model = FineTuned(inner, coef * spread, intercept * spread, prepared.task, low, high, slope)
    return model, {"slope": round(slope, 4), "unchanged": round(weights.get((1.0, np.inf), 0.0), 4), "target_rows": len(y)}


def _trusted(
    X: NDArray[Any], start: NDArray[np.float64], y: NDArray[Any], w: NDArray[np.float64], fold: NDArray[np.int64], task: str
) -> dict[tuple[float, float], float]:
    """The slopes and pulls that cross-validation leaves a weight, with their weights, which sum to 1."""
    classes = task == "classification"
    if len(np.unique(fold)) < 2 or (classes and len(np.unique(y)) < 2):  # noqa: PLR2004 - nothing to validate by
        return {(1.0, PULLS[-1]): 1.0}
    pulls = [pull for pull in PULLS[::-1] if pull >= WEAKEST / len(y)]
    tried = [(1.0, np.inf), *((slope, pull) for slope in (SLOPES if classes else (1.0,)) for pull in pulls)]
    losses = np.empty(len(tried))
    for i, (slope, pull) in enumerate(tried):
        z = slope * start
        for f in np.unique(fold) if np.isfinite(pull) else ():
            held = fold == f
            coef, intercept = change(X[~held], slope * start[~held], y[~held], w[~held], pull, task)
            z[held] += np.asarray(X[held], dtype=np.float64) @ coef + intercept
        each = -np.log(np.maximum(softmax(z)[np.arange(len(y)), y], 1e-12)) if classes else 0.5 * (z[:, 0] - y) ** 2
        losses[i] = w @ each
    weights = np.exp(-CAUTION * (losses - losses.min()))
    weights = np.where(weights < LEAST, 0.0, weights)
    return {pair: float(weight) for pair, weight in zip(tried, weights / weights.sum(), strict=True) if weight > 0}
