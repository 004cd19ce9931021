"""Adapt: train the source model, run the strategies, and keep one only where the evidence says that it is better."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.declare import configure, generator, lookup
from mdshift.engine import general
from mdshift.engine.candidates import Plan, candidates, refuse
from mdshift.engine.comparison import comparison
from mdshift.engine.digest import digests
from mdshift.engine.environment import environment
from mdshift.engine.further import models
from mdshift.engine.naming import titled
from mdshift.engine.trials import BY_LABELS, Desk, Progress, Trial, plain_score, run_all
from mdshift.errors import DataError
from mdshift.types import Adaptation, Candidate, Note, Problem

if TYPE_CHECKING:
    import numpy as np

    from mdshift.checkpoint import Checkpoint
    from mdshift.learners.base import Predictor, Prepared
    from mdshift.learners.construct import Recipe
    from mdshift.store import Model

MIN_EFFECTIVE = 0.1  # effective share of the weighted source rows below which a warning is due


def adapt(
    problem: Problem,
    *,
    strategy: str = "auto",
    params: Mapping[str, Any] | None = None,
    out: str = "",
    document: Mapping[str, Any] | None = None,
    goal: str = "target",
    compute: str | None = "medium",
    budget: float | None = None,
    seed: int = 0,
    device: str = "auto",
    workers: int = 1,
    engine: str = "local",
    start: Model | None = None,
    backbone: str | None = None,
    recipe: Recipe | None = None,
    alpha: float = 0.05,
    limits: Mapping[str, float] | None = None,
    progress: Progress = lambda _: None,
    checkpoint: Checkpoint | None = None,
    judges: np.ndarray[Any, np.dtype[np.bool_]] | None = None,
) -> tuple[Adaptation, Model]:
    """Train the source model and the strategy, or with "auto" those that the recommendation `document` ranks; keep the better.

    A strategy that was named is kept unless target labels show that it is worse than the source model. With "auto" the source
    model is kept unless the evidence shows a gain: by target labels held back from training (paired), else by validators that agree. With the goal "general", or without a target, it is
    by sources held out in turn where there are two or more (`engine/general.py`): a target's labels make it one more of them, and a target without is not used. budget: seconds
    after which no further candidate is begun, nor one that is expected to outlast them. start: a saved model to go on from. backbone: the folder of a pretrained network that reads
    texts and images. recipe: how the training data are built (`learners/construct.py`); `problem` holds the columns that it needs.
    judges (m,): target rows whose labels alone judge (`labelplan.judges`); all labels train. limits: thresholds that replace those of `rules/thresholds.py`. checkpoint: what an unfinished run has finished, and where this one keeps what it finishes.

    Raises DataError where the data cannot train anything, or not this strategy.
    """
    from mdshift.checkpoint import Checkpoint

    begun, compute, checkpoint = time.perf_counter(), compute or "medium", checkpoint or Checkpoint()
    if problem.task is None:
        raise DataError("there is no label to learn", "no label column was found", "name it with --label")
    named = None if strategy == "auto" else configure(lookup("strategy", strategy), params or {})
    if named is not None:
        refuse(named, problem)
    unknown = goal == "general" or problem.target is None or not len(problem.target)
    by_domains = general.problem_of(problem) if named is None and unknown else None
    problem, goal = (problem, goal) if by_domains is None else (by_domains, "general")
    judges = judges if by_domains is None else None
    desk = _set_up(problem, seed, alpha, compute, device, start, backbone, recipe, progress, checkpoint, judges, asked=named is not None)
    if named is not None:
        plan = Plan(() if strategy == "source-only" else ((named, dict(params or {})),), "", (), ())
    else:
        plan = candidates(
            problem,
            document,
            goal=goal,
            compute=compute,
            alpha=alpha,
            seed=seed,
            workers=workers,
            engine=engine,
            progress=progress,
            judges=judges,
        )
        desk = replace(desk, kinds=plan.kinds, limits=limits or {}, expected=plan.expected)
        if by_domains is not None and plan.runs:
            desk = replace(desk, domains=general.hold_out(desk))
    source_seconds = time.perf_counter() - begun
    trials, skipped = run_all(desk, plan.runs, budget, begun, workers, engine)
    because = plan.because
    if skipped and not trials:
        because = f"nothing was tried ({skipped[0].strategy}: {skipped[0].verdict.removeprefix('not run: ')})"
    skipped += [Candidate(name, {}, None, why, 0.0) for name, why in plan.passed]
    return _settle(desk, trials, skipped, strategy, because, out, device, source_seconds)


def _set_up(
    problem: Problem,
    seed: int,
    alpha: float,
    compute: str,
    device: str,
    start: Model | None,
    backbone: str | None,
    recipe: Recipe | None,
    progress: Progress,
    checkpoint: Checkpoint,
    judges: np.ndarray[Any, np.dtype[np.bool_]] | None,
    *,
    asked: bool,
) -> Desk:
    import numpy as np

    from mdshift.checkpoint import inputs
    from mdshift.engine.start import begin
    from mdshift.learners.base import Context
    from mdshift.learners.compose import Blind
    from mdshift.learners.domains import source_ratios
    from mdshift.learners.select import choose, source_model

    problem, encoder, prepared = begin(problem, start, backbone, recipe, seed)

    def rng(unit: str) -> np.random.Generator:
        return generator(seed, "source-only", unit)

    def of() -> Any:
        return inputs(prepared)

    choice = checkpoint.unit("source model's choice", of, lambda: choose(shared(prepared), rng, progress=progress))
    alone = lone_columns(prepared)
    if alone:
        choice = replace(choice, learner=Blind(choice.learner, alone))
    progress(f"training {choice.label} on {len(prepared.y_source)} source rows")
    base = checkpoint.unit("source model", of, lambda: source_model(prepared, choice, rng("source-model")))
    reached = choice.table[choice.label] if prepared.task == "classification" else None
    context = Context(rng, choice.learner, base, device, progress, None if start is None else start.predictor, reached=reached)
    metric = "accuracy" if prepared.task == "classification" else "r2"
    unweighted = np.ones(len(prepared.y_source))
    desk = Desk(
        problem, prepared, encoder, choice, context, unweighted, 1.0, metric, seed, alpha, compute, asked, checkpoint, judges=judges
    )
    if desk.by_labels or not len(prepared.X_target):
        return desk
    weights, coverage = checkpoint.unit("density ratios", of, lambda: source_ratios(shared(prepared), rng("ratios")))
    return replace(desk, weights=weights, coverage=coverage)


def lone_columns(prepared: Prepared) -> tuple[int, ...]:
    """The encoded columns that one side lacks."""
    import numpy as np

    masks = [m for m in (prepared.only_source, prepared.only_target) if m is not None]
    return tuple(np.flatnonzero(np.logical_or.reduce(masks)).tolist()) if masks else ()


def shared(prepared: Prepared) -> Prepared:
    """The same problem in the columns that both sides have; the others are 0."""
    import numpy as np

    from mdshift.learners.compose import blinded

    at = np.array(lone_columns(prepared), dtype=np.int64)
    if not len(at):
        return prepared
    return replace(prepared, X_source=blinded(prepared.X_source, at), X_target=blinded(prepared.X_target, at))


def _settle(
    desk: Desk, trials: list[Trial], skipped: list[Candidate], strategy: str, because: str, out: str, device: str, seconds: float
) -> tuple[Adaptation, Model]:
    """Choose what is kept, and say why."""
    from mdshift.learners import construct
    from mdshift.learners.base import Trained
    from mdshift.store import Model

    plain = plain_score(desk)
    if desk.domains is not None and trials:
        trial, reason = general.choose(trials, desk.domains)
    else:
        trial, reason = _choose(trials, asked=desk.asked, because=because, by=desk.judge)
    kept = trial if trial is not None and (trial.wins or (desk.asked and not trial.loses)) else None
    trained = Trained(desk.context.base) if kept is None else kept.trained
    name = "source-only" if kept is None else kept.name
    table = {k: round(v, 4) for k, v in desk.choice.table.items()}
    source = Candidate(
        "source-only",
        {},
        plain,
        desk.choice.in_words,
        seconds,
        {
            "learners": table,
            "metric": desk.metric,
            "chosen": desk.choice.label,
            "folds": desk.choice.how,
            **({} if desk.choice.lines is None else {"share_of_lines": round(desk.choice.lines, 4)}),
            **construct.told(desk.prepared),
        },
    )
    tried = tuple(Candidate(t.name, t.params, t.score, t.verdict, t.seconds, t.evidence) for t in trials)
    shown = trial or (max(trials, key=lambda t: t.gain.value if t.gain else float("-inf")) if trials else None)
    further, told = models(
        shared(desk.prepared), desk.problem.further, trained.further, name, seed=desk.seed, progress=desk.context.progress
    )
    adaptation = Adaptation(
        strategy=strategy if desk.asked else name,
        params={} if trial is None else dict(trial.params) if desk.asked or kept else {},
        kept="source-only" if kept is None else "adapted",
        reason=reason,
        model=out,
        scores={"source_only": plain, "adapted": shown.score if shown is not None else None},
        candidates=(source, *tried, *skipped),
        validator=_validator(desk),
        history=tuple(trained.history),
        environment=environment(device, torch_used=_is_net(trained.predictor)) | {"data": digests(desk.problem)},
        comparison=comparison(desk, shown),
        notes=tuple(_notes(desk, trials)),
        labels=told,
    )
    p = desk.problem
    params = dict(kept.params) if kept is not None else {}
    return adaptation, Model(
        p.schema, p.task or "classification", p.classes, p.label, desk.encoder, trained.predictor, name, params, p.spec, further
    )


def _choose(trials: list[Trial], *, asked: bool, because: str, by: str) -> tuple[Trial | None, str]:
    """The trial that matters, and the sentence that says what came of it. by: who judged (`Desk.judge`)."""
    if asked:
        if not trials:
            return None, because or "source-only was asked for"
        trial = trials[0]
        if trial.loses:
            return trial, f"{trial.name} is worse than source-only on the target labels, so source-only is kept"
        if trial.on_record:
            return trial, f"{trial.name} was asked for: {trial.verdict}; that holds as far as these data are like those pairs"
        if trial.wins:
            return trial, f"{trial.name} was asked for, and by {by} it is better than source-only"
        hint = "" if by == BY_LABELS else " (nothing shows it: evaluate both on labelled target rows)"
        return trial, f"{trial.name} was asked for and is kept; it is not shown to be better than source-only{hint}"
    winners = [t for t in trials if t.wins and t.gain is not None]
    winners = [t for t in winners if not t.on_record] or winners  # what these data show goes before what others showed
    if winners:
        best = max(winners, key=lambda t: t.gain.value if t.gain else 0.0)
        if best.on_record:
            return best, f"{titled(best.name, best.params)}: {best.verdict}; that holds as far as these data are like those pairs"
        return best, f"{titled(best.name, best.params)}: by {by} the gain over source-only is surely above 0"
    if not trials:
        return None, because or "nothing fits better than doing nothing"
    if len(trials) == 1:
        return None, f"{trials[0].name}, the one candidate, is not surely better than source-only by {by}"
    return None, f"of {len(trials)} candidates none is surely better than source-only by {by}"


def _validator(desk: Desk) -> str:
    if desk.by_labels:
        return (
            "target labels, held back"
            if desk.judges is None
            else "target labels, held back: those of the label plan that were drawn at random"
        )
    if desk.domains is not None:
        return general.VALIDATOR
    if not len(desk.prepared.X_target):
        return "source cross-validation"
    from mdshift.declare import every
    from mdshift.engine import guard

    return ", ".join(n for n, v in every("validator").items() if desk.prepared.task in v.tasks and (v.votes or n in guard.ASKED))


def _notes(desk: Desk, trials: list[Trial]) -> list[Note]:
    import numpy as np

    from mdshift.engine import guard
    from mdshift.learners import construct

    notes = list(desk.problem.notes)
    p = desk.prepared
    notes += [Note("info", text) for text in construct.sentences(p, desk.problem.classes)]
    if p.task == "classification":
        counts = np.bincount(p.y_source, minlength=p.n_classes)
        rare = [desk.problem.classes[k] for k in np.flatnonzero(counts == 1)]
        if rare:
            notes.append(Note("warning", f"classes with one source row are learnt from it alone: {', '.join(rare[:5])}"))
        told = np.bincount(p.y_target[p.labelled], minlength=p.n_classes)
        lacking = [desk.problem.classes[k] for k in np.flatnonzero((counts == 0) & (told == 0))]
        if lacking:
            notes.append(
                Note("warning", f"classes that the source lacks cannot be predicted without target labels: {', '.join(lacking[:5])}")
            )
    known = desk.judged.y_target[desk.judged.labelled]
    if len(known) >= guard.MIN_LABELS and not guard.can_judge(desk.judged):
        of = f"of class {desk.problem.classes[int(known[0])]}" if p.task == "classification" else f"{known[0]:g}"
        text = f"the {len(known)} target labels are all {of}: they cannot show that a model is better or worse than another; label rows at random"
        notes.append(Note("warning", text))
    if desk.judged.labelled.any() and np.ptp(desk.label_weights) > 0:
        low, high = desk.label_weights.min(), desk.label_weights.max()
        text = (
            "the classes with target labels have about as many each, as if rows had been labelled class by class: each label counts "
            f"{low:.2f} to {high:.2f} times, by its class's share of the target as the source model sees it"
        )
        notes.append(Note("warning", text))
    for t in trials:
        ess, rows = t.trained.evidence.get("effective_sample_size"), t.trained.evidence.get("rows")
        if ess is not None and rows and ess / rows < MIN_EFFECTIVE:
            notes.append(
                Note(
                    "warning",
                    f"{t.name}: {ess:.0f} of {rows} source rows carry the weights; the domains hardly overlap, prefer a mapping strategy",
                )
            )
    return notes


def _is_net(predictor: Predictor) -> bool:
    def kinds(state: Any) -> set[str]:
        return {state.kind}.union(*(kinds(c) for c in state.children.values()))

    return "net" in kinds(predictor.state())
