"""A page: what a report says, before it is laid out for a terminal, Markdown or HTML.

Everything is plain text; user strings stay raw here, and each layout escapes them in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
class Figure:
    """A chart, drawn where a layout shows charts; what it shows stands in a table or sentence too.

    draw: makes the SVG. caption: how to read it. title: stands above. legend: pairs of a mark ("source", "target", "bar", "ink")
    and what it stands for. small: one of many, beside one another.
    """

    draw: Callable[[], str]
    caption: str = ""
    title: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    small: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, charts, sentences (one a line), a table, and a remark below it. `detail` is left out on a terminal."""

    heading: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    remark: str = ""
    detail: bool = False
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Page:
    """Title, the verdict in plain words, sections, and commands that can be pasted."""

    title: str
    verdict: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    commands: tuple[str, ...] = ()
    footer: str = ""
