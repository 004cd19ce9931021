"""The ambiguity of an ensemble: what its mean gains over its members, seen without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def ambiguity(scores: Sequence[NDArray[Any]], weights: NDArray[np.float64]) -> float:
    """The members' weighted mean squared distance from their weighted mean, averaged over the rows.

    scores: (m, k) of each member; weights (members,), summing to 1. For any labels the mean's squared error (Brier score where the
    scores are class probabilities) is the members' weighted mean squared error less this number, exactly (Krogh & Vedelsby 1995).
    """
    if not len(scores[0]):
        return 0.0
    mean = sum(w * s for w, s in zip(weights, scores, strict=True))
    return float(sum(w * ((s - mean) ** 2).sum(axis=1).mean() for w, s in zip(weights, scores, strict=True)))
