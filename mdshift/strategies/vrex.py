"""Risks that are equal over the sources."""

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
class Vrex(Train):
    """Train a network whose risk is equally large in every source domain (risk extrapolation, V-REx).

    The variance of the sources' risks is added to their mean, with weight 1 for the first `anneal` of the training and `weight` from
    then on, the whole loss being divided by it. What makes one source easier than another is a relation that another domain may lack; a
    network that does not use it is robust to domains beyond the sources.

    Assumes: What makes one source easier than another is a relation that another domain may lack.

    Helps: The target is a domain beyond the sources, which differ in how some feature relates to the label.

    Hurts: A source is harder because its labels are noisier: equal risks are bought by predicting badly in the others. A misleading
    relation that is the same in all sources goes unseen.
    """

    name: ClassVar[str] = "vrex"
    cites: ClassVar[str] = "Krueger et al. 2021"
    needs: ClassVar[Needs] = Needs(sources=2, target=False)
    cost: ClassVar[Cost] = Cost.MEDIUM

    weight: float = param(100.0, "weight of the variance after annealing", low=0)
    anneal: float = param(0.3, "share of the training with a penalty of weight 1 at most", low=0, high=1)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(40.0, "passes over the sources", low=1)
    batch: int = param(64, "rows of each source in a batch", low=2, high=4096)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on the sources, balanced."""
        size = self.batch * prepared.n_sources
        return (usual(prepared, len(prepared.y_source), rows="source", balance=True, rate=self.rate, epochs=self.epochs, batch=size),)

    def loss(self, step: Any, state: Any) -> Any:
        """The mean and the variance of the sources' risks."""
        from mdshift.nn import groups, losses

        outputs = state.network.head(state.features(step, target=False).source)
        risks = groups.means(step.ws * losses.each_loss(outputs, step.ys, state.task), step.ds, int(step.ds.max()) + 1)
        variance = risks.var(correction=0)
        early = step.progress < self.anneal
        return groups.annealed(risks.mean(), variance, self.weight, early=early), {"risk": risks.mean(), "variance": variance}
