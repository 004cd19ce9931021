"""The tree of errors that a user can meet.

    MdshiftError
    ├── UsageError        2   a flag, a name or a configuration is wrong
    ├── DataError         2   the data cannot be read or cannot answer the question
    ├── EnvironmentFault  3   disk, memory, a missing extra, no convergence
    └── Interrupted     130   the user or the system stopped the run

Every error is (what, seen, hint): what is wrong, the value that was seen (with file, row, column
where known), and the next move. The command line prints `error: what: seen` and `hint: ...`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class MdshiftError(Exception):
    """An error with a cure: `what` is wrong, what was `seen`, and a `hint` at the next move."""

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, seen: str = "", hint: str = "") -> None:
        """Keep the three parts apart so that reports can lay them out."""
        self.what, self.seen, self.hint = what, seen, hint
        super().__init__(f"{what}: {seen}" if seen else what)


class UsageError(MdshiftError):
    """A flag, a name or a configuration is wrong."""

    exit_code: ClassVar[int] = 2


class DataError(MdshiftError):
    """The data cannot be read, or cannot answer the question asked of them."""

    exit_code: ClassVar[int] = 2


class EnvironmentFault(MdshiftError):
    """Disk, memory, a missing extra, or a computation that does not converge."""

    exit_code: ClassVar[int] = 3


class Interrupted(MdshiftError):
    """The user or the system stopped the run."""

    exit_code: ClassVar[int] = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the known name nearest to `name`, whatever their case, else lists a few."""
    names = sorted(known)
    folded = {n.casefold(): n for n in names}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if match:
        return f"did you mean {folded[match[0]]!r}?"
    return f"known: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}" if names else "there is none"  # noqa: PLR2004 - a line's length
