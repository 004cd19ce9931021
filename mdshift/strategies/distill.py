"""A student for the target, taught by a network of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Predictor, Prepared
from mdshift.nn.plan import Phase, usual


@final
@strategy
@dataclass(frozen=True)
class Distill(Train):
    """Train a teacher on the source, then a student on the target's rows in three stages.

    Its features are brought to the distribution of the teacher's on the source (MMD), its attention maps to the teacher's on the same
    rows, and its predictions to the teacher's, softened by `temperature` (KL); labelled target rows are learnt from in the last stage
    beside the teacher, whose part is `weight`. The student has inputs and batch statistics of the target's own, and may read columns
    that the source lacks.

    Assumes: The teacher is right about most of the target.

    Helps: Source and target have other columns, or a few labels tell what the teacher does not know.

    Hurts: The concept has changed and no label says so: the student learns the teacher's errors.
    """

    name: ClassVar[str] = "distill"
    cites: ClassVar[str] = "Hinton, Vinyals & Dean 2015; Zagoruyko & Komodakis 2017"
    needs: ClassVar[Needs] = Needs(differing=True)
    cost: ClassVar[Cost] = Cost.HIGH
    drawn: ClassVar[bool] = True

    temperature: float = param(2.0, "what the logits of both are divided by", low=0.1, high=100)
    weight: float = param(0.1, "part of the teacher's predictions beside the labels' loss", low=0)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(30.0, "passes over the source in the last stage; the first two take a third each", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """The teacher, and the three stages."""
        n = len(prepared.y_source)
        stages = [("features", self.epochs / 3), ("attention", self.epochs / 3), ("predictions", self.epochs)]
        made: dict[str, Any] = {"trains": "extra", "statistics": "frozen", "rate": self.rate, "dropout": 0.0}
        return (
            usual(prepared, n, name="teacher", rows="source", check="source"),
            *(usual(prepared, n, name=name, epochs=epochs, least=100, **made) for name, epochs in stages),
        )

    def init(self, prepared: Prepared, network: Any) -> Any:
        """The student."""
        from mdshift.nn.teach import Student

        return Student(network, prepared.X_target, prepared.kinds, prepared.only_source, prepared.only_target)

    def loss(self, step: Any, state: Any) -> Any:
        """The teacher's, then the stage's."""
        if state.phase == "teacher":
            return state.task_loss(step, state.features(step, target=False)), {}
        return state.extra.loss(state.phase, step, state.network, (self.temperature, self.weight), state.task), {}

    def finish(self, state: Any, prepared: Prepared) -> tuple[Predictor, dict[str, Any]]:
        """The student, and how often it says what the teacher says of the target."""
        from mdshift.learners.net import NetPredictor
        from mdshift.nn.train import outputs_of

        keep = state.extra.keep.cpu().numpy()
        teacher, student = outputs_of(state.network, prepared.X_target * keep), outputs_of(state.extra.network, prepared.X_target)
        told = {}
        if state.task == "classification" and len(prepared.X_target):
            told["agreement"] = float((teacher.argmax(1) == student.argmax(1)).float().mean())
        return NetPredictor(state.extra.network), told
