from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

from mdshift.declare import Cost, Needs, lookup, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Trained

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mdshift.learners.base import Context, Prepared

BY_TASK = {"classification": ("linear-ot", "ot-map"), "regression": ("linear-ot",)}
SETS = ("auto", "linear-ot+ot-map", "linear-ot", "ot-map", "coral+linear-ot", "coral+linear-ot+ot-map")


@final
@strategy
@dataclass(frozen=True)
class Consensus(Strategy):
    """Average the source model with models that each suppose another shift.

    Beside the source model, which supposes none, a member is trained on the source carried by a straight map (`linear-ot`: measurements
    drifted together) and one on the source carried by a map that bends (`ot-map`: every cluster moved its own way; not for numbers,
    whose relation to the inputs it tears). Nobody can tell without labels which of them is right, and nobody has to: the squared error
    of the mean is the members' mean error less the spread among them, for classes (Brier score) as for numbers (Krogh & Vedelsby 1995),
    and that spread can be seen without labels. It is reported as `ambiguity`: the mean does better than the source model as long as the
    others' mean error exceeds the source model's by less than `ambiguity` / (1 - its share). Members that need an extra that is not
    installed are left out.

    Assumes: Nothing of one kind of shift; that the members err apart, which `ambiguity` shows.

    Helps: The inputs moved and it is not known how.

    Hurts: The classes' shares moved too: the maps carry one class onto another, and all but the source model err together. Where
    nothing moved it costs next to nothing.
    """

    name: ClassVar[str] = "consensus"
    cites: ClassVar[str] = "Krogh & Vedelsby 1995; Hansen & Salamon 1990"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array"))
    cost: ClassVar[Cost] = Cost.LOW
    own: float = param(0.0, "share of the source model in the mean (0: as much as every other)", low=0, high=1)
    maps: str = param(
        "auto",
        "the strategies that are averaged with the source model (auto: both maps for classes, the straight one for numbers)",
        choices=SETS,
    )

    def parts(self, task: str) -> tuple[str, ...]:
        """The maps for a task."""
        return BY_TASK[task] if self.maps == "auto" else tuple(self.maps.split("+"))

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Train the members (those that the run has trained already are taken as they are) and average."""
        import numpy as np

        from mdshift.learners.compose import Averaged
        from mdshift.stats.ambiguity import ambiguity

        made: dict[str, Trained] = {}
        for name in self.parts(prepared.task):
            if name in context.finished:
                made[name] = context.finished[name]
                continue
            member = lookup("strategy", name)()
            if prepared.modality not in member.needs.modalities or prepared.task not in member.needs.tasks:
                continue
            try:
                made[name] = member.run(prepared, replace(context, rng=_within(context.rng, name)))
            except ModuleNotFoundError:  # an extra that is not installed
                continue
        own = 1.0 if not made else self.own or 1 / (1 + len(made))
        weights = np.array([own, *[(1 - own) / max(len(made), 1)] * len(made)])
        models = [context.base, *(trained.predictor for trained in made.values())]
        evidence: dict[str, Any] = {"members": ["source-only", *made], "weights": weights.tolist()}
        if len(prepared.X_target):
            evidence["ambiguity"] = ambiguity([model.scores(prepared.X_target) for model in models], weights)
        return Trained(Averaged(models, weights), evidence=evidence)


def _within(rng: Callable[[str], np.random.Generator], name: str) -> Callable[[str], np.random.Generator]:
    """The generators of a member: no member's draws depend on the others'."""
    return lambda unit: rng(f"{name}/{unit}")
