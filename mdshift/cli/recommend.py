"""`mdshift recommend`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift.cli import find, options
from mdshift.cli.diagnose import diagnosis_of, read
from mdshift.cli.options import argument, command
from mdshift.cli.session import Session, check_writable
from mdshift.errors import UsageError

if TYPE_CHECKING:
    from mdshift.types import DataSpec, Problem

DIAGNOSIS = "mdshift.diagnosis/1"

OPTIONS = ("goal", "compute", "plan", "label_plan", *options.DATA, *options.TESTING, *options.RUNNING, *options.RESULT)


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
    if session["label_plan"]:
        check_place(session["label_plan"], session["output"])
    diagnosis, problem = find_diagnosis(session, paths or [])
    document = advise(session, diagnosis)
    if problem is not None:
        document["label_plan"] = plan_labels(session, problem, document)
    session.emit(document)
    return 0


def find_diagnosis(session: Session, paths: list[str]) -> tuple[Mapping[str, Any], Problem | None]:
    """The diagnosis that was given, or one made now; a recommendation says no more than where its data lie. With --label-plan the data, too."""
    if len(paths) == 1 and (paths[0] == "-" or paths[0].endswith(".json")):
        plan = find.read_plan(paths[0])
        session.follow(plan)
        place = "standard input" if paths[0] == "-" else paths[0]
        session.message(f"diagnosis: {place}" if plan["schema"] == DIAGNOSIS else f"data and settings: {place}")
        if plan["schema"] == DIAGNOSIS:
            return plan, rows_of(session, plan)
        return look(session, find.from_plan(session, plan))
    spec, named = find.locate(session, paths)
    if named is not None and named["schema"] == DIAGNOSIS and not paths:
        return named, rows_of(session, named)
    return look(session, spec)


def look(session: Session, spec: DataSpec) -> tuple[Mapping[str, Any], Problem | None]:
    """Read and diagnose; the data are kept where a label plan is to be made of them."""
    place = session["label_plan"]
    if not place:
        return diagnosis_of(session, read(session, spec)), None
    from mdshift.engine.labelplan import check

    spare(place, spec)
    problem = read(session, spec)
    check(problem)  # before the long work
    keep(place, problem)
    return diagnosis_of(session, problem), problem


def rows_of(session: Session, plan: Mapping[str, Any]) -> Problem | None:
    """The data that a diagnosis was made of, where a label plan is asked for.

    Raises UsageError where they are no longer to be had: a diagnosis holds no rows.
    """
    if not session["label_plan"]:
        return None
    from mdshift.engine.labelplan import check

    hint = "name the data: mdshift recommend SOURCE... TARGET --label-plan FILE"
    what = "a label plan needs the rows themselves, and a diagnosis holds none"
    try:
        spec = find.from_plan(session, plan)
    except UsageError as error:
        raise UsageError(what, str(error), hint) from None
    paths = [*spec.sources, *([spec.target] if spec.target and not spec.domain_column else [])]
    gone = [p for p in paths if not Path(p).exists()]
    if gone:
        raise UsageError(what, f"{gone[0]!r}, which it was made of, is not here", hint)
    spare(session["label_plan"], spec)
    problem = read(session, spec)
    check(problem)
    keep(session["label_plan"], problem)
    return problem


def check_place(place: str, output: str | None) -> None:
    """Find out before any work whether the label plan can be written.

    Raises UsageError for another ending than .csv, and for the place of the report; EnvironmentFault where writing is denied.
    """
    if Path(place).suffix.lower() != ".csv":
        raise UsageError("a label plan is written as CSV", repr(place), "use a name that ends with .csv")
    if output is not None and Path(output).resolve() == Path(place).resolve():
        raise UsageError("--label-plan and --output name the same file", repr(place), "name two files")
    check_writable(Path(place))


def spare(place: str, spec: DataSpec) -> None:
    """Raise UsageError where the label plan would replace the data, or lie among them."""
    wanted = Path(place).resolve()
    for given in (*spec.sources, *([spec.target] if spec.target else [])):
        data = Path(given).resolve()
        if data == wanted or (data in wanted.parents and data.is_dir() and data != Path.cwd()):
            raise UsageError("the label plan would stand among the data", f"{place!r}, data: {given!r}", "write it to another place")


def keep(place: str, problem: Problem) -> None:
    """Raise UsageError where another plan would replace the one that rows were labelled by: it alone tells which of them were drawn at random."""
    from mdshift.engine.judging import judges
    from mdshift.errors import DataError

    try:
        judges(place, problem, part=True)
    except DataError:  # no plan, or none whose rows have labels
        return
    raise UsageError(
        "rows were labelled by this label plan, which says which of them were drawn at random",
        repr(place),
        "write the new one to another file",
    )


def plan_labels(session: Session, problem: Problem, document: Mapping[str, Any]) -> dict[str, Any]:
    """Write the label plan, and say what it holds."""
    from mdshift.engine.labelplan import plan_labels as engine
    from mdshift.readers.write import write_rows

    place, needed = session["label_plan"], document["labels_needed"]
    plan = engine(problem, needed, churn=document["thresholds"]["churn"], seed=session["seed"], progress=session.progress)
    write_rows(place, [plan.columns()])
    session.message(f"wrote {place}: {plan.sentence}")
    session.mark("label plan")
    return {"file": place, "rows": len(plan), "judge": plan.judge, "learn": len(plan) - plan.judge, "sentence": plan.sentence}


def advise(session: Session, diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    """Recommend by a diagnosis, and put the result into its document."""
    from mdshift.engine.recommend import recommend as engine
    from mdshift.report.json import document

    found = engine(diagnosis, goal=session["goal"], compute=session["compute"], thresholds=session.configuration.thresholds)
    session.notes(found.notes)
    session.mark("recommend")
    settings = {**diagnosis.get("settings", {}), "goal": session["goal"], "compute": session["compute"]}
    return document("mdshift.recommendation/1", found, data=diagnosis["data"], settings=settings, seconds=session.seconds)
