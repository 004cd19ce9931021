"""Maps between two samples by their first two moments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COVARIANCE_ROWS = 2000  # rows a covariance is estimated from where there are more columns than that


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
