from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Trained
from mdshift.learners.compose import Averaged
from mdshift.learners.linear import LinearPredictor
from mdshift.learners.projected import Projected
from mdshift.stats.pseudolabels import SHARPNESS, find, scales, unit

if TYPE_CHECKING:
    from mdshift.learners.base import Context, Predictor, Prepared


@final
@strategy
@dataclass(frozen=True)
class SelectivePseudoLabels(Strategy):
    """Look for a subspace in which the classes of both domains fall together, guided by the target's own most certain labels.

    Each domain is standardised by itself. In turn, a discriminative subspace is found from the source's labels and the target's
    pseudo-labels, and the target is labelled by the nearest class mean of the source and the nearest of the target's clusters; every
    round admits a larger share of each class's surest rows, so that early mistakes do not spread.

    Assumes: The target's classes form clusters, and most of the surest first labels are right.

    Helps: Embeddings and counts in which the target's classes form clusters of their own.

    Hurts: They do not, or the classes' shares differ much between the domains: it turns the source's mistakes into certainties.
    """

    name: ClassVar[str] = "selective-pseudo-labels"
    cites: ClassVar[str] = "Wang & Breckon 2020"
    needs: ClassVar[Needs] = Needs(tasks=("classification",), modalities=("table", "array"))
    cost: ClassVar[Cost] = Cost.LOW
    rounds: int = param(10, "rounds, over which the share of admitted rows grows to all", low=1, high=100)
    components: int = param(100, "principal components that the subspace is sought in", low=1, high=1000)
    dimensions: int = param(30, "dimensions of the subspace", low=1, high=1000)
    ridge: float = param(1.0, "added to the diagonal of the scatter within classes", low=1e-6, high=1e6)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Find the subspace; the predictor is the mean of the two votes in it."""
        if min(len(prepared.X_source), len(prepared.X_target)) < 2:  # noqa: PLR2004 - nothing to standardise by
            return Trained(context.base)
        (mean_s, sd_s), (mean_t, sd_t) = scales(prepared.X_source), scales(prepared.X_target)
        known = np.where(prepared.labelled, prepared.y_target, -1)
        found = find(
            unit((prepared.X_source - mean_s) / sd_s), prepared.y_source, unit((prepared.X_target - mean_t) / sd_t), known,
            prepared.n_classes, components=self.components, dimensions=self.dimensions, ridge=self.ridge, rounds=self.rounds,
            rng=context.rng("subspace"),
        )  # fmt: skip
        votes: list[Predictor] = [
            LinearPredictor(
                np.ascontiguousarray(SHARPNESS * centres.T), np.zeros(len(centres)), np.arange(len(centres)), len(centres), "classification"
            )
            for centres in (found.means, found.clusters)
        ]
        vote = Averaged(votes, np.array([0.5, 0.5]))
        columns = np.arange(prepared.X_source.shape[1])
        sure = float(found.scores.max(axis=1).mean())
        return Trained(Projected(vote, found.matrix, mean_t, sd_t, columns, found.middle, unit=True), evidence={"mean_confidence": sure})
