"""Predictions on the target that do not confuse classes."""

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
class Mcc(Train):
    """Train on the source while the target's predictions are kept from being torn between classes (minimum class confusion).

    No alignment of features and no adversary: target rows are pushed off the borders between classes, the certain ones with more
    weight.

    Assumes: Most of the source model's first predictions on the target are right, and classes lie apart there.

    Helps: Target rows lie near the borders between classes without changing sides, as on images.

    Hurts: The first reading of the target is mostly wrong: it makes it surely wrong.
    """

    name: ClassVar[str] = "mcc"
    cites: ClassVar[str] = "Jin et al. 2020"
    needs: ClassVar[Needs] = Needs(tasks=("classification",))
    cost: ClassVar[Cost] = Cost.MEDIUM

    weight: float = param(1.0, "weight of the confusion", low=0)
    temperature: float = param(2.5, "temperature that softens the predictions", low=0.1)
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics),)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss and the weighted confusion, ramped up."""
        from mdshift.nn import losses

        batch = state.features(step)
        task = state.task_loss(step, batch)
        each = state.network.each(batch.target)  # on the mean a few members could take all rows into one class
        confusion = sum(losses.class_confusion(outputs, self.temperature) for outputs in each) / len(each)
        return task + self.weight * losses.ramp(step.progress) * confusion, {"task": task, "confusion": confusion}
