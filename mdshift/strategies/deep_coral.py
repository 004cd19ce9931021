"""Features with the same covariance in both domains."""

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
class DeepCoral(Train):
    """Train on the source while the covariances of source and target features are kept alike.

    Second moments alone: weaker than `mmd` or `dann`, but without an adversary and steady on small data.

    Assumes: Features whose second moments are alike in both domains predict the label in both.

    Helps: Small data whose features must be learnt: images and arrays that moved without a change of the classes' shares.

    Hurts: The classes' shares differ, or what moved is not a matter of means and covariances. On tables it lost to a plain source model
    (docs/strategies.md).
    """

    name: ClassVar[str] = "deep-coral"
    cites: ClassVar[str] = "Sun & Saenko 2016"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.MEDIUM

    weight: float = param(100.0, "weight of the covariance term (which is over 4 d^2)", low=0)
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics),)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss and the weighted distance of the covariances."""
        from mdshift.nn import losses

        batch = state.features(step)
        task, gap = state.task_loss(step, batch), losses.coral(batch.source, batch.target)
        return task + self.weight * gap, {"task": task, "coral": gap}
