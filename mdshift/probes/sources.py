"""Which of several sources lies nearest to the target, and how the sources differ among themselves.

Assumes: Rows are independent within a domain.

Helps: Several sources, of which some may be nearer to the target.

Hurts: Nearest in the inputs need not be nearest in the concept.

Cost: Random features of at most 1,000 rows a domain, 12,000 in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import wording
from mdshift.probes.base import FEW, Probe, View
from mdshift.stats.multiple import holm
from mdshift.types import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROWS = 1_000  # rows of a domain that are looked at
BUDGET = 12_000  # rows of all domains together
WAVES = 48  # random frequencies for each bandwidth
BANDWIDTHS = (0.5, 1.0, 2.0)  # times the median distance
TINY = 1e-12  # a squared distance below it is rounding
PAIRED = 12  # sources up to which all pairs are compared; from there on each with all others
NAMED = 3  # sources named in a sentence


@dataclass(frozen=True, eq=False)
class Cloud:
    """A domain in feature space: rows phi (n, D), their mean (D,) and covariance (D, D), and the position of the domain, -1 the target."""

    position: int
    phi: Floats
    mean: Floats
    covariance: Floats

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.phi)


@probe
class Sources(Probe):
    """Several sources: how far each lies from the target, which is nearest, and whether they differ from each other.

    The distance is the maximum mean discrepancy over random Fourier features of three Gaussian kernels (bandwidths around the pooled median
    distance). Its unbiased square does not grow as samples shrink, so that sources of different sizes can be ranked; the interval is that of
    a two-sample U-statistic, the terms of the degenerate case included. "Nearest" is settled where the difference to every other source is
    significant (two-sided, sharing the target rows); otherwise all that can't be told from the nearest count as equally near.

    Equality of two domains is tested by the same statistic, whose law under the null is a weighted sum of chi-squares, matched
    in its first three moments, and adjusted over the sources or pairs (Holm). Up to 12 sources are compared in pairs, more of them
    each with all others together.
    """

    name: ClassVar = "sources"
    question: ClassVar = "sources"
    cites: ClassVar = "Gretton 2012; Rahimi & Recht 2007; Liu et al. 2009; Hsu 1984"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Rank the sources; evidence is empty with one source, or where no two sources have rows enough."""
        counts = (view.n_source, view.n_target)
        parts = split(view)
        told = [k for k, rows in enumerate(parts) if len(rows) >= FEW]
        if len(parts) < 2 or len(told) < 2 or view.few or not view.Z_source.shape[1]:  # noqa: PLR2004 - two are several
            why = "there is one source" if len(parts) < 2 else "too few rows to tell"  # noqa: PLR2004
            return Finding(self.name, "sources", "not run", *counts, sentence=f"Sources: {why}.")
        target, clouds = _clouds(view, [(k, parts[k]) for k in told], rng)
        names = [s.name for s in view.problem.sources]
        ranked = _ranked(target, clouds, alpha)
        nearest = _nearest(target, clouds, alpha)
        between = _between(clouds, alpha)
        for record in ranked:
            record["name"] = names[record["position"]]
            record["rows"] = len(parts[record.pop("position")])
        for record in between:
            record["a"] = names[record["a"]]
            record["b"] = names[record["b"]] if record["b"] is not None else None
        near = [names[k] for k in nearest]
        evidence: dict[str, Any] = {
            "ranked": ranked,
            "nearest": {"names": near, "settled": len(near) == 1},
            "between": between,
            "too_small": [names[k] for k in range(len(parts)) if k not in told],
            "sentence": sentence(ranked, near, between, alpha),
        }
        return Finding(
            probe=self.name,
            question="sources",
            method="maximum mean discrepancy over random Fourier features; three-moment chi-square, Holm-adjusted",
            n_source=counts[0],
            n_target=counts[1],
            p_value=min(r["p_value"] for r in between),
            effect=ranked[0]["distance"],
            low=ranked[0]["low"],
            high=ranked[0]["high"],
            sentence=evidence["sentence"],
            evidence=evidence,
        )


def split(view: View) -> list[NDArray[np.int64]]:
    """The positions of each source's rows among the stacked source rows."""
    cuts = np.cumsum([0, *(len(s) for s in view.problem.sources)])
    return [np.arange(a, b) for a, b in pairwise(cuts)]


