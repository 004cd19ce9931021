from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, configure, lookup, param, strategy
from mdshift.families import Average, Strategy
from mdshift.learners.compose import NEVER, Overruled, overruled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mdshift.learners.base import Predictor, Vector

NETWORKS = ("mcc", "dann")
BELIEVED = 0.6  # the probability from which the source model's class stands whatever the others say
BROKEN = 0.25  # share of the target's rows on which it is contradicted, from which it is not believed anywhere


@final
@strategy
@dataclass(frozen=True)
class Committee(Average):
    """Overrule the source model where it is in doubt, and two networks trained towards the target and one of the maps of `consensus` all say the same.

    One network's target predictions are kept from being torn between classes (`mcc`), the other's features are such that a second network
    cannot tell them apart by domain (`dann`). Each of the four alone is a gamble: on open pairs every one gains ten points and more here
    and loses several there, and so does their mean (`rule=mean`). They go wrong in ways of their own: models of both kinds seldom agree
    on the same mistake. But they do: so the source model's class stands wherever it gives it .6 or more, unless it is contradicted like
    this on a quarter of the target's rows, where it has broken down as a whole. `ambiguity` is that of the source
    model and the maps alone, as in `consensus`; `contradicted` is the share of the target's rows on which networks and a map agree against it,
    `overruled` the share on which it is overruled, `unanimous` the share of the former on which all four agree.

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
        "who overrules the source model's class: agreed (both networks and a map, where it is in doubt), unanimous (all four), mean (the mean of all five)",
        choices=("agreed", "unanimous", "mean"),
    )

    def joined(self, names: Sequence[str], models: Sequence[Predictor], weights: Vector, told: Mapping[str, Any]) -> Predictor:
        """The vote, or the mean."""
        if self.rule == "mean":
            return super().joined(names, models, weights, told)
        return Overruled(models, self._needed(names), self._believed(told.get("contradicted", 0.0)))

    def told(self, names: Sequence[str], scores: Sequence[Vector]) -> dict[str, Any]:
        """On how many rows the source model is contradicted and overruled, and on what share of the former all agree."""
        said, needed = np.array([s.argmax(axis=1) for s in scores]), self._needed(names)
        if not needed[1:].any():
            return {}
        against, whole = overruled(said, needed), overruled(said, np.ones(len(names), dtype=np.bool_))
        contradicted = float(against.mean())
        over = against & (scores[0].max(axis=1) < self._believed(contradicted))
        return {"contradicted": contradicted, "overruled": float(over.mean()), "unanimous": float(whole.sum() / max(against.sum(), 1))}

    def _believed(self, contradicted: float) -> float:
        """The probability from which the source model's class stands, by the share of the rows on which it is contradicted."""
        return NEVER if self.rule == "unanimous" or contradicted >= BROKEN else BELIEVED

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
