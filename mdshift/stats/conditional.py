"""Tests of conditional laws: P(X|Y) by permutation within classes, P(Y|X) by drawing the domain from its propensity.

P(Y|X): under the null the domain D is independent of Y given X, so that with e(X) = P(D=1|X) a drawn D* ~ Bernoulli(e(X)) can take
D's place (conditional randomisation, Candes 2018). The statistics are covariances of the residual of D with residuals of functions of Y,
weighted by functions of X: the constant (generalised covariance measure, Shah & Peters 2020), many fixed ones (Scheidegger 2022), and one
learned on the other folds (projected covariance measure, Lundborg 2024). As both residuals must be wrong at once to mislead, the test
is doubly robust; rows outside the common support are left out, which X alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from mdshift.stats import bank, nuisance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DRAWS = 499
TRIM = 0.04  # propensities below it, or above 1 - it, lie outside the common support
SUPPORT = 25.0  # effective rows a side that the common support must hold
CLIP = 4.0  # residuals beyond this many robust standard deviations are drawn in: one outlier is no law
DIRECTIONS = 24
PER_CLASS = 60  # columns of the statistics that are taken class by class
GRAIN = 0.05  # residuals are blurred by this much (of a probability, or of y's spread): where X decides y, residuals are the error of the
# model alone, and a difference of that size is no change of the law


@dataclass(frozen=True, eq=False)
class Conditional:
    """What a conditional test found; p_value None where the common support is too small."""

    p_value: float | None
    statistic: float | None
    effect: float  # mean over the common support of the size of the contrast, a lower estimate
    error: float  # its standard error
    rows: int
    support: float  # rows a side that the common support is worth
    groups: dict[str, float] = field(default_factory=dict)


def within_classes(
    Z: Floats, y: Ints, domain: Ints, rng: np.random.Generator, draws: int = DRAWS, prediction: Floats | None = None
) -> bank.Outcome | None:
    """P(X|Y) equal? Domains are permuted within classes, which is exact; None where no class has rows on both sides.

    prediction: P(y|x) cross-fitted on the rows of both sides. Where labels changed their meaning, rows of a class look like another.
    """
    both = [c for c in np.unique(y) if len(np.unique(domain[y == c])) == 2]  # noqa: PLR2004 - two domains
    rows = np.isin(y, both)
    if not both or rows.sum() < 8:  # noqa: PLR2004 - fewer permutations than a test of level .05 needs
        return None
    Z, y, domain = Z[rows], y[rows], domain[rows]
    made = by_class(bank.bank_of(Z, rng), y, None if prediction is None else prediction[rows])
    phi = made.phi - class_means(made.phi, y)
    sums = bank.products(phi, bank.permuted(domain, y, draws, rng))
    return bank.judge(sums, made.groups)


def by_class(made: bank.Bank, y: Ints, prediction: Floats | None) -> bank.Bank:
    """The bank, and its means and the prediction class by class: what moves in opposite ways in two classes cancels in their sum."""
    own = (np.eye(int(y.max()) + 1)[y])[:, np.unique(y)]

    def split(columns: Floats) -> Floats:
        return np.concatenate([columns * own[:, [c]] for c in range(own.shape[1])], axis=1)

    means = made.phi[:, made.groups[0].columns][:, : max(2, PER_CLASS // own.shape[1])]
    made = bank.joined(made, "means by class", split(means))
    if prediction is None:
        return made
    shown = prediction - prediction.mean(axis=0)
    return bank.joined(made, "prediction by class", split(shown[:, 1:] if shown.shape[1] == own.shape[1] else shown), weight=4.0)


def class_means(phi: Floats, y: Ints) -> Floats:
    """Every row's class mean of the features, (n, D)."""
    _, code = np.unique(y, return_inverse=True)
    onehot = np.eye(code.max() + 1)[code]
    return np.asarray(onehot @ ((onehot.T @ phi) / onehot.sum(axis=0)[:, None]))


