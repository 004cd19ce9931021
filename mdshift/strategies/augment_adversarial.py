"""Training on rows that were changed so that the network errs."""

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
class AugmentAdversarial(Train):
    """Train a network on source rows changed, within `epsilon`, so that it errs most (FGSM, PGD).

    The change is of the standardised inputs, each by at most `epsilon` standard deviations, along the sign of the loss's gradient: in
    one step (FGSM, Goodfellow 2015), or in `steps` with projection (PGD, Madry 2018). `share` of the loss is on the changed rows.

    Assumes: Target rows are source-like rows with small disturbances, at most about `epsilon` standard deviations a value.

    Helps: The target carries noise that many weak features would be misled by.

    Hurts: The target is as clean as the source, or what tells the classes apart is itself as small as `epsilon`.
    """

    name: ClassVar[str] = "augment-adversarial"
    cites: ClassVar[str] = "Goodfellow et al. 2015; Madry et al. 2018"
    needs: ClassVar[Needs] = Needs(modalities=("array", "image"), target=False)
    cost: ClassVar[Cost] = Cost.HIGH

    epsilon: float = param(0.25, "largest change of an input, in standard deviations", low=0, high=10)
    steps: int = param(1, "steps of the attack: 1 is FGSM, more are PGD", low=1, high=100)
    share: float = param(0.5, "share of the loss on the changed rows", low=0, high=1)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(40.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on the source."""
        return (usual(prepared, len(prepared.y_source), name="source", rows="source", rate=self.rate, epochs=self.epochs),)

    def loss(self, step: Any, state: Any) -> Any:
        """The loss on rows as they are and on changed ones."""
        from mdshift.nn import adversarial, losses

        network = state.network
        inputs = network.standardise(step.xs)

        def task(x: Any) -> Any:
            return losses.task_loss(network.head(network.backbone(x)), step.ys, step.ws, state.task)

        with adversarial.still(network):
            change = adversarial.attack(task, inputs, self.epsilon, self.steps, step.generator)
        plain, changed = task(inputs), task(inputs + change)
        return (1 - self.share) * plain + self.share * changed, {"plain": plain, "changed": changed}
