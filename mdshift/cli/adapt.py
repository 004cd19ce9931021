"""`mdshift adapt`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift.cli import find, options
from mdshift.cli.diagnose import JUDGES, document_of
from mdshift.cli.options import argument, command
from mdshift.cli.recommend import advise
from mdshift.cli.session import Session
from mdshift.config import OPTIONS as KNOWN
from mdshift.config import convert
from mdshift.errors import Interrupted, UsageError
from mdshift.lock import held

if TYPE_CHECKING:
    from mdshift.types import DataSpec

OPTIONS = (
    *(
        "strategy",
        "set",
        "out",
        "force",
        "plan",
        "goal",
        "compute",
        "budget",
        "from",
        "purpose",
        "label_plan",
        "resume",
        "dry_run",
        "fail_on_worse",
    ),
    *options.DATA,
    *options.TESTING,
    *options.RUNNING,
    *options.RESULT,
)

DIGITS = 18  # of the greatest number that a run can have
GENERAL = ("backbone", "split", "group", "class_weight", "clean")  # settings that no strategy has as its own


@command(
    "adapt",
    "Run a strategy, compare it with doing nothing, save a model.",
    [argument("paths", "source paths, then the target path", many=True)],
    OPTIONS,
)
def adapt(paths: list[str] | None, flags: options.Flags) -> int:
    """Run a strategy, compare it with doing nothing, save a model."""
    session = Session.open(OPTIONS, flags)
    parameters = check_strategy(session["strategy"], settings_of(session["set"]))
    session.check_output()
    if session["resume"]:
        return resume(session, run_named(paths or []))
    spec, plan = find.locate(session, paths or [])
    return perform(session, spec, plan, parameters)


def perform(session: Session, spec: DataSpec, plan: Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> int:
    """Hold the output, read, adapt, save, record, report."""
    from mdshift import record, store
    from mdshift.checkpoint import Checkpoint, data, fingerprint, versions
    from mdshift.declare import lookup
    from mdshift.engine.adapt import adapt as engine
    from mdshift.engine.judging import as_judged, judges
    from mdshift.learners.construct import Recipe
    from mdshift.readers.load import describe, load
    from mdshift.report.json import document, plain

    out = session["out"]
    store.check_output(out, force=session["force"])
    recipe = Recipe.of(parameters)
    aside = {} if recipe is None else recipe.columns(spec.time)
    with held(out):
        session.progress("reading")
        general = session["goal"] == "general"
        union = session["strategy"] != "auto" and lookup("strategy", session["strategy"]).needs.differing and spec.on_schema != "fail"
        problem = load(
            spec, seed=session["seed"], need_label=True, need_target=not general, union=union, aside=aside, progress=session.progress
        )
        session.notes([*problem.notes, *describe(problem)])
        session.mark("read")
        start = store.load(session["from"]) if session["from"] else None
        if session["label_plan"] and session["goal"] == "general":
            raise UsageError(
                "--label-plan judges by target labels, and --goal general by sources held out in turn",
                repr(session["label_plan"]),
                "leave one out",
            )
        judging = judges(session["label_plan"], problem) if session["label_plan"] else None
        if plan is not None:
            compare(session, plan)
        if plan is not None and plan["schema"] == "mdshift.diagnosis/1":
            plan = advise(session, plan)
        elif plan is None and session["strategy"] == "auto" and session.configuration.thresholds:
            plan = advise(
                session, document_of(session, problem if judging is None else as_judged(problem, judging))
            )  # the engine's own recommendation goes by the default thresholds
        if session["dry_run"]:
            return rehearse(session, problem, plan, parameters)
        further = {"from": session["from"], "label_plan": session["label_plan"], "thresholds": dict(session.configuration.thresholds)}
        settings = session.told(set=dict(parameters), **{k: v for k, v in further.items() if v})
        run = record.begin(out, find.data_of(problem), settings, plan, purpose=session["purpose"])
        asked = {k: session[k] for k in ("strategy", "goal", "compute", "budget", "seed", "device", "alpha")}
        of = (
            data(problem),
            asked,
            plain((parameters, plan, None if judging is None else judging.tolist())),
            fingerprint(session["from"], parameters.get("backbone")),
            versions(),
        )
        checkpoint = Checkpoint.open(record.partial(out), of, resume=session["resume"], say=session.progress, warn=session.warn)
        try:
            adapted, model = engine(
                problem,
                strategy=session["strategy"],
                params={key: value for key, value in parameters.items() if key not in GENERAL},
                backbone=parameters.get("backbone"),
                recipe=recipe,
                out=out,
                document=plan,
                goal=session["goal"],
                compute=session["compute"],
                budget=session["budget"],
                seed=session["seed"],
                device=session["device"],
                workers=session["workers"] or 1,
                engine=session["engine"],
                start=start,
                alpha=session["alpha"],
                limits=session.configuration.thresholds,
                progress=session.progress,
                checkpoint=checkpoint,
                judges=judging,
            )
            session.notes([n for n in adapted.notes if n not in problem.notes])
            session.mark("adapt")
            if problem.label is not None:  # the label that was found is named: a resumed run is told it
                model = replace(model, spec=replace(model.spec, labels=model.spec.labels or (problem.label,)))
            report = document("mdshift.adaptation/1", adapted, data=find.data_of(problem), settings=settings, seconds=session.seconds)
            store.save(model, out, report, force=session["force"])
        except KeyboardInterrupt:
            record.end(run, "interrupted", None)
            raise Interrupted("interrupted", "adapt", f"take it up again: mdshift adapt --resume --out {shlex.quote(out)}") from None
        except BaseException:
            record.end(run, "failed", None)
            raise
        record.end(run, "done", report)
        checkpoint.clear()
    session.emit(report)
    return 1 if session["fail_on_worse"] and worse(report) else 0


def compare(session: Session, plan: Mapping[str, Any]) -> None:
    """Warn where the diagnosis that is followed took other target labels than those that judge here."""
    followed, own = (plan.get("settings") or {}).get(JUDGES), session["label_plan"]
    if followed and not own:
        session.warn(f"the diagnosis took the labels of {followed}'s judge rows alone, and without --label-plan all labels judge here")
    elif own and not followed and (plan.get("facts") or {}).get("n_target_labelled"):
        session.warn(
            f"the diagnosis took the labels of other rows than {own}'s judge rows, too: diagnose with --label-plan, or leave --plan out"
        )


def settings_of(given: tuple[str, ...]) -> dict[str, str]:
    """`--set NAME=VALUE`, taken apart.

    Raises UsageError where there is no `=`, or a name stands twice with two values.
    """
    found: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                "--set needs NAME=VALUE", repr(item), "for example --set weight=0.5; `mdshift explain STRATEGY` lists the names"
            )
        name = name.strip().replace("-", "_")
        if found.get(name, value) != value:
            raise UsageError(f"--set gives {name!r} two values", f"{found[name]!r} and {value!r}", "give it once")
        found[name] = value
    return found


def check_strategy(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters as their types; a wrong strategy or parameter is found before any data are read.

    Those of `GENERAL` are no strategy's own: `backbone`, the folder of a pretrained network that reads texts and images for all of them, and
    how the training data are built for all of them (see `learners/construct.py`).

    Raises UsageError with the nearest name, or the bounds.
    """
    from mdshift.declare import configure, every, lookup
    from mdshift.errors import nearest
    from mdshift.learners.construct import Recipe

    general = {key: given[key] for key in GENERAL if given.get(key)}
    Recipe.of(general)
    given = {key: value for key, value in given.items() if key not in general}
    if name == "auto":
        if given:
            raise UsageError("--set needs a strategy", f"{next(iter(given))!r} with --strategy auto", "name one: --strategy NAME")
        return general
    if name not in every("strategy"):
        raise UsageError("unknown strategy", repr(name), nearest(name, [*every("strategy"), "auto"]))
    made = configure(lookup("strategy", name), given)
    return {key: getattr(made, key) for key in given} | general


