"""Cross-fitted models of Y given X and of the domain given X: what the conditional tests and the expected score stand on.

Every row is predicted by models that did not see it. Two models that err differently, an additive spline model and boosted trees,
are mixed by their out-of-fold loss, and the mixture is recalibrated.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.stats.bank import is_number, ranks, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FOLDS = 5
MANY = 3_000  # rows from which three folds serve as well as five
HESSIAN = 600  # columns up to which Newton's steps are cheap
KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9)
SPLINE_COLUMNS = 40  # numbers that get a spline: beyond, value and rank alone
FLOOR = 1e-3
ROUNDS = 45  # of boosting
TINY = 200  # rows: fewer get fewer rounds, they overfit with more
SMALL = 1_000  # rows: fewer get smaller trees
HALVINGS = 20  # of a Newton step
STACK = 300  # rows from which the mixture of models may bend


def folds(strata: Ints, rng: np.random.Generator, count: int = FOLDS) -> Ints:
    """A fold (0 to count - 1) for each row, balanced within strata."""
    out = np.empty(len(strata), dtype=np.int64)
    for s in np.unique(strata):
        rows = rng.permutation(np.flatnonzero(strata == s))
        out[rows] = (np.arange(len(rows)) + rng.integers(count)) % count
    return out


def parts(n: int) -> int:
    """Folds for n rows."""
    return FOLDS if n < MANY else 3


def splines(Z: Floats) -> Floats:
    """The columns for an additive model: indicators as they are; numbers with their rank, and hinges at quantiles where they are few."""
    Z = scaled(Z)
    V = Z[:, is_number(Z)]
    parts = [Z]
    if V.shape[1]:
        R = ranks(V)
        parts.append((R - 0.5) * np.sqrt(12))
        if V.shape[1] <= SPLINE_COLUMNS:
            parts.extend(np.maximum(R - k, 0.0) * 5 for k in KNOTS)
            parts.append(np.log(R + 0.5 / len(R)) / 2)  # ratios of densities near an edge of the support
            parts.append(np.log(1 - R + 0.5 / len(R)) / 2)
    return np.concatenate(parts, axis=1)


def _boosted(kind: str, n: int, seed: int, rounds: int = ROUNDS) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    make = HistGradientBoostingClassifier if kind == "class" else HistGradientBoostingRegressor
    return make(
        max_iter=rounds if n >= TINY else min(rounds, 15),
        learning_rate=0.12,
        max_leaf_nodes=8 if n < SMALL else 15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_bins=64,
        early_stopping=False,
        random_state=seed,
    )


def _rounds(classes: int) -> int:
    """Boosting rounds: each grows a tree a class, so many classes get fewer."""
    return int(np.clip(150 // classes, 12, ROUNDS))


def newton(S: Floats, y: Ints, strengths: tuple[float, ...], steps: int = 12) -> Floats:
    """Coefficients (len(strengths), d + 1; intercept last) of L2-penalised binary logistic regression by Newton's method.

    strengths: inverse penalties, weakest model first; each starts where the one before ended. The intercept has a slight
    penalty too, so that the Hessian stays regular where the classes are separable.
    """
    A = _with_intercept(S)
    beta = _start(A, y)
    out = np.empty((len(strengths), len(beta)))
    for i, c in enumerate(strengths):
        beta = _newton(A, y, _penalty(len(beta), c), beta, steps)
        out[i] = beta
    return out


def _with_intercept(S: Floats) -> Any:
    # single precision: the Hessian is the dear part and only steers the steps
    return np.concatenate([S, np.ones((len(S), 1))], axis=1, dtype=np.float32)


def _start(A: Any, y: Ints) -> Floats:
    share = np.clip(y.mean(), 1e-3, 1 - 1e-3)
    beta = np.zeros(A.shape[1])
    beta[-1] = np.log(share / (1 - share))
    return beta


def _penalty(size: int, strength: float) -> Floats:
    out = np.full(size, 1.0 / strength)
    out[-1] = 1e-3
    return out


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


def _hessian(A: Any, p: Any) -> Floats:
    w = np.maximum(p * (1 - p), 1e-4)
    return np.asarray((A * w[:, None]).T @ A, dtype=np.float64)


def _newton(A: Any, y: Ints, penalty: Floats, beta: Floats, steps: int, tolerance: float = 1e-3) -> Floats:
    """Newton's method; a step that would raise the penalised loss is halved: with rare classes the full one overshoots and diverges."""
    target = y.astype(np.float32)
    z = A @ beta.astype(np.float32)
    loss = _loss(z, target, penalty, beta)
    for _ in range(steps):
        p = _sigmoid(z)
        gradient = A.T @ (p - target) + penalty * beta
        step = np.linalg.solve(_hessian(A, p) + np.diag(penalty), gradient)
        for _ in range(HALVINGS):
            z = A @ (beta - step).astype(np.float32)
            tried = _loss(z, target, penalty, beta - step)
            if tried <= loss + 1e-5 * (1 + abs(loss)):  # single precision: what is no more than rounding is no rise
                break
            step = step / 2
        beta, loss = beta - step, tried
        if np.abs(step).max() < tolerance:  # far below the sampling error
            break
    return beta


