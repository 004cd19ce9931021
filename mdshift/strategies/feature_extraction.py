"""A frozen backbone with a new head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Prepared
from mdshift.nn.plan import Phase, Statistics, usual


@final
@strategy
@dataclass(frozen=True)
class FeatureExtraction(Train):
    """Keep the source network's features as they are and train a new head on the target's labels.

    Assumes: The source network's features carry what the target's labels hang on.

    Helps: There are few labels and the domains are similar: it is the least that transfer can do, and hard to overfit.

    Hurts: The features lack what the target needs: only a linear head is learnt, so that what they do not carry stays lost.
    """

    name: ClassVar[str] = "feature-extraction"
    cites: ClassVar[str] = "Donahue et al. 2014"
    needs: ClassVar[Needs] = Needs(target_labels=5)
    cost: ClassVar[Cost] = Cost.MEDIUM

    rate: float = param(2e-3, "learning rate of the head", low=1e-6, high=1.0)
    l2: float = param(1e-2, "weight decay of the head", low=0)
    fresh: bool = param(True, "draw a new head, rather than go on from the source's")
    statistics: str = param("source", "whose batch statistics the features use", choices=("source", "target"))

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """The source, then the head on the target."""
        held: Statistics = "target" if self.statistics == "target" else "frozen"
        new = Phase(
            name="head", rows="target", trains="head", least=300, rate=self.rate, decay=self.l2, statistics=held, fresh_head=self.fresh
        )
        return (usual(prepared, len(prepared.y_source), name="source", rows="source", check="source"), new)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss."""
        return state.task_loss(step, state.features(step, target=False)), {}
