from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mdshift.declare import validator
from mdshift.learners.select import merits
from mdshift.validators.base import Bench, Gain, Validator, fit_from, paired


@validator
@dataclass(frozen=True)
class Reverse(Validator):
    """Let each model label the target, learn from those labels, and see how well that predicts the source's true labels.

    A model that labels the target wrongly teaches what does not hold in the source.

    Assumes: What labels the target rightly teaches what holds in the source.

    Helps: Candidates that turned classes around, which shows at once.

    Hurts: It measures consistency, not accuracy: a mistake that both directions share goes unseen.

    Cost: One training of a linear model on the target's rows for every candidate.
    """

    name: ClassVar[str] = "reverse"
    cites: ClassVar[str] = "Zhong 2010; Ganin 2016"
    votes: ClassVar[bool] = True

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Paired difference of the two reversed models on the source."""
        p = bench.prepared
        if bench.by_class:
            return "a model taught the target's class shares is bound to do worse on the source's"
        if len(p.X_target) < 20:  # noqa: PLR2004 - nothing to learn from
            return f"{len(p.X_target)} target rows are too few to learn from"
        there = [merits(p.task, p.y_source, fit_from(bench, s).scores(p.X_source)) for s in (bench.plain, bench.adapted)]
        return paired(there[1] - there[0], z, None, f"models taught by each on {len(p.X_target)} target rows")
