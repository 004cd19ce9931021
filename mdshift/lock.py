"""One run at a time into one output."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from mdshift.errors import EnvironmentFault


@contextlib.contextmanager
def held(folder: str) -> Iterator[None]:
    """Hold the output while the block runs. The kernel lets go when the process ends, however it ends.

    Raises EnvironmentFault when another run holds it.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system: the atomic rename still keeps the output whole
        yield
        return
    path = _file(Path(folder).absolute())
    handle = _take(path, folder, fcntl)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before letting go: a later run must not lock a file that is about to vanish
        os.close(handle)


def _file(place: Path) -> Path:
    """The lock's file: hidden beside the output, or in the nearest folder above that is there already."""
    below = [place.name]
    above = place.parent
    while not above.is_dir():
        below.insert(0, above.name)
        above = above.parent
    return above / f".{'.'.join(below)}.lock"


def _take(path: Path, folder: str, fcntl: object) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as e:
            raise EnvironmentFault("the output cannot be written", f"{path.parent}: {e.strerror}", "choose another --out") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[attr-defined]
        except OSError:
            os.close(handle)
            raise EnvironmentFault("another run writes to this output", repr(folder), "wait for it, or choose another --out") from None
        try:
            if os.fstat(handle).st_ino == path.stat().st_ino:  # else the run before took its file away in between
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)
