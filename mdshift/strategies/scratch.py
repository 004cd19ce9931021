"""Training on the target alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Prepared
from mdshift.nn.plan import Phase


@final
@strategy
@dataclass(frozen=True)
class Scratch(Train):
    """Train a network on the target's labels alone, as if there were no source.

    Assumes: The labelled target rows suffice to learn the task.

    Helps: There are thousands of target labels, or the source's rule is another one: it is the yardstick of every transfer.

    Hurts: There are few labels: what the source knows is thrown away.
    """

    name: ClassVar[str] = "scratch"
    cites: ClassVar[str] = "Yosinski et al. 2014"
    needs: ClassVar[Needs] = Needs(target_labels=50)
    cost: ClassVar[Cost] = Cost.MEDIUM

    rate: float = param(2e-3, "learning rate", low=1e-6, high=1.0)
    epochs: float = param(40.0, "passes over the labelled target rows", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:  # noqa: ARG002 - the same for every problem
        """One phase on the labelled target rows, stopped early by held-out ones."""
        return (Phase(name="target", rows="target", check="target", least=300, rate=self.rate, epochs=self.epochs),)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss."""
        return state.task_loss(step, state.features(step, target=False)), {}
