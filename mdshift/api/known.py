"""What is known already: a diagnosis or a recommendation as a result, a document or a JSON file; thresholds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mdshift.api.inputs import mapping
from mdshift.api.results import Result
from mdshift.errors import DataError, UsageError, nearest

DIAGNOSIS, RECOMMENDATION = "mdshift.diagnosis/1", "mdshift.recommendation/1"


def limits(thresholds: Mapping[str, float] | None) -> dict[str, float]:
    """Raise UsageError for a threshold that no rule reads, or that is no number."""
    from mdshift.rules.thresholds import THRESHOLDS

    for name, value in mapping("thresholds", thresholds).items():
        if name not in THRESHOLDS:
            raise UsageError("unknown threshold", repr(name), nearest(str(name), THRESHOLDS))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"threshold {name!r} must be a number", repr(value), THRESHOLDS[name].reason)
    return {name: float(value) for name, value in (thresholds or {}).items()}


def diagnosis_in(given: Any) -> Result | None:
    """The diagnosis that was given in the place of data, if it was one."""
    if isinstance(given, Result):
        found: Result | None = given
    elif isinstance(given, Mapping) and isinstance(given.get("schema"), str):
        found = Result(given)
    elif isinstance(given, str | os.PathLike) and Path(given).suffix.lower() == ".json" and Path(given).is_file():
        found = _parsed(Path(given))
    elif isinstance(given, str | os.PathLike) and Path(given).suffix.lower() == ".json" and not Path(given).exists():
        folder = Path(given).parent
        names = [p.name for p in folder.iterdir() if p.suffix.lower() == ".json"] if folder.is_dir() else []
        raise DataError("path not found", repr(os.fspath(given)), nearest(Path(given).name, names))
    else:
        return None
    if found is not None and found.document.get("schema") != DIAGNOSIS:
        raise UsageError("not a diagnosis", f"schema {found.document.get('schema')!r}", "give what `mdshift.diagnose` returns, or data")
    return found


def _parsed(path: Path) -> Result | None:
    """The document of mdshift in a JSON file; None for data."""
    try:
        read = json.loads(path.read_bytes())
    except ValueError:  # JSON Lines, perhaps: the readers tell
        return None
    return Result(read) if isinstance(read, dict) and str(read.get("schema", "")).startswith("mdshift.") else None


def planned(plan: Any) -> Result:
    """A diagnosis or a recommendation.

    Raises UsageError for anything else.
    """
    found = (
        plan
        if isinstance(plan, Result)
        else Result(plan)
        if isinstance(plan, Mapping)
        else _parsed(Path(plan))
        if isinstance(plan, str | os.PathLike)
        else None
    )
    if found is None or found.document.get("schema") not in (DIAGNOSIS, RECOMMENDATION):
        seen = type(plan).__name__ if found is None else f"schema {found.document.get('schema')!r}"
        raise UsageError(
            "the plan is neither a diagnosis nor a recommendation", seen, "give what mdshift.diagnose or mdshift.recommend returns"
        )
    return found
