"""A page: what a report says, before it is laid out for a terminal, Markdown or HTML.

Everything is plain text; user strings stay raw here, and each layout escapes them in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of texts under headers. `right` are the columns whose numbers are aligned to the right."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading, sentences (one a line), a table, and a remark below it. `detail` is left out on a terminal."""

    heading: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    remark: str = ""
    detail: bool = False


@dataclass(frozen=True)
class Page:
    """Title, the verdict in plain words, sections, and commands that can be pasted."""

    title: str
    verdict: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    commands: tuple[str, ...] = ()
    footer: str = ""
