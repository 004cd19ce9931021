from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, configure, lookup, param, strategy
from mdshift.families import Average, Strategy
from mdshift.learners.compose import Overruled, overruled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdshift.learners.base import Predictor, Vector

NETWORKS = ("mcc", "dann")


@final
@strategy
@dataclass(frozen=True)
class Committee(Average):
    """Overrule the source model where two networks trained towards the target and one of the maps of `consensus` all say the same.

    One network's target predictions are kept from being torn between classes (`mcc`), the other's features are such that a second network
    cannot tell them apart by domain (`dann`). Each of the four alone is a gamble: on open pairs every one gains ten points and more here
    and loses several there, and so does their mean (`rule=mean`). They go wrong in ways of their own: models of both kinds seldom agree
    on the same mistake, so that their agreement forgoes a part of the gain and most of the losses. `ambiguity` is that of the source
    model and the maps alone, as in `consensus`; `overruled` is the share of the target's rows on which the source model is overruled,
    `unanimous` the share of those on which all four agree.

    Assumes: Where networks and maps say the same, against the source model, they are right more often than it is.

    Helps: The inputs moved much (the members of `consensus` disagree), and minutes do not matter.

    Hurts: The classes' shares moved and little else: the maps and the networks all carry one class onto another, and err together.
    """

    name: ClassVar[str] = "committee"
    cites: ClassVar[str] = "Hansen & Salamon 1990; Krogh & Vedelsby 1995; Jin et al. 2020; Ganin et al. 2016"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"), tasks=("classification",))
    cost: ClassVar[Cost] = Cost.MEDIUM
    follows: ClassVar[str] = "consensus"

    epochs: float = param(20.0, "passes of the networks over the source", low=1)
    rule: str = param(
        "agreed",
        "who overrules the source model's class: agreed (both networks and a map), unanimous (all four), mean (the mean of all five)",
        choices=("agreed", "unanimous", "mean"),
    )

    def joined(self, names: Sequence[str], models: Sequence[Predictor], weights: Vector) -> Predictor:
        """The vote, or the mean."""
        return super().joined(names, models, weights) if self.rule == "mean" else Overruled(models, self._needed(names))

    def told(self, names: Sequence[str], scores: Sequence[Vector]) -> dict[str, Any]:
        """How many rows the vote takes from the source model, and what share of them all agree on."""
        said, needed = np.array([s.argmax(axis=1) for s in scores]), self._needed(names)
        if not needed[1:].any():
            return {}
        over, whole = overruled(said, needed), overruled(said, np.ones(len(names), dtype=np.bool_))
        return {"overruled": float(over.mean()), "unanimous": float(whole.sum() / max(over.sum(), 1))}

    def _needed(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Who must agree (members,): the networks, or all where there are none or no map is left."""
        networks = np.array([name in NETWORKS for name in names])
        enough = networks[1:].any() and not networks[1:].all() and self.rule != "unanimous"
        return networks if enough else np.ones(len(names), dtype=np.bool_)

    def member(self, name: str) -> Strategy:
        """The networks train for `epochs`."""
        return configure(lookup("strategy", name), {"epochs": self.epochs} if name in NETWORKS else {})  # type: ignore[no-any-return]

    def gauge(self, task: str) -> tuple[str, ...]:
        """The maps."""
        return lookup("strategy", self.follows)().parts(task)  # type: ignore[no-any-return]

    def parts(self, task: str) -> tuple[str, ...]:
        """The maps and the networks."""
        return (*self.gauge(task), *NETWORKS)
