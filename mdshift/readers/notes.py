"""What reading has to tell: notes, and counts for the report on quality."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 8  # details of one topic that a note lists


@dataclass(eq=False)
class Notes:
    """Notes by topic, so that 50,000 columns with one trouble make one line, and what was counted.

    index: the input row numbers of the held rows, domain by domain.
    """

    topics: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    counted: dict[str, Any] = field(default_factory=dict)
    index: list[Any] = field(default_factory=list)

    def say(self, level: str, topic: str, detail: str = "") -> None:
        """Add a detail (a column, a file) to what is said of a topic."""
        self.topics.setdefault((level, topic), []).append(detail)

    def count(self, what: str, column: str, number: Any) -> None:
        """Add a count of a column."""
        self.counted.setdefault(what, {})[column] = number

    def row(self, domain: int, position: int) -> int:
        """The input row of a held row."""
        return int(self.index[domain][position])

    @property
    def said(self) -> list[tuple[str, str]]:
        """(level, text) in the order in which the topics came up."""
        return [(level, f"{topic}: {listed(details)}" if details[0] else topic) for (level, topic), details in self.topics.items()]


def listed(details: Sequence[str], most: int = MOST) -> str:
    """The first details, and how many more there are."""
    return ", ".join(details[:most]) + (f" and {len(details) - most} more" if len(details) > most else "")
