"""Banks of features, and tests that are made of their mean differences.

Every test of the kinds of shift has one form: a sum over rows of (feature of the row) x (centred domain of the row), where only the
law of the domains differs: permuted (P(X)), permuted within classes (P(X|Y)), or drawn from the propensity (P(Y|X)). All draws are then
one matrix product, and sums of squares over groups of features are kernel statistics (MMD by random features, Rahimi & Recht 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from mdshift.stats.permutation import subsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_LINEAR = 60  # principal components in a Hotelling group: more would drown a sparse shift, which the group of single features finds
WAVES = 96  # random Fourier features a bandwidth
TREES, LEAVES = 24, 8  # totally random trees: a scale-free kernel for mixed columns
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
SINGLE = 1_000  # rows beyond which sums are of single precision
BLOCK = 1 << 24  # cells of a block of draws: bounds the memory


@dataclass(frozen=True, eq=False)
class Group:
    """Columns that make one statistic: their sum of squares ("sum") or their largest square ("max"), with a share of the level."""

    name: str
    columns: NDArray[np.int64]
    kind: str = "sum"
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Bank:
    """Features of the pooled rows, (n, D), and how their sums are put together."""

    phi: Floats
    groups: tuple[Group, ...]

    def times(self, factor: Floats) -> Floats:
        """The features, each row times `factor` (n,)."""
        return self.phi * factor[:, None]


def stack(parts: Sequence[tuple[str, Floats, str, float]]) -> Bank:
    """A bank of (name, features (n, d), kind, weight); a part without columns is left out."""
    groups, blocks, at = [], [], 0
    for name, block, kind, weight in parts:
        if block.shape[1]:
            groups.append(Group(name, np.arange(at, at + block.shape[1]), kind, weight))
            blocks.append(block)
            at += block.shape[1]
    return Bank(np.concatenate(blocks, axis=1), tuple(groups))


def whiten(Z: Floats, limit: int = MAX_LINEAR) -> Floats:
    """Principal components of the columns with unit variance, (n, at most `limit`): their sum of squares is Hotelling's statistic."""
    centred = Z - Z.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(Z), 1))
    keep = np.argsort(values)[::-1][:limit]
    keep = keep[values[keep] > max(1e-8, 1e-6 * values.max(initial=0.0))]
    return np.asarray(centred @ (vectors[:, keep] / np.sqrt(values[keep])))


def scaled(Z: Floats) -> Floats:
    """The columns that vary, centred and with unit variance, float64 (n, at most d)."""
    Z = np.asarray(Z, dtype=np.float64)
    spread = Z.std(axis=0)
    keep = spread > 1e-6 * np.maximum(np.abs(Z).max(axis=0, initial=0.0), 1e-300)
    return np.asarray((Z[:, keep] - Z[:, keep].mean(axis=0)) / spread[keep])


def ranks(Z: Floats) -> Floats:
    """Mid-ranks of every column, in (0, 1)."""
    return np.asarray((stats.rankdata(Z, axis=0) - 0.5) / len(Z))


def is_number(Z: Floats) -> NDArray[np.bool_]:
    """Mask of the columns with more than two distinct values."""
    return np.array([len(np.unique(Z[:, j])) > 2 for j in range(Z.shape[1])], dtype=bool)  # noqa: PLR2004 - an indicator has two


def singles(Z: Floats) -> Floats:
    """What moves in one column: its value, its spread, and its distribution function at five quantiles."""
    number = is_number(Z)
    found = [Z]
    if number.any():
        V = Z[:, number]
        R = ranks(V)
        found.append(np.abs(R - 0.5))
        found.extend((q >= R).astype(float) for q in QUANTILES)
    return np.concatenate(found, axis=1)


