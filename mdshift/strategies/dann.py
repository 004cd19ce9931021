"""Features from which an adversary cannot tell the domain."""

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
class Dann(Train):
    """Domain-adversarial training: the adversary's gradient is reversed before it reaches the features.

    The reversal's strength ramps up as 2 / (1 + exp(-10 p)) - 1. With `conditional` the adversary sees the outer product of features
    and predictions (CDAN, Long 2018), which keeps classes apart.

    Assumes: Features exist that are alike in both domains and still tell the label; the classes' shares are the same.

    Helps: The inputs' distribution moved and features must be learnt anyway, as on images.

    Hurts: The classes' shares differ: aligned features must then confuse classes (use `label-shift`). On tables it lost to a plain
    source model (docs/strategies.md).
    """

    name: ClassVar[str] = "dann"
    cites: ClassVar[str] = "Ganin et al. 2016; Long et al. 2018"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.HIGH

    weight: float = param(1.0, "weight of the reversed gradient at the end of the ramp", low=0)
    conditional: bool = param(False, "condition the adversary on the predictions (CDAN)")
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics),)

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - the network's spec tells all
        """The adversary."""
        from mdshift.nn.heads import discriminator

        spec = network.spec
        return discriminator(spec.width * (spec.outputs + (spec.task == "regression")) if self.conditional else spec.width)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss, and the adversary's through the reversal."""
        from mdshift.nn import losses

        batch = state.features(step)
        task = state.task_loss(step, batch)
        seen = [batch.source, batch.target]
        if self.conditional:
            seen = [losses.conditioned(f, state.network.head(f), state.task) for f in seen]
        strength = self.weight * losses.ramp(step.progress)
        adversary = losses.domain_loss(*(state.extra(losses.reverse(f, strength)) for f in seen))  # noqa: S610 - a module, no query
        return task + adversary, {"task": task, "adversary": adversary}
