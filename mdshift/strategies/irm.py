"""A predictor that is optimal in every source at once."""

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
class Irm(Train):
    """Train a network whose last layer is the best one in each source domain at once (invariant risk minimisation, IRMv1).

    The penalty is the squared gradient of each source's risk by a factor on the outputs: it is 0 where no source would have its outputs
    scaled otherwise. Its weight is 1 for the first `anneal` of the training and `weight` from then on, the whole loss being divided by
    it. Each source has the same part in a batch.

    Assumes: What relates to the label in the same way in all sources does so in the target, too.

    Helps: A feature misleads whose relation to the label differs between the sources, and the target breaks it.

    Hurts: The relation that misleads is the same in all sources: nothing can be seen of it. Where the sources differ in the inputs
    alone the penalty costs accuracy and gains nothing.
    """

    name: ClassVar[str] = "irm"
    cites: ClassVar[str] = "Arjovsky et al. 2019"
    needs: ClassVar[Needs] = Needs(sources=2, target=False)
    cost: ClassVar[Cost] = Cost.MEDIUM

    weight: float = param(100.0, "weight of the penalty after annealing", low=0)
    anneal: float = param(0.3, "share of the training with a penalty of weight 1 at most", low=0, high=1)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(40.0, "passes over the sources", low=1)
    batch: int = param(64, "rows of each source in a batch", low=2, high=4096)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on the sources, balanced."""
        size = self.batch * prepared.n_sources
        return (usual(prepared, len(prepared.y_source), rows="source", balance=True, rate=self.rate, epochs=self.epochs, batch=size),)

    def loss(self, step: Any, state: Any) -> Any:
        """The mean risk of the sources and the penalty."""
        from mdshift.nn import groups, losses

        count = int(step.ds.max()) + 1
        outputs = state.network.head(state.features(step, target=False).source)
        risk = groups.means(step.ws * losses.each_loss(outputs, step.ys, state.task), step.ds, count).mean()
        penalty = groups.irm_penalty(outputs, step.ys, step.ds, count, state.task)
        early = step.progress < self.anneal
        return groups.annealed(risk, penalty, self.weight, early=early), {"risk": risk, "penalty": penalty}
