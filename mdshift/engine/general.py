"""Unknown future domains: every candidate is judged on sources that it was not trained on, each held out in its turn.

A future domain is one more draw from where the sources came from, so the unit is the domain: a gain is believed only as far as it repeats from one
held-out domain to the next, however many rows each of them has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.learners.construct import cleaned
from mdshift.learners.select import FOLDS, source_model
from mdshift.stats.resample import two_sided
from mdshift.types import MISSING, Note, Problem, Score
from mdshift.validators.base import Gain, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.engine.trials import Desk, Trial
    from mdshift.families import Strategy
    from mdshift.learners.base import Context, Predictor, Prepared

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FEWEST = 2  # domains between which there is a spread
MIN_ROWS = 8  # labelled rows from which a domain is held out; a smaller one is trained on alone
ENOUGH = 5  # domains from which a gain that repeats is likely to be sure (Student's quantile with 4 degrees of freedom)
TOLD = 5  # domains that a sentence names
ON = "source cross-validation"
VALIDATOR = "leave-one-domain-out"


# --- the domains -----------------------------------------------------------------------------------------------


def problem_of(problem: Problem) -> Problem | None:
    """The problem without a target, where two domains or more can be held out in turn; None where there are fewer.

    A target's labelled rows, where there are enough, are one more source: trained on, and held out in its turn. A target without labels is left out.
    """
    target, sources, notes = problem.target, problem.sources, list(problem.notes)
    if target is not None and len(target):
        joins = int(target.labelled.sum()) >= MIN_ROWS and all(use in target.aside for s in sources for use in s.aside)
        if joins:
            rows = target.take(target.labelled)
            sources = (*sources, replace(rows, further=rows.further or tuple(_blank(f.task, len(rows)) for f in problem.further)))
            text = (
                f"the goal is general: the {len(rows)} labelled rows of {target.name} are one more domain, trained on and held out in turn"
            )
        else:
            text = f"the goal is general: {target.name} has too few labels to be one more domain, and is not used"
        notes.append(Note("info", text))
    found = replace(problem, sources=sources, target=None, source_classes=len(problem.classes), notes=tuple(notes))
    return found if applies(found) else None


def applies(problem: Problem) -> bool:
    """Whether there is no target, and two domains or more can be held out in turn."""
    return problem.target is None and int((deal(sizes_of(problem.sources)) >= 0).sum()) >= FEWEST


def _blank(task: str, n: int) -> Any:
    return np.full(n, np.nan) if task == "regression" else np.full(n, MISSING, np.int64)


def sizes_of(sources: Sequence[Any]) -> Ints:
    """The labelled rows of each source."""
    return np.array([int(d.labelled.sum()) for d in sources], np.int64)


def deal(sizes: Ints) -> Ints:
    """The fold of each source: its own, or with more than `FOLDS` sources one of `FOLDS`, dealt by size; -1 where it is too small."""
    fold_of = np.full(len(sizes), -1, np.int64)
    order = [k for k in np.argsort(-sizes, kind="stable") if sizes[k] >= MIN_ROWS]
    fold_of[order] = np.arange(len(order)) % FOLDS
    return fold_of


def unjudged(strategy: Strategy, problem: Problem) -> str | None:
    """Why a strategy cannot be judged by domains held out, in a sentence, or None."""
    sizes = sizes_of(problem.sources)
    fold_of = deal(sizes)
    left = int((sizes > 0).sum()) - int(np.bincount(fold_of[fold_of >= 0]).max(initial=0))
    if strategy.needs.sources > left:
        return f"not tried: it needs {strategy.needs.sources} sources, and {left} would be left with one held out to judge it by"
    return None


# --- models that did not see a domain ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Fold:
    """Source rows held out (h,), the others (n - h,), and the source model trained on those."""

    held: Ints
    rest: Ints
    base: Predictor


@dataclass(frozen=True, eq=False)
class Held:
    """The domains held out in turn, by name; domain (n,): which of them a source row is of, -1 where it is of none; and the source model's scores (n, k)."""

    names: tuple[str, ...]
    domain: Ints
    folds: tuple[Fold, ...]
    scores: Floats


