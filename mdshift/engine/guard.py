"""The guard: is the adapted model better than doing nothing? By held-back target labels where there are any, else by validators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.declare import Cost, every
from mdshift.learners.base import Context, Predictor, Prepared, Trained
from mdshift.learners.construct import cleaned
from mdshift.learners.linear import Linear
from mdshift.learners.select import cut, merits, stratified
from mdshift.stats.intervals import wilson
from mdshift.stats.resample import bootstrap, two_sided
from mdshift.types import MISSING, Score
from mdshift.validators.base import Bench, Gain, Validator, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.families import Strategy

    Floats = NDArray[np.float64]

ON_LABELS, ON_ESTIMATE = "target labels", "estimate"
MIN_LABELS = 8  # labelled target rows from which they can say anything of a gain
DECIDES = "importance-weighted"  # the one validator that sees true labels
THIRDS = 3  # folds of the source
ENOUGH_HELD = 1000  # held-out rows from which no further fold is run: an accuracy is known to 1.5 points then
ASKED = ("precedent", "collapse")  # validators that do not vote, and on which a verdict may stand all the same
MARGIN = 0.05  # half-width added to an estimate without labels for what no validator can see


def hidden(prepared: Prepared, rows: NDArray[Any] | slice = slice(None)) -> Prepared:
    """The same problem with these target labels hidden."""
    y = np.array(prepared.y_target)
    y[rows] = MISSING if y.dtype.kind == "i" else np.nan
    further = []
    for label in prepared.further:  # one label of a row would give the other away
        v = np.array(label.y_target)
        v[rows] = MISSING if v.dtype.kind == "i" else np.nan
        further.append(replace(label, y_target=v))
    return replace(prepared, y_target=y, further=tuple(further))


def uses_labels(strategy: Strategy) -> bool:
    """Whether a strategy trains on target labels; the others are given none, so that all of them can judge."""
    return bool(getattr(strategy, "uses_target_labels", strategy.needs.target_labels > 0))


# --- with target labels ---------------------------------------------------------------------------------------


def held_back(strategy: Strategy, prepared: Prepared, context: Context, trained: Trained, folds: int) -> Floats:
    """Scores (labelled, k) of the labelled target rows by models that did not see their labels.

    A strategy without use for the labels gives its final model's, one that holds labels back itself gives those; any other is run once a
    fold of the labelled rows.
    """
    if trained.labelled is not None:
        return trained.labelled
    known = np.flatnonzero(prepared.labelled)
    X = prepared.X_target[known]
    if not uses_labels(strategy):
        return trained.predictor.scores(X)
    fold = stratified(prepared.y_target[known], prepared.task, context.rng("held-back"), folds)
    out = np.zeros((len(known), prepared.n_classes))
    for f in np.unique(fold):
        rows = fold == f
        out[rows] = strategy.run(cleaned(hidden(prepared, known[rows])), context).predictor.scores(X[rows])
    return out


def labelled_gain(prepared: Prepared, plain: Floats, adapted: Floats, z: float, weights: Floats | None = None) -> tuple[Gain, Gain | None]:
    """The paired gain on the labelled rows in the score itself, and for classes in the Brier score (finer with few rows).

    weights (labelled,): what each label stands for, where they were given class by class (`learners/pool.design`).
    """
    y = prepared.y_target[prepared.labelled]
    sentence = f"paired on {len(y)} target labels"
    gain = paired(merits(prepared.task, y, adapted) - merits(prepared.task, y, plain), z, weights, sentence)
    if prepared.task == "regression":
        return gain, None
    onehot = np.eye(prepared.n_classes)[y]
    brier = [((onehot - s) ** 2).sum(axis=1) for s in (plain, adapted)]
    return gain, paired(brier[0] - brier[1], z, weights, sentence)


def folds(strategy: Strategy) -> int:
    """How often a strategy that learns from target labels is run once more, to score each label by a model that has not seen it."""
    return 5 if strategy.cost is Cost.LOW else 3


def vary(prepared: Prepared) -> bool:
    """Whether the target labels are not all alike.

    Labels that are favour whatever says so of every row, and nobody knows whether the target is like that or only what was labelled.
    """
    y = prepared.y_target[prepared.labelled]
    return len(y) > 0 and bool(np.ptp(y) > 0)


def can_judge(prepared: Prepared) -> bool:
    """Whether the target labels can tell models apart: there are a few, and they vary."""
    return int(prepared.labelled.sum()) >= MIN_LABELS and vary(prepared)


def better(gain: Gain, finer: Gain | None) -> bool:
    """Whether the labels show a gain: in the score, or in the Brier score with the score no lower."""
    return gain.low > 0 or (finer is not None and gain.value >= 0 and finer.low > 0)


def measured(
    prepared: Prepared, scores: Floats, metric: str, alpha: float, rng: np.random.Generator, weights: Floats | None = None
) -> Score:
    """The score on the labelled target rows: accuracy with Wilson's interval, R2 with a bootstrap one.

    weights (labelled,): what each label stands for, where they were given class by class; Student's interval then.
    """
    y = prepared.y_target[prepared.labelled]
    if prepared.task == "classification":
        right = scores.argmax(axis=1) == y
        if weights is not None and np.ptp(weights) > 0:
            found = paired(right.astype(np.float64), two_sided(alpha), weights)
            return Score(metric, min(found.value, 1.0), max(found.low, 0.0), min(found.high, 1.0), ON_LABELS)
        return Score(metric, int(right.sum()) / len(y), *wilson(int(right.sum()), len(y), alpha), ON_LABELS)

    def r2(rows: Any) -> float:
        part = y[rows]
        total = ((part - part.mean()) ** 2).sum()
        return float(1 - ((part - scores[rows, 0]) ** 2).sum() / total) if total > 0 else float("nan")

    low, high = bootstrap(r2, len(y), rng, alpha)
    value = r2(np.arange(len(y)))
    return Score(metric, value if np.isfinite(value) else None, low, high, ON_LABELS)


# --- without ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opinion:
    """What the validators say together.

    gains: by validator; silent: why the others said nothing. by_class: importance was by class (label shift). Only validators that
    vote count for a verdict; the others are told.
    """

    gains: Mapping[str, Gain]
    silent: Mapping[str, str]
    by_class: bool = False

    @property
    def agreed(self) -> bool:
        """Whether true labels (of the source, weighted) surely speak for a gain, and every other validator that speaks does too.

        One other at least must speak, but where importance is by class: there the second witness is the diagnosis, which
        tests without labels whether a re-weighting of the classes explains the target.
        """
        votes = self.votes
        enough = self.by_class or len(votes) > 1
        return DECIDES in votes and enough and all(g.low > 0 for g in votes.values())

    @property
    def opposed(self) -> bool:
        """Whether true labels (of the source, weighted) surely speak of a loss."""
        return DECIDES in self.gains and self.gains[DECIDES].high < 0

    @property
    def vanished(self) -> bool:
        """Whether a class is no longer predicted."""
        collapse = self.gains.get("collapse")
        return collapse is not None and collapse.value != 0

    @property
    def votes(self) -> Mapping[str, Gain]:
        """The gains of the validators that vote."""
        return {n: g for n, g in self.gains.items() if every("validator")[n].votes}

    @property
    def gain(self) -> Gain | None:
        """The median of the estimates of those that vote; its interval holds all of theirs."""
        said = list(self.votes.values())
        if not said:
            return None
        return Gain(float(np.median([g.value for g in said])), min(g.low for g in said), max(g.high for g in said))

    def told(self) -> dict[str, Any]:
        """For JSON."""
        spoken = {n: {"gain": g.value, "low": g.low, "high": g.high, "sentence": g.sentence} for n, g in self.gains.items()}
        return spoken | {n: {"gain": None, "sentence": why} for n, why in self.silent.items()}


@dataclass(frozen=True, eq=False)
class Crowd:
    """All candidates of a run, `size` of them: their scores (m, k) on the target, and (h, k) on the held-out source rows, the source model's first."""

    size: int
    target: tuple[Floats, ...] = ()
    held: tuple[Floats, ...] = ()


