"""Features and predictions brought together by optimal transport, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Prepared
from mdshift.nn.plan import Phase, usual


@final
@strategy
@dataclass(frozen=True)
class DeepJdot(Train):
    """Match each batch's source rows with its target rows by optimal transport, and learn to make the match cheap.

    The cost of a pair is the squared distance of its features and the loss of the source row's label at the target row's prediction, so
    that the target gets the labels of what it is matched with. The plan is exact, or smoothed by entropy (`entropy` above 0). With it
    the task's loss on the source keeps what is known.

    Assumes: A target row's nearest counterpart in features and prediction has its label; the classes' shares are the same.

    Helps: The inputs moved and the classes' shares did not.

    Hurts: The classes' shares differ: a plan gives every row away, and some rows must be matched across classes.
    """

    name: ClassVar[str] = "deep-jdot"
    cites: ClassVar[str] = "Damodaran et al. 2018"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"), extra="ot")
    cost: ClassVar[Cost] = Cost.HIGH

    features: float = param(1.0, "weight of the features' mean squared distance in the cost", low=0)
    labels: float = param(1.0, "weight of the label's loss in the cost", low=0)
    entropy: float = param(0.0, "entropic regularisation relative to the mean cost; 0: the exact plan", low=0, high=10)
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics),)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss, and the cost of the plan."""
        from mdshift.nn import losses

        batch = state.features(step)
        task = state.task_loss(step, batch)
        cost = losses.joint_cost(
            batch.source, batch.target, step.ys, state.network.head(batch.target), state.task, self.features, self.labels
        )
        coupling = cost.new_tensor(self.coupled(cost.detach().cpu().double().numpy()))
        moved = (coupling * cost).sum()
        return task + moved, {"task": task, "transport": moved}

    def coupled(self, cost: Any) -> Any:
        """The plan (n, m) of this cost between rows of equal weight."""
        import numpy as np
        import ot

        n, m = cost.shape
        a, b = np.full(n, 1.0 / n), np.full(m, 1.0 / m)
        if self.entropy > 0:
            return ot.sinkhorn(a, b, cost, self.entropy * max(float(cost.mean()), 1e-12), method="sinkhorn_log", numItermax=200, warn=False)
        return ot.emd(a, b, cost)