def given_number(
    Z: Floats, y: Floats, domain: Ints, rng: np.random.Generator, draws: int = DRAWS, prediction: Floats | None = None
) -> bank.Outcome | None:
    """P(X|Y) equal, for a number y? The domain is drawn from its propensity given y; features are taken as residuals on y."""
    column = y.reshape(-1, 1)
    e = nuisance.classify(column, domain, 2, rng).fitted[:, 1]
    keep = (e > TRIM) & (e < 1 - TRIM)
    if effective(e[keep]) < SUPPORT:
        return None
    made = bank.joined(bank.bank_of(Z[keep], rng), "prediction", None if prediction is None else prediction[keep])
    phi = made.phi - nuisance.regress(column[keep], made.phi, rng, trees=False).fitted
    return bank.judge(bank.products(phi, redrawn(domain[keep], e[keep], draws, rng)), made.groups)


def redrawn(domain: Ints, e: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """The residual D - e (first row) and `draws` of D* - e with D* ~ Bernoulli(e), (1 + draws, n)."""
    drawn = rng.random((draws, len(e)), dtype=np.float32) < e
    return np.asarray(np.concatenate([domain[None, :], drawn]) - e)


def effective(e: Floats) -> float:
    """Rows a side that the overlap is worth: twice the sum of e (1 - e); all rows where the laws of X are equal."""
    return float(2 * np.sum(e * (1 - e)))


def outcome(Z: Floats, y: NDArray[Any], classes: int, rng: np.random.Generator) -> Floats:
    """Cross-fitted prediction of Y by X on the rows of both sides: probabilities (n, classes), or the mean of a number, (n, 1)."""
    return nuisance.classify(Z, y, classes, rng).fitted if classes else nuisance.regress(Z, squeezed(y), rng).fitted


def squeezed(y: Floats) -> Floats:
    """Values in robust units, far values drawn in."""
    centre, scale = np.median(y), max(stats.median_abs_deviation(y, scale="normal"), 1e-12, 1e-3 * np.std(y))
    return np.asarray(np.clip((y - centre) / scale, -25, 25))


def residuals(Z: Floats, y: NDArray[Any], classes: int, prediction: Floats, rng: np.random.Generator) -> Floats:
    """Residuals of functions of Y given X, (n, k).

    Classes: indicators. A number: its value, and location, spread and skewness of its rank among the residuals (no moments needed).
    """
    if classes:
        r = np.eye(classes)[y] - prediction
        r += GRAIN * rng.standard_normal(r.shape)
        return np.asarray(r[:, 1:] if classes == 2 else r)  # noqa: PLR2004
    z = squeezed(y)
    r = z - prediction[:, 0] + GRAIN * np.std(z) * rng.standard_normal(len(z))
    spread = max(float(stats.median_abs_deviation(r, scale="normal")), 1e-9)
    u = 2 * (stats.rankdata(r) - 0.5) / len(r) - 1
    shapes = np.column_stack([u, (3 * u**2 - 1) / 2, (5 * u**3 - 3 * u) / 2])
    shapes -= nuisance.regress(Z, shapes, rng, trees=False).fitted
    return np.column_stack([np.clip(r / spread, -CLIP, CLIP), shapes * np.sqrt([3, 5, 7])])


def given_x(
    Z: Floats,
    y: NDArray[Any],
    domain: Ints,
    classes: int,
    rng: np.random.Generator,
    draws: int = DRAWS,
    *,
    propensity: Floats | None = None,
    prediction: Floats | None = None,
) -> Conditional:
    """P(Y|X) equal? y: class codes (classes > 0), or a number (classes = 0).

    propensity: cross-fitted P(D=1|X), (n,). prediction: what `outcome` returns. Both are fitted here if None.
    """
    e = nuisance.classify(Z, domain, 2, rng).fitted[:, 1] if propensity is None else propensity
    keep = (e > TRIM) & (e < 1 - TRIM)
    support = effective(e[keep])
    if support < SUPPORT:
        return Conditional(None, None, 0.0, 0.0, int(keep.sum()), support)
    if prediction is None:
        prediction = outcome(Z, y, classes, rng)
    r = residuals(Z, y, classes, prediction, rng)
    r = r - along(e, prediction, r, rng)
    Z, r, prediction, e = Z[keep], r[keep], prediction[keep], e[keep]
    a = redrawn(domain[keep], e, draws, rng)
    functions, groups = directions(Z, prediction, r, rng)
    contrast, gains = learned(functions, r, a, e, rng)
    out = bank.judge(bank.products(groups.phi, a), groups.groups, [("learned", gains, 2.0)])
    effect, error = size(r, a[0], contrast, classes)
    return Conditional(out.p_value, out.statistic, effect, error, int(keep.sum()), support, out.groups)


def along(e: Floats, prediction: Floats, r: Floats, rng: np.random.Generator) -> Floats:
    """What of the residuals of Y the propensity and the prediction still foretell, cross-fitted: errors of the model that D would pick up."""
    score = np.clip(np.log(e / (1 - e)), -6, 6)
    design = np.column_stack([score, prediction[:, : max(1, prediction.shape[1] - 1)], score * prediction[:, 0]])
    return nuisance.regress(design, r, rng, trees=False).fitted


def size(r: Floats, d: Floats, contrast: Floats, classes: int) -> tuple[float, float]:
    """Mean size of the contrast over the common support (weights e (1 - e)) and its standard error.

    The sign of the contrast comes from other folds than the residuals: zero on average where nothing changed.
    Classes: total variation. A number: difference of the means, in residual standard deviations.
    """
    if classes:
        # two classes: one column stands for both; the contrast's signs over the classes make the total variation
        signs = np.sign(contrast) if r.shape[1] == 1 else np.sign(contrast) / 2
        gain = np.sum(signs * r, axis=1) * d
    else:
        gain = np.sign(contrast[:, 0]) * r[:, 0] * d
    weight = max(float(np.sum(d**2)), 1e-12)
    effect = float(gain.sum() / weight)
    return effect, float(np.sqrt(np.sum((gain - effect * d**2) ** 2)) / weight)


def directions(Z: Floats, prediction: Floats, r: Floats, rng: np.random.Generator) -> tuple[Floats, bank.Bank]:
    """Functions of X (the constant, columns, the prediction, waves and leaves), and the bank of them times the residuals of Y."""
    S = bank.scaled(Z)
    if not S.shape[1]:
        S = np.zeros((len(Z), 1))
    linear = bank.whiten(S, DIRECTIONS)
    expected = bank.scaled(prediction) if prediction.shape[1] == 1 else prediction - prediction.mean(axis=0)
    curves = np.concatenate([bank.waves(S, 1.0, rng, 32), bank.leaves(S, rng)[:, :96]], axis=1)

    def times(functions: Floats) -> Floats:
        return np.concatenate([functions * r[:, [j]] for j in range(r.shape[1])], axis=1)

    made = bank.stack(
        [
            ("everywhere", r, "max", 8.0),
            ("with the columns", times(S) if S.shape[1] <= 200 else times(linear), "max", 1.0),  # noqa: PLR2004
            ("along the columns", times(linear), "sum", 1.0),
            ("with the prediction", times(expected), "sum", 1.0),
            ("in regions", times(curves), "sum", 1.0),
        ]
    )
    return np.concatenate([np.ones((len(S), 1)), linear, expected, curves], axis=1), made


def learned(functions: Floats, r: Floats, a: Floats, e: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The contrast E[Y|X, D=1] - E[Y|X, D=0], (n, k), and how well the other folds' contrast predicts each fold, (1 + B,).

    Ridge regression of the residuals of Y on functions of X times the residual of D (Nie & Wager 2021). It is linear in the draws `a` of
    that residual, so the whole of it, folds and all, is done again for every draw: no dependence between folds is left unaccounted for.
    """
    count = 5
    fold = nuisance.folds(np.zeros(len(r), dtype=np.int64), rng, count)
    weight = e * (1 - e)
    contrast = np.zeros(r.shape)
    gains = np.zeros(len(a))
    parts = [functions[fold == k] for k in range(count)]
    grams = [p.T @ (p * weight[fold == k, None]) for k, p in enumerate(parts)]
    solvers = []
    for k in range(count):
        gram = sum((g for i, g in enumerate(grams) if i != k), np.zeros_like(grams[0]))
        penalty = 3.0 * np.trace(gram) / max(len(gram), 1) + 1e-9
        solvers.append(np.linalg.inv(gram + penalty * np.eye(len(gram))))
    rows = [a[:, fold == k] for k in range(count)]
    for j in range(r.shape[1]):
        sums = [bank.products(p * r[fold == k, j][:, None], rows[k]) for k, p in enumerate(parts)]
        total = np.sum(sums, axis=0)
        for k, p in enumerate(parts):
            beta = (total - sums[k]) @ solvers[k]
            gains += np.sum(beta * sums[k], axis=1)
            contrast[fold == k, j] = p @ beta[0]
    return contrast, gains
