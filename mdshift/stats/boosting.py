"""The bookkeeping of instance transfer boosting: how rows are weighed from round to round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 1e-3  # the smallest error of a round: one without error would have an infinite vote


def transfer_step(weights: Floats, wrong: Floats, n_source: int, rounds: int, n_classes: int = 2) -> tuple[Floats, float]:
    """One round of TrAdaBoost (Dai 2007) on weights (n + m,), the source's n rows first: the new weights and the round's vote.

    wrong (n + m,): 1 where the round's model errs. Source rows that it gets wrong lose weight by the fixed rate of Hedge,
    beta = 1 / (1 + sqrt(2 ln n / rounds)); target rows that it gets wrong gain weight as in AdaBoost, with the target's weighted error
    alone. More than two classes: the vote has ln(k - 1) more, as in SAMME (Hastie 2009), so that a model better than chance counts.
    A model no better than chance on the target has no vote, and only the source's weights move.
    """
    target = weights[n_source:]
    error = float(np.clip((target * wrong[n_source:]).sum() / target.sum(), LEAST, 1 - LEAST))
    vote = max(0.0, float(np.log((1 - error) / error) + np.log(max(n_classes - 1, 1))))
    beta = 1 / (1 + np.sqrt(2 * np.log(max(n_source, 2)) / rounds))
    new = weights * np.concatenate([beta ** wrong[:n_source], np.exp(vote * wrong[n_source:])])
    return new / new.sum(), vote


def source_share(weights: Floats, relative: Floats, n_source: int, share: float) -> Floats:
    """Weights (n + m,) whose target part sums to `share`, the source's rows weighed by beta^relative error (Pardoe & Stone 2010).

    beta is found by bisection, so that the source gives up weight where it errs most; a beta of 1 leaves the source as it is.
    """
    source, target = weights[:n_source], weights[n_source:]

    def part(beta: float) -> float:
        left = float((source * beta**relative).sum())
        return float(target.sum()) / (left + float(target.sum()))

    low, high = 1e-12, 1.0
    if part(high) < share:
        for _ in range(80):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if part(middle) > share else (low, middle)
    new = np.concatenate([source * high**relative, target])
    out: Floats = new / new.sum()
    return out
