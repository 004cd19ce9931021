"""P(Y): whether the classes' shares, or the law of the number, changed.

Assumes: Labels on both sides; the labelled target rows are a fair part of the target.

Helps: Classes became rarer or more frequent.

Hurts: Labels given to hand-picked rows: their shares are the picker's.

Cost: 999 draws of a table of counts; next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import wording
from mdshift.probes.base import Probe
from mdshift.types import Finding

if TYPE_CHECKING:
    from mdshift.probes.base import View

DRAWS = 999
BOOT = 300


@probe
class Label(Probe):
    """Compare the labels of both sides.

    Classes: the chi-square statistic, ranked among permutations of the sides (exact at any size); effect: total variation of the
    class shares. Numbers: the Kolmogorov-Smirnov distance and its exact or asymptotic p-value. Intervals by bootstrap, in which the effect's
    upward bias in small samples is taken off.
    """

    name: ClassVar[str] = "label"
    question: ClassVar[str] = "y"
    cites: ClassVar[str] = "Pearson 1900; Kolmogorov 1933; Phipson & Smyth 2010"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Test P(Y) equal."""
        source, target = view.source, view.target
        if source.y is None or target.y is None or not source.labelled.any() or not target.labelled.any():
            return Finding(self.name, "y", "none", 0, 0, sentence="The target has no labels.")
        a, b = source.y[source.labelled], target.y[target.labelled]
        if view.problem.task == "regression":
            return _numbers(a, b, rng, alpha)
        return _classes(a, b, len(view.problem.classes), rng, alpha)


def _classes(a: np.ndarray, b: np.ndarray, k: int, rng: np.random.Generator, alpha: float) -> Finding:
    n, m = len(a), len(b)
    one, two = np.bincount(a, minlength=k).astype(float), np.bincount(b, minlength=k).astype(float)
    pooled = one + two
    seen = pooled > 0
    # the target's table under permutation of the sides: margins fixed
    drawn = rng.multivariate_hypergeometric(pooled[seen].astype(np.int64), m, size=DRAWS, method="marginals")
    expected = pooled[seen] * m / (n + m)

    def statistic(counts: np.ndarray) -> np.ndarray:
        return np.asarray(((counts - expected) ** 2 / expected * (n + m) / n).sum(axis=-1))

    observed = float(statistic(two[seen]))
    p = float((1 + np.count_nonzero(statistic(drawn) >= observed * (1 - 1e-12))) / (DRAWS + 1))
    effect, low, high = _interval(one, two, rng, alpha)
    sentence = (
        f"Class shares of {n:,} source and {m:,} target labels are {effect:.1%} apart in total variation (p {wording.probability(p)})."
    )
    return Finding("label", "y", "chi-square, permutation", n, m, p, observed, effect, low, high, sentence)


def _interval(one: np.ndarray, two: np.ndarray, rng: np.random.Generator, alpha: float) -> tuple[float, float, float]:
    """Total variation of two count vectors and its interval."""
    n, m = one.sum(), two.sum()
    p, q = one / n, two / m
    effect = 0.5 * float(np.abs(p - q).sum())
    drawn = 0.5 * np.abs(rng.multinomial(int(n), p, BOOT) / n - rng.multinomial(int(m), q, BOOT) / m).sum(axis=1)
    excess = float(drawn.mean()) - effect
    low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2])
    return effect, max(0.0, float(low) - 2 * max(excess, 0.0)), min(1.0, float(high))


def _numbers(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, alpha: float) -> Finding:
    from scipy import stats

    n, m = len(a), len(b)
    found = stats.ks_2samp(a, b, method="auto" if max(n, m) <= 1000 else "asymp")  # noqa: PLR2004 - exact beyond is slow
    effect = float(found.statistic)
    size = 5_000
    draws = []
    for _ in range(100):
        x, y = np.sort(a[rng.integers(0, n, min(n, size))]), np.sort(b[rng.integers(0, m, min(m, size))])
        grid = np.concatenate([x, y])
        draws.append(np.abs(np.searchsorted(x, grid, "right") / len(x) - np.searchsorted(y, grid, "right") / len(y)).max())
    excess = max(float(np.mean(draws)) - effect, 0.0)
    low, high = np.quantile(draws, [alpha / 2, 1 - alpha / 2])
    sentence = (
        f"The distribution functions of {n:,} source and {m:,} target values are {effect:.1%} apart where they differ most "
        f"(Kolmogorov-Smirnov, p {wording.probability(found.pvalue)}); means {wording.figure(a.mean())} and {wording.figure(b.mean())}."
    )
    p = max(float(found.pvalue), 1e-300)
    return Finding(
        "label", "y", "Kolmogorov-Smirnov", n, m, p, effect, effect, max(0.0, float(low) - 2 * excess), min(1.0, float(high)), sentence
    )
