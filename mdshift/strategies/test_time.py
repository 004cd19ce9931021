"""A trained network that goes on with the target's rows alone."""

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
class TestTime(Train):
    """Adapt a trained network to the target without the source's rows and without labels (Tent, SHOT).

    The network is a saved one (--from), else it is trained on the source first; from then on only target rows are seen. Its batch
    statistics become the target's. "tent" then lowers the entropy of the predictions through the scales and offsets of batch
    normalisation; "shot" trains all but the head so that each row is predicted surely and the classes evenly, and towards the classes
    of the nearest centroids. It is therefore never chosen unseen: name it, and evaluate the result on some labels.

    Assumes: Most first predictions are right, and (shot) the target's classes are about equally frequent.

    Helps: A change of sensor or style, where the source's rows may not be used any more.

    Hurts: The first predictions are mostly wrong, or a class is rare in the target: it makes the model surer of its errors and nothing
    in the data shows it.
    """

    name: ClassVar[str] = "test-time"
    cites: ClassVar[str] = "Wang et al. 2021; Liang et al. 2020"
    needs: ClassVar[Needs] = Needs(tasks=("classification",), modalities=("array", "image", "text"))
    cost: ClassVar[Cost] = Cost.MEDIUM
    __test__: ClassVar[bool] = False  # for pytest: the name begins with Test

    method: str = param("tent", "what is lowered on the target", choices=("tent", "shot"))
    rate: float = param(1e-3, "learning rate on the target", low=1e-6, high=1.0)
    epochs: float = param(5.0, "passes over the target", low=1)
    pseudo: float = param(0.3, "weight of the centroids' classes (shot)", low=0)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """The source, left out with --from, then the target without labels."""
        trains = "norms" if self.method == "tent" else "backbone"
        return (
            usual(prepared, len(prepared.y_source), name="source", rows="source", check="source"),
            Phase(name=self.method, rows="unlabelled", trains=trains, epochs=self.epochs, least=30, rate=self.rate, schedule="decay",  # type: ignore[arg-type]
                  decay=0.0, statistics="target", dropout=0.0),
        )  # fmt: skip

    def init(self, prepared: Prepared, network: Any) -> Any:
        """The centroids of the target's features (shot)."""
        if self.method == "tent":
            return None
        import math

        from mdshift.nn.pseudo import centroids_of

        return centroids_of(prepared.X_target, network, every=math.ceil(len(prepared.X_target) / 64))

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss on the source; on the target the entropy, or the information and the centroids' classes."""
        from mdshift.nn import losses, pseudo

        batch = state.features(step, target=False)
        if state.phase == "source":
            return state.task_loss(step, batch), {}
        outputs = state.network.head(batch.source)
        if self.method == "tent":
            entropy = losses.entropy(outputs).mean()
            return entropy, {"entropy": entropy}
        information = pseudo.information(outputs)
        nearest = state.extra
        own = losses.task_loss(outputs, nearest(state.network, batch.source), step.ws, state.task)
        return information + self.pseudo * own, {"information": information, "own": own}
