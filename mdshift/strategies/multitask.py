"""Several labels from shared features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.errors import UsageError
from mdshift.families import Train
from mdshift.learners.base import Predictor, Prepared
from mdshift.nn.plan import Phase, usual


@final
@strategy
@dataclass(frozen=True)
class Multitask(Train):
    """Learn several labels at once from one encoder, a head for each (hard parameter sharing).

    Give `--label` once for every label: the first is the one that is judged, and all are predicted. Classes and numbers go together.
    The losses are weighed by a learnt uncertainty of each label (Kendall 2018), or by `weights`. Rows may lack a further label.
    Labelled target rows are learnt from along with the source's.

    Assumes: The labels depend on the same things in the rows.

    Helps: One of the labels has few rows or much noise.

    Hurts: Labels that have nothing in common compete for the encoder.
    """

    name: ClassVar[str] = "multitask"
    cites: ClassVar[str] = "Caruana 1997; Kendall, Gal & Cipolla 2018"
    needs: ClassVar[Needs] = Needs(target=False, labels=2)
    cost: ClassVar[Cost] = Cost.MEDIUM

    weights: str = param("", "weights of the labels' losses, in their order and parted by commas; empty: learnt")
    statistics: str = param("shared", "batch statistics: each domain's own, or shared", choices=("domain", "shared"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    @property
    def uses_target_labels(self) -> bool:
        """Labelled target rows are learnt from."""
        return True

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on all labelled rows."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs, statistics=self.statistics, check="source"),)

    def init(self, prepared: Prepared, network: Any) -> Any:
        """The further labels' heads."""
        from mdshift.nn.tasks import tasks

        self.given(1 + len(prepared.further))
        return tasks(network.spec.width, [f.n_classes if f.task == "classification" else 0 for f in prepared.further])

    def loss(self, step: Any, state: Any) -> Any:
        """The weighed losses of all labels."""
        from mdshift.nn.tasks import known_loss, weighed
        from mdshift.nn.train import joined

        batch = state.features(step)
        features, more = joined(batch.source, batch.labelled), joined(step.ms, step.ml)
        found = [state.task_loss(step, batch)]
        for j, (head, classes) in enumerate(zip(state.extra.heads, state.extra.classes, strict=True)):
            found.append(known_loss(head(features), more[:, j], classes=classes))
        total = weighed(found, state.extra.spread, self.given(len(found)))
        return total, {f"label {j + 1}": value for j, value in enumerate(found)}

    def finish(self, state: Any, prepared: Prepared) -> tuple[Predictor | None, dict[str, Any]]:
        """The first label's network, and copies of it with the further heads."""
        import math

        from mdshift.learners.net import NetPredictor, number_scale
        from mdshift.nn.tasks import with_head

        found = {}
        for head, label in zip(state.extra.heads, prepared.further, strict=True):
            mean, scale = number_scale(label.y_source) if label.task == "regression" else (0.0, 1.0)
            found[label.name] = NetPredictor(with_head(state.network, head, label.task, mean, scale))
        shares = self.given(1 + len(found)) or [math.exp(-float(s.detach())) for s in state.extra.spread]
        return None, {"further": found, "label_weights": list(shares)}

    def given(self, labels: int) -> list[float] | None:
        """The weights that were given, or None.

        Raises UsageError where they are not one positive number a label.
        """
        if not self.weights:
            return None
        try:
            found = [float(w) for w in self.weights.split(",")]
        except ValueError:
            found = []
        if len(found) != labels or not all(0 <= w < float("inf") for w in found) or sum(found) <= 0:
            raise UsageError("weights must be one number a label", repr(self.weights), f"{labels} numbers parted by commas, such as 1,0.5")
        return found