def _clouds(view: View, parts: list[tuple[int, NDArray[np.int64]]], rng: np.random.Generator) -> tuple[Cloud, list[Cloud]]:
    most = int(np.clip(BUDGET // (len(parts) + 1), 100, ROWS))

    def some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))

    taken = [view.Z_target[some(np.arange(view.n_target))], *(view.Z_source[some(rows)] for _, rows in parts)]
    waves = _waves(np.concatenate(taken), rng)
    clouds = [_cloud(position, _features(Z, waves)) for position, Z in zip([-1, *(k for k, _ in parts)], taken, strict=True)]
    return clouds[0], clouds[1:]


def _waves(Z: NDArray[np.float32], rng: np.random.Generator) -> Floats:
    """Frequencies (d, len(BANDWIDTHS) * WAVES) of Gaussian kernels around the median distance of the pooled rows."""
    a, b = (Z[rng.integers(0, len(Z), ROWS)].astype(np.float64) for _ in range(2))
    distance = np.sqrt(((a - b) ** 2).sum(axis=1))
    middle = float(np.median(distance[distance > 0])) if (distance > 0).any() else 1.0
    scale = np.repeat(np.array(BANDWIDTHS) * middle, WAVES)
    return np.asarray(rng.standard_normal((Z.shape[1], len(scale))) / scale)


def _features(Z: NDArray[np.float32], waves: Floats) -> Floats:
    angle = Z.astype(np.float64) @ waves
    return np.asarray(np.concatenate([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(waves.shape[1]))


def _cloud(position: int, phi: Floats) -> Cloud:
    mean = phi.mean(axis=0)
    centred = phi - mean
    return Cloud(position, phi, mean, centred.T @ centred / max(len(phi) - 1, 1))


def squared(a: Cloud, b: Cloud) -> float:
    """The unbiased squared distance of the means: a U-statistic, below zero by chance where the laws are equal."""
    gap = a.mean - b.mean
    return float(gap @ gap - np.trace(a.covariance) / a.n - np.trace(b.covariance) / b.n)


def variance(a: Cloud, target: Cloud) -> float:
    """Variance of `squared`: the linear terms and those that remain where the laws are equal."""
    gap = a.mean - target.mean
    linear = 4 * (_along(a, gap) / a.n + _along(target, gap) / target.n)
    return linear + 2 * (_own(a) + _own(target)) + 4 * _cross(a, target)


def variance_of_difference(a: Cloud, b: Cloud, target: Cloud) -> float:
    """Variance of squared(a, target) - squared(b, target): the target's own part cancels."""
    linear = _along(a, a.mean - target.mean) / a.n + _along(b, b.mean - target.mean) / b.n + _along(target, a.mean - b.mean) / target.n
    return 4 * linear + 2 * (_own(a) + _own(b)) + 4 * (_cross(a, target) + _cross(b, target))


def _along(a: Cloud, direction: Floats) -> float:
    return float(direction @ a.covariance @ direction)


def _own(a: Cloud) -> float:
    return float((a.covariance**2).sum()) / a.n**2


def _cross(a: Cloud, b: Cloud) -> float:
    return float((a.covariance * b.covariance).sum()) / (a.n * b.n)


def equality(a: Cloud, b: Cloud) -> float:
    """The p-value that two domains have one law: the null law in its first three moments (Liu, Tang & Zhang 2009)."""
    from scipy.stats import chi2

    n, m = a.n, b.n
    gap = a.mean - b.mean
    pooled = ((n - 1) * a.covariance + (m - 1) * b.covariance) / (n + m - 2)
    square = pooled @ pooled
    one, two, three = float(np.trace(pooled)), float((pooled**2).sum()), float((square * pooled).sum())
    if one <= TINY or two <= 0 or three <= 0:  # all rows equal
        return 1.0 if float(gap @ gap) <= TINY else 1e-300
    freedom = two**3 / three**2
    z = (float(gap @ gap) * n * m / (n + m) - one) / np.sqrt(2 * two)
    return float(np.clip(chi2.sf(z * np.sqrt(2 * freedom) + freedom, freedom), 1e-300, 1.0))


def _ranked(target: Cloud, clouds: list[Cloud], alpha: float) -> list[dict[str, Any]]:
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha / 2))
    adjusted = holm([equality(c, target) for c in clouds])
    found = []
    for cloud, p in zip(clouds, adjusted, strict=True):
        value, half = squared(cloud, target), z * np.sqrt(variance(cloud, target))
        low, middle, high = (float(np.sqrt(max(v, 0.0))) for v in (value - half, value, value + half))
        found.append({"position": cloud.position, "distance": middle, "low": low, "high": high, "p_value": float(p), "order": value})
    found.sort(key=lambda r: r["order"])
    return [{k: v for k, v in r.items() if k != "order"} for r in found]


