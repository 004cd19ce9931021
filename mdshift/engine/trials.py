"""Trials: every candidate is run, all of them are looked at together, and each is judged against the source model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.engine import admission, general, guard, onrecord
from mdshift.engine.naming import named, titled
from mdshift.pace import follow
from mdshift.rules.thresholds import defaults
from mdshift.types import Candidate, Problem, Score

if TYPE_CHECKING:
    import numpy as np

    from mdshift.checkpoint import Checkpoint
    from mdshift.families import Strategy
    from mdshift.learners.base import Context, Prepared, Trained
    from mdshift.learners.encode import Encoder
    from mdshift.learners.select import Choice
    from mdshift.validators.base import Gain

    Floats = np.ndarray[Any, Any]
    Run = tuple[Strategy, Mapping[str, Any]]

Progress = Callable[[str], None]
BY_LABELS = "the target labels held back"


@dataclass(frozen=True, eq=False)
class Desk:
    """Everything the candidates share: the numeric problem, the source model, and the settings of the run."""

    problem: Problem
    prepared: Prepared
    encoder: Encoder
    choice: Choice
    context: Context
    weights: Floats  # p_target / p_source of the source rows
    coverage: float  # share of the target that lies where the source has rows
    metric: str
    seed: int
    alpha: float
    compute: str
    asked: bool  # the user named the strategy
    checkpoint: Checkpoint
    kinds: tuple[str, ...] | None = None  # of shift, as the diagnosis read them; None where none was made
    limits: Mapping[str, float] = field(default_factory=dict)  # thresholds
    expected: Mapping[str, float] | None = None  # of the source model on the target, by the diagnosis
    judges: np.ndarray[Any, np.dtype[np.bool_]] | None = None  # (m,) target rows whose labels alone judge; None: all that have one
    domains: general.Held | None = None  # sources held out in turn, where the target is unknown

    @property
    def judged(self) -> Prepared:
        """The problem with those target labels alone that judge."""
        return self.prepared if self.judges is None else guard.hidden(self.prepared, ~self.judges)

    @property
    def tolerance(self) -> float:
        """How far below the source model the low end of a gain may lie that rests on precedents, in the score."""
        return {**defaults(), **self.limits}["tolerance" if self.metric == "accuracy" else "tolerance_r2"]

    @cached_property
    def by_labels(self) -> bool:
        """Whether target labels judge: there are a few, and they vary. Fewer train, but validators judge, and the few may only speak against a candidate."""
        return guard.can_judge(self.judged)

    @property
    def judge(self) -> str:
        """Who judges, in words."""
        if not len(self.prepared.X_target) and self.domains is None:
            return "any evidence: there is neither a target nor a second source large enough to judge by"
        if self.by_labels:
            return BY_LABELS
        return "validators (the target labels cannot judge)" if self.judged.labelled.any() else "validators without target labels"

    @cached_property
    def label_weights(self) -> Floats:
        """What each target label that judges stands for, where they were given class by class."""
        import numpy as np

        from mdshift.learners.pool import design

        if self.judges is not None:  # drawn at random
            return np.ones(int(self.judged.labelled.sum()))
        return design(self.judged, self.context.base)[self.judged.labelled]

    def context_of(self, name: str) -> Context:
        """The context with generators of a strategy's own, so that no candidate depends on those before it."""
        return replace(self.context, rng=lambda unit: generator(self.seed, name, unit))


@dataclass(frozen=True, eq=False)
class Ran:
    """A candidate that was run.

    again: what it left on each part of the source, and its scores (h, k) on the rest, where it was run a second time; labelled: scores of the
    labelled target rows by models that did not see their labels; unseen: of the source rows (n, k) by models that did not see their domain.
    """

    strategy: Strategy
    params: Mapping[str, Any]
    trained: Trained
    seconds: float
    again: tuple[Trained, ...] = ()
    held: Floats | None = None
    labelled: Floats | None = None
    unseen: Floats | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """One candidate, run and judged."""

    name: str
    params: Mapping[str, Any]
    trained: Trained
    score: Score | None
    gain: Gain | None
    wins: bool  # the evidence shows a gain
    loses: bool  # target labels show a loss
    verdict: str
    seconds: float
    evidence: Mapping[str, Any] = field(default_factory=dict)
    on_record: bool = False  # it wins by what it gained on other pairs
    opposed: bool = False  # the labels that judge, or the source's weighted ones, surely speak of a loss, or a class vanishes