def worse(report: Mapping[str, Any]) -> bool:
    """Whether the source model was kept and what was tried in its place scores below it."""
    plain, adapted = report["scores"]["source_only"], report["scores"]["adapted"]
    if report["kept"] != "source-only" or plain is None or adapted is None or None in (plain["value"], adapted["value"]):
        return False
    return bool(adapted["value"] < plain["value"])


def rehearse(session: Session, problem: Any, plan: Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> int:
    """Say what would run, on which data, and where it would be written."""
    from mdshift.report.json import document

    ranked = [r["strategy"] for r in (plan or {}).get("ranked", [])]
    content = {
        "strategy": session["strategy"],
        "params": dict(parameters),
        "model": session["out"],
        "candidates": ranked if session["strategy"] == "auto" else ["source-only", session["strategy"]],
        "rows": {"sources": {d.name: d.rows for d in problem.sources}, "target": None if problem.target is None else problem.target.rows},
        "task": problem.task,
        "label": problem.label,
    }
    session.emit(document("mdshift.rehearsal/1", content, data=find.data_of(problem), settings=session.told(), seconds=session.seconds))
    return 0


def run_named(paths: list[str]) -> int | None:
    """The run that `--resume ID` names: a number that is no path."""
    given = paths[0] if len(paths) == 1 else ""
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= DIGITS and not Path(given).exists() else None


def resume(session: Session, named: int | None = None) -> int:
    """Run the last unfinished run into --out again, or the one that is named, with its own data and settings: the same seed gives the same bytes.

    Raises UsageError when there is none, and where the one that is named went into another output, is done, or was followed by another.
    """
    from mdshift import record

    out = session["out"]
    if named is not None and out == KNOWN["out"].default:
        place = Path(record.show(named)["model"])
        out = str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)
    run = record.unfinished(out)
    if named is not None and (run is None or run["id"] != named):
        told = record.show(named)
        seen = f"its status: {told['status']}, its output: {told['model']!r}"
        raise UsageError(f"run {named} is not the unfinished run into {out!r}", seen, "`mdshift runs` lists the runs and how they ended")
    if run is None:
        done = (Path(out) / "report.json").exists()
        hint = "it is complete; --force makes it anew" if done else "run it without --resume"
        raise UsageError("there is no unfinished run into", repr(out), hint)
    session.message(f"resuming run {run['id']}")
    session.follow({"data": run["data"], "settings": run["settings"]})
    session.settings["out"] = out
    session.settings["purpose"] = session["purpose"] or run["purpose"]
    for name in ("strategy", "budget", "from", "label_plan"):
        if run["settings"].get(name) is not None:
            session.settings[name] = convert(KNOWN[name], run["settings"][name], f"the recorded {name}")
    return perform(session, find.from_plan(session, run), run["plan"], run["settings"].get("set", {}))
