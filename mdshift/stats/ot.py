"""Maps between two samples: by their first two moments, and by the transport of their rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COVARIANCE_ROWS = 2000  # rows a covariance is estimated from where there are more columns than that
MAP_COLUMNS = 500  # principal directions that a Gaussian map turns; what lies beyond is shifted by the mean alone
SWEEPS = 500  # of Sinkhorn's iterations
OFF = 0.1  # share of its mass that a row or column of a plan may have too much or too little
STEPS = 20  # of the generalised conditional gradient around them
STRONGEST = 1e3  # strength from which a plan is a product of its margins
_AT_ONCE = 1024  # rows, so that memory stays flat


def spectrum(X: NDArray[Any], rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Mean (d,), principal variances (r,) and directions (r, d) of X (n, d), r <= min(n, d); exact, or from a sample of rows if wide."""
    mean = X.mean(axis=0, dtype=np.float64)
    n, d = X.shape
    if d > COVARIANCE_ROWS < n:
        X = X[np.sort(rng.choice(n, COVARIANCE_ROWS, replace=False))]
    centred = np.asarray(X, dtype=np.float64) - X.mean(axis=0, dtype=np.float64)
    small = min(centred.shape)
    gram = (centred.T @ centred if d <= len(centred) else centred @ centred.T) / max(len(centred) - 1, 1)
    values, vectors = np.linalg.eigh(gram)
    keep = values > max(values[-1], 0.0) * small * 1e-12 if small else np.zeros(0, dtype=bool)
    values, vectors = values[keep], vectors[:, keep]
    if d <= len(centred):
        return mean, values, vectors.T
    return mean, values, (centred.T @ vectors / np.sqrt(values * (len(centred) - 1))).T


