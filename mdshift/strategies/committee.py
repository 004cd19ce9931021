from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from mdshift.declare import Cost, Needs, configure, lookup, param, strategy
from mdshift.families import Average, Strategy

NETWORKS = ("mcc", "dann")


@final
@strategy
@dataclass(frozen=True)
class Committee(Average):
    """Average the models of `consensus` with networks that were trained towards the target.

    Beside the source model and the maps sit two networks, one whose target predictions are kept from being torn between classes (`mcc`),
    one whose features a second network cannot tell apart by domain (`dann`). Each alone is a gamble: on open pairs either gains ten
    points and more here and loses several there. They err apart from the maps and from each other, which is what a mean lives on, and
    all count alike, since nobody can tell without labels which of them is right. `ambiguity` is that of the source model and the maps
    alone, as in `consensus`: networks differ from them even where nothing is to be won.

    Assumes: The members err apart.

    Helps: The inputs moved much (the members of `consensus` disagree), and minutes do not matter.

    Hurts: As `consensus`: where the classes' shares moved, all but the source model err together.
    """

    name: ClassVar[str] = "committee"
    cites: ClassVar[str] = "Krogh & Vedelsby 1995; Jin et al. 2020; Ganin et al. 2016"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"), tasks=("classification",))
    cost: ClassVar[Cost] = Cost.MEDIUM
    follows: ClassVar[str] = "consensus"

    epochs: float = param(20.0, "passes of the networks over the source", low=1)

    def member(self, name: str) -> Strategy:
        """The networks train for `epochs`."""
        return configure(lookup("strategy", name), {"epochs": self.epochs} if name in NETWORKS else {})  # type: ignore[no-any-return]

    def gauge(self, task: str) -> tuple[str, ...]:
        """The maps."""
        return lookup("strategy", self.follows)().parts(task)  # type: ignore[no-any-return]

    def parts(self, task: str) -> tuple[str, ...]:
        """The maps and the networks."""
        return (*self.gauge(task), *NETWORKS)
