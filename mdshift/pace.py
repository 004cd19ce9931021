"""Long work that tells how far it is: plain numbers, set by what works and read by what shows them, at its own pace.

Setting a number costs what setting an attribute costs: no clock is read and nothing is written by what works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeGuard


@dataclass(eq=False)
class Work:
    """One stretch of long work.

    what: its name. unit: of what is counted, in the plural. done: how many, of `total` where that is known. share in [0, 1]: how much of
    all is done, where that is known by other means than the total (bytes of a file). lap: how many units are an epoch. rated: whether the
    units are alike, so that their rate and the time left mean something.
    """

    what: str
    unit: str
    total: int | None = None
    done: int = 0
    share: float | None = None
    lap: float | None = None
    rated: bool = True


class Shows(Protocol):
    """A progress function that can also show work while it goes on."""

    def __call__(self, text: str, /) -> None:
        """Take a plain sentence."""

    def begin(self, work: Work) -> None:
        """Show this work from now on."""

    def end(self, work: Work) -> None:
        """Show it no more."""

    def close(self) -> None:
        """Show nothing any more: the run is interrupted."""


def shows(progress: Callable[[str], None]) -> TypeGuard[Shows]:
    """Whether a progress function shows work while it goes on, beside taking sentences."""
    return hasattr(progress, "begin")


@contextmanager
def follow(
    progress: Callable[[str], None],
    what: str,
    unit: str,
    total: int | None = None,
    *,
    done: int = 0,
    lap: float | None = None,
    rated: bool = True,
) -> Iterator[Work]:
    """A stretch of work, shown by `progress` where it can (see `Work`); what happens within sets `done`."""
    work = Work(what, unit, total, done, lap=lap, rated=rated)
    if shows(progress):
        progress.begin(work)
        try:
            yield work
        except KeyboardInterrupt:
            progress.close()
            raise
        finally:
            progress.end(work)
    else:
        yield work


def about(seconds: float) -> str:
    """How long, to one digit: no more is known of what was foretold."""
    if seconds < 1:
        return "<1 s"
    value, unit = (seconds, "s") if seconds < 95 else (seconds / 60, "min")  # noqa: PLR2004 - beyond, minutes are easier to read
    return f"~{float(f'{value:.1g}'):g} {unit}"
