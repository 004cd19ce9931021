"""Density ratios p_target(x) / p_source(x) by kernels: mean matching, KLIEP and uLSIF.

All three see the same standardised space (`view`) and the same width to start from (the median distance), and take at most CAP rows
a side, so that time and memory stay bounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdshift.stats.density import normalise
from mdshift.stats.ot import spectrum

Floats = NDArray[np.float64]

CAP = 2_000  # rows a side that a kernel problem is solved on
MATCHED = 1_000  # rows a side of the quadratic programme of mean matching, whose cost grows with their square
WIDE = 30  # columns beyond which distances are all alike (Beyer 1999): a projection takes their place
KEPT = 10  # principal components of the projection: kernels in more need more rows than there are
CENTRES = 100  # kernels of KLIEP and uLSIF, centred on target rows (both papers)
BLOCK = 1_024  # rows of a block of kernel values
FACTORS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.5)  # widths that are tried, in units of the median distance
FLOOR = 1e-4  # the least ratio: a row of ratio 0 would be lost, however much the weights are flattened
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def view(source: NDArray[Any], target: NDArray[Any], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Both sides (n, k), (m, k) where distances mean something: of more than WIDE columns the first KEPT principal components.

    A column whose pooled standard deviation is over one is scaled down to one; none is blown up, so that a rare level of a category
    does not outweigh everything. The components keep their variances.
    """
    few = [side[draw(len(side), rng, CAP // 2)].astype(np.float64) for side in (source, target)]
    both = np.concatenate(few)
    centre, scale = both.mean(axis=0), np.maximum(both.std(axis=0), 1.0)
    axes = spectrum((both - centre) / scale, rng)[2][::-1][:KEPT].T if both.shape[1] > WIDE else np.eye(both.shape[1])

    def seen(side: NDArray[Any]) -> Floats:
        return np.concatenate([(side[at : at + BLOCK] - centre) / scale @ axes for at in range(0, max(len(side), 1), BLOCK)])

    return seen(source), seen(target)


def draw(n: int, rng: np.random.Generator, most: int = CAP) -> NDArray[np.int64]:
    """Positions of at most `most` of n rows, in order."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def squared(A: Floats, B: Floats) -> Floats:
    """Squared distances (a, b)."""
    out: Floats = np.maximum((A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1)[None, :] - 2 * A @ B.T, 0.0)
    return out


def median_distance(A: Floats, B: Floats, rng: np.random.Generator) -> float:
    """Median distance of pooled rows (Gretton 2009's width), 1 where all rows are alike."""
    both = np.concatenate([A, B])
    i, j = rng.integers(0, len(both), (2, 20_000))
    gaps = np.sqrt(((both[i] - both[j]) ** 2).sum(axis=1))
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else 1.0


def kernel(A: Floats, B: Floats, width: float) -> Floats:
    """exp(-|a - b|^2 / (2 width^2)) (a, b)."""
    out: Floats = np.exp(-squared(A, B) / (2 * width**2))
    return out


# --- kernel mean matching ------------------------------------------------------------------------------------------


def mean_matching(source: Floats, target: Floats, width: float, top: float, steps: int = 500, tolerance: float = 1e-3) -> Floats:
    """Weights (n,) in [0, top] of mean one under which the kernel means of both sides are nearest (Huang 2007).

    Minimises w'Kw / 2 - n w'k with k_i = mean_j K(x_i, z_j) over 0 <= w <= top and mean w = 1 (the paper's slack eps at 0).
    Accelerated projected gradient (Nesterov 1983), restarted where it overshoots (O'Donoghue & Candes 2015).
    """
    n = len(source)
    K, k = kernel(source, source, width), kernel(source, target, width).mean(axis=1) * n
    pace = 1.0 / max(_largest(K), 1e-12)
    w = ahead = np.ones(n)
    momentum = 1.0
    for _ in range(steps):
        new = project(ahead - pace * (K @ ahead - k), top)
        if (ahead - new) @ (new - w) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        moved = float(np.abs(new - w).max())
        ahead, w, momentum = new + (momentum - 1) / following * (new - w), new, following
        if moved < tolerance:  # weights do not matter to more digits
            break
    return w


def project(v: Floats, top: float) -> Floats:
    """The nearest point to v in the box [0, top] whose mean is one (bisection on the shift)."""
    low, high = float(v.min()) - top, float(v.max())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(v - middle, 0, top).mean() > 1 else (low, middle)
    out: Floats = np.clip(v - high, 0, top)
    return out


def spread(anchors: Floats, values: Floats, rows: Floats, width: float) -> Floats:
    """Values (n,) at `rows` from those at `anchors` by kernel regression (Nadaraya 1964), in blocks; far from all anchors the nearest's."""
    out = np.empty(len(rows))
    for at in range(0, len(rows), BLOCK):
        apart = squared(rows[at : at + BLOCK], anchors)
        near = np.exp(-(apart - apart.min(axis=1, keepdims=True)) / (2 * width**2))
        out[at : at + BLOCK] = near @ values / near.sum(axis=1)
    return out


def _largest(K: Floats) -> float:
    v = np.ones(len(K)) / np.sqrt(len(K))
    for _ in range(30):  # power iteration: K has positive entries, so that the start is not orthogonal to its first vector
        v = K @ v
        v /= max(float(np.linalg.norm(v)), 1e-300)
    return 1.02 * float(v @ K @ v)


# --- KLIEP -------------------------------------------------------------------------------------------------------


def fit_kliep(at_target: Floats, source_mean: Floats, steps: int = 300) -> Floats:
    """Coefficients (b,) >= 0 that maximise mean log(Phi a) under mean_source = 1: multiplicative (EM) steps, which cannot overshoot.

    at_target (m, b): kernels at target rows; source_mean (b,): their means over the source. With c = a * source_mean the problem is
    that of mixture weights of the densities kernel / source_mean, whose fixed point Sugiyama's gradient seeks as well.
    """
    relative = at_target / np.maximum(source_mean, 1e-12)
    c = np.full(len(source_mean), 1 / len(source_mean))
    for _ in range(steps):
        new = c * (relative / np.maximum(relative @ c, 1e-300)[:, None]).mean(axis=0)
        done = np.abs(new - c).max() < 1e-7  # noqa: PLR2004 - shares of a mixture
        c = new
        if done:
            break
    out: Floats = c / np.maximum(source_mean, 1e-12)
    return out


def kliep_width(source: Floats, target: Floats, at: NDArray[np.int64], widths: Floats, fold: NDArray[np.int64]) -> float:
    """The width whose ratio has the largest mean log at held-out target rows: likelihood cross-validation.

    at (b,): the target rows that are centres; a centre stands with its fold, so that no held-out row is a centre of its own.
    """
    found = []
    for width in widths:
        at_source, at_target = kernel(source, target[at], width).mean(axis=0), kernel(target, target[at], width)
        told = []
        for f in np.unique(fold):
            held, ours = fold == f, fold[at] != f
            if ours.any():
                a = fit_kliep(at_target[~held][:, ours], at_source[ours], 50)
                told.append(np.log(np.maximum(at_target[held][:, ours] @ a, FLOOR)).mean())
        found.append(np.mean(told) if told else -np.inf)
    return float(widths[int(np.argmax(found))])


# --- uLSIF -------------------------------------------------------------------------------------------------------


def fit_ulsif(at_source: Floats, at_target: Floats, ridge: float) -> Floats:
    """Coefficients (b,): (H + ridge I)^-1 h cut at zero, H = Phi_s' Phi_s / n, h = mean of Phi_t (Kanamori 2009)."""
    H = at_source.T @ at_source / len(at_source)
    out: Floats = np.maximum(np.linalg.solve(H + ridge * np.eye(len(H)), at_target.mean(axis=0)), 0.0)
    return out


def ulsif_left_out(at_source: Floats, at_target: Floats, ridge: float) -> float:
    """Leave-one-out squared error J of uLSIF in closed form (Kanamori 2009): one source and one target row left out at a time.

    The first n rows of each side are paired, n the smaller side. J = mean(r(x_s)^2) / 2 - mean(r(x_t)) on the rows left out.
    """
    size = min(len(at_source), len(at_target))
    H, h = at_source.T @ at_source / len(at_source), at_target.mean(axis=0)
    n, m, b = len(at_source), len(at_target), H.shape[0]
    S, T = at_source[:size].T, at_target[:size].T  # (b, size)
    B = H + ridge * (n - 1) / n * np.eye(b)
    inverse = np.linalg.inv(B)  # of a well-conditioned matrix: solving for every row is many times slower
    BS, Bh, BT = inverse @ S, inverse @ h, inverse @ T
    gap = np.maximum(n - (S * BS).sum(axis=0), 1e-12)  # Sherman-Morrison: the inverse without the row

    def without(v: Floats, sv: Floats) -> Floats:
        out: Floats = v + BS * (sv / gap)
        return out

    whole = without(np.repeat(Bh[:, None], size, axis=1), S.T @ Bh)
    alpha = (n - 1) / n * (m * whole - without(BT, (S * BT).sum(axis=0))) / max(m - 1, 1)
    alpha = np.maximum(alpha, 0.0)
    return float(((S * alpha).sum(axis=0) ** 2).mean() / 2 - (T * alpha).sum(axis=0).mean())


# --- whole ---------------------------------------------------------------------------------------------------------


def evaluate(rows: Floats, centres: Floats, coefficients: Floats, width: float) -> Floats:
    """The ratio (n,) sum_l a_l K(x, c_l), in blocks; mean one over the rows, none below FLOOR."""
    parts = [kernel(rows[at : at + BLOCK], centres, width) @ coefficients for at in range(0, len(rows), BLOCK)]
    return np.maximum(normalise(np.concatenate(parts)), FLOOR)


def kmm(source: NDArray[Any], target: NDArray[Any], width: float, top: float, rng: np.random.Generator) -> Floats:
    """Ratios (n,) by kernel mean matching; width in units of the median distance. Rows beyond MATCHED by kernel regression."""
    X, Z = view(source, target, rng)
    rows = draw(len(X), rng, MATCHED)
    ours, theirs = X[rows], Z[draw(len(Z), rng, MATCHED)]
    sigma = width * median_distance(ours, theirs, rng)
    w = np.empty(len(X))
    w[rows] = mean_matching(ours, theirs, sigma, top)
    rest = np.setdiff1d(np.arange(len(X)), rows)
    w[rest] = spread(ours, w[rows], X[rest], sigma)
    return np.maximum(normalise(w), FLOOR)


def kliep(source: NDArray[Any], target: NDArray[Any], centres: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Ratios (n,) by KLIEP (Sugiyama 2008), and the width that cross-validation chose."""
    X, Z = view(source, target, rng)
    ours, theirs = X[draw(len(X), rng)], Z[draw(len(Z), rng)]
    at = draw(len(theirs), rng, centres)
    widths = median_distance(ours, theirs, rng) * np.array(FACTORS)
    width = kliep_width(ours, theirs, at, widths, rng.permutation(np.arange(len(theirs)) % 5))
    a = fit_kliep(kernel(theirs, theirs[at], width), kernel(ours, theirs[at], width).mean(axis=0))
    return evaluate(X, theirs[at], a, width), width


def ulsif(source: NDArray[Any], target: NDArray[Any], centres: int, rng: np.random.Generator) -> tuple[Floats, float, float]:
    """Ratios (n,) by uLSIF (Kanamori 2009), and the width and ridge of the least leave-one-out error."""
    X, Z = view(source, target, rng)
    ours, theirs = (side[rng.permutation(draw(len(side), rng))] for side in (X, Z))
    middle = theirs[draw(len(theirs), rng, centres)]
    best = (np.inf, 1.0, 1.0)
    for width in median_distance(ours, theirs, rng) * np.array(FACTORS):
        at_source, at_target = kernel(ours, middle, width), kernel(theirs, middle, width)
        best = min([best, *((ulsif_left_out(at_source, at_target, ridge), float(width), ridge) for ridge in RIDGES)])
    _, width, ridge = best
    a = fit_ulsif(kernel(ours, middle, width), kernel(theirs, middle, width), ridge)
    return evaluate(X, middle, a, width), width, ridge
