from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.learners.select import merits
from mdshift.validators.base import Bench, Gain, Validator, paired


@validator
@dataclass(frozen=True)
class Agreement(Validator):
    """Let all candidates together be the judge: a gain is how much better a model agrees with the mean of all of them.

    The mean of models that err apart errs less than most of them, so that the one nearest to it is seldom a bad pick (Hu 2024). A
    candidate that is itself a mean of others lies near them by construction, which is why agreement alone keeps nothing.

    Assumes: The candidates err apart from one another.

    Helps: Several candidates of different kinds.

    Hurts: It cannot see what all candidates get wrong, and what is far from the others it calls wrong, right or not.

    Cost: Next to nothing: the predictions are there.
    """

    name: ClassVar[str] = "agreement"
    cites: ClassVar[str] = "Hu 2024"
    votes: ClassVar[bool] = True

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Paired difference of the expected score on the target, were the candidates' mean the posterior."""
        if len(bench.crowd) < 3:  # noqa: PLR2004 - of two models the mean is between them
            return "there are no other candidates to agree with"
        if bench.by_class:
            return "the mean over two class priors is the posterior of no population"
        return against(bench, np.mean(bench.crowd, axis=0), z, f"judged by the mean of {len(bench.crowd)} models")


def against(bench: Bench, judge: np.ndarray, z: float, sentence: str) -> Gain:
    """The gain on the target's rows were `judge` (m, k) the posterior of the classes, or the true numbers."""
    if bench.prepared.task == "regression":
        y = judge[:, 0]
        return paired(merits("regression", y, bench.adapted) - merits("regression", y, bench.plain), z, None, sentence)
    rows = np.arange(len(judge))
    return paired(judge[rows, bench.adapted.argmax(axis=1)] - judge[rows, bench.plain.argmax(axis=1)], z, None, sentence)
