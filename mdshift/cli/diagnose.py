"""`mdshift diagnose`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdshift.cli import find, options
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session
from mdshift.executor import cores

if TYPE_CHECKING:
    from mdshift.types import DataSpec, Problem

OPTIONS = ("fail_on", "label_plan", *options.DATA, *options.TESTING, *options.RUNNING, *options.RESULT)
JUDGES = "judge_rows_of"  # in a diagnosis' settings: the label plan whose `judge` rows alone it took labels of
SEVERITIES = ("none", "minor", "moderate", "severe")


@command(
    "diagnose",
    "What shifted, how much, where, and what it costs.",
    [argument("paths", "source paths, then the target path; - is standard input", many=True)],
    OPTIONS,
)
def diagnose(paths: list[str] | None, flags: options.Flags) -> int:
    """What shifted, of which kind, how much, where, and what it will cost."""
    session = Session.open(OPTIONS, flags)
    session.check_output()
    # without paths the folder speaks; standard input is for data here, never for a plan
    spec = find.from_paths(session, paths) if paths else find.at_hand(session)
    document = examine(session, spec)
    session.emit(document)
    return 1 if tripped(document, session["fail_on"]) else 0


def examine(session: Session, spec: DataSpec) -> dict[str, Any]:
    """Read, and diagnose: by the labels that a label plan had drawn at random, where one is given."""
    problem = read(session, spec)
    if session["label_plan"]:
        from mdshift.engine.judging import as_judged, judges
        from mdshift.readers.load import ENOUGH

        part = sum(map(len, (*problem.sources, *([] if problem.target is None else [problem.target])))) >= ENOUGH
        problem = as_judged(problem, judges(session["label_plan"], problem, part=part))
        session.message(problem.notes[-1].text)
        document = diagnosis_of(session, problem)
        return {**document, "settings": {**document["settings"], JUDGES: session["label_plan"]}}
    return diagnosis_of(session, problem)


def read(session: Session, spec: DataSpec) -> Problem:
    """As many rows as a diagnosis looks at."""
    from mdshift.readers.load import ENOUGH, describe, load

    session.progress("reading")
    general = session.settings.get("goal") == "general"  # then there may be no target to look at
    problem = load(spec, seed=session["seed"], max_rows=ENOUGH, need_target=not general, progress=session.progress)
    session.notes([*problem.notes, *describe(problem)])
    session.mark("read")
    return problem


def diagnosis_of(session: Session, problem: Problem) -> dict[str, Any]:
    """The diagnosis; of sources alone where unknown future domains are the goal."""
    if session.settings.get("goal") == "general" and problem.target is None:
        return sources_of(session, problem)
    return document_of(session, problem)


def sources_of(session: Session, problem: Problem) -> dict[str, Any]:
    """What is known without a target, in the place of a diagnosis: for `recommend`, never printed."""
    from mdshift.engine.facts import sources_alone

    settings = {"alpha": session["alpha"], "seed": session["seed"]}
    return {
        "schema": "mdshift.diagnosis/1",
        "data": find.data_of(problem),
        "settings": settings,
        "kinds": [],
        "facts": sources_alone(problem),
    }


def document_of(session: Session, problem: Problem) -> dict[str, Any]:
    """Diagnose, and put the result into its document."""
    from mdshift.engine.diagnose import diagnose as engine
    from mdshift.report.json import document

    found = engine(
        problem,
        alpha=session["alpha"],
        seed=session["seed"],
        workers=session["workers"] or min(cores(), 4),
        engine=session["engine"],
        progress=session.progress,
    )
    session.notes([n for n in found.notes if n not in problem.notes])
    session.mark("diagnose")
    settings = {"alpha": session["alpha"], "seed": session["seed"]}
    return document("mdshift.diagnosis/1", found, data=find.data_of(problem), settings=settings, seconds=session.seconds)


def tripped(document: dict[str, Any], limit: str | None) -> bool:
    """Whether a shift that was found is at least as severe as --fail-on says."""
    if limit is None:
        return False
    found = [SEVERITIES.index(s["severity"]) for s in document["shifts"].values() if s["verdict"] == "shift"]
    return max(found, default=0) >= SEVERITIES.index(limit)