def waves(Z: Floats, scale: float, rng: np.random.Generator, count: int = WAVES) -> Floats:
    """Random Fourier features of a Gaussian kernel whose bandwidth is `scale` times the median distance."""
    rows = rng.choice(len(Z), size=min(len(Z), 400), replace=False)
    sub = Z[rows]
    square = np.sum((sub[:, None, :64] - sub[None, :, :64]) ** 2, axis=2) if Z.shape[1] <= 64 else _distances(sub)  # noqa: PLR2004
    middle = np.median(square[np.triu_indices(len(sub), 1)]) if len(sub) > 1 else 1.0
    directions = rng.standard_normal((Z.shape[1], count // 2)) / (scale * np.sqrt(max(middle, 1e-12)))
    angle = Z @ directions
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def _distances(sub: Floats) -> Floats:
    norms = np.sum(sub**2, axis=1)
    return np.asarray(np.maximum(norms[:, None] + norms[None, :] - 2 * sub @ sub.T, 0.0))


def leaves(Z: Floats, rng: np.random.Generator) -> Floats:
    """Membership in the leaves of totally random trees (columns and cuts drawn at random), (n, TREES * LEAVES)."""
    n, d = Z.shape
    depth = int(np.log2(LEAVES))
    out = np.zeros((n, TREES * LEAVES))
    for t in range(TREES):
        code = np.zeros(n, dtype=np.int64)
        for _ in range(depth):
            column = Z[:, rng.integers(d)]
            low, high = np.quantile(column, [0.05, 0.95])
            cut = rng.uniform(low, high) if high > low else rng.uniform(column.min(), column.max() + 1e-12)
            code = 2 * code + (column > cut)
        out[np.arange(n), t * LEAVES + code] = 1.0
    return out


def bank_of(Z: Floats, rng: np.random.Generator) -> Bank:
    """The bank for comparing laws of X: means (Hotelling), single columns, kernels at two scales, random trees."""
    S = scaled(Z)
    if not S.shape[1]:
        S = np.zeros((len(Z), 1))
    return stack(
        [
            ("means", whiten(S), "sum", 2.0),
            ("columns", singles(S), "max", 2.0),
            ("kernel, wide", waves(S, 1.0, rng), "sum", 1.0),
            ("kernel, narrow", waves(S, 0.35, rng), "sum", 1.0),
            ("trees", leaves(S, rng), "sum", 1.0),
        ]
    )


def joined(bank: Bank, name: str, columns: Floats | None, weight: float = 2.0) -> Bank:
    """The bank with one more group of columns, whitened."""
    extra = np.zeros((len(bank.phi), 0)) if columns is None else whiten(scaled(columns), limit=columns.shape[1])
    if not extra.shape[1]:
        return bank
    at = bank.phi.shape[1]
    group = Group(name, np.arange(at, at + extra.shape[1]), "sum", weight)
    return Bank(np.concatenate([bank.phi, extra], axis=1), (*bank.groups, group))


# --- from sums to a p-value ----------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A p-value of a bank, the statistic (largest group, in its null standard deviations), and each group's own p."""

    p_value: float
    statistic: float
    groups: dict[str, float]


def judge(sums: Floats, groups: Sequence[Group], further: Sequence[tuple[str, Floats, float]] = ()) -> Outcome:
    """The p-value of the first row of `sums` (1 + B, D) among the draws under the null in the others.

    further: statistics that are no sums, large where the null fails: (name, values (1 + B,), weight).
    Columns are scaled by their own spread over all rows, groups are brought to one scale by a moment fit, and the smallest weighted
    tail is ranked among the draws. Spreads and moments are those of all rows, the observed one with them, so that no row is told from
    another: p = (1 + k) / (1 + B) is exact where observed and drawn rows are exchangeable.
    """
    spread = np.sqrt(np.mean(sums**2, axis=0) + 1e-300)
    squares = np.where(spread > 1e-9 * max(float(spread.max(initial=0.0)), 1e-12), sums / spread, 0.0) ** 2
    total = sum(g.weight for g in groups) + sum(w for _, _, w in further)
    tails = np.empty((len(groups) + len(further), len(sums)))
    own: dict[str, float] = {}
    strongest = 0.0
    for k, g in enumerate(groups):
        value = squares[:, g.columns].max(axis=1) if g.kind == "max" else squares[:, g.columns].sum(axis=1)
        mean, var = max(float(value.mean()), 1e-12), max(float(value.var()), 1e-12)
        tails[k] = stats.gamma.logsf(value, mean**2 / var, scale=var / mean) - np.log(g.weight / total)
        own[g.name] = float((np.count_nonzero(value[1:] >= value[0]) + 1) / len(value))
        strongest = max(strongest, float((value[0] - mean) / np.sqrt(var)))
    for k, (name, value, weight) in enumerate(further, len(groups)):
        z = (value - value.mean()) / max(float(value.std()), 1e-300)
        tails[k] = stats.norm.logsf(z) - np.log(weight / total)
        own[name] = float((np.count_nonzero(value[1:] >= value[0]) + 1) / len(value))
        strongest = max(strongest, float(z[0]))
    best = tails.min(axis=0)
    p = (1 + np.count_nonzero(best[1:] <= best[0] + 1e-12)) / len(best)
    return Outcome(float(p), strongest, own)


def products(phi: Floats, draws: NDArray[Any]) -> Floats:
    """`draws` (B, n) times `phi` (n, D), in blocks of bounded memory.

    Many rows are summed in single precision, in half the time: two draws are then never alike, so that no tie hangs on a last digit.
    """
    step = max(1, BLOCK // max(1, len(phi)))
    if len(phi) > SINGLE:
        phi, kind = phi.astype(np.float32), np.float32
        parts = [draws[i : i + step].astype(kind) @ phi for i in range(0, len(draws), step)]
        return np.concatenate(parts).astype(np.float64)
    return np.concatenate([draws[i : i + step] @ phi for i in range(0, len(draws), step)])


def permuted(domain: NDArray[np.int64], strata: NDArray[np.int64], draws: int, rng: np.random.Generator) -> Floats:
    """The centred domain vector (first row) and `draws` permutations of it within strata, (1 + draws, n)."""
    out = np.zeros((draws + 1, len(domain)))
    for s in np.unique(strata):
        rows = np.flatnonzero(strata == s)
        ones = int(domain[rows].sum())
        out[0, rows] = domain[rows] - ones / len(rows)
        if 0 < ones < len(rows):
            out[1:, rows] = subsets(len(rows), ones, draws, rng) - ones / len(rows)
    return out
