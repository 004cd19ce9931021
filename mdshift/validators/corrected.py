from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.learners.select import merits
from mdshift.validators.base import Bench, Gain, Validator, paired


@validator
@dataclass(frozen=True)
class Corrected(Validator):
    """The score on held-out source rows, corrected by how much less sure the model is of the target's rows.

    What a model loses under a shift goes along with what its mean confidence loses (Guillory 2021). Each of the two models is taken at
    its own word, so that a training that makes models sure is flattered.

    Assumes: Confidence falls where accuracy falls, by as much.

    Helps: A moderate shift of the inputs.

    Hurts: A training that makes models sure, such as self-training, is flattered.

    Cost: Next to nothing beside the second run on held-out source rows, which is shared.
    """

    name: ClassVar[str] = "corrected"
    cites: ClassVar[str] = "Guillory 2021"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Difference of the two corrected source scores."""
        if bench.held is None or bench.plain_held is None or bench.adapted_held is None:
            return "the strategy was not run a second time on part of the source"
        if bench.by_class:
            return "under other class shares confidence is not comparable"
        y = bench.prepared.y_source[bench.held]
        off = [merits("classification", y, s) - s.max(axis=1) for s in (bench.plain_held, bench.adapted_held)]
        here = paired(off[1] - off[0], z)
        there = paired(bench.adapted.max(axis=1) - bench.plain.max(axis=1), z)
        value = here.value + there.value
        reach = float(np.hypot(here.value - here.low, there.value - there.low))
        return Gain(value, value - reach, value + reach, f"on {len(y)} held-out source rows and {len(bench.plain)} target rows")