def run_all(
    desk: Desk, runs: Sequence[Run], budget: float | None, begun: float, workers: int, engine: str = "local"
) -> tuple[list[Trial], list[Candidate]]:
    """Run the candidates in order, those that build on others last, and judge them together.

    Then those that follow another (`Strategy.follows`): only where they would be kept on their own record, by what that one shows. They run side by side only without a budget, which is watched between them. engine: where each
    of them runs, here or on a cluster. begun: when the run began (`time.perf_counter`).
    """
    from mdshift.executor import begin, map_units

    begin(engine)
    second = _second(desk, [strategy for strategy, _ in runs])
    led = [run for run in runs if run[0].follows in {strategy.name for strategy, _ in runs}]
    early = [run for run in runs if run not in led and not run[0].parts(desk.prepared.task)]
    late = [run for run in runs if run not in led and run[0].parts(desk.prepared.task)]
    rans: list[Ran] = []
    skipped: list[Candidate] = []

    name = "candidates" if len(runs) > 1 else "".join(strategy.name for strategy, _ in runs)
    with follow(desk.context.progress, name, "done", len(runs), rated=False) as work:

        def judged(fresh: Sequence[Ran]) -> list[Trial]:
            crowd = _crowd(desk, rans, second)
            return [_judge(desk, ran, crowd, second) for ran in fresh]

        def one(run: Run) -> Ran:
            strategy, params = run
            title = titled(strategy.name, params)
            desk.context.progress(f"running {title}")
            ran = desk.checkpoint.unit(
                title.replace(".", "_"),
                lambda: (*run, len(runs)),
                lambda: _run(desk, strategy, params, second, rans) if engine == "local" else _run_away(desk, run, second, rans, engine),
            )
            work.done += 1
            return ran

        def ride(wave: Sequence[Run]) -> None:
            if budget is None:
                # elsewhere each is waited for by a thread of its own: what it needs and what it keeps stay here
                rans.extend(map_units(one, wave, workers=workers if engine == "local" else len(wave)))
                return
            for run in wave:
                because = admission.too_dear(
                    desk, run[0], second, budget, budget - (time.perf_counter() - begun), [r.strategy.name for r in rans if not r.params]
                )
                if because:
                    skipped.append(Candidate(run[0].name, run[1], None, because, 0.0))
                else:
                    rans.append(one(run))

        ride(early)
        ride(late)
        trials, before = judged(rans), len(rans)
        called = []
        for strategy, params in led:
            because = admission.uncalled(desk, strategy, trials)
            if because:
                skipped.append(Candidate(strategy.name, params, None, f"not run: {because}", 0.0))
            else:
                called.append((strategy, params))
        if called:
            ride(called)
            trials += judged(rans[before:])
    return trials, skipped


def _crowd(desk: Desk, rans: Sequence[Ran], second: guard.Second | None) -> guard.Crowd:
    """What all candidates say, the source model first: of the target, and of the held-out source rows where each was run there."""
    X = desk.prepared.X_target
    if desk.by_labels or desk.domains is not None or not len(X):  # then labels judge, each candidate alone
        return guard.Crowd(len(rans))
    target = (desk.context.base.scores(X), *(ran.trained.predictor.scores(X) for ran in rans))
    held = tuple(ran.held for ran in rans if ran.held is not None)
    return guard.Crowd(len(rans), target, (second.scores, *held) if second is not None and len(held) == len(rans) else ())


def _second(desk: Desk, strategies: Sequence[Strategy]) -> guard.Second | None:
    p = desk.prepared
    if desk.by_labels or not len(p.X_target) or not any(guard.twice(s, desk.compute) for s in strategies):
        return None

    def inputs() -> Any:
        return (len(p.y_source), desk.seed)

    return desk.checkpoint.unit("second source model", inputs, lambda: guard.second_source(p, desk.context))


def _run_away(desk: Desk, run: Run, second: guard.Second | None, before: Sequence[Ran], engine: str) -> Ran:
    """Train a candidate where the engine does: there it keeps no checkpoint, and says nothing on the way."""
    from mdshift.executor import map_units

    sent = replace(desk, context=replace(desk.context, progress=_unheard))  # of the checkpoint an empty one arrives
    return map_units(_run_sent, [(sent, run, second, list(before))], engine=engine)[0]


def _run_sent(unit: tuple[Desk, Run, guard.Second | None, Sequence[Ran]]) -> Ran:
    desk, (strategy, params), second, before = unit
    return _run(desk, strategy, params, second, before)


