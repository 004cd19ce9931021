"""`mdshift.diagnose`, `mdshift.recommend`, `mdshift.adapt`, `mdshift.load`: one call for one command."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.api.inputs import Given, given, listener, mapping, option, path, quietly
from mdshift.api.known import DIAGNOSIS, RECOMMENDATION, diagnosis_in, limits, planned
from mdshift.api.results import Adaptation, Diagnosis, Fitted, Recommendation, Result
from mdshift.errors import UsageError

if TYPE_CHECKING:
    from mdshift.types import Problem

Progress = Callable[[str], None]
GENERAL = ("backbone", "split", "group", "class_weight", "clean")  # parameters that no strategy has as its own


class _Clock:
    """The seconds of each step."""

    def __init__(self) -> None:
        self.began = self.last = time.perf_counter()
        self.marks: dict[str, float] = {}

    def mark(self, name: str) -> None:
        now = time.perf_counter()
        self.marks[name], self.last = now - self.last, now

    @property
    def seconds(self) -> dict[str, float]:
        return {**self.marks, "total": time.perf_counter() - self.began}


def diagnose(
    source: Any,
    target: Any = None,
    *,
    label: str | Sequence[str] | None = None,
    y_source: Any = None,
    y_target: Any = None,
    task: str = "auto",
    domain_column: str | None = None,
    time: str | None = None,
    text: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    encoding: str | None = None,
    on_schema: str = "intersect",
    alpha: float = 0.05,
    seed: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Diagnosis:
    """What shifted between source and target, of which kind, how much, where, and what it will cost.

    source, target: a data frame (pandas, polars, pyarrow), an array (n, d) or of images (n, h, w, c), or a path as on the command line. A
    list or tuple of them, or a mapping from names, is several sources. A target is not needed where `domain_column` tells domains apart.
    label: the label's column (default: the first of label, target, y, class). y_source, y_target: labels (n,) that lie apart from the rows; None
    or NaN where there is none. kinds: a word on columns (number, date, category, text, identifier). progress: called with a line for every step.
    The other arguments are those of `mdshift diagnose`, whose numbers these are.

    Raises mdshift.errors.DataError for data that cannot be read or compared, UsageError for a wrong argument.
    """
    told = {"alpha": option("alpha", alpha), "seed": option("seed", seed)}
    columns = _columns(label, task, domain_column, time, text, drop, kinds, encoding, on_schema)
    say = listener(progress)
    clock = _Clock()
    with quietly():
        data = given(source, target, y_source, y_target, columns)
        problem = _read(data, told["seed"], say)
        clock.mark("read")
        return _diagnosed(problem, data, told, option("workers", workers), clock, say)


def recommend(
    source: Any,
    target: Any = None,
    *,
    goal: str = "target",
    compute: str = "medium",
    thresholds: Mapping[str, float] | None = None,
    **reading: Any,
) -> Recommendation:
    """Which strategies fit, ranked, each with the rules that spoke for it, and which are ruled out and why.

    source: data, as for `diagnose`, whose further arguments may be given too; or a diagnosis: its result, its document, or its JSON file.
    goal: "target", or "general" for future domains that are not known. compute: what may be spent: low, medium or high. thresholds: values that
    replace those that the rules read.

    Raises mdshift.errors.UsageError for a wrong argument, and DataError as `diagnose` does.
    """
    asked = {"goal": option("goal", goal), "compute": option("compute", compute)}
    known = diagnosis_in(source) if target is None else None
    if known is None:
        return _advised(_looked(source, target, asked["goal"], reading), asked, thresholds)
    if reading:
        raise UsageError("a diagnosis has been read already", f"argument {next(iter(reading))!r}", "give the data to read them another way")
    return _advised(known, asked, thresholds)


def adapt(
    source: Any,
    target: Any = None,
    *,
    strategy: str = "auto",
    params: Mapping[str, Any] | None = None,
    label: str | Sequence[str] | None = None,
    y_source: Any = None,
    y_target: Any = None,
    task: str = "auto",
    domain_column: str | None = None,
    time: str | None = None,
    text: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    encoding: str | None = None,
    on_schema: str = "intersect",
    plan: Any = None,
    goal: str = "target",
    compute: str = "medium",
    budget: float | None = None,
    start: str | os.PathLike[str] | Fitted | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    alpha: float = 0.05,
    seed: int = 0,
    device: str = "auto",
    workers: int = 1,
    thresholds: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Adaptation:
    """Run a strategy, compare it with doing nothing, and keep the better of the two.

    The data are given as to `diagnose`; target rows may have labels, some or none. strategy: a name, or "auto" for those that the recommendation
    ranks. params: the strategy's parameters, and those of `--set`. plan: a diagnosis or a recommendation (result, document or JSON file) to go by. budget:
    seconds after which no further candidate is begun, nor one that is expected to outlast them. start: a saved model to go on from. out: a folder to write the model to; nothing is
    written without it, and the record of runs is the command line's alone.

    Raises mdshift.errors.UsageError for a wrong argument or an output that stands in the way, DataError for data that cannot train anything.
    """
    from mdshift import store
    from mdshift.checkpoint import Checkpoint
    from mdshift.engine.adapt import adapt as engine
    from mdshift.readers.load import load as read
    from mdshift.report.json import document

    say = listener(progress)
    values = {"strategy": strategy, "goal": goal, "compute": compute, "budget": budget, "seed": seed, "device": device, "alpha": alpha}
    asked: dict[str, Any] = {name: None if value is None and name == "budget" else option(name, value) for name, value in values.items()}
    parameters, recipe, needs = _strategy(asked["strategy"], mapping("params", params))
    count, changed = option("workers", workers), limits(thresholds)
    columns = _columns(label, task, domain_column, time, text, drop, kinds, encoding, on_schema)
    folder = None if out is None else path("out", out)
    if folder is not None:
        store.check_output(folder, force=force)
    by = None if plan is None else planned(plan)
    clock = _Clock()
    with quietly():
        data = given(source, target, y_source, y_target, columns)
        if asked["goal"] != "general":
            _target(data)
        problem = read(
            data.spec,
            seed=asked["seed"],
            need_label=True,
            need_target=asked["goal"] != "general",
            union=needs is not None and needs.differing and data.spec.on_schema != "fail",
            aside={} if recipe is None else recipe.columns(data.spec.time),
            held=data.held,
            progress=say,
        )
        clock.mark("read")
        ranking = _by(by, problem, data, asked, changed, say)
        adapted, model = engine(
            problem,
            strategy=asked["strategy"],
            params={key: value for key, value in parameters.items() if key not in GENERAL},
            backbone=parameters.get("backbone"),
            recipe=recipe,
            out=folder or "",
            document=ranking,
            goal=asked["goal"],
            compute=asked["compute"],
            budget=asked["budget"],
            seed=asked["seed"],
            device=asked["device"],
            workers=count,
            start=start.model if isinstance(start, Fitted) else store.load(path("start", start)) if start is not None else None,
            alpha=asked["alpha"],
            limits=changed,
            progress=say,
            checkpoint=Checkpoint(),
        )
    clock.mark("adapt")
    if problem.label is not None:
        model = replace(model, spec=replace(model.spec, labels=model.spec.labels or (problem.label,)))
    labels = _labels(problem, data)
    if labels and all(
        isinstance(v, str) or (isinstance(v, int | float) and math.isfinite(v)) for v in labels.values()
    ):  # what JSON has a form for
        model = replace(model, values=tuple(labels[name] for name in model.classes))
    settings = {**{k: v for k, v in asked.items() if v is not None}, "set": parameters}
    if changed:
        settings["thresholds"] = changed
    if start is not None and not isinstance(start, Fitted):
        settings["from"] = os.fspath(start)
    report = document("mdshift.adaptation/1", adapted, data=_data_of(problem), settings=settings, seconds=clock.seconds)
    if folder is not None:
        store.save(model, folder, report, force=force)
    fitted = Fitted(model, labels)
    return Adaptation(report, None if folder is not None and not data.in_memory else ("adapted.predict(new_data)",), fitted=fitted)


def load(folder: str | os.PathLike[str]) -> Fitted:
    """A model folder that `mdshift adapt` or `adapt(out=...)` has written.

    Classes that were handed over in memory come back as they were, numbers as numbers; those of files are their names, texts.

    Raises mdshift.errors.DataError for what is no model folder, UsageError for what is no path.
    """
    from mdshift import store

    model = store.load(path("folder", folder))
    return Fitted(model, dict(zip(model.classes, model.values, strict=True)) if model.values else {})


# --- the steps --------------------------------------------------------------------------------


def _columns(
    label: Any, task: Any, domain_column: Any, time: Any, text: Any, drop: Any, kinds: Any, encoding: Any, on_schema: Any
) -> dict[str, Any]:
    """The arguments that say how data are read."""
    named = {"label": label, "text": text, "drop": drop, "kinds": kinds, "domain_column": domain_column, "time": time}
    return {**named, "task": task, "encoding": encoding, "on_schema": on_schema}


def _read(data: Given, seed: int, progress: Progress, *, need_target: bool = True) -> Problem:
    """As many rows as a diagnosis looks at.

    Raises UsageError without a target.
    """
    from mdshift.readers.load import ENOUGH
    from mdshift.readers.load import load as read

    if need_target:
        _target(data)
    return read(data.spec, seed=seed, max_rows=ENOUGH, need_target=need_target, held=data.held, progress=progress)


def _target(data: Given) -> None:
    """Raise UsageError without a target."""
    if data.spec.target is None and data.spec.domain_column is None:
        raise UsageError("a target is missing", "", "give source and target, or domain_column=NAME; goal='general' needs none")


def _data_of(problem: Problem) -> dict[str, Any]:
    found = problem.spec.to_json()
    return found if problem.label is None else {**found, "labels": found.get("labels") or [problem.label]}


def _diagnosed(problem: Problem, data: Given, told: Mapping[str, Any], workers: int, clock: _Clock, progress: Progress) -> Diagnosis:
    from mdshift.engine.diagnose import diagnose as engine
    from mdshift.report.json import document

    found = engine(problem, alpha=told["alpha"], seed=told["seed"], workers=workers, progress=progress)
    clock.mark("diagnose")
    made = document("mdshift.diagnosis/1", found, data=_data_of(problem), settings=told, seconds=clock.seconds)
    return Diagnosis(made, ("mdshift.recommend(found)",) if data.in_memory else None)


def _looked(source: Any, target: Any, goal: str, reading: Mapping[str, Any]) -> Result:
    """A diagnosis made for a recommendation; of the sources alone where unknown future domains are the goal and there is no target."""
    if target is not None or goal != "general":
        return diagnose(source, target, **reading)
    import inspect

    from mdshift.engine.facts import sources_alone

    unknown = [name for name in reading if name not in inspect.signature(diagnose).parameters]
    if unknown:
        raise TypeError(f"recommend() got an unexpected keyword argument {unknown[0]!r}")
    reading = dict(reading)
    told = {"alpha": option("alpha", reading.pop("alpha", 0.05)), "seed": option("seed", reading.pop("seed", 0))}
    progress = listener(reading.pop("progress", None))
    reading.pop("workers", None)
    with quietly():
        data = given(source, None, reading.pop("y_source", None), reading.pop("y_target", None), reading)
        problem = _read(data, told["seed"], progress, need_target=False)
        facts = sources_alone(problem)
    known = {"schema": DIAGNOSIS, "data": _data_of(problem), "settings": told, "kinds": [], "facts": facts}
    return Result(known, () if data.in_memory else None)


def _advised(known: Result, asked: Mapping[str, Any], thresholds: Mapping[str, float] | None) -> Recommendation:
    from mdshift.engine.recommend import recommend as engine
    from mdshift.report.json import document

    begun = time.perf_counter()
    diagnosis = known.document
    found = engine(diagnosis, goal=asked["goal"], compute=asked["compute"], thresholds=limits(thresholds))
    settings = {**diagnosis.get("settings", {}), **{name: asked[name] for name in ("goal", "compute")}}
    taken = time.perf_counter() - begun
    made = document(RECOMMENDATION, found, data=diagnosis["data"], settings=settings, seconds={"recommend": taken, "total": taken})
    if known.commands is None or not found.ranked:
        return Recommendation(made, known.commands)
    first = found.ranked[0]
    settled = f", params={dict(first.params)!r}" if first.params else ""
    named = diagnosis["data"].get("labels") or ()
    label = "" if not named else f", label={(named[0] if len(named) == 1 else list(named))!r}"
    return Recommendation(made, (f"mdshift.adapt(source, target{label}, strategy={first.strategy!r}{settled})",))


def _by(
    plan: Result | None, problem: Problem, data: Given, asked: Mapping[str, Any], thresholds: Mapping[str, float] | None, say: Progress
) -> Mapping[str, Any] | None:
    """The recommendation to go by; None where the engine makes its own."""
    if plan is None and asked["strategy"] == "auto" and thresholds and problem.target is not None:
        plan = _diagnosed(problem, data, {"alpha": asked["alpha"], "seed": asked["seed"]}, 1, _Clock(), say)
    if plan is not None and plan.document["schema"] == DIAGNOSIS:
        return _advised(plan, asked, thresholds).document
    return None if plan is None else plan.document


def _strategy(name: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], Any, Any]:
    """The parameters as their types, the recipe of the training data, and what the strategy needs.

    Raises UsageError with the nearest name, or the bounds.
    """
    from mdshift.declare import configure, every, lookup
    from mdshift.errors import nearest
    from mdshift.learners.construct import Recipe

    given = {str(key).replace("-", "_"): value for key, value in params.items()}
    general = {key: str(given.pop(key)) for key in GENERAL if given.get(key)}
    recipe = Recipe.of(general)
    if name == "auto":
        if given:
            raise UsageError("params need a strategy", f"{next(iter(given))!r} with strategy='auto'", "name one: strategy=NAME")
        return dict(general), recipe, None
    if name not in every("strategy"):
        raise UsageError("unknown strategy", repr(name), nearest(name, [*every("strategy"), "auto"]))
    made = configure(lookup("strategy", name), given)
    return {**{key: getattr(made, key) for key in given}, **general}, recipe, lookup("strategy", name).needs


def _labels(problem: Problem, data: Given) -> dict[str, Any]:
    """The classes as the caller wrote them, by the names that the model has for them; empty where they came from files."""
    if problem.task != "classification" or problem.label is None:
        return {}
    found: dict[str, Any] = {}
    for held in data.held.values():
        for name, value in held.labels(problem.label).items():
            found.setdefault(name, value)
    return found if all(name in found for name in problem.classes) else {}
