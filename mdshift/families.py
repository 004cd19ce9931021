"""The families: each does the work of its kind of method and leaves one method open.

Families are abstract, strategies are final, and strategies never import one another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.declare import Cost, Needs, lookup, param
from mdshift.learners.base import Context, Predictor, Prepared, Trained
from mdshift.nn.plan import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector


BELIEVED = 0.5  # the probability from which the source model's class stands, whatever the mean of the members says
COHERENT = 0.05  # gain in the neighbours' agreement beyond chance (kappa) from which that mean is believed everywhere
SLACK = 0.01  # by which their plain agreement may be lower: classes of more even shares have more of the former by their shares alone
NEIGHBOURLY = 70  # rows of the target: no pair by which these limits were settled had fewer, and of 30 the neighbours are noise
ASSURED = 100  # rows of the target from which the mean's own assurance counts: by 79 it was wrong on one pair by ten points
TIE = 1e-9  # means of the same counts, summed in another order
BREADTH = 0.8  # share of the source model's effective number of classes that a mean has at least that is believed for that: a collapsed one is sure, too
# what a row takes over of those around it where the mean is believed: the more columns there are, the more single rows err apart from their neighbours
NEAR, NEAR_WIDE, WIDE = 0.5, 0.7, 200


class Strategy(ABC):
    """A way to get from a source model to one that serves the target."""

    name: ClassVar[str]
    cites: ClassVar[str]
    needs: ClassVar[Needs] = Needs()
    cost: ClassVar[Cost] = Cost.LOW
    holds_back: ClassVar[bool] = False  # whether it scores each target label by models that have not seen it (`Trained.labelled`)
    follows: ClassVar[str] = ""  # `auto` tries it only after this strategy, and where what that one shows would keep it on its own record

    def parts(self, task: str) -> tuple[str, ...]:  # noqa: ARG002 - what overriding methods are given
        """The strategies whose models it takes over where they were trained before it (`Context.finished`)."""
        return ()

    @abstractmethod
    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Train on the prepared problem and return the predictor with its history and evidence."""


