"""The worst source counts most."""

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
class GroupDro(Train):
    """Train a network for the source domain on which it is worst (distributionally robust over groups).

    Every source has a weight that is multiplied by exp(`step` times its loss) in each step of the training; the loss is the weighted
    mean of the sources' risks. With the strong weight decay `decay` and few passes, which the paper found it to need: a network that
    fits every training row has no worst group. The final weights are reported.

    Assumes: The target is a mixture of the sources: what serves the worst of them serves it.

    Helps: The target is like a source that is rare or hard.

    Hurts: That source is hard because its labels are noise: the weights go to the noise and all others pay for it.
    """

    name: ClassVar[str] = "group-dro"
    cites: ClassVar[str] = "Sagawa et al. 2020"
    needs: ClassVar[Needs] = Needs(sources=2, target=False)
    cost: ClassVar[Cost] = Cost.MEDIUM

    step: float = param(0.01, "size of the exponential step of the weights", low=0, high=10)
    decay: float = param(0.1, "weight decay", low=0)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(20.0, "passes over the sources", low=1)
    batch: int = param(32, "rows of each source in a batch", low=2, high=4096)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on the sources, balanced."""
        size, n = self.batch * prepared.n_sources, len(prepared.y_source)
        changes = {"rows": "source", "balance": True, "epochs": self.epochs, "batch": size, "decay": self.decay}
        return (usual(prepared, n, rate=self.rate, **changes),)

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - the number of sources tells all
        """The sources' weights."""
        from mdshift.nn.groups import GroupWeights

        return GroupWeights(prepared.n_sources)

    def loss(self, step: Any, state: Any) -> Any:
        """The sources' risks, weighted after the weights' step."""
        from mdshift.nn import groups, losses

        outputs = state.network.head(state.features(step, target=False).source)
        risks = groups.means(step.ws * losses.each_loss(outputs, step.ys, state.task), step.ds, len(state.extra.weights))
        weigh = state.extra
        return weigh(risks, self.step), {"risk": risks.mean(), "worst": risks.max()}

    def finish(self, state: Any, prepared: Prepared) -> tuple[Predictor | None, dict[str, Any]]:  # noqa: ARG002 - what is overridden
        """The network as it is, and the weights that the sources ended with."""
        return None, {"group_weights": [round(w, 4) for w in state.extra.weights.tolist()]}
