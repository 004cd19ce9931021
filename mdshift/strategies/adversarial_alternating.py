"""Features that fool a discriminator, which is trained in turn with them."""

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
class AdversarialAlternating(Train):
    """Two optimisers in turn: a discriminator learns to tell the domains, the features learn to be taken for the other domain's.

    At each step the discriminator is trained on the true domains, then the network on the task and on the discriminator's loss with the
    domains swapped (the inverted labels of Tzeng et al. 2017, whose gradient does not fade where the discriminator is sure). The weight
    ramps up as in `dann`, from which this differs by the swapped labels in place of a reversed gradient, and by the discriminator's own
    rate and steps.

    Assumes: Features exist that are alike in both domains and still tell the label; the classes' shares are the same.

    Helps: The inputs' distribution moved and features must be learnt anyway, as on images.

    Hurts: The classes' shares moved: features that look alike must then confuse classes (use `label-shift`). On tables it lost to a
    plain source model (docs/strategies.md).
    """

    name: ClassVar[str] = "adversarial-alternating"
    cites: ClassVar[str] = "Goodfellow et al. 2014; Tzeng et al. 2017"
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.HIGH

    weight: float = param(0.3, "weight of the swapped loss at the end of the ramp", low=0)
    judge_rate: float = param(1e-3, "learning rate of the discriminator", low=1e-6, high=1.0)
    judge_steps: int = param(1, "steps of the discriminator for one of the network", low=1, high=10)
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate of the network; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics),)

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - the network's spec tells all
        """The discriminator with its optimiser."""
        from mdshift.nn.alternating import Alternating

        return Alternating(network.spec.width, self.judge_rate)

    def loss(self, step: Any, state: Any) -> Any:
        """The discriminator's own steps; then the task's loss and that of fooling it."""
        from mdshift.nn.losses import ramp

        batch = state.features(step)
        for _ in range(self.judge_steps):
            judge = state.extra.improve(batch.source, batch.target)
        task, fooled = state.task_loss(step, batch), state.extra.fooled(batch.source, batch.target)
        return task + self.weight * ramp(step.progress) * fooled, {"task": task, "discriminator": judge, "fooled": fooled}