def _unheard(_: str) -> None:
    """Nobody listens."""


def _run(desk: Desk, strategy: Strategy, params: Mapping[str, Any], second: guard.Second | None, before: Sequence[Ran]) -> Ran:
    """Train a candidate; then again, in part, as far as judging it needs that."""
    import numpy as np

    from mdshift.learners.construct import cleaned
    from mdshift.learners.spread import unspread

    begun = time.perf_counter()
    runner = desk.checkpoint.resumable(strategy)
    context, prepared = desk.context_of(strategy.name), desk.prepared
    plain = [r for r in before if not r.params]  # a strategy that builds on others builds on their defaults
    trained = runner.run(cleaned(_shown(strategy, prepared)), replace(context, finished={r.strategy.name: r.trained for r in plain}))
    again: tuple[Trained, ...] = ()
    held = labelled = unseen = None
    if desk.domains is not None:
        unseen = general.unseen(desk.domains, runner, prepared, context)
    elif prepared.labelled.any():
        labelled = guard.held_back(runner, prepared, context, trained, guard.folds(strategy))
    if desk.domains is None and second is not None and guard.twice(strategy, desk.compute):
        again = tuple(
            runner.run(
                _shown(strategy, part.problem),
                replace(context, base=part.base, finished={r.strategy.name: r.again[i] for r in plain if r.again}),
            )
            for i, part in enumerate(second.parts)
        )
        runs = zip(again, second.parts, strict=True)
        held = np.concatenate([unspread(run.predictor).scores(prepared.X_source[part.held]) for run, part in runs])
    return Ran(strategy, params, trained, time.perf_counter() - begun, again, held, labelled, unseen)


def _shown(strategy: Strategy, prepared: Prepared) -> Prepared:
    """The problem as a strategy is given it: the target labels only where it trains on them."""
    return prepared if guard.uses_labels(strategy) else guard.hidden(prepared)


def _judge(desk: Desk, ran: Ran, crowd: guard.Crowd, second: guard.Second | None) -> Trial:
    """Judge a candidate against the source model: by target labels or held-out domains, else by validators."""
    from mdshift.stats.resample import two_sided

    z = two_sided(desk.alpha / max(crowd.size, 1))  # the more are tried, the likelier that one shines by chance
    told = named(ran.trained.evidence, desk.encoder.names, [d.name for d in desk.problem.sources])
    evidence: dict[str, Any] = {"trained": told}
    if ran.labelled is not None:
        found = _by_labels(desk, ran, ran.labelled, z, evidence)
        if desk.by_labels:
            return found
        seen = _by_validators(desk, ran, crowd, second, z, evidence)
        return _by_validators_too(found, seen, vary=guard.vary(desk.judged))
    name, params, trained = ran.strategy.name, ran.params, ran.trained
    if desk.domains is not None and ran.unseen is not None:
        said = general.judge(desk, desk.domains, ran.unseen, z, crowd.size)
        wins, loses = said.gain.low > 0, said.gain.high < 0
        return Trial(name, params, trained, said.score, said.gain, wins, loses, said.gain.sentence, ran.seconds, evidence | said.told)
    if not len(desk.prepared.X_target):
        return Trial(name, params, trained, None, None, False, False, "no target to judge by", ran.seconds, evidence)
    return _by_validators(desk, ran, crowd, second, z, evidence)


def _by_labels(desk: Desk, ran: Ran, scores: Floats, z: float, evidence: dict[str, Any]) -> Trial:
    prepared, context = desk.judged, desk.context_of(ran.strategy.name)
    if desk.judges is not None:
        scores = scores[desk.judges[desk.prepared.labelled]]
    X = prepared.X_target[prepared.labelled]
    weights = desk.label_weights
    gain, finer = guard.labelled_gain(prepared, context.base.scores(X), scores, z, weights)
    enough = desk.by_labels
    wins, loses = enough and guard.better(gain, finer), enough and gain.high < 0
    score = guard.measured(prepared, scores, desk.metric, desk.alpha, context.rng("interval"), weights)
    evidence["gain"] = {"value": gain.value, "low": gain.low, "high": gain.high, "sentence": gain.sentence}
    if finer is not None:
        evidence["brier_gain"] = {"value": finer.value, "low": finer.low, "high": finer.high}
    if wins:  # with few labels a gain may show in the probabilities only
        verdict = "better" if gain.low > 0 else "better by its probabilities (Brier score), no worse in the score"
    else:
        verdict = "worse" if loses else "not shown to be better" if enough else f"{_labels_in_words(prepared)} cannot judge"
    kept = replace(ran.trained, labelled=scores)  # what the report compares row by row
    found = Trial(ran.strategy.name, ran.params, kept, score, gain, wins, loses, verdict, ran.seconds, evidence, opposed=loses)
    if wins or loses or ran.params:
        return found
    bench = guard.bench_for(prepared, context, ran.trained, desk.weights, name=found.name)
    past = onrecord.past(bench)
    if past is not None and enough and onrecord.sided(gain, finer, past, desk.kinds, desk.tolerance):
        return replace(found, wins=True, on_record=True, verdict=f"the target labels side with it; {past.sentence}")
    if past is not None and enough and onrecord.unopposed(bench, gain, past, desk.kinds, desk.tolerance):
        return replace(found, wins=True, on_record=True, verdict=f"the target labels do not speak against it; {past.sentence}")
    return found


