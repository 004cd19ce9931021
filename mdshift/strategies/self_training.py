"""The model's own sure predictions as labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Context, Prepared, Trained
from mdshift.learners.finetuned import suits_net
from mdshift.learners.rounds import self_train
from mdshift.nn.plan import Phase, usual


@final
@strategy
@dataclass(frozen=True)
class SelfTraining(Train):
    """Label the target's rows by the model's own sure predictions, class by class, and train on them.

    What was chosen on the source ("chosen": linear models, trees) is refitted in `rounds`: the surest share of the predictions of each
    class, up to `share` in the last round, joins the source and the labelled target rows, whose first teacher is the source model
    fine-tuned on them. A network ("net"; with "auto" for images, where cross-validation chose one, or where a saved one is given) is
    trained on the source, then on both domains: a prediction counts once its confidence passes a threshold that falls from 0.95 to
    `threshold`, lower for classes that are predicted less surely. With `consistency` the label comes from a row as it is and is learnt
    on a strongly changed view of it (FixMatch). With labels in the target it is semi-supervised learning.

    Assumes: The surer a prediction on the target, the more often it is right.

    Helps: Most of the first predictions are right and classes lie apart.

    Hurts: Elsewhere it makes the model surer of its errors.
    """

    name: ClassVar[str] = "self-training"
    cites: ClassVar[str] = "Lee 2013; Zou et al. 2018; Sohn et al. 2020"
    needs: ClassVar[Needs] = Needs(tasks=("classification",))
    cost: ClassVar[Cost] = Cost.MEDIUM
    uses_target_labels: ClassVar[bool] = True  # those that there are

    model: str = param(
        "auto", "what is trained: a network, what was chosen on the source, or what suits", choices=("auto", "net", "chosen")
    )
    rounds: int = param(3, "refits of what was chosen on the source", low=1, high=50)
    share: float = param(0.9, "share of each class's predictions that is trusted in the last round", low=0.01, high=1)
    threshold: float = param(0.8, "confidence that a network's prediction needs at the end", low=0, high=1)
    weight: float = param(1.0, "weight of the network's own labels at the end of the ramp", low=0)
    consistency: bool = param(False, "learn the labels on strongly changed views (FixMatch)")
    statistics: str = param("domain", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(40.0, "passes over the source in each phase", low=1)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Rounds of the chosen learner, or the loop."""
        if self.model == "net" or (self.model == "auto" and suits_net(prepared, context)):
            return super().run(prepared, context)
        return self_train(prepared, context, self.rounds, self.share)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """The source, then both domains."""
        n, settings = len(prepared.y_source), {"rate": self.rate, "epochs": self.epochs}
        return (
            usual(prepared, n, name="source", rows="source", check="source", **settings),
            usual(prepared, n, name="target", statistics=self.statistics, **settings),
        )

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - the number of classes tells all
        """The confidence of each class."""
        from mdshift.nn.pseudo import Trust

        return Trust(prepared.n_classes)

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss, and that of the target's sure predictions."""
        from mdshift.nn import losses, pseudo

        if state.phase == "source":
            return state.task_loss(step, state.features(step, target=False)), {}
        batch = state.features(step)
        task, seen = state.task_loss(step, batch), state.network.head(batch.target)
        trust = state.extra
        labels, sure = trust(seen, 0.95 + (min(self.threshold, 0.95) - 0.95) * step.progress)
        if self.consistency:
            view = pseudo.strong_view(step.xt, state.network.spec.shape, step.generator)
            seen = state.network.head(state.network.features(view, state.inputs))
        own = pseudo.trusted_loss(seen, labels, sure)
        return task + self.weight * losses.ramp(step.progress) * own, {"task": task, "own": own, "sure": sure.float().mean()}
