"""Training on the source, then going on with the target."""

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
class Finetune(Train):
    """Train a network on the source (or take a saved one), then go on with the target's labels at lower rates.

    thaw: "head" trains the head alone, "upper" the last block with it, "all" everything; "gradual" goes through the
    three in turn and stops at the first that does not improve on held-out target rows, which it undoes (Howard & Ruder 2018).
    The backbone learns at a tenth of the head's rate. Batch statistics are held: the source's where the domains are
    similar, the target's (taken without labels) where they are not. With few labels `l2` and `l2_sp` (the pull towards
    the source's weights, Li et al. 2018) keep what the source taught.
    """

    name: ClassVar[str] = "finetune"
    cites: ClassVar[str] = "Yosinski et al. 2014; Howard & Ruder 2018; Li et al. 2018"
    needs: ClassVar[Needs] = Needs(target_labels=2)
    cost: ClassVar[Cost] = Cost.MEDIUM

    thaw: str = param("all", "what is trained on the target", choices=("head", "upper", "all", "gradual"))
    rate: float = param(2e-3, "learning rate of the head on the target", low=1e-6, high=1.0)
    backbone: float = param(0.1, "rate of the backbone relative to the head's", low=0, high=1)
    schedule: str = param("decay", "how the rate falls", choices=("constant", "decay", "warmup-cosine"))
    epochs: float = param(30.0, "passes over the labelled target rows", low=1)
    l1: float = param(0.0, "penalty on the absolute weights", low=0)
    l2: float = param(1e-3, "weight decay", low=0)
    l2_sp: float = param(0.0, "pull of the backbone towards its start", low=0)
    statistics: str = param("source", "whose batch statistics are held", choices=("source", "target"))

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """The source, then one target phase, or three with a check after each."""
        gradual = self.thaw == "gradual"
        phases = [usual(prepared, len(prepared.y_source), name="source", rows="source", check="source")]
        for depth in ("head", "upper", "all") if gradual else (self.thaw,):
            new = Phase(
                name=f"target-{depth}",
                rows="target",
                trains=depth,
                epochs=self.epochs,
                least=300,
                most=1500,
                batch=32 if prepared.labelled.sum() < 1000 else 64,  # noqa: PLR2004 - small data, small batches
                rate=self.rate,
                backbone=self.backbone,
                schedule=self.schedule,  # type: ignore[arg-type]
                decay=self.l2,
                l1=self.l1,
                l2_sp=self.l2_sp,
                statistics="target" if self.statistics == "target" else "frozen",
                check="target" if gradual else "none",
                revert=gradual,
            )
            phases.append(new)
        return tuple(phases)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss."""
        return state.task_loss(step, state.features(step, target=False)), {}
