"""Calibration of class probabilities: temperature scaling and its bias-corrected form, and how far from calibrated scores are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TINY = 1e-12


def logits(probabilities: Floats) -> Floats:
    """Log-probabilities (n, k), floored so that a zero stays finite."""
    out: Floats = np.log(np.clip(probabilities, _TINY, None))
    return out


def softmax(z: Floats) -> Floats:
    """Rows of `z` (n, k) as probabilities."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    out: Floats = e / e.sum(axis=1, keepdims=True)
    return out


def scale(probabilities: Floats, slope: float, bias: Floats | None = None) -> Floats:
    """Probabilities (n, k) recalibrated: softmax(slope * log p + bias). The slope is 1 / temperature."""
    z = slope * logits(probabilities)
    return softmax(z if bias is None else z + bias)


def fit_temperature(probabilities: Floats, y: NDArray[np.int64], weights: Floats | None = None) -> float:
    """Slope (1 / temperature) that minimises the log loss of out-of-fold scores (Guo 2017), within [0.05, 5]; 1 where nothing can be fitted."""
    from scipy.optimize import minimize_scalar

    if len(y) < 10 or len(np.unique(y)) < 2:  # noqa: PLR2004 - fewer rows say nothing of a slope
        return 1.0
    z = logits(probabilities)
    w = np.ones(len(y)) if weights is None else weights
    rows = np.arange(len(y))

    def loss(log_slope: float) -> float:
        s = np.exp(log_slope) * z
        top = s.max(axis=1)
        norm = top + np.log(np.exp(s - top[:, None]).sum(axis=1))
        return float((w * (norm - s[rows, y])).sum())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(5.0)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x)) if np.isfinite(found.fun) else 1.0


def slope_below(probabilities: Floats, ceiling: float) -> float:
    """The largest slope, at most 1, at which the mean confidence (largest probability) of rows (n, k) is not above `ceiling`; at least 0.05."""
    from scipy.optimize import brentq

    def over(log_slope: float) -> float:
        return float(scale(probabilities, float(np.exp(log_slope))).max(axis=1).mean()) - ceiling

    least = float(np.log(0.05))
    if over(0.0) <= 0:
        return 1.0
    return float(np.exp(least if over(least) >= 0 else brentq(over, least, 0.0, xtol=1e-4)))


def fit_bcts(probabilities: Floats, y: NDArray[np.int64], *, ridge: float = 1e-3) -> tuple[float, Floats]:
    """Slope and bias (k,) of bias-corrected temperature scaling (Alexandari 2020): softmax(slope * log p + bias).

    probabilities (n, k) must be out-of-fold. A small ridge on the bias keeps classes with few rows near 0.
    """
    from scipy.optimize import minimize

    n, k = probabilities.shape
    if n < 10 * k or len(np.unique(y)) < 2:  # noqa: PLR2004 - too few rows for k biases: the slope alone
        return fit_temperature(probabilities, y), np.zeros(k)
    z, onehot = logits(probabilities), np.eye(k)[y]

    def loss(theta: Floats) -> tuple[float, Floats]:
        slope = np.exp(theta[0])
        p = softmax(slope * z + theta[1:])
        value = -np.log(np.clip(p[np.arange(n), y], _TINY, None)).mean() + ridge * float(theta[1:] @ theta[1:])
        delta = (p - onehot) / n
        gradient = np.concatenate([[slope * float((delta * z).sum())], delta.sum(axis=0) + 2 * ridge * theta[1:]])
        return float(value), gradient

    bounds = [(np.log(0.05), np.log(5.0))] + [(-5.0, 5.0)] * k
    start = np.concatenate([[np.log(fit_temperature(probabilities, y))], np.zeros(k)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    if not np.all(np.isfinite(found.x)):
        return 1.0, np.zeros(k)
    return float(np.exp(found.x[0])), np.asarray(found.x[1:], dtype=np.float64)


def reliability(probabilities: Floats, y: NDArray[np.int64], bins: int = 10) -> tuple[float, list[dict[str, Any]]]:
    """Expected calibration error of the top class, and its bins: confidence, accuracy and rows in each.

    Bins are of equal width on [0, 1] (Naeini 2015). Rows whose class the model lacks count as wrong.
    """
    if len(y) == 0:
        return 0.0, []
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    found, error = [], 0.0
    for b in range(bins):
        rows = index == b
        if not rows.any():
            continue
        c, a = float(confidence[rows].mean()), float(right[rows].mean())
        error += abs(c - a) * float(rows.mean())
        found.append({"low": b / bins, "high": (b + 1) / bins, "rows": int(rows.sum()), "confidence": c, "accuracy": a})
    return error, found
