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
GRAIN = 0.05  # residuals are blurred by this much (of a probability, or of y's spread): where X decides y, residuals are the error of the
# model alone, and a difference of that size is no change of the law


@dataclass(frozen=True, eq=False)
class Conditional:
    """What a conditional test found; p_value None where the common support is too small."""

    p_value: float | None
    statistic: float | None
    effect: float
    low: float
    high: float
    rows: int
    support: float
    groups: dict[str, float] = field(default_factory=dict)
    propensity: Floats | None = None
    outcome: Floats | None = None


def within_classes(Z: Floats, y: Ints, domain: Ints, rng: np.random.Generator, draws: int = DRAWS) -> bank.Outcome | None:
    """P(X|Y) equal? Domains are permuted within classes, which is exact; None where no class has rows on both sides."""
    both = [c for c in np.unique(y) if len(np.unique(domain[y == c])) == 2]  # noqa: PLR2004 - two domains
    rows = np.isin(y, both)
    if not len(both) or rows.sum() < 8:  # noqa: PLR2004 - fewer permutations than a test of level .05 needs
        return None
    Z, y, domain = Z[rows], y[rows], domain[rows]
    made = bank.bank_of(Z, rng)
    phi = made.phi - class_means(made.phi, y)
    sums = bank.products(phi, bank.permuted(domain, y, draws, rng))
    return bank.judge(sums, made.groups)


def class_means(phi: Floats, y: Ints) -> Floats:
    """Every row's class mean of the features, (n, D)."""
    _, code = np.unique(y, return_inverse=True)
    onehot = np.eye(code.max() + 1)[code]
    return np.asarray(onehot @ ((onehot.T @ phi) / onehot.sum(axis=0)[:, None]))


def given_number(Z: Floats, y: Floats, domain: Ints, rng: np.random.Generator, draws: int = DRAWS) -> bank.Outcome | None:
    """P(X|Y) equal, for a number y? The domain is drawn from its propensity given y; features are taken as residuals on y."""
    column = y.reshape(-1, 1)
    e = nuisance.classify(column, domain, 2, rng).fitted[:, 1]
    keep = (e > TRIM) & (e < 1 - TRIM)
    if effective(e[keep]) < SUPPORT:
        return None
    made = bank.bank_of(Z[keep], rng)
    phi = made.phi - nuisance.regress(column[keep], made.phi, rng, trees=False).fitted
    return bank.judge(bank.products(phi, redrawn(domain[keep], e[keep], draws, rng)), made.groups)


def redrawn(domain: Ints, e: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """The residual D - e (first row) and `draws` of D* - e with D* ~ Bernoulli(e), (1 + draws, n)."""
    drawn = rng.random((draws, len(e))) < e
    return np.asarray(np.concatenate([domain[None, :], drawn]) - e)


def effective(e: Floats) -> float:
    """Rows a side that the overlap is worth: twice the sum of e (1 - e); all rows where the laws of X are equal."""
    return float(2 * np.sum(e * (1 - e)))


def residuals(Z: Floats, y: NDArray[Any], classes: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Residuals of functions of Y given X, (n, k), and the cross-fitted prediction of Y, (n, classes or 1).

    Classes: indicators. A number: its value, and location, spread and skewness of its rank among the residuals (no moments needed).
    """
    if classes:
        p = nuisance.classify(Z, y, classes, rng).fitted
        r = np.eye(classes)[y] - p
        r += GRAIN * rng.standard_normal(r.shape)
        return (r[:, 1:] if classes == 2 else r), p  # noqa: PLR2004
    centre, scale = np.median(y), max(stats.median_abs_deviation(y, scale="normal"), 1e-12, 1e-3 * np.std(y))
    z = np.clip((y - centre) / scale, -25, 25)
    mean = nuisance.regress(Z, z, rng).fitted[:, 0]
    r = z - mean + GRAIN * np.std(z) * rng.standard_normal(len(z))
    spread = max(float(stats.median_abs_deviation(r, scale="normal")), 1e-9)
    u = 2 * (stats.rankdata(r) - 0.5) / len(r) - 1
    shapes = np.column_stack([u, (3 * u**2 - 1) / 2, (5 * u**3 - 3 * u) / 2])
    shapes -= nuisance.regress(Z, shapes, rng, trees=False).fitted
    return np.column_stack([np.clip(r / spread, -CLIP, CLIP), shapes * np.sqrt([3, 5, 7])]), mean.reshape(-1, 1) / max(np.std(mean), 1e-9)


def given_x(Z: Floats, y: NDArray[Any], domain: Ints, classes: int, rng: np.random.Generator, draws: int = DRAWS) -> Conditional:
    """P(Y|X) equal? y: class codes (classes > 0), or a number (classes = 0)."""
    e = nuisance.classify(Z, domain, 2, rng).fitted[:, 1]
    keep = (e > TRIM) & (e < 1 - TRIM)
    support = effective(e[keep])
    r, prediction = residuals(Z, y, classes, rng)
    if support < SUPPORT:
        return Conditional(None, None, 0.0, 0.0, 0.0, int(keep.sum()), support, propensity=e, outcome=prediction)
    made = directions(Z[keep], prediction[keep], r[keep], (domain - e)[keep], rng)
    out = bank.judge(bank.products(made.phi, redrawn(domain[keep], e[keep], draws, rng)), made.groups)
    return Conditional(out.p_value, out.statistic, 0.0, 0.0, 0.0, int(keep.sum()), support, out.groups, e, prediction)


def directions(Z: Floats, prediction: Floats, r: Floats, d: Floats, rng: np.random.Generator) -> bank.Bank:
    """Residuals of Y times functions of X: none, the columns, the prediction itself, kernel waves, and a learned one."""
    S = bank.scaled(Z)
    if not S.shape[1]:
        S = np.zeros((len(Z), 1))
    linear = bank.whiten(S, DIRECTIONS)
    expected = prediction - prediction.mean(axis=0)
    curves = np.concatenate([bank.waves(S, 1.0, rng, 32), bank.leaves(S, rng)[:, :96]], axis=1)

    def times(functions: Floats) -> Floats:
        return np.concatenate([functions * r[:, [j]] for j in range(r.shape[1])], axis=1)

    return bank.stack(
        [
            ("everywhere", r, "max", 3.0),
            ("with the columns", times(S) if S.shape[1] <= 200 else times(linear), "max", 1.0),  # noqa: PLR2004
            ("along the columns", times(linear), "sum", 1.0),
            ("with the prediction", times(expected), "sum", 1.0),
            ("in regions", times(curves), "sum", 1.0),
            ("learned", learned(np.concatenate([np.ones((len(S), 1)), linear, expected, curves], axis=1), r, d, rng), "max", 2.0),
        ]
    )


def learned(functions: Floats, r: Floats, d: Floats, rng: np.random.Generator) -> Floats:
    """Each row's residuals times a contrast of the domains that the other folds predict by ridge regression, (n, 1)."""
    fold = nuisance.folds(np.zeros(len(r), dtype=np.int64), rng, 5)
    out = np.zeros((len(r), 1))
    design = functions * d[:, None]
    for k in range(5):
        train, test = fold != k, fold == k
        gram = design[train].T @ design[train]
        penalty = 3.0 * np.trace(gram) / max(len(gram), 1) + 1e-9
        contrast = functions[test] @ np.linalg.solve(gram + penalty * np.eye(len(gram)), design[train].T @ r[train])
        out[test, 0] = np.sum(contrast * r[test], axis=1)
    return out