def _nearest(target: Cloud, clouds: list[Cloud], alpha: float) -> list[int]:
    """Positions of the nearest source and of those that can't be told from it, nearest first."""
    from scipy.special import ndtri

    order = sorted(clouds, key=lambda c: squared(c, target))
    best, z = order[0], float(ndtri(1 - alpha / 2))
    rest = [c for c in order[1:] if squared(c, target) - squared(best, target) <= z * np.sqrt(variance_of_difference(c, best, target))]
    return [c.position for c in (best, *rest)]


def _between(clouds: list[Cloud], alpha: float) -> list[dict[str, Any]]:
    pairs: list[tuple[Cloud, Cloud, int, int | None]]
    if len(clouds) <= PAIRED:
        pairs = [(a, b, a.position, b.position) for a, b in combinations(clouds, 2)]
    else:
        pairs = [(c, _rest(clouds, i), c.position, None) for i, c in enumerate(clouds)]
    adjusted = holm([equality(a, b) for a, b, *_ in pairs])
    return [
        {
            "a": i,
            "b": j,
            "distance": float(np.sqrt(max(squared(a, b), 0.0))),
            "p_value": float(p),
            "differ": bool(p <= alpha),
        }
        for (a, b, i, j), p in zip(pairs, adjusted, strict=True)
    ]


def _rest(clouds: list[Cloud], left_out: int) -> Cloud:
    """All other sources as one: moments are pooled, rows are not needed."""
    others = [c for i, c in enumerate(clouds) if i != left_out]
    n = sum(c.n for c in others)
    mean = sum(c.mean * c.n for c in others) / n
    spread = sum(c.covariance * (c.n - 1) + c.n * np.outer(c.mean - mean, c.mean - mean) for c in others) / (n - 1)
    return Cloud(-1, np.zeros((n, 0)), np.asarray(mean), np.asarray(spread))


def sentence(ranked: list[dict[str, Any]], near: list[str], between: list[dict[str, Any]], alpha: float) -> str:
    """Which source is nearest, whether that is settled, and how far the sources differ."""
    first, last = ranked[0], ranked[-1]
    names = [wording.short(n) for n in near]
    if len(names) == len(ranked):
        every = "both" if len(ranked) == 2 else f"all {len(ranked)}"  # noqa: PLR2004
        told = f"No source is settled as the nearest to the target: {every} are about equally far (MMD {first['distance']:.2f} to {last['distance']:.2f})"
        if last["p_value"] > alpha:
            told = f"No source could be told from the target ({len(ranked)} compared)"
    elif len(names) == 1:
        rest = f"{wording.short(last['name'])} lies at" if len(ranked) == 2 else f"the furthest is {wording.short(last['name'])} at"  # noqa: PLR2004
        told = (
            f"{names[0]} is the source nearest to the target (MMD {first['distance']:.2f} [{first['low']:.2f}, {first['high']:.2f}]); "
            f"{rest} {last['distance']:.2f}"
        )
    else:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        told = (
            f"Nearest to the target are {', '.join(names[:NAMED])}{more}, which can't be told apart in distance (MMD from {first['distance']:.2f}); "
            f"the furthest is {wording.short(last['name'])} ({last['distance']:.2f})"
        )
    differ = sum(r["differ"] for r in between)
    if between[0]["b"] is None:
        return f"{told}. {differ} of {len(between)} sources differ from the others together."
    if len(between) == 1:
        return f"{told}. The two sources {'differ' if differ else 'could not be told apart'}."
    return f"{told}. {differ} of {len(between)} pairs of sources differ."