@dataclass(frozen=True)
class Average(Strategy):
    """Average the source model with models that other strategies make; the open method says which (`parts`).

    The squared error of the mean is the members' mean error less the spread among them, for classes (Brier score) as for numbers (Krogh &
    Vedelsby 1995), and that spread can be seen without labels. It is reported as `ambiguity`, of the members in `gauge`; of numbers also, as
    `moved`, by how many standard deviations of the source's the mean that the source model foretells lies off the source's. Of classes the mean is
    trusted with care: everywhere where the target's rows share a class with their neighbours more than by the source model (`coherence_gain`, beyond chance, and
    `agreement_gain`; of the members in `gauge` alone `gauge_gain`; with 70 rows of the target or more) and the other members agree with one another no
    less than with the source model (`united`, the difference), or, for some, where of three classes or more the mean is hardly less sure than that model
    (`confidence_gain`) and spreads the rows over hardly fewer of them; else only on rows on which that model gives every class less
    than a half (of two classes, nowhere) and the other members agree on another; `believed` tells whether it is everywhere (by `rule=mean` it is in any case), `overruled` is the share of rows whose class changes. Where the
    target's rows spoke for the mean, half (`smooth`) of what is said of a row, of many columns more, comes from those around it (label spreading, Zhou et al. 2004: what several
    models get wrong of single rows, the others near it mend), and the models of `advisers` join the mean, each with half a member's weight (`advice`). Members that
    the run has trained already with the same settings are taken as they are; those that need an extra that is not installed, or that do
    not fit the data, are left out.
    """

    own: float = param(0.0, "share of the source model in the mean (0: as much as every other)", low=0, high=1)
    rule: str = param(
        "careful",
        "of classes: careful (the mean where the target's rows speak for it, else only on rows on which the source model is in doubt and the others agree), mean (everywhere)",
        choices=("careful", "mean"),
    )
    smooth: float = param(
        -1.0,
        "of classes, where rule=careful believes the mean: the part of what is said of a row that comes from those around it (below 0: a half, of more than 200 columns .7)",
        low=-1,
        high=0.9,
    )
    advice: float = param(
        0.5,
        "of classes, where rule=careful believes the mean: weight of a further model that labels the target by its own clusters, a member's being 1 (0: none)",
        low=0,
        high=1,
    )
    sure_from: ClassVar[float] = float("inf")  # `confidence_gain` from which a mean is believed for its own assurance

    @abstractmethod
    def parts(self, task: str) -> tuple[str, ...]:
        """The strategies whose models are averaged with the source model."""

    def advisers(self, task: str) -> tuple[str, ...]:  # noqa: ARG002 - what overriding methods are given
        """Strategies whose models join a mean that is believed, and have no part in deciding whether it is."""
        return ()

    def gauge(self, task: str) -> tuple[str, ...]:
        """Those of them whose disagreement, together with the source model, is reported: by default all."""
        return self.parts(task)

    def around(self, columns: int) -> float:
        """The part of what is said of a row that comes from those around it."""
        return self.smooth if self.smooth >= 0 else NEAR if columns <= WIDE else NEAR_WIDE

    def joined(self, models: Sequence[Predictor], weights: Vector, task: str, told: Mapping[str, Any], X: Matrix) -> Predictor:
        """One predictor of the members, the source model first, and their shares. told: what `told` tells of them on the target X (m, d)."""
        from mdshift.learners.compose import Averaged, Doubted
        from mdshift.learners.spread import Neighbourhood

        mean = Averaged(models, weights)
        if task != "classification" or self.rule == "mean":
            return mean
        if not told.get("believed"):
            return Doubted(models, weights, BELIEVED)
        smooth = self.around(X.shape[1])
        return Neighbourhood.of(X).predictor(mean, X, smooth=smooth) if smooth else mean

    def told(self, scores: Sequence[Vector], weights: Vector, gauged: NDArray[np.bool_], X: Matrix) -> dict[str, Any]:
        """Of the members' probabilities (m, k) of the target X (m, d): how much more coherent their mean is than the source model, and whether it is believed.

        gauged (members,): those in `gauge`, the source model among them.
        """
        import numpy as np

        from mdshift.stats.coherence import coherence

        own, every, gauge = (
            sum(w * s for w, s, asked in zip(weights, scores, those, strict=True) if asked)
            for those in (np.arange(len(scores)) == 0, np.ones(len(scores), dtype=np.bool_), gauged)
        )
        source, mean, part = (s.argmax(axis=1) for s in (own, every, gauge))
        found: dict[str, Any] = dict.fromkeys(("coherence_gain", "agreement_gain", "gauge_gain"), 0.0)
        if len(X) >= NEIGHBOURLY and all(np.ptp(those) for those in (mean, part)):  # one class for all is coherent, and right nowhere else
            before, after, other = coherence(X, source, mean, part)
            gains = (after.kappa - before.kappa, after.agreement - before.agreement, other.kappa - before.kappa)
            found = dict(zip(found, gains, strict=True))
        surer = float(every.max(axis=1).mean() - scores[0].max(axis=1).mean())
        found |= {"united": united([s.argmax(axis=1) for s in scores]), "confidence_gain": surer}
        assured = (
            found["confidence_gain"] >= self.sure_from
            and len(X) >= ASSURED
            and scores[0].shape[1] > 2  # noqa: PLR2004 - of two classes nobody is less sure than a half
            and len(scores) > 2  # noqa: PLR2004 - one other is no committee
            and np.ptp(weights) < TIE  # nearly the source model's alone, the mean is as sure as that
            and np.ptp(mean) > 0
            and effective(mean) >= BREADTH * effective(source)
        )
        return {**found, "believed": coherent(found) or bool(assured)}

    def overruled(self, scores: Sequence[Vector], weights: Vector, told: Mapping[str, Any], X: Matrix) -> float:
        """The share of the target's rows X (m, d) whose class is not the source model's; scores (m, k) and weights as `joined` is given models."""
        from mdshift.learners.compose import doubted
        from mdshift.learners.spread import Neighbourhood

        every: Any = sum(w * s for w, s in zip(weights, scores, strict=True))
        source, mean = scores[0].argmax(axis=1), every.argmax(axis=1)
        over = source != mean
        if self.rule == "careful" and not told["believed"]:
            over &= doubted(scores[0], [s.argmax(axis=1) for s in scores[1:]], mean, BELIEVED)
        elif self.rule == "careful" and (smooth := self.around(X.shape[1])):
            near = Neighbourhood.of(X)
            at = near.rows  # of a large target these are enough to tell a share
            over = near.carrier(every[at], smooth=smooth).carry(every[at], X[at]).argmax(axis=1) != source[at]
        return float(over.mean())

    def with_advisers(self, weights: Vector, advisers: int) -> Vector:
        """The members' weights (members,), the source model's first, and after them those of as many advisers; all sum to 1, and a given `own` stays."""
        import numpy as np

        if not advisers:
            return weights
        others = np.concatenate([weights[1:], np.full(advisers, self.advice * float(weights[1:].mean()))])
        if self.own:
            others *= (1 - weights[0]) / others.sum()
        every: Vector = np.concatenate([weights[:1], others])
        return np.asarray(every / every.sum())

    def member(self, name: str) -> Strategy:
        """A member's strategy: by default with its own defaults."""
        return lookup("strategy", name)()  # type: ignore[no-any-return]

    def _made(self, names: Sequence[str], prepared: Prepared, context: Context) -> dict[str, Trained]:
        """Those of the strategies that suit the data and can be run here, trained."""
        made: dict[str, Trained] = {}
        for name in names:
            member = self.member(name)
            if name in context.finished and member == lookup("strategy", name)():  # what is finished was trained with the defaults
                made[name] = context.finished[name]
                continue
            if prepared.modality not in member.needs.modalities or prepared.task not in member.needs.tasks:
                continue
            try:
                made[name] = member.run(prepared, replace(context, rng=_within(context.rng, name)))
            except ModuleNotFoundError:  # an extra that is not installed
                continue
        return made

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Train the members and average."""
        import numpy as np

        from mdshift.stats.ambiguity import ambiguity

        made = self._made(self.parts(prepared.task), prepared, context)
        own = 1.0 if not made else self.own or 1 / (1 + len(made))
        weights = np.array([own, *[(1 - own) / max(len(made), 1)] * len(made)])
        models = [context.base, *(trained.predictor for trained in made.values())]
        evidence: dict[str, Any] = {"members": ["source-only", *made], "weights": weights.tolist()}
        told: dict[str, Any] = {}
        if len(prepared.X_target):
            gauge = self.gauge(prepared.task)
            at = np.array([True, *(name in gauge for name in made)])
            each = [model.scores(prepared.X_target) for model in models]
            shown = [scores for scores, asked in zip(each, at, strict=True) if asked]
            evidence["ambiguity"] = ambiguity(shown, weights[at] / weights[at].sum())
            if prepared.task == "classification":
                told = self.told(each, weights, at, prepared.X_target)
                if told["believed"] and self.rule == "careful" and self.advice:
                    asked = self._made(self.advisers(prepared.task), prepared, context)
                    models += [trained.predictor for trained in asked.values()]
                    each += [trained.predictor.scores(prepared.X_target) for trained in asked.values()]
                    shares = self.with_advisers(weights, len(asked)).tolist()
                    evidence["weights"] = shares[: len(weights)]
                    evidence["advisers"] = dict(zip(asked, shares[len(weights) :], strict=True))
                    weights = np.array(shares)
                told["overruled"] = self.overruled(each, weights, told, prepared.X_target)
            else:
                evidence["moved"] = float(abs(shown[0].mean() - prepared.y_source.mean()) / max(prepared.y_source.std(), 1e-150))
        return Trained(self.joined(models, weights, prepared.task, told, prepared.X_target), evidence=evidence | told)


def coherent(told: Mapping[str, Any]) -> bool:
    """Whether the target's rows speak for the mean of the members, by what `Average.told` tells.

    Rows that lie together share a class more than they do by the source model: beyond chance, not by the classes' shares alone, and not against
    what the members in `gauge` say; and it is the source model that stands apart from the members, not they from one another.
    """
    gains = (told.get(gain, 0.0) for gain in ("coherence_gain", "agreement_gain", "gauge_gain", "united"))
    return all(gain >= least for gain, least in zip(gains, (COHERENT, -SLACK, 0.0, -TIE), strict=True))


def united(said: Sequence[NDArray[np.int64]]) -> float:
    """By how much more often the members but the first give a row one class than each gives it the first one's; said: classes (m,) by member.

    Fewer than two besides the first agree with nobody.
    """
    first, *others = said
    pairs = [float((a == b).mean()) for a, b in combinations(others, 2)]
    return (sum(pairs) / len(pairs) if pairs else 0.0) - sum(float((first == other).mean()) for other in others) / max(len(others), 1)


def effective(said: NDArray[np.int64]) -> float:
    """The effective number of classes in a classing (m,): the exponential of the entropy of their shares (Hill 1973)."""
    import numpy as np

    shares = np.bincount(said) / len(said)
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _within(rng: Callable[[str], np.random.Generator], name: str) -> Callable[[str], np.random.Generator]:
    """The generators of a member: no member's draws depend on the others'."""
    return lambda unit: rng(f"{name}/{unit}")


@dataclass(frozen=True)
class Reweigh(Strategy):
    """Refit the chosen learner with source weights that make the source look like the target.

    The open method estimates p_target(x) / p_source(x). The ratios are clipped, and flattened to a power below 1 (Shimodaira 2000) until
    enough of the source's rows are left in effect. The effective sample size (Kish 1965), (sum w)^2 / sum w^2, is reported with the
    weights' extremes.
    """

    clip: float = param(10.0, "the largest weight, in units of the mean weight", low=1, high=1000)
    floor: float = param(0.2, "least effective share of the source rows", low=0, high=1, tries=(0.05, 0.5))

    @abstractmethod
    def ratios(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """Non-negative density ratios (n,) of the source rows, up to a factor."""

    def weights(self, prepared: Prepared, rng: np.random.Generator) -> Vector:
        """Weights (n,) of the source rows, of mean 1; even ones where a side has too few rows for a density."""
        import numpy as np

        from mdshift.stats.density import FEWEST, clip, flatten

        if min(len(prepared.X_source), len(prepared.X_target)) < FEWEST:
            return np.ones(len(prepared.X_source))
        return flatten(clip(self.ratios(prepared, rng), self.clip), self.floor)[0]

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Weigh, refit, report the effective sample size."""
        import numpy as np

        w = np.asarray(self.weights(prepared, context.rng("weights")), dtype=np.float64)
        w = w / w.mean()
        fitted = context.learner.fit(prepared, prepared.X_source, prepared.y_source, context.rng("fit"), w)
        ess = float(w.sum() ** 2 / (w**2).sum())
        evidence = {"effective_sample_size": ess, "rows": len(w), "max_weight": float(w.max()), "min_weight": float(w.min())}
        return Trained(fitted, evidence=evidence)