def recolour(source: NDArray[Any], target: NDArray[Any], regularisation: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """The source rows (n, d) with the target's mean and, up to the regularisation, its covariance (CORAL, Sun 2016).

    (X - mean_s) (C_s + r I)^(-1/2) (C_t + r I)^(1/2) + mean_t, with r = regularisation * mean variance of the source. Both roots are
    taken in the span of the rows, so that the cost grows with min(n, d), and d may exceed n. With fewer than two rows on a
    side the source comes back as it is.
    """
    if min(len(source), len(target)) < 2:  # noqa: PLR2004 - no covariance
        return np.array(source, dtype=np.float32)
    mean_s, var_s, axes_s = spectrum(source, rng)
    mean_t, var_t, axes_t = spectrum(target, rng)
    ridge = regularisation * max(float(var_s.sum()) / source.shape[1], 1e-12)
    Z = np.asarray(source, dtype=np.float64) - mean_s
    Z = Z / np.sqrt(ridge) + (Z @ axes_s.T) * (1 / np.sqrt(var_s + ridge) - 1 / np.sqrt(ridge)) @ axes_s
    Z = Z * np.sqrt(ridge) + (Z @ axes_t.T) * (np.sqrt(var_t + ridge) - np.sqrt(ridge)) @ axes_t
    out: NDArray[np.float32] = (Z + mean_t).astype(np.float32)
    return out


def gaussian_map(
    source: NDArray[Any], target: NDArray[Any], regularisation: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """The optimal transport between two Gaussians (Dowson & Landau 1982; Flamary 2019): A, directions, mean_s, mean_t.

    A row x goes to x - mean_s + P' (A - I) P (x - mean_s) + mean_t, where P (r, d) are the directions, orthonormal, and
    A (r, r) = S^(-1/2) (S^(1/2) T S^(1/2))^(1/2) S^(-1/2) is symmetric, S and T the covariances along P plus
    regularisation * mean variance of the source on their diagonals. Up to MAP_COLUMNS columns P is the identity, so that the map is
    exact; beyond, P spans the principal directions of all rows. With fewer than two rows on a side the map is the identity.
    """
    d = source.shape[1]
    if min(len(source), len(target)) < 2:  # noqa: PLR2004 - no covariance
        return np.zeros((0, 0)), np.zeros((0, d)), np.zeros(d), np.zeros(d)
    mean_s, mean_t = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    Zs, Zt = np.asarray(source, dtype=np.float64) - mean_s, np.asarray(target, dtype=np.float64) - mean_t
    directions = np.eye(d) if d <= MAP_COLUMNS else _shared_directions(Zs, Zt, rng)
    S, T = (_covariance(Z @ directions.T) for Z in (Zs, Zt))
    ridge = regularisation * max(float((Zs**2).sum()) / (max(len(Zs) - 1, 1) * d), 1e-12) * np.eye(len(directions))
    root, inverse = roots(S + ridge)
    A = inverse @ roots(root @ (T + ridge) @ root)[0] @ inverse
    return (A + A.T) / 2, directions, mean_s, mean_t


def transport(rows: NDArray[Any], found: tuple[Floats, Floats, Floats, Floats]) -> NDArray[np.float32]:
    """Rows (n, d) under what `gaussian_map` found."""
    A, directions, mean_s, mean_t = found
    Z = np.asarray(rows, dtype=np.float64) - mean_s
    out: NDArray[np.float32] = (Z + (Z @ directions.T) @ (A - np.eye(len(A))) @ directions + mean_t).astype(np.float32)
    return out


def roots(C: Floats) -> tuple[Floats, Floats]:
    """C^(1/2) and C^(-1/2) of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(C)
    root = np.sqrt(np.maximum(values, max(float(values[-1]), 1e-300) * 1e-12))
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T


def _covariance(Z: Floats) -> Floats:
    out: Floats = Z.T @ Z / max(len(Z) - 1, 1)
    return out


def _shared_directions(Zs: Floats, Zt: Floats, rng: np.random.Generator) -> Floats:
    """The principal directions (r, d) of both sides together, each centred, each of equal say."""
    parts = []
    for Z in (Zs, Zt):
        few = Z[np.sort(rng.choice(len(Z), COVARIANCE_ROWS // 2, replace=False))] if len(Z) > COVARIANCE_ROWS // 2 else Z
        parts.append(few / np.sqrt(len(few)))
    both = np.concatenate(parts)
    return spectrum(both, rng)[2][::-1][:MAP_COLUMNS]


@dataclass(frozen=True, eq=False)
class Coupling:
    """A transport plan (n, m) of mass 1, and the entropic strength that it was found with, in units of the median cost."""

    plan: Floats
    strength: float


def couple(source: Floats, target: Floats, strength: float, y: NDArray[Any] | None = None, grouping: float = 0.0) -> Coupling:
    """Entropic optimal transport between two samples (n, d), (m, d) of equal weights, by squared distance (Cuturi 2013).

    y (n,): class codes of the source rows; with them every target row is urged, by the group lasso over classes with weight
    `grouping`, to take its mass from rows of one class (Courty 2017). Costs are in units of their median. A strength so small that
    the numbers underflow, or that the iterations do not meet the margins, is doubled until they do.
    Raises ImportError without the package ot.
    """
    import ot

    M = squared(source, target)
    M /= max(float(np.median(M)), 1e-300)
    # what is taken off a whole row or column changes no plan, and keeps far rows from underflow
    M -= M.min(axis=1, keepdims=True)
    M -= M.min(axis=0, keepdims=True)
    a, b = (np.full(k, 1 / k) for k in M.shape)
    urged = False
    while strength <= STRONGEST:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what comes of it is looked at below
            if urged:
                plan = np.asarray(ot.da.sinkhorn_l1l2_gl(a, y, b, M, strength, grouping, numItermax=STEPS, numInnerItermax=SWEEPS))
            else:
                plan = np.asarray(ot.sinkhorn(a, b, M, strength, numItermax=SWEEPS))
            off = float(max(np.abs(plan.sum(axis=1) / a - 1).max(), np.abs(plan.sum(axis=0) / b - 1).max()))
        if not off < OFF:  # or not a number
            strength *= 2
        elif urged or y is None:
            return Coupling(plan, strength)
        else:  # the quick problem has found a strength that serves
            urged = True
    return Coupling(np.outer(a, b), strength)


def barycentric(coupling: Coupling, target: NDArray[Any]) -> Floats:
    """Where each source row goes (n, d): the mean of the target's rows (m, d) under the row's share of the plan."""
    out: Floats = coupling.plan @ np.asarray(target, dtype=np.float64) / coupling.plan.sum(axis=1, keepdims=True)
    return out


def follow(rows: NDArray[Any], known: NDArray[Any], moved: NDArray[Any]) -> NDArray[np.float32]:
    """Rows (n, d) under the displacement of the nearest of the rows `known` (k, d), which went to `moved` (k, d) (Ferradans 2014)."""
    out = np.empty(rows.shape, dtype=np.float32)
    shift = np.asarray(moved, dtype=np.float64) - known
    for at in range(0, len(rows), _AT_ONCE):
        few = np.asarray(rows[at : at + _AT_ONCE], dtype=np.float64)
        out[at : at + _AT_ONCE] = few + shift[squared(few, known).argmin(axis=1)]
    return out


def squared(A: NDArray[Any], B: NDArray[Any]) -> Floats:
    """Squared distances (n, m) between rows (n, d) and (m, d)."""
    A, B = np.asarray(A, dtype=np.float64), np.asarray(B, dtype=np.float64)
    middle = B.mean(axis=0)
    A, B = A - middle, B - middle
    apart: Floats = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1)[None] - 2 * A @ B.T
    return np.maximum(apart, 0.0, out=apart)
