from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Trained
from mdshift.learners.compose import Averaged
from mdshift.learners.linear import Linear
from mdshift.learners.select import stratified
from mdshift.learners.trees import Trees
from mdshift.learners.voting import Median
from mdshift.stats.boosting import LEAST, source_share, transfer_step

if TYPE_CHECKING:
    from mdshift.learners.base import Context, Learner, Predictor, Prepared, Vector


@final
@strategy
@dataclass(frozen=True)
class TrAdaBoost(Strategy):
    """Boost on source and labelled target rows together: source rows that keep being wrong fade, target rows that are wrong gain weight.

    Classes: TrAdaBoost; the last half of the rounds votes. Numbers: the two-stage form; the source's weight is taken down step by step,
    most where it errs, each step is judged by cross-validation on the target's labels, and the best one's boosted models answer by
    their weighted median.

    Assumes: Part of the source obeys the target's rule.

    Helps: A few target labels can tell which part that is.

    Hurts: All of the source contradicts the target: it is slower and worse than the target's labels alone. Labels that are wrong it
    chases.
    """

    name: ClassVar[str] = "tradaboost"
    cites: ClassVar[str] = "Dai et al. 2007; Pardoe & Stone 2010"
    needs: ClassVar[Needs] = Needs(target_labels=4, modalities=("table",))
    cost: ClassVar[Cost] = Cost.MEDIUM
    rounds: int = param(20, "rounds of boosting", low=2, high=500)
    stages: int = param(8, "steps in which a regression takes the source's weight down", low=2, high=100)
    learner: str = param("linear", "what is boosted", choices=("linear", "trees"))

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Boost; the evidence tells the weight that the source's rows kept."""
        known = prepared.labelled
        X = np.concatenate([prepared.X_source, prepared.X_target[known]])
        y = np.concatenate([prepared.y_source, prepared.y_target[known]])
        learner: Learner = Linear(1.0) if self.learner == "linear" else Trees(10, 0.3)
        if prepared.task == "classification":
            return self._classes(prepared, X, y, learner, context)
        return self._numbers(prepared, X, y, learner, context)

    def _classes(self, prepared: Prepared, X: Any, y: Any, learner: Learner, context: Context) -> Trained:
        n, rng = len(prepared.y_source), context.rng("boost")
        w = np.full(len(y), 1 / len(y))
        members: list[Predictor] = []
        votes: list[float] = []
        for _ in range(self.rounds):
            members.append(learner.fit(prepared, X, y, rng, w / w.mean()))
            wrong = (members[-1].scores(X).argmax(axis=1) != y).astype(np.float64)
            w, vote = transfer_step(w, wrong, n, self.rounds, prepared.n_classes)
            votes.append(vote)
        # the rounds before have not yet unlearnt the source (Dai 2007)
        late = slice(self.rounds // 2, None)
        share = np.array(votes[late])
        share = share / share.sum() if share.sum() > 0 else np.full(len(share), 1 / len(share))
        history = tuple({"round": i, "vote": v} for i, v in enumerate(votes))
        return Trained(Averaged(members[late], share), history, {"source_weight": float(w[:n].sum()), "source_rows": n})

    def _numbers(self, prepared: Prepared, X: Any, y: Any, learner: Learner, context: Context) -> Trained:
        n, m = len(prepared.y_source), len(y) - len(prepared.y_source)
        fold = stratified(y[n:], "regression", context.rng("folds"), 5)
        w, best, history = np.full(len(y), 1 / len(y)), (np.inf, np.full(len(y), 1 / len(y))), []
        for stage in range(self.stages):
            errors = np.empty(m)
            for f in np.unique(fold):
                keep = np.concatenate([np.ones(n, bool), fold != f])
                part = self._boosted(prepared, X[keep], y[keep], w[keep], n, learner, context)
                errors[fold == f] = (part.scores(X[n:][fold == f])[:, 0] - y[n:][fold == f]) ** 2
            history.append({"stage": stage, "source_weight": float(w[:n].sum()), "held_out_error": float(errors.mean())})
            if errors.mean() < best[0]:
                best = (float(errors.mean()), w)
            off = np.abs(learner.fit(prepared, X, y, context.rng(f"stage-{stage}"), w / w.mean()).scores(X)[:, 0] - y)
            least = m / (n + m)
            w = source_share(w, off[:n] / max(off.max(), 1e-12), n, least + (stage + 1) / (self.stages - 1) * (1 - least) * 0.999)
        final = self._boosted(prepared, X, y, best[1], n, learner, context)
        return Trained(final, tuple(history), {"source_weight": float(best[1][:n].sum()), "source_rows": n})

    def _boosted(self, prepared: Prepared, X: Any, y: Any, w: Vector, n: int, learner: Learner, context: Context) -> Median:
        """AdaBoost.R2 (Drucker 1997) on the target's rows, the source's weights held."""
        rng = context.rng("boost")
        members: list[Predictor] = []
        votes: list[float] = []
        for _ in range(max(2, self.rounds // 4)):
            model = learner.fit(prepared, X, y, rng, w / w.mean())
            off = np.abs(model.scores(X)[:, 0] - y)[n:]
            off = off / max(off.max(), 1e-12)
            error = max(LEAST, float((w[n:] * off).sum() / w[n:].sum()))
            if members and error >= 0.5:  # noqa: PLR2004 - no better than chance
                break
            members.append(model)
            votes.append(max(float(np.log((1 - min(error, 0.499)) / min(error, 0.499))), 1e-9))
            new = w[n:] * np.exp(-votes[-1] * (1 - off))
            w = np.concatenate([w[:n], new / new.sum() * w[n:].sum()])
        return Median(members, np.array(votes) / np.sum(votes))
