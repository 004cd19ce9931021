"""Classes in a discriminative subspace of two domains, found with the target's own pseudo-labels (Wang & Breckon 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdshift.stats.calibration import softmax
from mdshift.stats.ot import spectrum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SHARPNESS = 10.0  # of the softmax over cosines: at 0.1 less than the best a class has a third of its probability
SPREAD = 0.1  # least standard deviation that a column is divided by: one that hardly moves is noise, not signal
ROWS = 2_000  # rows a side that the principal directions come from


@dataclass(frozen=True, eq=False)
class Classes:
    """matrix (d, k) and middle (k,) of the subspace; means, clusters (classes, k): of the source's classes, of the target's rows.

    scores (m, classes): of the target's rows.
    """

    matrix: Floats
    middle: Floats
    means: Floats
    clusters: Floats
    scores: Floats


def unit(rows: NDArray[Any]) -> Floats:
    """Rows of length one."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    out: Floats = rows / np.where(length > 0, length, 1.0)
    return out


def scales(X: NDArray[Any]) -> tuple[Floats, Floats]:
    """Mean and standard deviation (d,) of a domain, the latter at least SPREAD."""
    return X.mean(axis=0, dtype=np.float64), np.maximum(X.std(axis=0, dtype=np.float64), SPREAD)


def find(
    source: Floats, y: Ints, target: Floats, known: Ints, n_classes: int, *, components: int, dimensions: int, ridge: float, rounds: int,
    rng: np.random.Generator,
) -> Classes:  # fmt: skip
    """Subspace and classes from standardised rows of length one, source (n, d) with y (n,), target (m, d) with labels `known` or -1.

    In every round a subspace is found in which rows of one class, of the source and of the target's pseudo-labels, lie together; target
    rows are labelled by the nearest class mean of the source and the nearest cluster of the target that began there; and the next
    round takes a growing share of each class's most certain rows.
    """
    axes = _components(source, target, components, rng)
    P, Q = source @ axes, target @ axes
    middle = (P.mean(axis=0) + Q.mean(axis=0)) / 2
    P, Q = P - middle, Q - middle
    chosen = np.flatnonzero(known >= 0)
    labels = np.where(known >= 0, known, 0)
    for turn in range(1, rounds + 2):
        G = discriminant(np.concatenate([P, Q[chosen]]), np.concatenate([y, labels[chosen]]), n_classes, dimensions, ridge)
        A, B = P @ G, Q @ G
        centre = (A.mean(axis=0) + B.mean(axis=0)) / 2
        A, B = unit(A - centre), unit(B - centre)
        means = _means(A, y, n_classes)
        clusters = _clusters(B, means, known)
        scores = (softmax(SHARPNESS * B @ means.T) + softmax(SHARPNESS * B @ clusters.T)) / 2
        scores[known >= 0] = np.eye(n_classes)[known[known >= 0]]
        labels = scores.argmax(axis=1)
        chosen = _surest(scores, labels, turn / rounds)
    return Classes(axes @ G, middle @ G + centre, means, clusters, scores)


def discriminant(X: Floats, y: Ints, n_classes: int, dimensions: int, ridge: float) -> Floats:
    """Directions (d, k) along which rows of one class lie together: supervised locality preserving projection (He & Niyogi 2003).

    Largest generalised eigenvectors of X'DX against X'LX + ridge I, L = D - W the Laplacian of W_ij = 1 for rows of one class. Both
    sides follow from the classes' sums, so that no matrix of rows by rows is needed.
    """
    from scipy.linalg import eigh

    counts = np.bincount(y, minlength=n_classes)
    sums = np.stack([X[y == c].sum(axis=0) for c in range(n_classes)])
    total = (X * counts[y][:, None]).T @ X
    found: Floats = eigh(total, total - sums.T @ sums + ridge * np.eye(X.shape[1]))[1][:, ::-1][:, :dimensions]
    return found


def _components(source: Floats, target: Floats, most: int, rng: np.random.Generator) -> Floats:
    few = [s if len(s) <= ROWS else s[np.sort(rng.choice(len(s), ROWS, replace=False))] for s in (source, target)]
    return spectrum(np.concatenate(few), rng)[2][::-1][:most].T


def _means(A: Floats, y: Ints, n_classes: int) -> Floats:
    """Mean (classes, k) of each class, of length one; of a class without rows zero, which is near to nothing."""
    return unit(np.stack([A[y == c].sum(axis=0) for c in range(n_classes)]))


def _clusters(B: Floats, means: Floats, known: Ints) -> Floats:
    """Spherical k-means (Dhillon & Modha 2001) of the target from the class means; labelled rows stay with their class."""
    centres, before = means, np.full(len(B), -1)
    for _ in range(50):
        nearest = np.where(known >= 0, known, (B @ centres.T).argmax(axis=1))
        if (nearest == before).all():
            break
        before = nearest
        sums = np.stack([B[nearest == c].sum(axis=0) for c in range(len(means))])
        centres = np.where((np.abs(sums).sum(axis=1) > 0)[:, None], unit(sums), means)
    return centres


def _surest(scores: Floats, labels: Ints, share: float) -> Ints:
    """The share of each class's rows that are most certain, and at least one of each."""
    sure, kept = scores.max(axis=1), []
    for c in np.unique(labels):
        rows = np.flatnonzero(labels == c)
        kept.append(rows[np.argsort(-sure[rows], kind="stable")[: int(np.ceil(share * len(rows)))]])
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)
