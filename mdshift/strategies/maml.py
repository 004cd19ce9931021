"""Weights that learn the target from a handful of labels in at most five steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Context, Prepared, Trained
from mdshift.nn.plan import Phase

if TYPE_CHECKING:
    from mdshift.nn.data import Rows


@final
@strategy
@dataclass(frozen=True)
class Maml(Strategy):
    """Meta-learn weights on tasks made of the sources, then adapt them to the target's labels in at most five gradient steps.

    Each task is split into support and query rows; the weights move so that a few gradient steps on the support serve the query
    (through the steps, that is to second order, unless `first_order`). With several sources a task is a source. With one it is the rows
    on one side of a random direction ("subsets"), or all rows with their classes renumbered at random ("relabel", which keeps the
    source's features and forgets what its classes mean).

    Assumes: The target differs from the sources as these differ from one another.

    Helps: There is a handful of labels a class, and several sources.

    Hurts: With one source that is like its target there is nothing to adapt to; a class without a target label can get lost.
    """

    name: ClassVar[str] = "maml"
    cites: ClassVar[str] = "Finn, Abbeel & Levine 2017"
    needs: ClassVar[Needs] = Needs(target_labels=4, tasks=("classification",))
    cost: ClassVar[Cost] = Cost.HIGH

    steps: int = param(5, "gradient steps on the target's labels, as on each task's", low=1, high=5)
    inner: float = param(0.1, "rate of these steps", low=1e-5, high=10)
    first_order: bool = param(False, "leave out the second derivatives")
    tasks: str = param(
        "auto", "what a task is; auto: a source, or subsets of the only one", choices=("auto", "domains", "subsets", "relabel")
    )
    batch: int = param(4, "tasks in a step of the outer loop", low=1, high=64)
    rate: float = param(2e-3, "rate of the outer loop", low=1e-6, high=1)
    epochs: float = param(20.0, "passes over the source", low=1)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Meta-train on the sources, adapt to the labelled target rows."""
        from mdshift.learners.net import NetPredictor, new_network
        from mdshift.nn import meta, train

        n, device = len(prepared.y_source), train.pick_device(context.device)
        how = self.tasks if self.tasks != "auto" else "domains" if prepared.n_sources > 1 else "subsets"
        phase = Phase(name="meta", epochs=self.epochs, least=60, most=1500, rate=self.rate)
        generator = train.seeded(context.rng("maml"))
        inner = meta.Inner(self.steps, self.inner, self.first_order)
        with train.steady():
            network = new_network(prepared, prepared.X_source, prepared.y_source, generator).to(device)
            source, target = self._rows(prepared, device)
            # a task looks as the target will: as many labelled rows
            sizes = (self.batch, min(64, max(len(target), 4)), 32)
            history, inner = meta.meta_train(
                network, source.x, lambda: meta.drawn_tasks(source, prepared.n_classes, sizes, how, generator), inner, phase, phase.steps(n)
            )
            told = meta.settle(network, target.x, target.y, inner)
        context.progress(f"maml: adapted to {len(target)} rows in {self.steps} steps, loss {told[0]:.4g} to {told[-1]:.4g}")
        return Trained(NetPredictor(network), tuple(history), {"tasks": how, "support_rows": sizes[1], "adaptation_loss": told})

    def _rows(self, prepared: Prepared, device: str) -> tuple[Rows, Rows]:
        from mdshift.nn.data import Rows

        labelled = prepared.labelled
        return (
            Rows.of(prepared.X_source, prepared.y_source, None, prepared.domain, device),
            Rows.of(prepared.X_target[labelled], prepared.y_target[labelled], None, 0, device),
        )