@dataclass(frozen=True, eq=False)
class Part:
    """A fold of the source held out: positions (h,) in the source, the problem without them, and the source model there."""

    held: NDArray[np.int64]
    problem: Prepared
    base: Predictor


@dataclass(frozen=True, eq=False)
class Second:
    """What every strategy is run on once more, so that all of them are scored on the same held-out source rows: one fold, or several of a small source.

    scores (h, k): the parts' source models on their held-out rows.
    """

    parts: tuple[Part, ...]
    scores: Floats

    @property
    def held(self) -> NDArray[np.int64]:
        """Positions (h,) of the held-out rows, part by part."""
        return np.concatenate([part.held for part in self.parts])


def second_source(prepared: Prepared, context: Context) -> Second:
    """Hold a third of the source out, class by class or in whole groups, and train the chosen learner on the rest.

    Then the next third, until enough rows were held out.
    """
    rng = context.rng("second-run")
    fold = cut(prepared, np.arange(len(prepared.y_source)), rng, THIRDS)
    parts: list[Part] = []
    for f in range(THIRDS):
        held = np.flatnonzero(fold == f)
        if len(held) and sum(len(p.held) for p in parts) < ENOUGH_HELD:
            problem = cleaned(prepared.part(np.flatnonzero(fold != f)))
            parts.append(Part(held, problem, context.learner.fit(problem, problem.X_source, problem.y_source, rng)))
    return Second(tuple(parts), np.concatenate([part.base.scores(prepared.X_source[part.held]) for part in parts]))


