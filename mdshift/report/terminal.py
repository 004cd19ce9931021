"""A page as text for a terminal: verdict first, at most 100 columns, colour only where asked for."""

from __future__ import annotations

import io
import os
from typing import Literal

from mdshift.report.page import Page, Section, Table
from mdshift.report.text import clean

PLAIN_WIDTH, WIDEST = 80, 100
WORD, LEAST = 16, 12  # columns of words no wider are not broken, as long as each of the others has so much room


def render(page: Page, *, colour: bool = False) -> str:
    """Lay the page out. Rich gets `Text` objects, never markup, so that a user's `[red]` stays what it is."""
    import shutil

    from rich.console import Console
    from rich.text import Text

    width = min(WIDEST, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns) if colour or os.environ.get("COLUMNS") else PLAIN_WIDTH
    stream = io.StringIO()
    console = Console(
        file=stream, width=max(width, 40), force_terminal=colour, no_color=not colour, color_system="standard" if colour else None,
        highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    console.print(Text(clean(page.title), style="bold"))
    for line in page.verdict:
        console.print(Text(clean(line, 600), style="bold cyan" if colour else ""))
    for section in page.sections:
        if not section.detail:
            _section(console, section)
    if page.commands:
        console.print()
        console.print(Text("Next", style="bold"))
        for command in page.commands:
            console.print(Text(f"  {clean(command, 800)}", style="green" if colour else ""), soft_wrap=True)
    if page.footer:
        console.print()
        console.print(Text(clean(page.footer, 600), style="dim"))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().split("\n")[:-1])


def _section(console: object, section: Section) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    assert isinstance(console, Console)
    console.print()
    if section.heading:
        console.print(Text(clean(section.heading), style="bold"))
    if section.table is not None:
        table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
        whole = _whole(section.table, console.width)
        for i, header in enumerate(section.table.headers):
            side: Literal["left", "right"] = "right" if i in section.table.right else "left"
            table.add_column(Text(clean(header, 60)), justify=side, overflow="fold", no_wrap=i in whole)
        for row in section.table.rows:
            table.add_row(*(Text(clean(cell, 400)) for cell in row))
        console.print(Padding(table, (0, 0, 0, 2)))
    for line in section.lines:
        console.print(Padding(Text(clean(line, 1000)), (0, 0, 0, 2)))
    if section.remark:
        console.print(Padding(Text(clean(section.remark, 800), style="dim"), (0, 0, 0, 2)))


def _whole(table: Table, width: int) -> set[int]:
    """The columns of single short words, such as numbers and dates, that stay whole where a table is wider than the page: the others give way."""
    from rich.cells import cell_len

    sizes, words = [], set()
    for i, header in enumerate(table.headers):
        cells = [clean(header, 60), *(clean(row[i], 400) for row in table.rows)]
        sizes.append(max(map(cell_len, cells)))
        if sizes[-1] <= WORD and not any(" " in cell for cell in cells):
            words.add(i)
    others = [min(size, LEAST) for i, size in enumerate(sizes) if i not in words]
    return words if sum(sizes[i] for i in words) + sum(others) + 2 * len(sizes) <= width else set()
