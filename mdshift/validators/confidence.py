from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.validators.base import Bench, Gain, Validator, paired


@validator
@dataclass(frozen=True)
class Confidence(Validator):
    """Where the two models disagree on a target row, believe the surer one, judged by the mean of their probabilities.

    The expected accuracy of a model is its mean confidence where it is calibrated (Guillory 2021, Garg 2022).

    Assumes: The mean of both models' probabilities is calibrated on the target, and so no model is its own judge.

    Helps: Models that are calibrated alike.

    Hurts: An over-confident model wins too often (`benchmarks/choosing/validators.txt`), which is why this validator has no vote.

    Cost: Next to nothing: the predictions are there.
    """

    name: ClassVar[str] = "confidence"
    cites: ClassVar[str] = "Guillory 2021; Garg 2022; Hu 2024"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Paired difference of expected accuracy on the target."""
        rows = np.arange(len(bench.plain))
        if bench.by_class:
            return "the mean of two class priors is the posterior of no population"
        if not len(rows):
            return "there are no target rows"
        judge = (bench.plain + bench.adapted) / 2
        a, b = bench.adapted.argmax(axis=1), bench.plain.argmax(axis=1)
        return paired(judge[rows, a] - judge[rows, b], z, None, f"{int((a != b).sum())} of {len(rows)} target rows are decided otherwise")
