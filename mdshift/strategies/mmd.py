"""Features whose distribution is the same in both domains, by maximum mean discrepancy."""

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
class Mmd(Train):
    """Train on the source while the maximum mean discrepancy between source and target features is kept small (DAN).

    Several Gaussian kernels around the batch's median distance, the unbiased estimate.

    Assumes: Features exist that are alike in both domains and on which P(Y | features) is the same.

    Helps: The inputs' distribution moved, the classes' shares did not, and features must be learnt anyway.

    Hurts: The classes' shares differ: it pulls unlike classes together. On tables it lost to a plain source model (docs/strategies.md).
    """

    name: ClassVar[str] = "mmd"
    cites: ClassVar[str] = "Long et al. 2015"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.MEDIUM

    weight: float = param(1.0, "weight of the discrepancy", low=0)
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics),)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss and the weighted discrepancy, ramped up."""
        from mdshift.nn import losses

        batch = state.features(step)
        task, gap = state.task_loss(step, batch), losses.mmd(batch.source, batch.target)
        return task + self.weight * losses.ramp(step.progress) * gap, {"task": task, "mmd": gap}
