"""`mdshift recommend`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdshift.cli import find, options
from mdshift.cli.diagnose import examine
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session

DIAGNOSIS = "mdshift.diagnosis/1"

OPTIONS = ("goal", "compute", "plan", *options.DATA, *options.TESTING, *options.RUNNING, *options.RESULT)


@command(
    "recommend",
    "Which strategies fit, ranked, with the reasons.",
    [argument("paths", "data, a DIAGNOSIS.json, or - for one on standard input", many=True)],
    OPTIONS,
)
def recommend(paths: list[str] | None, flags: options.Flags) -> int:
    """Which strategies fit, ranked, each with the rules that spoke for it, and which are ruled out and why."""
    session = Session.open(OPTIONS, flags)
    session.check_output()
    session.emit(advise(session, find_diagnosis(session, paths or [])))
    return 0


def find_diagnosis(session: Session, paths: list[str]) -> Mapping[str, Any]:
    """The diagnosis that was given, or one made now; a recommendation says no more than where its data lie."""
    if len(paths) == 1 and (paths[0] == "-" or paths[0].endswith(".json")):
        plan = find.read_plan(paths[0])
        session.follow(plan)
        place = "standard input" if paths[0] == "-" else paths[0]
        session.message(f"diagnosis: {place}" if plan["schema"] == DIAGNOSIS else f"data and settings: {place}")
        return plan if plan["schema"] == DIAGNOSIS else examine(session, find.from_plan(session, plan))
    spec, named = find.locate(session, paths)
    return named if named is not None and named["schema"] == DIAGNOSIS and not paths else examine(session, spec)


def advise(session: Session, diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    """Recommend by a diagnosis, and put the result into its document."""
    from mdshift.engine.recommend import recommend as engine
    from mdshift.report.json import document

    found = engine(diagnosis, goal=session["goal"], compute=session["compute"], thresholds=session.configuration.thresholds)
    session.notes(found.notes)
    session.mark("recommend")
    settings = {**diagnosis.get("settings", {}), "goal": session["goal"], "compute": session["compute"]}
    return document("mdshift.recommendation/1", found, data=diagnosis["data"], settings=settings, seconds=session.seconds)
