"""Which strategies `adapt --strategy auto` tries: the recommendation's, as far as they can win."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdshift.declare import Cost, configure, every, variants
from mdshift.engine import general, guard
from mdshift.engine.judging import as_judged
from mdshift.engine.recommend import MOST, missing_module, without_extra
from mdshift.errors import DataError, EnvironmentFault, UsageError
from mdshift.types import Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.families import Strategy

    Run = tuple[Strategy, Mapping[str, Any]]

MOST_VARIANTS = 6  # of the strategies tried with their defaults; each more asks all of them for stronger evidence
AFFORDABLE = {"low": (Cost.LOW,), "medium": (Cost.LOW, Cost.MEDIUM), "high": tuple(Cost)}
WITH_LABELS = {
    "table": ("blend", "consensus"),
    "array": ("blend", "consensus", "feature-extraction"),
    "image": ("feature-extraction", "finetune", "pooled"),
    "text": ("blend", "feature-extraction", "finetune"),
}
TO_TRAIN = 4  # labelled target rows from which training on them is tried


@dataclass(frozen=True)
class Plan:
    """The strategies to try with their parameters, best first; why there is none, if so; the kinds of shift that were read.

    passed: strategies that the recommendation ranks above source-only and that are not tried, with the reason. expected: what the diagnosis
    expects of the source model on the target (value, low, high).
    """

    runs: tuple[Run, ...]
    because: str
    kinds: tuple[str, ...]
    passed: tuple[tuple[str, str], ...]
    expected: Mapping[str, float] | None = None


def unfit(strategy: Any, problem: Problem) -> str | None:
    """Why a strategy cannot run on this problem, or not here for want of its extra, in a sentence, or None."""
    return _misfit(strategy, problem) or without_extra(strategy)


def _misfit(strategy: Any, problem: Problem) -> str | None:
    needs = strategy.needs
    known = 0 if problem.target is None else int(problem.target.labelled.sum())
    if problem.task is not None and problem.task not in needs.tasks:
        return f"it is for {' and '.join(needs.tasks)}, and the label is a {problem.task} label"
    if problem.schema.modality not in needs.modalities:
        return f"it is for {', '.join(needs.modalities)} data, and these are {problem.schema.modality} data"
    if needs.target and (problem.target is None or not len(problem.target)):
        return "it needs target rows, and there are none"
    if known < needs.target_labels:
        return f"it needs {needs.target_labels} labelled target rows, and there are {known}"
    if len(problem.sources) < needs.sources:
        return f"it needs {needs.sources} source domains, and there are {len(problem.sources)}"
    if 1 + len(problem.further) < needs.labels:
        return f"it needs {needs.labels} label columns, and there is {1 + len(problem.further)}: give --label once for each"
    return None


def refuse(strategy: Strategy, problem: Problem) -> None:
    """Raise DataError where a strategy that was asked for cannot run on this problem, EnvironmentFault where its extra is missing."""
    why = _misfit(strategy, problem)
    if why:
        fit = [n for n, s in every("strategy").items() if n != "source-only" and not unfit(s, problem)]
        raise DataError(f"strategy {strategy.name!r} does not fit these data", why, f"strategies that do: {', '.join(fit[:8])}")
    lacking = missing_module(strategy)
    if lacking:
        hint = f"pip install 'mdshift[{strategy.needs.extra}]'"
        raise EnvironmentFault(f"strategy {strategy.name!r} needs an extra", f"the package {lacking} is not installed", hint)


def candidates(
    problem: Problem,
    document: Mapping[str, Any] | None,
    *,
    goal: str,
    compute: str,
    alpha: float,
    seed: int,
    workers: int,
    engine: str,
    progress: Callable[[str], None],
    judges: NDArray[np.bool_] | None = None,
) -> Plan:
    """Which strategies to try.

    document: a recommendation; without one the problem is diagnosed first, by the labels of the target rows `judges` (m,) alone where these are given. Strategies ranked above source-only are tried, at most a few,
    by what `compute` affords; with target labels also those that train on them, since the labels will tell. Where compute is high, the
    cheap ones are tried with other settings too, and are judged like all candidates.
    """
    seen = problem if judges is None else as_judged(problem, judges)
    said = document or _recommended(seen, goal, compute, alpha, seed, workers, engine, progress)
    ranked = list(said.get("ranked", ()))
    facts = said.get("facts") or {}
    kinds = tuple(str(k) for k in facts.get("kinds", ()))
    ends = {"value": facts.get("expected_score"), "low": facts.get("expected_low"), "high": facts.get("expected_high")}
    expected = {k: float(v) for k, v in ends.items() if isinstance(v, int | float)}
    names = [str(r.get("strategy")) for r in ranked]
    above = ranked[: names.index("source-only")] if "source-only" in names else ranked
    known = 0 if problem.target is None else int(problem.target.labelled.sum())
    if known >= TO_TRAIN:
        first = WITH_LABELS[problem.schema.modality]
        above = [{"strategy": n} for n in first] + [r for r in above if r.get("strategy") not in ("scratch", *first)]
    by_domains = goal == "general" and general.applies(problem)
    runs: list[Run] = []
    passed: list[tuple[str, str]] = []
    for entry in above:
        made = _configured(entry, problem, compute)
        if made is None or made[0].name in {r[0].name for r in runs}:
            continue
        unjudged = general.unjudged(made[0], problem) if by_domains else None
        if unjudged is not None:
            passed.append((made[0].name, unjudged))
        elif not by_domains and known < guard.MIN_LABELS and compute != "high" and made[0].cost is not Cost.LOW:
            few = f"with under {guard.MIN_LABELS} target labels" if known else "without target labels"
            passed.append((made[0].name, f"not tried: {few} it could be judged by training it twice only (--compute high)"))
        else:
            runs.append(made)
    limit = MOST[compute]
    passed += [(r[0].name, f"not tried: {limit} candidates at most with --compute {compute}") for r in runs[limit:]]
    because = "the recommendation ranks source-only first: nothing that was found calls for more"
    if passed:
        why = passed[0][1] if by_domains else "could not be judged without target labels"
        because = f"nothing was tried: {passed[0][0]} {why}"
    led = () if by_domains else followers(runs[:limit], problem, compute)
    runs = [*with_parts(runs[:limit], problem), *(others(runs[:limit]) if compute == "high" else ()), *led]
    begun = {strategy.name for strategy, _ in runs}  # a part of another may be ranked too low to be tried for itself
    return Plan(
        tuple(runs), because, kinds, tuple(p for p in passed if p[0] not in begun), expected if len(expected) == len(ends) else None
    )


def followers(runs: Sequence[Run], problem: Problem, compute: str) -> tuple[Run, ...]:
    """The strategies that are tried where one of these candidates, with its defaults, is kept on its record."""
    led = {strategy.name for strategy, params in runs if not params}
    made = [_configured({"strategy": name}, problem, compute) for name, s in every("strategy").items() if s.follows in led]
    return tuple(run for run in made if run is not None and run[0].name not in led)


def others(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Other settings of the cheap ones among these candidates: their declared `tries`, the best-ranked strategies' first."""
    plain = [strategy for strategy, params in runs if not params and strategy.cost is Cost.LOW]
    each = [variants(strategy) for strategy in plain]
    rounds = range(max(map(len, each), default=0))
    made = [(configure(type(plain[i]), v[at]), dict(v[at])) for at in rounds for i, v in enumerate(each) if at < len(v)]
    return tuple(made[:MOST_VARIANTS])


