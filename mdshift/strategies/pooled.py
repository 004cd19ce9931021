from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Context, Prepared, Trained


@strategy
@dataclass(frozen=True)
class Pooled(Strategy):
    """Train the chosen learner on the source and the labelled target rows together, the latter weighing more.

    The labelled target rows weigh `share` of the total, but none more than `most` source rows.

    Assumes: Source and target follow much the same rule, so that rows of both can be learnt from together.

    Helps: There are a few target labels: the plain use of them, hard to beat on tables.

    Hurts: The source's rule contradicts the target's: its many rows outvote the few labels up to `share`.
    """

    name: ClassVar[str] = "pooled"
    cites: ClassVar[str] = "Daumé III 2007"
    needs: ClassVar[Needs] = Needs(target_labels=2)
    cost: ClassVar[Cost] = Cost.LOW
    share: float = param(0.5, "weight of the labelled target rows in the total", low=0, high=1)
    most: float = param(20.0, "the largest weight of a target row, in source rows", low=1, high=10_000)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Stack, weigh, fit."""
        from mdshift.learners.pool import design, pooled

        known = np.flatnonzero(prepared.labelled)
        weights = design(prepared, context.base)
        fitted, heavy = pooled(prepared, prepared.X_source, known, context.learner, context.rng("fit"), weights, self.share, self.most)
        return Trained(fitted, evidence={"target_rows": len(known), "target_weight": heavy})