class Map(Strategy):
    """Map the source's features to the target's, refit the chosen learner on them.

    `mapping` returns two functions: the one for source rows (training) and the one for target rows (training and
    prediction); the latter as a Predictor wrapper so that it is saved with the model.
    """

    @abstractmethod
    def mapping(self, prepared: Prepared, rng: np.random.Generator) -> tuple[Matrix, Callable[[Predictor], Predictor]]:
        """The mapped source features (n, d'), and a wrapper that puts the target's map before a predictor."""

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Map, refit, wrap."""
        X, wrap = self.mapping(prepared, context.rng("mapping"))
        return Trained(wrap(context.learner.fit(prepared, X, prepared.y_source, context.rng("fit"))))


class Correct(Strategy):
    """Change the output or the statistics of a trained model; nothing is trained again."""

    @abstractmethod
    def correct(self, model: Predictor, prepared: Prepared, context: Context) -> tuple[Predictor, dict[str, Any]]:
        """The corrected predictor, and the evidence for it."""

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Correct the source model."""
        predictor, evidence = self.correct(context.base, prepared, context)
        return Trained(predictor, evidence=evidence)


class Train(Strategy):
    """Train a network through the one loop in `nn/train.py`; the open method is the loss of one step.

    `loss` is called with the batch (source and target features, labels, domains), the network and the progress in
    [0, 1]; it returns a scalar tensor and the numbers to record. `init` may add modules (a discriminator, a
    gate) that are trained beside the network, and draws their weights itself where they start as something else than noise
    (`drawn`). `plan` may cut the training into phases. `finish` may make another predictor of what was trained.
    """

    drawn: ClassVar[bool] = False  # whether `init` returns modules whose weights are set already

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:  # noqa: ARG002 - what overriding methods are given
        """The phases of the training: which rows, which parameters, which rates (see `nn/plan.py`)."""
        return (Phase(),)

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - what overriding methods are given
        """Extra modules for `loss` (a torch Module or None)."""
        return None

    @abstractmethod
    def loss(self, step: Any, state: Any) -> Any:
        """The loss of one step; see `nn/train.py` for Step and State."""

    def finish(self, state: Any, prepared: Prepared) -> tuple[Predictor | None, dict[str, Any]]:  # noqa: ARG002
        """The predictor (None: the network as it was trained) and what is to be told of the training."""
        return None, {}

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Run the loop."""
        from mdshift.learners.net import train_strategy

        return train_strategy(self, prepared, context)
