"""An expert for each source, and a gate that says whom to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Context, Prepared, Trained
from mdshift.learners.gated import Gated, fit_gate
from mdshift.learners.select import CHOICE_ROWS, cut, sample_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 2  # sources with which none can be left out


@final
@strategy
@dataclass(frozen=True)
class Moe(Strategy):
    """Train an expert on each source domain, and a gate that weighs them row by row (mixture of experts).

    The experts are what cross-validation chose on the source (trees and linear models are stronger on tables than networks); the model
    of all sources is one more. The gate is a softmax of a linear function of the features, trained as in Guo 2018: each source in turn
    plays the target, its rows are predicted by the others' experts and by a model of the other sources, and the gate learns whose word
    to take; with two sources the rows are instead predicted out of fold by every expert. Labelled target rows join in. The gate's mean
    share of each expert on the target is reported. On real sources it gained on software defects, was even on wearable sensors, and
    lost to the model of all on schools' exams.

    Assumes: A row's features tell which source it is like.

    Helps: The sources contradict one another.

    Hurts: The sources follow one rule: the experts know less each than the model of all. Where the features do not tell, the gate has
    nothing to go by.
    """

    name: ClassVar[str] = "moe"
    cites: ClassVar[str] = "Jacobs et al. 1991; Guo, Shah & Barzilay 2018"
    needs: ClassVar[Needs] = Needs(sources=2, target=False)
    cost: ClassVar[Cost] = Cost.HIGH
    uses_target_labels: ClassVar[bool] = True  # those that there are

    pull: float = param(10.0, "penalty on the gate, towards equal shares, in rows' worth", low=1e-3, high=1e6)
    labels: float = param(5.0, "weight of a labelled target row in the gate's training, in source rows", low=0, high=1000)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Experts, their word on rows that they did not see, the gate."""
        p, k, rng = prepared, prepared.n_sources, context.rng("experts")
        experts = [context.learner.fit(p, p.X_source[p.domain == s], p.y_source[p.domain == s], rng) for s in range(k)] + [context.base]
        rows = sample_rows(p, context.rng("gate-rows"), CHOICE_ROWS)
        said, allowed = self._unseen(p, context, rows, experts)
        known = p.labelled
        told = np.stack([expert.scores(p.X_target[known]) for expert in experts], axis=1)
        X, y = np.concatenate([p.X_source[rows], p.X_target[known]]), np.concatenate([p.y_source[rows], p.y_target[known]])
        allowed = np.concatenate([allowed, np.ones((len(told), k + 1), dtype=bool)])
        w = np.repeat([1.0, self.labels], [len(rows), len(told)])
        coef, intercept = fit_gate(X, _likelihoods(p, np.concatenate([said, told]), allowed, y), allowed, w, self.pull)
        found = Gated(experts, coef, intercept)
        shares = found.shares(p.X_target if len(p.X_target) else p.X_source).mean(axis=0)
        return Trained(found, evidence={"gate_shares": shares[:-1].tolist(), "pooled_share": float(shares[-1])})

    @staticmethod
    def _unseen(
        p: Prepared, context: Context, rows: NDArray[np.int64], experts: list[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What the experts say of rows that they were not trained on (r, experts, outputs), and whom the gate may ask (r, experts)."""
        k, rng, d, fit = p.n_sources, context.rng("unseen"), p.domain[rows], context.learner.fit
        said = np.stack([expert.scores(p.X_source[rows]) for expert in experts], axis=1)
        allowed = np.ones(said.shape[:2], dtype=bool)
        if k > FEW:
            for s in range(k):
                at, others = d == s, p.domain != s
                said[at, k] = fit(p, p.X_source[others], p.y_source[others], rng).scores(p.X_source[rows[at]])
                allowed[at, s] = False
            return said, allowed
        fold = np.full(len(p.y_source), -1)
        fold[rows] = cut(p, rows, rng, 3)
        for f in range(3):
            for s in (*range(k), k):
                own = np.ones(len(fold), dtype=bool) if s == k else p.domain == s
                at, train = (fold[rows] == f) & own[rows], (fold != f) & own
                if at.any() and train.any():
                    said[at, s] = fit(p, p.X_source[train], p.y_source[train], rng).scores(p.X_source[rows[at]])
        return said, allowed


def _likelihoods(p: Prepared, said: NDArray[np.float64], allowed: NDArray[np.bool_], y: NDArray[Any]) -> NDArray[np.float64]:
    """How likely each expert finds each label (n, experts): its probability, or the normal density around its number, up to a factor."""
    if p.task == "classification":
        chosen: NDArray[np.float64] = said[np.arange(len(y)), :, y]
        return chosen
    squared = (said[:, :, 0] - y[:, None]) ** 2
    least = np.where(allowed, squared, np.inf).mean(axis=0, where=allowed).min()
    return np.asarray(np.exp(-0.5 * squared / max(float(least), 1e-12)), dtype=np.float64)
