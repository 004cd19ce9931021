"""What the cost's parts need of the law of Y: the share that both sides have, and what the source tells of a score given Y."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.probes import rows as shared

    Floats = NDArray[np.float64]

KNOTS = (0.1, 0.25, 0.5, 0.75, 0.9)  # quantiles of y at which the log ratio of its two densities may bend


def given_labels(found: shared.Rows, y: Any, told: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Shares of the law of Y that both sides have, of source and target rows, and the mean gains given Y as the source tells them."""
    from mdshift.stats.density import shared_support

    n, m = len(found.y_source), len(y)
    both = np.concatenate([found.y_source, y])
    if found.classes:
        design = np.eye(found.classes)[both]
        p, q = design[:n].mean(axis=0), design[n:].mean(axis=0)
        e = (m * q / np.maximum(n * p + m * q, 1e-300))[both]
        told_by = np.divide(design[:n].T @ told, (n * p)[:, None], out=np.zeros((found.classes, told.shape[1])), where=p[:, None] > 0)
        predicted = told_by[both]
    else:
        design = _hinges(both)
        e = _domain_given(design, n)
        A = np.column_stack([design, np.ones(n + m)])
        predicted = A @ np.linalg.lstsq(A[:n], told, rcond=1e-8)[0]
    s = shared_support(e, n, m)
    return s[:n], s[n:], predicted[:n], predicted[n:]


def _hinges(values: Floats) -> Floats:
    """The value, compressed far out, its square, and hinges at its quantiles, standardised, (n, 7)."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    z = np.clip((values - middle) / max(high - low, 1e-12), -5, 5)
    basis = np.column_stack([z, z * z, *(np.maximum(z - np.quantile(z, q), 0) for q in KNOTS)])
    basis -= basis.mean(axis=0)
    sd = basis.std(axis=0)
    return np.asarray(basis / np.where(sd > 0, sd, 1.0))


def _domain_given(design: Floats, n: int) -> Floats:
    """P(target | row) by logistic regression, its first n rows the source's."""
    from mdshift.stats.nuisance import newton

    domain = (np.arange(len(design)) >= n).astype(np.int64)
    beta = newton(design, domain, (1.0,))[0]
    p: Floats = 1 / (1 + np.exp(-np.clip(design @ beta[:-1] + beta[-1], -30, 30)))
    return p
