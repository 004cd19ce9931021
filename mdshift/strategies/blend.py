from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, lookup, param, strategy
from mdshift.families import Map, Strategy
from mdshift.learners.base import Trained
from mdshift.types import MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Context, Matrix, Predictor, Prepared
    from mdshift.learners.spread import Neighbourhood

    Floats = NDArray[np.float64]

HEAVY = 2_000_000  # rows x columns x classes from which trees and networks take long: fewer models are then trained
MEMBERS = ("source-only", "consensus", "pooled", "pooled consensus", "target alone")
LAST = {"classification": "neighbours", "regression": "fine-tuned"}  # of tables and arrays; of numbers of anything
PLACED_IN = 30  # components in which neighbours are looked for: labels tell which of them matter, so that there may be more than without
ALONE = 1000.0  # unlabelled rows that a label weighs as much as beside a model of the same few labels: it says nothing that they do not


@final
@strategy
@dataclass(frozen=True)
class Blend(Strategy):
    """Average models that trust the source more or less, by what a few target labels say of each.

    Members from all source to all target: the source model; the plain mean of it with models of the carried source; a model of
    the source and the labelled target rows together; the same mean with those rows in every member; a linear model of the
    target's labels alone; of numbers the source model fine-tuned on them (`finetune`; of classes that takes long in every fold, and
    moved little on real pairs). Of classes, in tables and arrays, the labels are spread among the target's rows, so that each takes over what is
    said of those around it (`learners/spread.py`): on top of the linear model, and in one more member on top of the fourth. Each is scored on labels that it did not see (`folds`), and weighed by its likelihood there to the power
    `trust`: a few labels move the weights a little, many decide. With a power of 1 it is Bayesian model averaging; held-back scores of
    few rows deserve less. The source model is worth `prior` labels beside them: of n labels the weights so found share n / (n + prior), and the
    rest is its own. Of classes a quarter (`vote`) of each member's say goes to its likeliest class: how sure models are is not on one scale, and
    else the surest decides. Labels given class by class (as many of each) are weighed to the classes' shares. Where a model takes long to
    train, three folds have to do, and the fourth member is the third.

    Assumes: The labelled target rows are a random part of the target, or were given class by class; one member at least is right about
    much of it.

    Helps: There are few labels, and it is not known how much of the source holds.

    Hurts: With thousands of labels the target alone is as good. It cannot be better than what its members know, and labels of
    hand-picked rows weigh the wrong member up.
    """

    name: ClassVar[str] = "blend"
    cites: ClassVar[str] = "Hoeting et al. 1999; Zhou et al. 2004; Daumé III 2007"
    needs: ClassVar[Needs] = Needs(target_labels=4)
    cost: ClassVar[Cost] = Cost.LOW
    holds_back: ClassVar[bool] = True
    trust: float = param(0.5, "power of the likelihood of the held-back labels", low=0, high=10)
    folds: int = param(5, "folds of the labelled target rows", low=2, high=20)
    prior: float = param(5.0, "target labels that the source model is worth", low=0)
    vote: float = param(0.25, "of classes, the part of a member's say that goes to its likeliest class", low=0, high=1)

    def parts(self, task: str) -> tuple[str, ...]:
        """The maps of the consensus."""
        return lookup("strategy", "consensus")().parts(task)  # type: ignore[no-any-return]

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Train every member, and again without each fold of the labels; weigh, average."""
        from mdshift.learners.compose import Averaged, voted
        from mdshift.learners.pool import design
        from mdshift.learners.select import stratified

        rng = context.rng
        known = np.flatnonzero(prepared.labelled)
        weights = design(prepared, context.base)
        carried = _carried(prepared, context)
        heavy = context.learner.name != "linear" and prepared.X_source.size * prepared.n_classes > HEAVY
        again = carried[:1] if heavy else carried  # what is trained anew in every fold
        plain = [context.base, self._mean([context.base, *(_fit(prepared, X, context, name) for name, X in carried[1:])])]
        fold = stratified(prepared.y_target[known], prepared.task, rng("folds"), min(self.folds, 3) if heavy else self.folds)
        around = self._around(prepared, known)
        last = prepared.task == "regression" or around is not None
        members = [*MEMBERS, LAST[prepared.task]] if last else list(MEMBERS)
        held = np.zeros((len(members), len(known), prepared.n_classes))
        held[:2] = [model.scores(prepared.X_target[known]) for model in plain]
        for f in np.unique(fold):
            out = fold == f
            for i, model in enumerate(self._with_labels(prepared, context, again, known[~out], weights, around), 2):
                held[i, out] = model.scores(prepared.X_target[known[out]])
        fits = log_fit(prepared.task, prepared.y_target[known], held, weights[known])
        share = self._shares(fits.sum(axis=1), len(known))
        models = [*plain, *self._with_labels(prepared, context, again, known, weights, around)]
        vote = self.vote if prepared.task == "classification" else 0.0
        # a label that weighs the members must not judge them: each row's weights leave its own label out
        without = np.array([self._shares(fits.sum(axis=1) - fits[:, i], len(known)) for i in range(len(known))])
        judged = np.einsum("im,mik->ik", without, voted(held, vote))
        evidence: dict[str, Any] = {
            "members": members,
            "weights": share.tolist(),
            "target_rows": len(known),
            "label_weights": [float(weights[known].min()), float(weights[known].max())],
        }
        return Trained(Averaged(models, share, vote), evidence=evidence, labelled=judged)

    @staticmethod
    def _around(prepared: Prepared, known: NDArray[np.int64]) -> Neighbourhood | None:
        """The target's rows and who lies near whom; None where their columns tell nothing of that, or there are no classes to spread."""
        from mdshift.learners.spread import Neighbourhood

        return Neighbourhood.of(prepared.X_target, known, PLACED_IN) if prepared.task == "classification" and _in_space(prepared) else None

    def _shares(self, fits: Floats, labels: int) -> Floats:
        """Each member's share (m,) by its log-likelihood (m,), the source model first."""
        share = labels / (labels + self.prior) * softmax(self.trust * fits)
        share[0] += 1 - share.sum()
        return np.asarray(share)

    def _with_labels(
        self,
        prepared: Prepared,
        context: Context,
        carried: list[tuple[str, Matrix]],
        rows: NDArray[np.int64],
        weights: Floats,
        around: Neighbourhood | None,
    ) -> list[Predictor]:
        """The members that train on the target's rows `rows`."""
        from mdshift.learners.finetuned import fine_tune
        from mdshift.learners.linear import Linear
        from mdshift.learners.pool import pooled

        rng = context.rng
        together = [pooled(prepared, X, rows, context.learner, rng(f"pooled/{name}"), weights)[0] for name, X in carried]
        own = weights[rows] / weights[rows].mean()
        alone = Linear().fit(prepared, prepared.X_target[rows], prepared.y_target[rows], rng("alone"), own)
        members = [together[0], self._mean(together), alone]
        y = np.full_like(prepared.y_target, np.nan if prepared.task == "regression" else MISSING)
        y[rows] = prepared.y_target[rows]
        if prepared.task == "regression":
            members.append(fine_tune(context.base, replace(prepared, y_target=y), rng("fine-tuned"))[0])
        elif around is not None:
            members[2] = around.predictor(alone, prepared.X_target, y, label=ALONE)
            members.append(around.predictor(members[1], prepared.X_target, y))
        return members

    @staticmethod
    def _mean(models: list[Predictor]) -> Predictor:
        from mdshift.learners.compose import Averaged

        return Averaged(models, np.full(len(models), 1 / len(models)))


