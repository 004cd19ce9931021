"""Where the training loop keeps its state between two runs of the same work; declared without torch.

Whoever runs a unit of work sets `current` around it; nothing is kept where it is None.
"""

from __future__ import annotations

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