def hold_out(desk: Desk) -> Held | None:
    """The folds, with a source model each; None where fewer than two domains can be held out and leave two classes to learn.

    The learner is the one that cross-validation chose on all sources, and columns are scaled by all of them, for the source model and its rivals alike.
    """
    p, choice = desk.prepared, desk.choice
    fold_of = deal(np.bincount(p.domain, minlength=len(desk.problem.sources)))
    row_fold = fold_of[p.domain]
    usable = [f for f in range(FOLDS) if (row_fold == f).any() and len(np.unique(p.y_source[row_fold != f])) > 1]
    kept = np.flatnonzero(np.isin(fold_of, usable))
    if len(kept) < FEWEST or len(usable) < FEWEST:
        return None
    code = np.full(len(fold_of), -1, np.int64)
    code[kept] = np.arange(len(kept))
    scores, folds = np.zeros((len(p.y_source), p.n_classes)), []
    for f in usable:
        held, rest = np.flatnonzero(row_fold == f), np.flatnonzero(row_fold != f)

        def make(rest: Ints = rest, f: int = f) -> Predictor:
            desk.context.progress(f"training the source model without some of the sources ({f + 1} of {len(usable)})")
            at = np.searchsorted(rest, choice.rows)
            seen = rest[np.minimum(at, len(rest) - 1)] == choice.rows
            part, rng = p.part(rest), desk.context.rng(f"held-out fold {f}")
            if not seen.any():
                part = cleaned(part)
                return choice.learner.fit(part, part.X_source, part.y_source, rng)
            return source_model(part, replace(choice, rows=at[seen], scores=choice.scores[seen]), rng)

        def of(rest: Ints = rest) -> Any:
            return rest, p.y_source, p.X_source, desk.seed

        base = desk.checkpoint.unit(f"source model without fold {f}", of, make)
        scores[held] = base.scores(p.X_source[held])
        folds.append(Fold(held, rest, base))
    return Held(tuple(desk.problem.sources[k].name for k in kept), code[p.domain], tuple(folds), scores)


def unseen(held: Held, strategy: Strategy, prepared: Prepared, context: Context) -> Floats:
    """A strategy's scores (n, k) of the source rows, each by a run that did not see its domain; 0 for rows of no held-out domain."""
    out = np.zeros_like(held.scores)
    for number, fold in enumerate(held.folds):
        context.progress(f"running {strategy.name} without some of the sources ({number + 1} of {len(held.folds)})")
        trained = strategy.run(cleaned(prepared.part(fold.rest)), replace(context, base=fold.base, finished={}))
        out[fold.held] = trained.predictor.scores(prepared.X_source[fold.held])
    return out


# --- the verdict -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """The mean gain over the domains, with its interval between them; the candidate's score on them; what is told."""

    gain: Gain
    score: Score
    told: dict[str, Any]


def merits(p: Prepared, held: Held, scores: Floats) -> Floats:
    """What each source row adds to the score of its domain (n,): right or not; or 1 - squared error / variance, the domains' mean one.

    One variance for all: a domain whose label hardly varies would else drown the others.
    """
    if p.task == "classification":
        return np.asarray(scores.argmax(axis=1) == p.y_source, dtype=np.float64)
    variance = float(np.mean([p.y_source[held.domain == k].var() for k in range(len(held.names))]))
    return np.asarray(1.0 - (p.y_source - scores[:, 0]) ** 2 / variance if variance > 0 else np.zeros(len(scores)))