def _in_space(prepared: Prepared) -> bool:
    """Whether the columns are such that rows can be moved among them, and lie near one another."""
    return prepared.modality in lookup("strategy", "consensus").needs.modalities


def _carried(prepared: Prepared, context: Context) -> list[tuple[str, Matrix]]:
    """The source's features as they are, and as each map of the consensus carries them."""
    found = [("", prepared.X_source)]
    if not _in_space(prepared):
        return found
    for name in lookup("strategy", "consensus")().parts(prepared.task):
        part = lookup("strategy", name)()
        assert isinstance(part, Map)
        try:
            found.append((name, part.mapping(prepared, context.rng(name))[0]))
        except ModuleNotFoundError:  # an extra that is not installed
            continue
    return found


def _fit(prepared: Prepared, X: Matrix, context: Context, name: str) -> Predictor:
    if name in context.finished:
        return context.finished[name].predictor
    return context.learner.fit(prepared, X, prepared.y_source, context.rng(f"fit/{name}"))


def log_fit(task: str, y: NDArray[Any], scores: Floats, weights: Floats) -> Floats:
    """Each label's weighted log-likelihood (c, m) under each of c members' scores (c, m, k).

    Classes: probabilities below .001 count as that. Numbers: normal errors of each member's own variance.
    """
    if task == "classification":
        p = scores[:, np.arange(len(y)), y]
        return np.asarray(weights * np.log(np.maximum(p, 1e-3)))
    squared = (scores[:, :, 0] - y) ** 2
    spread = np.maximum((weights * squared).sum(axis=1, keepdims=True) / weights.sum(), 1e-12 + 1e-6 * y.var())
    return np.asarray(-0.5 * weights * (np.log(spread) + squared / spread))


def softmax(v: Floats) -> Floats:
    """Shares (c,) in proportion to exp(v)."""
    e = np.exp(v - v.max())
    return np.asarray(e / e.sum())
