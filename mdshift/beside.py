"""A folder that is written beside its place and takes it at once: at every moment the old one or the new one is there, whole."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mdshift.errors import EnvironmentFault

STALE = 3600.0  # seconds: no folder takes so long to write


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A new folder beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Raises EnvironmentFault when the disk fails.
    """
    token = secrets.token_hex(6)
    made, old = (path.parent / f".{path.name}.{token}.{end}" for end in ("new", "old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        made.mkdir()
        yield made
        if path.exists() and exchanged(made, path):
            return
        if path.exists():
            path.rename(old)
        try:
            made.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    except OSError as error:
        raise EnvironmentFault(
            "the model cannot be written", f"{path}: {error.strerror or error}", "free disk space, or name another --out"
        ) from None
    finally:
        for left in (made, old) if path.exists() else (made,):
            with suppress(OSError):
                shutil.rmtree(left)


def exchanged(a: Path, b: Path) -> bool:
    """Let two folders change places in one act, so that no moment is without either; whether this system could."""
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # another system's, or an older library
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(call(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0)


def _sweep(path: Path) -> None:
    """Remove what runs into this folder that were killed left beside it, an hour ago or more."""
    left = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{12}\.(new|old)")
    for other in [p for p in path.parent.iterdir() if left.fullmatch(p.name)]:
        with suppress(OSError):
            # an old folder may be the only one there is, if the run was killed between two renames
            if (path.exists() or other.suffix == ".new") and time.time() - other.stat().st_mtime > STALE:
                shutil.rmtree(other)