def _by_validators_too(found: Trial, said: Trial, *, vary: bool) -> Trial:
    """What labels too few to judge leave to the validators: these may keep a candidate of which the few do not say that it is worse.

    Labels that are all alike (not `vary`) say nothing: they favour whatever says so of every row.
    """
    evidence = {**found.evidence, **said.evidence}
    found = replace(found, evidence=evidence, opposed=said.opposed, verdict=f"{found.verdict}; {said.verdict}")
    if not said.wins:
        return found
    if vary and found.gain is not None and found.gain.value < 0:
        return replace(found, verdict=f"{said.verdict}; by the few target labels it is worse")
    return replace(found, wins=True, on_record=said.on_record, gain=said.gain)


def _labels_in_words(prepared: Prepared) -> str:
    """The target labels, in words: how many, or that they are all alike."""
    few = int(prepared.labelled.sum())
    return f"{few} target labels" if few < guard.MIN_LABELS else f"{few} target labels that are all alike"


def _by_validators(desk: Desk, ran: Ran, crowd: guard.Crowd, second: guard.Second | None, z: float, evidence: dict[str, Any]) -> Trial:
    name = ran.strategy.name
    known = "" if ran.params else name  # what is on record are the defaults
    context = desk.context_of(name)
    said = guard.consult(
        guard.bench_for(desk.prepared, context, ran.trained, desk.weights, desk.coverage, known, second, ran.held, crowd), z
    )
    evidence["validators"] = said.told()
    # a correction of the class shares stands on P(X|Y) being the same, which the diagnosis can test without labels
    agreed = said.agreed and (not said.by_class or set(desk.kinds or ()) == {"label"})
    on_record = not agreed and onrecord.insured(said, desk.kinds, desk.tolerance)
    gain = said.gains["precedent"] if on_record else said.gain
    if agreed:
        verdict = "the validators agree on a gain"
    elif on_record:
        verdict = f"the inputs moved; {gain.sentence if gain else ''}"
    elif said.agreed:
        read = "no diagnosis says that" if desk.kinds is None else "the diagnosis does not say that"
        verdict = f"the validators agree on a gain if label shift is all that happened, and {read}"
    else:
        verdict = "no gain that the validators agree on"
    plain = plain_score(desk)
    score = None if plain is None else guard.shifted(plain, gain)
    return Trial(
        name,
        ran.params,
        ran.trained,
        score,
        gain,
        agreed or on_record,
        False,
        verdict,
        ran.seconds,
        evidence,
        on_record=on_record,
        opposed=said.opposed or said.vanished,
    )


def plain_score(desk: Desk) -> Score | None:
    """The source model's score: on target labels, else as the diagnosis or its weighted source rows foretell it, else cross-validated on the source."""
    from mdshift.stats.resample import two_sided

    p, context = desk.judged, desk.context
    if desk.domains is not None:
        return general.score(desk, desk.domains, desk.domains.scores)
    if p.labelled.any():
        scores = context.base.scores(p.X_target[p.labelled])
        return guard.measured(p, scores, desk.metric, desk.alpha, context.rng("interval"), desk.label_weights)
    if desk.expected is not None and len(p.X_target):
        return Score(desk.metric, desk.expected["value"], desk.expected["low"], desk.expected["high"], guard.ON_ESTIMATE)
    score = guard.estimated(p, desk.choice.rows, desk.choice.scores, desk.weights, desk.metric, two_sided(desk.alpha), desk.coverage)
    return score if len(p.X_target) else replace(score, on="source cross-validation")
