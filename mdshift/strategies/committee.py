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
    """Average the source model with both maps of `consensus` and two networks trained towards the target, and believe the mean with care.

    One network's target predictions are kept from being torn between classes (`mcc`), the other's features are such that a second network
    cannot tell them apart by domain (`dann`). Each of the four alone is a gamble: on open pairs every one gains ten points and more here
    and loses several there, and so does their mean (`rule=mean`). What tells the pairs apart can be seen
    without labels: where the mean is right, rows that lie together share a class more than they do by the source model. So the mean is
    believed everywhere where that agreement among neighbours, beyond chance, is higher by .05 (`coherence_gain`), the plain agreement no lower than by .01 (`agreement_gain`),
    that of the mean of source model and maps alone no lower (`gauge_gain`), and it is the source model that stands apart (`united`); or where, of three classes or more and on a
    hundred rows or more, the mean is at most .05 less sure of its classes than the source model of its own (`confidence_gain`) and has four fifths of its effective number of classes. Elsewhere it decides
    only on rows on which the source model gives no class a half and all four agree on another. Where it is believed, half of what is said of a row comes from those around it (`smooth`), and a model that labels the target by its own clusters (`selective-pseudo-labels`) joins it with half a member's weight (`advice`).
    `overruled` is the share of the target's rows whose class changes, `ambiguity` that of the source model and the maps alone, as in `consensus`.

    Assumes: Rows of one class lie together in the target (the cluster assumption), if not where they lay in the source.

    Helps: The inputs moved much (the members of `consensus` disagree), and minutes do not matter.

    Hurts: The classes' shares moved and little else: the maps and the networks all carry one class onto another, and err together; where the
    classes are clusters that is mostly seen.
    """

    name: ClassVar[str] = "committee"
    cites: ClassVar[str] = (
        "Hansen & Salamon 1990; Krogh & Vedelsby 1995; Zhou et al. 2004; Chapelle & Zien 2005; Jin et al. 2020; Ganin et al. 2016; Wang & Breckon 2020"
    )
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"), tasks=("classification",))
    cost: ClassVar[Cost] = Cost.MEDIUM
    follows: ClassVar[str] = "consensus"

    sure_from: ClassVar[float] = -0.05
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

    def advisers(self, task: str) -> tuple[str, ...]:
        """Those of `consensus`."""
        return lookup("strategy", self.follows)().advisers(task)  # type: ignore[no-any-return]
