"""A page as Markdown."""

from __future__ import annotations

from mdshift.report.page import Page, Table
from mdshift.report.text import clean

ACTIVE = r"\`*_{}[]<>#|~$!&"  # characters that would become markup, HTML or mathematics


def escape(text: str, longest: int = 1000) -> str:
    """The text with every character that Markdown would act on taken literally."""
    return "".join(f"\\{c}" if c in ACTIVE else c for c in clean(text, longest))


def render(page: Page) -> str:
    """Lay the page out as GitHub-flavoured Markdown."""
    out = [f"# {escape(page.title)}", ""]
    out += [line for sentence in page.verdict for line in (f"**{escape(sentence)}**", "")]
    for section in page.sections:
        if section.heading:
            out += [f"## {escape(section.heading)}", ""]
        if section.table is not None:
            out += [*table(section.table), ""]
        out += [line for sentence in section.lines for line in (f"- {escape(sentence)}",)]
        out += [""] if section.lines else []
        out += [escape(section.remark), ""] if section.remark else []
    for command in page.commands:
        fence = "```" if "```" not in command else "~~~~"
        out += [fence, clean(command, 1000), fence, ""]
    if page.footer:
        out += [escape(page.footer), ""]
    return "\n".join(out)


def table(made: Table) -> list[str]:
    """The lines of a table."""
    rule = [("---:" if i in made.right else "---") for i in range(len(made.headers))]
    rows = [[escape(h) for h in made.headers], rule, *([escape(c) for c in row] for row in made.rows)]
    return ["| " + " | ".join(r) + " |" for r in rows]
