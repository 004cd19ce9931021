"""What a validator sees and says: whether an adapted model is better than the source model, on a target without labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mdshift.learners.base import Learner, Predictor, Prepared

    Floats = NDArray[np.float64]

LEAST = 30.0  # effective rows; fewer say nothing
COVERED = 0.5  # share of the target that lies where the source has rows; of the rest no weight of source rows can tell


@dataclass(frozen=True, eq=False)
class Bench:
    """Two models on one bench.

    plain, adapted: scores (m, k) of the source model and of the adapted one on the target's rows. held: positions of source rows that
    neither of `plain_held`, `adapted_held` (scores (h, k) there) was trained on; None where the strategy is too dear to run twice.
    weights (n,): p_target / p_source of every source row, mean 1; `by_class`: of its class and not of its features, as a
    strategy assumes that corrects for label shift; prior_error (k,) is then the standard error of each class's estimated
    weight. coverage: the share of the target that lies where the source has rows. learner: a cheap one, for models of models. crowd: scores (m, k) on the target of all candidates, the source model and the adapted one among them;
    crowd_held: theirs on the held-out source rows, in the same order. plain_model, adapted_model: the two themselves. strategy: the name of what made the adapted one, and its evidence.
    """

    prepared: Prepared
    plain: Floats
    adapted: Floats
    weights: Floats
    learner: Learner
    rng: Callable[[str], np.random.Generator]
    held: NDArray[np.int64] | None = None
    plain_held: Floats | None = None
    adapted_held: Floats | None = None
    by_class: bool = False
    prior_error: Floats | None = None
    coverage: float = 1.0
    crowd: tuple[Floats, ...] = ()
    crowd_held: tuple[Floats, ...] = ()
    strategy: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    plain_model: Predictor | None = None
    adapted_model: Predictor | None = None

    def unweighable(self) -> str | None:
        """Why source rows weighted to the target say nothing here, in a sentence, or None."""
        from mdshift.stats.density import effective

        if self.held is None or self.plain_held is None or self.adapted_held is None:
            return "the strategy was not run a second time on part of the source"
        if self.coverage < COVERED:
            return f"{self.coverage:.0%} of the target lies where the source has rows"
        rows = effective(self.weights[self.held])
        return None if rows >= LEAST else f"the target is like {rows:.0f} source rows in effect; {LEAST:.0f} are needed"

    def weighed(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | str:
        """Weights (h,) of the held-out source rows, and what each adds to the adapted model's score less the source model's; or why they say nothing."""
        from mdshift.learners.select import merits

        why = self.unweighable()
        if why is not None:
            return why
        assert self.held is not None
        assert self.plain_held is not None
        assert self.adapted_held is not None
        w, y, task = self.weights[self.held], self.prepared.y_source[self.held], self.prepared.task
        return w, merits(task, y, self.adapted_held, w) - merits(task, y, self.plain_held, w)


@dataclass(frozen=True)
class Gain:
    """An estimate of score(adapted) - score(source model) on the target, in accuracy or R2, with its interval."""

    value: float
    low: float
    high: float
    sentence: str = ""


class Validator(ABC):
    """A way to compare two models without target labels.

    in_points: whether its gain is one of accuracy or R2; others rank models on a scale of their own. votes: whether the guard asks it; the
    choice is made by what `benchmarks/choosing/validators.py` measures.
    """

    name: ClassVar[str]
    cites: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")
    in_points: ClassVar[bool] = True
    votes: ClassVar[bool] = False

    @abstractmethod
    def gain(self, bench: Bench, z: float) -> Gain | str:
        """The estimated gain with an interval of +- z standard errors, or the sentence that says why there is none."""


def paired(difference: Floats, z: float, weights: Floats | None = None, sentence: str = "") -> Gain:
    """The (weighted, self-normalised) mean of paired differences, with an interval at the level of +- z standard errors.

    Student's quantile with the effective number of rows takes z's place, so that a few rows are not believed too readily.
    """
    from scipy.special import ndtr, stdtrit

    if len(difference) < 2:  # noqa: PLR2004 - one difference has no spread
        return Gain(float(difference.sum()), -np.inf, np.inf, sentence)
    w = np.ones(len(difference)) if weights is None else weights
    w = w / w.sum()
    rows = float(1 / (w**2).sum())
    value = float((w * difference).sum())
    spread = (difference - value) ** 2
    if np.isin(difference, (-1.0, 0.0, 1.0)).all():
        spread = spread + 1.0 / len(difference)  # right or wrong: a difference that was not seen yet may come, as one row more
    error = float(np.sqrt((w**2 * spread).sum() * rows / max(rows - 1, 1e-9)))
    reach = float(stdtrit(max(rows - 1, 1.0), ndtr(z))) * error
    return Gain(value, value - reach, value + reach, sentence)


def fit_from(bench: Bench, scores: Floats) -> Predictor:
    """A model of a model: the bench's learner trained on the target rows as `scores` labels them."""
    p = bench.prepared
    y = scores.argmax(axis=1) if p.task == "classification" else scores[:, 0]
    return bench.learner.fit(p, p.X_target, y, bench.rng("reverse"))
