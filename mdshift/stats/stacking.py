"""Stacking: the weights of two models' mean that would have been best on rows that neither was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def stacked(first: NDArray[np.float64], second: NDArray[np.float64], truth: NDArray[Any], task: str) -> float:
    """The weight w in [0, 1] by which w * first + (1 - w) * second has the least squared error (Brier score for classes).

    first, second: out-of-fold scores (n, k); truth (n,): codes or numbers. In closed form: half, less the difference of the two mean
    squared errors over twice the mean squared distance between the two (Wolpert 1992; Breiman 1996; by Krogh & Vedelsby 1995). Half where
    they never differ.
    """
    wanted = np.eye(first.shape[1])[truth] if task == "classification" else np.asarray(truth, dtype=np.float64)[:, None]
    apart = float(((first - second) ** 2).sum())
    if apart <= 0:
        return 0.5
    excess = float(((first - wanted) ** 2).sum() - ((second - wanted) ** 2).sum())
    return float(np.clip(0.5 - excess / (2 * apart), 0.0, 1.0))
