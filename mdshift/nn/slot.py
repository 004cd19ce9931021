"""Where the training loop keeps its state between two runs of the same work, and how it is told to stop; declared without torch.

Whoever runs a unit of work sets `current` around it; nothing is kept where it is None.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any, Protocol

APART = 20.0  # seconds at least between two states of one training that are written
LEAST = 2.0  # seconds that a training must have taken for its end to be written


class Slot(Protocol):
    """A place for values by name."""

    def read(self, name: str) -> Any:
        """The value that was written, or None where there is none that can be used."""

    def write(self, name: str, value: Any) -> None:
        """Write a value, in place of an older one. Never raises."""

    def said(self, text: str) -> None:
        """Tell the user what is taken up."""


current: ContextVar[Slot | None] = ContextVar("current", default=None)


class Halt:
    """The wish that this process ends: a signal makes it, and every training follows it between two steps, where its state is whole."""

    def __init__(self) -> None:
        self.wished, self.trainings = False, 0
        self._lock = threading.RLock()  # a signal may come while its own thread holds it

    def ask(self) -> bool:
        """Make the wish; whether there are trainings that will follow it, and it was not made before."""
        with self._lock:
            first = not self.wished and self.trainings > 0
            self.wished = self.wished or first
            return first

    def begin(self) -> None:
        """A training that follows begins. Raises KeyboardInterrupt where none should."""
        with self._lock:
            if self.wished:
                raise KeyboardInterrupt
            self.trainings += 1

    def end(self) -> bool:
        """It ended; whether its process is to end, too."""
        with self._lock:
            self.trainings -= 1
            return self.wished

    def forget(self) -> None:
        """Take the wish back where all have followed."""
        with self._lock:
            self.wished = self.wished and self.trainings > 0


halt = Halt()  # of the process, as signals are
