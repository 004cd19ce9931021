from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.validators.base import Bench, Gain, Validator, paired

if TYPE_CHECKING:
    from mdshift.learners.base import Predictor

SHARE = 0.55  # of the row whose label a mixture should get (Hu 2023)
ROWS = 2000


@validator
@dataclass(frozen=True)
class MixVal(Validator):
    """Mix pairs of target rows, and ask whether a model gives the mixture the label that it gives the row with the larger share.

    Two rows of one predicted class test whether a class hangs together, two of different ones whether the border lies between them (Hu
    2023).

    Assumes: Features may be mixed: half way between two rows lies a possible row.

    Helps: Arrays and images whose classes hang together.

    Hurts: It tests a model's consistency, not its truth: a wrong model may be consistent. It has no vote.

    Cost: One prediction of at most 2,000 mixed rows by every candidate.
    """

    name: ClassVar[str] = "mixval"
    cites: ClassVar[str] = "Hu 2023"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    in_points: ClassVar[bool] = False

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Paired difference of the share of mixtures that are labelled as they should be."""
        if bench.plain_model is None or bench.adapted_model is None:
            return "the models are not at hand"
        if len(bench.plain) < 20:  # noqa: PLR2004 - no pairs to speak of
            return f"{len(bench.plain)} target rows are too few to mix"
        rng = bench.rng("mixval")
        first, second = rng.integers(0, len(bench.plain), (2, ROWS))
        X = bench.prepared.X_target
        mixed = (SHARE * X[first] + (1 - SHARE) * X[second]).astype(X.dtype)
        here, there = (
            consistent(model, scores.argmax(axis=1)[first], mixed)
            for model, scores in ((bench.plain_model, bench.plain), (bench.adapted_model, bench.adapted))
        )
        return paired(there - here, z, None, f"right of {ROWS} mixtures: {here.mean():.2f} before, {there.mean():.2f} after")


def consistent(model: Predictor, labels: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """Whether each mixture (r, d) gets its label (r,), as 0 or 1."""
    return np.asarray(model.scores(mixed).argmax(axis=1) == labels, dtype=np.float64)
