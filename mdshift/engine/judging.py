"""Which target rows a label plan had drawn at random: by their labels alone is judged, and read what moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift.engine.labelplan import files_of
from mdshift.errors import DataError, UsageError
from mdshift.types import MISSING, Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.types import Problem

    Ints = NDArray[np.int64]


def judges(path: str, problem: Problem, *, part: bool = False) -> NDArray[np.bool_]:
    """The target rows (m,) that a label plan drew at random, to judge by: its `judge` rows, as far as they have a label by now.

    part: whether the target may be a sample of its rows, so that some of the plan's may not be there.

    Raises DataError where the file is no label plan, is of another target, or none of these rows has a label.
    """
    import csv

    import numpy as np

    hint = "give the file that `mdshift recommend --label-plan` wrote for this target"
    if problem.target is None:
        raise UsageError("a label plan needs a target", "there is none", "give one: SOURCE... TARGET")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:  # a table program may have put a mark before it
            lines = [line for line in csv.DictReader(file) if line["purpose"] == "judge"]
            drawn = [int(line["row"]) for line in lines]
    except FileNotFoundError:
        raise DataError("there is no such label plan", repr(path), hint) from None
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, csv.Error, IsADirectoryError):
        raise DataError("this is no label plan", f"{path!r} has no columns `row` (numbers) and `purpose`", hint) from None
    index = problem.target.index
    if len(np.unique(index)) < len(index):
        raise DataError(
            "the rows of this target have no numbers of their own", "several files hold the target's domain", "put the target into one file"
        )
    files = files_of(problem, index)
    if files is not None:  # a file that is labelled moves into its class's folder, and so to another place in the order
        drawn = _places([str(line.get("file") or "") for line in lines], [str(f) for f in files], index, path, part=part)
    foreign = np.setdiff1d(drawn, index)
    if len(foreign) and not part:
        raise DataError("the label plan is of another target", f"its row {foreign[0]} is not in {len(index)} target rows", hint)
    found = np.isin(index, drawn)
    if part and not (found & problem.target.labelled).any():
        raise DataError(
            "no row that is to judge is among those looked at with a label",
            f"{len(index)} target rows in {path!r}",
            "give the labelled rows in a file of their own",
        )
    if not (found & problem.target.labelled).any():
        raise DataError(
            "no row that is to judge has a label", f"{len(drawn)} `judge` rows in {path!r}", "label these rows in the target first"
        )
    return np.asarray(found)


def as_judged(problem: Problem, judging: NDArray[np.bool_]) -> Problem:
    """The problem with the labels of these target rows (m,) alone: what else a plan had labelled was chosen, and shows another law than the target's."""
    import numpy as np

    target = problem.target
    if target is None or target.y is None:
        return problem

    def shown(y: Any) -> Any:
        return np.where(judging, y, MISSING if y.dtype.kind == "i" else np.nan).astype(y.dtype)

    seen = replace(target, y=shown(target.y), further=tuple(shown(y) for y in target.further))
    told = f"of the target's {int(target.labelled.sum())} labels the diagnosis takes the {int(seen.labelled.sum())} whose rows the label plan had drawn at random"
    return replace(problem, target=seen, notes=(*problem.notes, Note("info", told)))


def _places(drawn: list[str], files: list[str], index: Ints, path: str, *, part: bool = False) -> list[int]:
    """The row numbers of drawn files, found again by their own names: in a target of files a label is the folder that a file lies in."""
    names = [Path(f).name for f in files]
    at = {name: int(row) for name, row in zip(names, index, strict=True)}
    wanted = [Path(f).name for f in drawn]
    twice = next((name for name in wanted if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            "the label plan's files cannot be told apart", f"{twice!r} stands in several folders", "give every file a name of its own"
        )
    if part:
        wanted = [name for name in wanted if name in at]
    lacking = next((name for name in wanted if name not in at), None)
    if lacking is not None:
        raise DataError(
            "the label plan is of another target", f"{lacking!r} of {path!r} is not there", "give the plan that was written for this target"
        )
    return [at[name] for name in wanted]