def over_domains(each: Sequence[Floats], z: float, *, shares: bool) -> Gain:
    """The mean over domains of each one's mean, every domain counting the same, with an interval at the level of +- z standard errors.

    The spread between the domains gives the error, with Student's quantile at one degree of freedom less than there are domains; it is not
    taken to be smaller than the spread of the rows in them, which can be hidden by chance. shares: rows are right or wrong.
    """
    from scipy.special import ndtr, stdtrit

    spreads = [float(((v - v.mean()) ** 2).mean()) + (1.0 / len(v) if shares else 0.0) for v in each]
    within = float(sum(s / max(len(v) - 1, 1) for s, v in zip(spreads, each, strict=True))) ** 0.5 / len(each)
    means = np.array([v.mean() for v in each])
    between = float(means.std(ddof=1)) / len(each) ** 0.5
    value, reach = float(means.mean()), float(stdtrit(len(each) - 1, ndtr(z))) * max(within, between)
    return Gain(value, value - reach, value + reach)


def score(desk: Desk, held: Held, scores: Floats) -> Score:
    """The mean score over the held-out domains, with its interval between them."""
    found = merits(desk.prepared, held, scores)
    shares = desk.prepared.task == "classification"
    mean = over_domains([found[held.domain == k] for k in range(len(held.names))], two_sided(desk.alpha), shares=shares)
    value, low, high = (min(max(v, 0.0) if shares else v, 1.0) for v in (mean.value, mean.low, mean.high))
    return Score(desk.metric, value, low, high, ON)


def judge(desk: Desk, held: Held, scores: Floats, z: float, tried: int) -> Verdict:
    """A candidate's gain over the source model on the held-out domains. z: for the level, shared by the `tried` candidates."""
    p = desk.prepared
    plain, adapted = merits(p, held, held.scores), merits(p, held, scores)
    known = held.domain >= 0
    each = [(adapted - plain)[held.domain == k] for k in range(len(held.names))]
    found = over_domains(each, z, shares=p.task == "classification")
    unit = "points" if p.task == "classification" else "of R2"
    by = 100.0 if p.task == "classification" else 1.0
    level = f"{100 * (1 - desk.alpha):g} %" + (f" for {tried} candidates together" if tried > 1 else "")
    digits = 1 if by > 1 else 3
    value, low, high = (f"{by * v:+.{digits}f}" for v in (found.value, found.low, found.high))
    said = f"{value} {unit} on the mean of {len(each)} domains held out in turn ({low} to {high} between domains, {level})"
    pooled = paired((adapted - plain)[known], z, sentence=f"paired on {int(known.sum())} source labels, as if they were of one domain")
    rows = [
        {"domain": name, "rows": len(d), "source_only": float(plain[held.domain == k].mean()), "gain": float(d.mean())}
        for k, (name, d) in enumerate(zip(held.names, each, strict=True))
    ]
    told = {
        "gain": {"value": found.value, "low": found.low, "high": found.high, "sentence": said},
        "by_domain": rows,
        "pooled_gain": {"value": pooled.value, "low": pooled.low, "high": pooled.high, "sentence": pooled.sentence},
    }
    return Verdict(replace(found, sentence=said), score(desk, held, scores), told)


def choose(trials: Sequence[Trial], held: Held) -> tuple[Trial | None, str]:
    """The trial to keep, the one with the largest gain among those that are sure, and the sentence that says why, or why none."""
    names = ", ".join(held.names[:TOLD]) + (f" and {len(held.names) - TOLD} more" if len(held.names) > TOLD else "")
    judged = sorted((t for t in trials if t.gain is not None), key=lambda t: -(t.gain.value if t.gain else 0.0))
    winners = [t for t in judged if t.wins]
    best = (winners or judged)[0]
    assert best.gain is not None
    told = f"{best.name}: {best.gain.sentence}; the domains: {names}"
    if winners:
        return best, told
    few = f"; {len(held.names)} domains can hardly show a gain, {ENOUGH} or more can" if len(held.names) < ENOUGH else ""
    return None, f"no candidate surely gains on domains that it was not trained on; the best is {told}{few}"