def _loss(z: Any, target: Any, penalty: Floats, beta: Floats) -> float:
    """The penalised log loss, summed over the rows."""
    return float((np.logaddexp(0, z) - target * z).sum(dtype=np.float64) + (penalty * beta**2).sum() / 2)


def crossfit(S: Floats, y: Ints, fold: Ints, count: int, strengths: tuple[float, ...], train: NDArray[np.bool_]) -> Floats:
    """Out-of-fold probabilities of class 1 by `newton`, (len(strengths), n): rows of fold k are scored by a fit without fold k.

    train (n,): the rows that are fitted, others are scored alone. All folds are solved side by side: they start from the fit of all rows
    and keep its Hessian, each less its own fold's, so that an iteration costs a gradient. They are iterated until they
    stand still, so that where they started leaves no trace.
    """
    A = _with_intercept(S)
    target = y.astype(np.float32)
    out = np.zeros((len(strengths), len(S)))
    inside = [np.flatnonzero(train & (fold == k)) for k in range(count)]
    seen = np.flatnonzero(train)
    full = _start(A[seen], y[seen])
    mask = np.stack([train & (fold != k) for k in range(count)], axis=1).astype(np.float32)
    for i, c in enumerate(strengths):
        penalty = _penalty(len(full), c)
        full = _newton(A[seen], y[seen], penalty, full, 12, tolerance=3e-2)
        p = _sigmoid(A @ full.astype(np.float32))
        parts = [_hessian(A[rows], p[rows]) for rows in inside]
        whole = np.sum(parts, axis=0) + np.diag(penalty)
        inverses = np.stack([np.linalg.inv(whole - part) for part in parts])
        beta = np.repeat(full[:, None], count, axis=1)
        for _ in range(25):
            gap = (_sigmoid(A @ beta.astype(np.float32)) - target[:, None]) * mask
            gradient = A.T @ gap + penalty[:, None] * beta
            step = np.einsum("kij,jk->ik", inverses, gradient)
            beta = beta - step
            moved = np.abs(step).max(axis=0)
            if moved.max() < 1e-3:  # noqa: PLR2004 - far below the sampling error
                break
        for k in np.flatnonzero(~(moved < 1e-3)).tolist():  # noqa: PLR2004 - a Hessian that was too far off: Newton's own steps from the full fit
            rows = np.flatnonzero(mask[:, k])
            beta[:, k] = _newton(A[rows], y[rows], penalty, full, 12)
        for k in range(count):
            test = np.flatnonzero(fold == k)
            out[i, test] = _sigmoid(A[test] @ beta[:, k].astype(np.float32))
    return out


def _probabilities(model: Any, Z: Floats, classes: int) -> Floats:
    out = np.full((len(Z), classes), 0.0)
    out[:, model.classes_.astype(int)] = model.predict_proba(Z)
    return out


@dataclass(frozen=True, eq=False)
class Scores:
    """Out-of-fold predictions of the fitted rows (n, k), and of further rows (m, k), each by the model of one fold.

    A further row is scored by the model of the fold that it was dealt to, so that within a fold both kinds of rows are scored alike.
    """

    fitted: Floats
    further: Floats
    fold: Ints
    fold_further: Ints


def classify(
    Z: Floats, y: Ints, classes: int, rng: np.random.Generator, further: Floats | None = None, strata: Ints | None = None
) -> Scores:
    """Cross-fitted class probabilities P(y|Z), (n, classes): a mixture of logistic regression on splines and boosted trees."""
    from sklearn.linear_model import LogisticRegression

    n = len(Z)
    extra = np.zeros((0, Z.shape[1])) if further is None else further
    everything = np.concatenate([Z, extra])
    S = splines(everything)
    count = parts(n)
    fold = folds(y if strata is None else strata, rng, count)
    fold_extra = rng.permutation(np.arange(len(extra)) % count)
    both = np.concatenate([fold, fold_extra])
    strengths = (0.003, 0.03, 0.3)
    found = {name: np.zeros((len(everything), classes)) for name in (*map(str, strengths), "trees")}
    seed = int(rng.integers(1 << 31))
    usual = np.unique(y)
    two = len(usual) == 2 and S.shape[1] <= HESSIAN and all(len(np.unique(y[fold != k])) == 2 for k in range(count))  # noqa: PLR2004
    if two:
        inner = np.arange(len(everything)) < n
        codes = np.concatenate([y == usual[1], np.zeros(len(extra))]).astype(np.int64)
        for c, p in zip(strengths, crossfit(S, codes, both, count, strengths, inner), strict=True):
            found[str(c)][:, usual] = np.column_stack([1 - p, p])
    for k in range(count):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(both == k)
        seen = np.unique(y[train])
        if not len(test):
            continue
        if len(seen) < 2:  # noqa: PLR2004 - nothing to tell apart
            for value in found.values():
                value[test] = np.eye(classes)[seen].sum(axis=0)
            continue
        for c in () if two else strengths:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an early stop is a little more shrinkage, which the mixture weighs
                model = LogisticRegression(C=c, max_iter=60, tol=1e-3).fit(S[train], y[train])
            found[str(c)][test] = _probabilities(model, S[test], classes)
        trees = _boosted("class", len(train), seed, _rounds(classes)).fit(Z[train], y[train])
        found["trees"][test] = _probabilities(trees, everything[test], classes)
    mixed = _mix(list(found.values()), y)
    return Scores(mixed[:n], mixed[n:], fold, fold_extra)


