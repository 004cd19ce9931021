"""Training on the source, then going on with the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Context, Prepared, Trained
from mdshift.learners.finetuned import fine_tune, suits_net
from mdshift.nn.plan import Phase, usual


@final
@strategy
@dataclass(frozen=True)
class Finetune(Train):
    """Train a model on the source (or take a saved network), then go on with the target's labels at lower rates.

    `model` says what is gone on with. A network ("net"; with "auto" for images, where cross-validation chose one, or where a saved one
    is given) is trained on as the other options say. Anything else that was chosen on the source ("chosen": linear models, trees) gets
    a linear change of its scores that is pulled to no change: for a linear model this is training from its weights with the pull of
    L2-SP, for trees a last stage upon their raw scores. The change is the average over pulls of several strengths, up to leaving the
    model as it is, and over how far a sure model is believed, weighted by cross-validation on the target's labels; class by class the
    labels count by the shares that the model sees in the unlabelled target rows.

    thaw: "head" trains the head alone, "upper" the last block with it, "all" everything; "gradual" goes through the three in turn and
    stops at the first that does not improve on held-out target rows, which it undoes (Howard & Ruder 2018). The backbone learns at a
    tenth of the head's rate. Batch statistics are held: the source's where the domains are similar, the target's (taken without labels)
    where they are not. With few labels `l2` and `l2_sp` (the pull towards the source's weights, Li et al. 2018) keep what the source
    taught. All options but `model` are the network's.

    Assumes: The target's rule resembles the source's, and the labelled rows are a fair part of the target.

    Helps: There are some target labels, and the source model is roughly right.

    Hurts: With a handful of labels it may be misled by the few that it saw; where the rule is another one altogether, starting over is
    better.
    """

    name: ClassVar[str] = "finetune"
    cites: ClassVar[str] = "Yosinski et al. 2014; Howard & Ruder 2018; Li et al. 2018"
    needs: ClassVar[Needs] = Needs(target_labels=2)
    cost: ClassVar[Cost] = Cost.MEDIUM

    model: str = param(
        "auto", "what is trained on: a network, what was chosen on the source, or what suits", choices=("auto", "net", "chosen")
    )
    thaw: str = param("all", "what is trained on the target", choices=("head", "upper", "all", "gradual"))
    rate: float = param(2e-3, "learning rate of the head on the target", low=1e-6, high=1.0)
    backbone_rate: float = param(0.1, "rate of the backbone relative to the head's", low=0, high=1)
    schedule: str = param("decay", "how the rate falls", choices=("constant", "decay", "warmup-cosine"))
    epochs: float = param(30.0, "passes over the labelled target rows", low=1)
    l1: float = param(0.0, "penalty on the absolute weights", low=0)
    l2: float = param(1e-3, "weight decay", low=0)
    l2_sp: float = param(0.0, "pull of the backbone towards its start", low=0)
    dropout: float = param(-1.0, "rate of dropout on the target; -1: the network's own", low=-1.0, high=0.95)
    statistics: str = param("source", "whose batch statistics are held", choices=("source", "target"))

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Go on with a network through the loop, or with what was chosen on the source by its scores."""
        if self.model == "net" or (self.model == "auto" and suits_net(prepared, context)):
            return super().run(prepared, context)
        predictor, told = fine_tune(context.base, prepared, context.rng("finetune"))
        return Trained(predictor, evidence=told)

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
                backbone=self.backbone_rate,
                schedule=self.schedule,  # type: ignore[arg-type]
                decay=self.l2,
                l1=self.l1,
                l2_sp=self.l2_sp,
                dropout=self.dropout if self.dropout >= 0 else None,
                statistics="target" if self.statistics == "target" else "frozen",
                check="target" if gradual else "none",
                revert=gradual,
            )
            phases.append(new)
        return tuple(phases)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss."""
        return state.task_loss(step, state.features(step, target=False)), {}
