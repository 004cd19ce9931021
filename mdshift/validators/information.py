from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.validators.base import Bench, Gain, Validator, paired


@validator
@dataclass(frozen=True)
class Information(Validator):
    """The information that a model's prediction carries about the target's rows: entropy of the mean less mean entropy, in bits.

    Right models tend to be sure of each row and to use every class; so do wrong ones that were trained to be sure, which is why it only
    ranks models and never says by how much one is better.

    Assumes: The target's classes are about as frequent as a right model says, and it is sure of its rows.

    Helps: Models of one kind, trained in one way.

    Hurts: A model that was trained to be sure is taken for a right one; it has no vote.

    Cost: Next to nothing: the predictions are there.
    """

    name: ClassVar[str] = "information"
    cites: ClassVar[str] = "Bridle 1991; Shi & Sha 2012"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    in_points: ClassVar[bool] = False

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Difference of the mutual information between row and class."""
        if bench.by_class:
            return "a change of the class shares changes the information without changing what is known"
        if len(bench.plain) < 2:  # noqa: PLR2004 - one row has no spread
            return "there are no target rows"
        here, there = row_information(bench.plain), row_information(bench.adapted)
        return paired(there - here, z, None, f"bits a row: {here.mean():.2f} before, {there.mean():.2f} after")


def row_information(scores: np.ndarray) -> np.ndarray:
    """KL divergence (m,) in bits of each row's prediction from the mean prediction; its mean is the mutual information. scores (m, k)."""
    tiny = 1e-300
    mean = scores.mean(axis=0)
    return np.asarray((scores * (np.log2(np.maximum(scores, tiny)) - np.log2(np.maximum(mean, tiny)))).sum(axis=1))
