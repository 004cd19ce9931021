from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Correct
from mdshift.learners.compose import Averaged
from mdshift.learners.domains import similarity
from mdshift.learners.linear import Linear
from mdshift.learners.select import MAX_TREE_COLUMNS, score
from mdshift.learners.trees import Trees

if TYPE_CHECKING:
    from mdshift.learners.base import Context, Learner, Predictor, Prepared


@strategy
@dataclass(frozen=True)
class Ensemble(Correct):
    """Train one model a source domain and let them vote by their probabilities.

    With several sources, each trains a member beside the model of all of them; a member's weight is how much of the target looks like
    its domain (`similarity`, a domain classifier's mean posterior over the target's rows), how well it predicts the other sources'
    labels and those that the target has (`validation`), or equal (`uniform`). With a single source the members are different learners
    on bootstrap samples, which lowers the variance that a shift turns into errors.

    Assumes: Some source domain, or the mean of several, is like the target; with one source, that its error is variance.

    Helps: Several sources, of which the target resembles some; a small source, whose models vary.

    Hurts: All members err in the same direction: their mean does too. A domain classifier can call a source similar whose labels follow
    another rule.
    """

    name: ClassVar[str] = "ensemble"
    cites: ClassVar[str] = "Mansour 2009; Zhou 2021; Breiman 1996"
    needs: ClassVar[Needs] = Needs(target=False)
    cost: ClassVar[Cost] = Cost.LOW
    weights: str = param("similarity", "how the members are weighed", choices=("similarity", "validation", "uniform"))
    members: int = param(5, "bootstrap samples with a single source", low=2, high=50)

    @property
    def uses_target_labels(self) -> bool:
        """Whether the labels that the target has weigh the members."""
        return self.weights == "validation"

    def correct(self, model: Predictor, prepared: Prepared, context: Context) -> tuple[Predictor, dict[str, Any]]:
        """The vote, and the members' weights."""
        rng = context.rng("ensemble")
        if prepared.n_sources < 2:  # noqa: PLR2004 - one source
            return self._bagged(model, prepared, context, rng)
        fitted: list[Predictor] = []
        for k in range(prepared.n_sources):
            own = prepared.domain == k
            fitted.append(context.learner.fit(prepared, prepared.X_source[own], prepared.y_source[own], rng))
        shares = self._shares(fitted, prepared, rng)
        # the model of all sources votes with half the weight: what the sources share is learnt best from all of them
        weights = np.concatenate([[0.5], 0.5 * shares])
        return Averaged([model, *fitted], weights), {"weights": shares.tolist(), "pooled_weight": 0.5}

    def _shares(self, fitted: list[Predictor], prepared: Prepared, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        k = len(fitted)
        if self.weights == "uniform":
            return np.full(k, 1 / k)
        if self.weights == "similarity":
            return similarity(prepared, rng)
        found = np.zeros(k)
        labelled = prepared.labelled
        for i, member in enumerate(fitted):
            other = prepared.domain != i
            X = np.concatenate([prepared.X_source[other], prepared.X_target[labelled]])
            y = np.concatenate([prepared.y_source[other], prepared.y_target[labelled]])
            found[i] = max(score(prepared.task, y, member.scores(X)), 0.0)
        return found / found.sum() if found.sum() > 0 else np.full(k, 1 / k)

    def _bagged(self, model: Predictor, prepared: Prepared, context: Context, rng: np.random.Generator) -> tuple[Predictor, dict[str, Any]]:
        n, fitted = len(prepared.y_source), [model]
        learners: list[Learner] = [context.learner, Linear()]
        if prepared.X_source.shape[1] <= MAX_TREE_COLUMNS:
            learners.append(Trees())
        for i in range(self.members):
            rows = rng.integers(0, n, n)
            learner = learners[i % len(learners)]
            fitted.append(learner.fit(replace(prepared), prepared.X_source[rows], prepared.y_source[rows], rng))
        return Averaged(fitted, np.full(len(fitted), 1 / len(fitted))), {"members": len(fitted)}