def consult(bench: Bench, z: float) -> Opinion:
    """Ask every declared validator."""
    gains: dict[str, Gain] = {}
    silent: dict[str, str] = {}
    for name, declared in every("validator").items():
        asked: Validator = declared()
        if bench.prepared.task not in asked.tasks:
            continue
        said = asked.gain(bench, z)
        if isinstance(said, str):
            silent[name] = said
        else:
            gains[name] = said
    return Opinion(gains, silent, bench.by_class)


def bench_for(
    prepared: Prepared,
    context: Context,
    trained: Trained,
    weights: Floats,
    coverage: float = 1.0,
    name: str = "",
    second: Second | None = None,
    held: Floats | None = None,
    crowd: Crowd | None = None,
) -> Bench:
    """The bench of a strategy's model.

    held: scores (h, k) of its second run on the held-out source rows of `second`; crowd: all candidates' scores on the
    target and on those rows.

    A strategy that corrects the class shares assumes label shift: then a source row counts by its class, target share over source
    share, and not by its features (Lipton 2018).
    """
    by_class, error = "target_prior" in trained.evidence, None
    if by_class:
        error = np.array(trained.evidence["prior_error"])
        source, target = np.array(trained.evidence["source_prior"]), np.array(trained.evidence["target_prior"])
        weights = np.divide(target, source, out=np.zeros_like(source), where=source > 0)[prepared.y_source]
        coverage = 1.0
    seen = second if held is not None else None
    return Bench(
        prepared=prepared,
        plain=context.base.scores(prepared.X_target),
        adapted=trained.predictor.scores(prepared.X_target),
        weights=weights,
        learner=Linear(),
        rng=context.rng,
        held=None if seen is None else seen.held,
        plain_held=None if seen is None else seen.scores,
        adapted_held=held,
        by_class=by_class,
        prior_error=error,
        coverage=coverage,
        crowd=() if crowd is None else crowd.target,
        crowd_held=() if crowd is None else crowd.held,
        strategy=name,
        evidence=trained.evidence,
        plain_model=context.base,
        adapted_model=trained.predictor,
    )


def twice(strategy: Strategy, compute: str) -> bool:
    """Whether a strategy is run once more to be judged: where that is cheap, or compute is high."""
    return strategy.cost is Cost.LOW or compute == "high"


def estimated(
    prepared: Prepared, rows: NDArray[np.int64], scores: Floats, weights: Floats, metric: str, z: float, coverage: float = 1.0
) -> Score:
    """The source model's score on the target as its out-of-fold rows foretell it, weighted by how target-like they are.

    Of the share of the target that lies where the source has no rows (1 - coverage) nothing is known: the low end counts it with the score
    of a blind guess.
    """
    w = weights[rows]
    gain = paired(merits(prepared.task, prepared.y_source[rows], scores, w), z, w)
    blind = 1.0 / prepared.n_classes if metric == "accuracy" else 0.0
    low = gain.low - MARGIN
    return _bounded(metric, gain.value, coverage * low + (1 - coverage) * min(low, blind), gain.high + MARGIN)


def shifted(score: Score, gain: Gain | None) -> Score | None:
    """An estimate moved by an estimated gain."""
    if gain is None or score.value is None or score.low is None or score.high is None:
        return None
    low, high = score.low + min(gain.low - gain.value, 0.0), score.high + max(gain.high - gain.value, 0.0)
    return _bounded(score.metric, score.value + gain.value, low + gain.value, high + gain.value)


def _bounded(metric: str, *values: float) -> Score:
    """An estimated score within the metric's range: accuracy in [0, 1], R2 at most 1."""
    value, low, high = (min(max(v, 0.0 if metric == "accuracy" else v), 1.0) for v in values)
    return Score(metric, value, low, high, ON_ESTIMATE)
