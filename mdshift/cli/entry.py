"""The console script: a signal that comes while the program is being loaded ends it like any other."""

from __future__ import annotations

import os
import signal
from typing import Any


def run() -> None:
    """Load the command line and run it."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is usual:  # a run in the background may have it ignored
            signal.signal(number, early)
    from mdshift.cli.main import run as begin

    begin()


def early(number: int, frame: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """End at once: nothing was read or written, and half an import cannot be unwound."""
    os.write(2, b"error: interrupted\nhint: nothing was done yet; run it again\n")
    os._exit(130)