def _mix(candidates: list[Floats], y: Ints) -> Floats:
    """The convex mixture of the best linear model and the trees with the least log loss, then a slope on its logits."""
    rows = np.arange(len(y))
    clipped = [np.clip(c, FLOOR / c.shape[1], None) for c in candidates]
    clipped = [c / c.sum(axis=1, keepdims=True) for c in clipped]

    def loss(p: Floats) -> float:
        return float(-np.log(p[rows, y]).mean())

    linear = min(clipped[:-1], key=loss)
    if linear.shape[1] == 2:  # noqa: PLR2004
        return stacked(linear[:, 1], clipped[-1][:, 1], y)
    best = min((w * linear + (1 - w) * clipped[-1] for w in np.linspace(0, 1, 11)), key=loss)
    logit = np.log(best)

    def tempered(slope: float) -> Floats:
        z = slope * logit
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    slope = min((0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35), key=lambda s: loss(tempered(s)))
    return tempered(slope)


def stacked(linear: Floats, trees: Floats, y: Ints) -> Floats:
    """Two scores of two classes put together by logistic regression on their logits, out of fold, (n, 2).

    Squares and the product let the link bend: draws without replacement, or a law with saturation, are no straight line in the logit.
    """
    a, b = (np.clip(np.log(p / (1 - p)), -8, 8) for p in (linear, trees))
    design = np.column_stack([a, b, a * a, a * b, b * b])[:, : 5 if len(y) >= STACK else 2]
    centre, scale = design[: len(y)].mean(axis=0), np.maximum(design[: len(y)].std(axis=0), 1e-9)
    design = (design - centre) / scale
    beta = newton(design[: len(y)], y, (1.0,))[0]
    p = np.clip(1 / (1 + np.exp(-np.clip(design @ beta[:-1] + beta[-1], -30, 30))), FLOOR, 1 - FLOOR)
    return np.column_stack([1 - p, p])


def regress(Z: Floats, Y: Floats, rng: np.random.Generator, further: Floats | None = None, *, trees: bool = True) -> Scores:
    """Cross-fitted means E[Y|Z] of one or several columns of Y, (n, k): a mixture of ridge regression on splines and boosted trees."""
    n = len(Z)
    Y = Y.reshape(n, -1)
    extra = np.zeros((0, Z.shape[1])) if further is None else further
    everything = np.concatenate([Z, extra])
    S = splines(everything)
    S -= S.mean(axis=0)
    count = parts(n)
    fold = folds(np.zeros(n, dtype=np.int64), rng, count)
    fold_extra = rng.permutation(np.arange(len(extra)) % count)
    both = np.concatenate([fold, fold_extra])
    penalties = (1.0, 10.0, 100.0, 1000.0)
    linear = np.zeros((len(penalties), len(everything), Y.shape[1]))
    boosted = np.zeros((len(everything), Y.shape[1]))
    seed = int(rng.integers(1 << 31))
    grams = np.stack([S[:n][fold == k].T @ S[:n][fold == k] for k in range(count)])
    for k in range(count):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(both == k)
        if not len(test):
            continue
        values, vectors = np.linalg.eigh(grams.sum(axis=0) - grams[k])
        centre = Y[train].mean(axis=0)
        right = vectors.T @ (S[train].T @ (Y[train] - centre))
        for i, penalty in enumerate(penalties):
            linear[i, test] = centre + S[test] @ (vectors @ (right / (np.maximum(values, 0.0) + penalty)[:, None]))
        for j in range(Y.shape[1] if trees else 0):
            boosted[test, j] = _boosted("number", len(train), seed).fit(Z[train], Y[train, j]).predict(everything[test])
    out = np.empty_like(boosted)
    for j in range(Y.shape[1]):
        loss = [float(np.mean((Y[:, j] - c[:n, j]) ** 2)) for c in linear]
        best = linear[int(np.argmin(loss)), :, j]
        mixtures = [w * best + (1 - w) * boosted[:, j] for w in (np.linspace(0, 1, 11) if trees else (1.0,))]
        out[:, j] = min(mixtures, key=lambda m, j=j: float(np.mean((Y[:, j] - m[:n]) ** 2)))  # type: ignore[misc]
    return Scores(out[:n], out[n:], fold, fold_extra)
