"""Attention over the columns: those that carry over are kept, those that do not are closed."""

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
class Selective(Train):
    """Learn a weight for each column together with the task: a column pays for its weight by how far it has moved.

    The gates (a softmax over all columns with mean 1, or a sigmoid each) stand before the network. A network can make up for small
    gates by large weights; with a softmax, a column's loss is another's gain, and it does so less. The loss is the task's on the gated
    columns, `weight` times their discrepancy between the domains (each column's distance of quantiles, and the MMD of all together) and
    `sparsity` times the gates' mean. The gates are reported as `attention` and folded into the network's inputs.

    Assumes: A column that moved is a column whose relation to the label cannot be relied on.

    Helps: Some columns carry over and others, which moved, do not.

    Hurts: All have moved alike: there is nothing to choose. Where a column's distribution is the same while its relation to the label
    is not, no gate can know.
    """

    name: ClassVar[str] = "selective"
    cites: ClassVar[str] = "Gui, Ge & Hu 2019; Long et al. 2015"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"))
    cost: ClassVar[Cost] = Cost.MEDIUM

    weight: float = param(10.0, "weight of the discrepancy of the gated columns", low=0)
    sparsity: float = param(0.05, "weight of the gates' mean (sigmoid only: a softmax has none)", low=0)
    gate: str = param("softmax", "how the columns' weights are made", choices=("softmax", "sigmoid"))
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(60.0, "passes over the source", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on both domains."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs),)

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - the gates stand before it
        """The gates."""
        from mdshift.nn.gate import Gates, discrepancies

        return Gates(self.gate, discrepancies(prepared.X_source, prepared.X_target))

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss, the discrepancy and the gates' mean."""
        return state.extra(step, state.network, self.weight, self.sparsity, state.task)  # noqa: S610 - a module, no query

    def finish(self, state: Any, prepared: Prepared) -> tuple[Predictor | None, dict[str, Any]]:  # noqa: ARG002
        """The network with the gates in it, and the gates."""
        far = state.extra.far.cpu().numpy()
        return None, {"attention": state.extra.fold(state.network).tolist(), "discrepancy": far.tolist()}
