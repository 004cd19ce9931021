"""Rows between the source domains."""

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
class MixupDomains(Train):
    """Train a network on convex mixes of rows of different source domains (inter-domain mixup).

    Each row of a batch is mixed with one of another source, inputs and labels in the same proportion, which is drawn from a
    Beta(`alpha`, `alpha`) distribution; each source has the same part in a batch, and `plain` of the loss stays on rows as they are. On
    small noisy sources it beat the same training without mixing, but not the plain network with early stopping on every draw.

    Assumes: Between two sources' rows the label runs evenly from one's to the other's.

    Helps: The target lies between its sources, or labels are noisy.

    Hurts: The space between the sources belongs to another class, or predictions must be sharp.
    """

    name: ClassVar[str] = "mixup-domains"
    cites: ClassVar[str] = "Xu et al. 2020; Yan et al. 2020; Zhang et al. 2018"
    needs: ClassVar[Needs] = Needs(sources=2, target=False)
    cost: ClassVar[Cost] = Cost.MEDIUM

    alpha: float = param(2.0, "both parameters of the Beta distribution; larger: nearer to halves", low=0.01, high=100)
    plain: float = param(0.0, "share of the loss on rows that are not mixed", low=0, high=1)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(40.0, "passes over the sources", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on the sources, balanced."""
        return (usual(prepared, len(prepared.y_source), rows="source", balance=True, check="source", rate=self.rate, epochs=self.epochs),)

    def loss(self, step: Any, state: Any) -> Any:
        """The loss of the mixed rows by both labels, in their proportion."""
        from mdshift.nn import mixing

        partner = mixing.strangers(step.ds, step.generator)
        share = mixing.proportions(len(step.ds), self.alpha, step.generator).to(step.xs.device)
        outputs = state.network(mixing.blend(step.xs, step.xs[partner], share))
        mixed = mixing.blended_loss(outputs, step.ys, step.ys[partner], share, state.task, (step.ws, step.ws[partner]))
        if self.plain == 0:
            return mixed, {"mixed": mixed}
        task = state.task_loss(step, state.features(step, target=False))
        return self.plain * task + (1 - self.plain) * mixed, {"mixed": mixed, "task": task}