def with_parts(runs: Sequence[Run], problem: Problem) -> tuple[Run, ...]:
    """These candidates, and after them those that they build on: trained once, they are candidates too."""
    names = {strategy.name for strategy, _ in runs}
    parts = {
        part: every("strategy")[part]()
        for strategy, _ in runs
        for part in strategy.parts(problem.task or "classification")
        if part not in names
    }
    return (*runs, *((strategy, {}) for strategy in parts.values() if not unfit(strategy, problem)))


def _configured(entry: Mapping[str, Any], problem: Problem, compute: str) -> Run | None:
    found = every("strategy").get(str(entry.get("strategy")))
    if found is None or found.name == "source-only" or found.cost not in AFFORDABLE[compute] or unfit(found, problem):
        return None
    params = dict(entry.get("params") or {})
    try:
        return configure(found, params), params
    except UsageError:  # a plan of another version may name parameters that are gone
        return configure(found, {}), {}


def _recommended(
    problem: Problem, goal: str, compute: str, alpha: float, seed: int, workers: int, engine: str, progress: Callable[[str], None]
) -> Mapping[str, Any]:
    from mdshift.engine.diagnose import diagnose
    from mdshift.engine.recommend import recommend

    kinds: list[str] = []
    if problem.target is None or not len(problem.target):
        facts: dict[str, Any] = {
            "has_target": False,
            "n_sources": len(problem.sources),
            "task": problem.task,
            "modality": problem.schema.modality,
        }
    else:
        progress("diagnosing the shift")
        found = diagnose(problem, alpha=alpha, seed=seed, workers=workers, engine=engine, progress=progress)
        kinds, facts = list(found.kinds), dict(found.facts)
    document = {"schema": "mdshift.diagnosis/1", "kinds": kinds, "facts": facts, "data": {}, "settings": {}}
    said = recommend(document, goal=goal, compute=compute)
    told = {k: v for k, v in facts.items() if k.startswith("expected_")}
    return {"ranked": [{"strategy": r.strategy, "params": dict(r.params)} for r in said.ranked], "facts": {"kinds": kinds, **told}}
