from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Average

BY_TASK = {"classification": ("linear-ot", "ot-map"), "regression": ("linear-ot",)}
SETS = ("auto", "linear-ot+ot-map", "linear-ot", "ot-map", "coral+linear-ot", "coral+linear-ot+ot-map")


@final
@strategy
@dataclass(frozen=True)
class Consensus(Average):
    """Average the source model with models that each suppose another shift.

    Beside the source model, which supposes none, a member is trained on the source carried by a straight map (`linear-ot`: measurements
    drifted together) and one on the source carried by a map that bends (`ot-map`: every cluster moved its own way; not for numbers,
    whose relation to the inputs it tears). Nobody can tell without labels which of them is right, and nobody has to: the squared error
    of the mean is the members' mean error less the spread among them, for classes (Brier score) as for numbers (Krogh & Vedelsby 1995),
    and that spread can be seen without labels. It is reported as `ambiguity`: the mean does better than the source model as long as the
    others' mean error exceeds the source model's by less than `ambiguity` / (1 - its share). Which class it decides for is another matter: there it is
    believed with care, everywhere where rows that lie together share a class more than by the source model (`coherence_gain`, from .05, and
    `agreement_gain`, from -.01) and the maps agree with each other no less than with that model (`united`; of one map alone never), on 70 rows or more; elsewhere only on rows on which it gives no class a half and they agree on another. A believed mean is spread among rows that lie together (`smooth`), and a model that labels the target by its own clusters (`selective-pseudo-labels`) joins it with half a member's weight (`advice`). Members that need an extra that is not installed are left out.

    Assumes: Nothing of one kind of shift; that the members err apart, which `ambiguity` shows.

    Helps: The inputs moved and it is not known how.

    Hurts: The classes' shares moved too: the maps carry one class onto another, and all but the source model err together. Where
    nothing moved it costs next to nothing.
    """

    name: ClassVar[str] = "consensus"
    cites: ClassVar[str] = "Krogh & Vedelsby 1995; Hansen & Salamon 1990; Zhou et al. 2004; Chapelle & Zien 2005; Wang & Breckon 2020"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"))
    cost: ClassVar[Cost] = Cost.LOW
    maps: str = param(
        "auto",
        "the strategies that are averaged with the source model (auto: both maps for classes, the straight one for numbers)",
        choices=SETS,
    )

    def parts(self, task: str) -> tuple[str, ...]:
        """The maps for a task."""
        return BY_TASK[task] if self.maps == "auto" else tuple(self.maps.split("+"))

    def advisers(self, task: str) -> tuple[str, ...]:
        """What labels the target by its own clusters, for classes."""
        return ("selective-pseudo-labels",) if task == "classification" else ()
