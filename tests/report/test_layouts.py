"""Pages laid out as text, Markdown and HTML: what users named must not act there."""

import re
from html.parser import HTMLParser

import pytest

from mdshift.report import html, markdown, terminal
from mdshift.report.page import Page, Section, Table

HOSTILE = [
    "<script>alert(1)</script>",
    "$\\bad$",
    "\x1b[31mred\x1b[0m",
    "a\nb",
    "[bold]x[/bold]",
    "|x|",
    "`x`",
    "\u202eevil",
    "x" * 10_000,
    "\udcff",
    "&amp;",
    "'\"",
    ":smile:",
    "{{ 7 * 7 }}",
]


def hostile_page():
    rows = tuple((h, "1") for h in HOSTILE)
    sections = (Section(HOSTILE[0], tuple(HOSTILE), Table((HOSTILE[2], "n"), rows, (1,)), HOSTILE[3]),)
    return Page(HOSTILE[0], tuple(HOSTILE), sections, tuple(HOSTILE), HOSTILE[2])


class Strict(HTMLParser):
    """Collects tags and attributes, and checks that they nest."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("colour", [False, True])
def test_terminal_text_acts_on_nothing(colour):
    text = terminal.render(hostile_page(), colour=colour)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if colour else text
    assert "\x1b" not in plain
    assert "\u202e" not in plain
    assert "[bold]x[/bold]" in plain
    assert ":smile:" in plain
    assert r"\x1b[31mred" in plain
    text.encode()


def test_terminal_text_keeps_to_80_columns():
    wide = Page("t", ("word " * 60,), (Section("s", ("word " * 60,), Table(("a", "b"), (("x " * 100, "y " * 100),))),))
    assert max(len(line) for line in terminal.render(wide).splitlines()) <= 80


def test_commands_are_never_broken_in_a_terminal():
    command = "mdshift adapt " + "x" * 150 + " --out m"
    assert f"  {command}\n" in terminal.render(Page("t", (), (), (command,)))


def test_html_is_whole_and_loads_nothing():
    text = html.render(hostile_page())
    parser = Strict()
    parser.feed(text)
    assert parser.open == []
    tags = {t for t, _ in parser.seen}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    policy = next(a["content"] for t, a in parser.seen if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert not any(k in a for _, a in parser.seen for k in ("src", "href", "onclick", "style"))
    assert "<script>" not in text
    assert "49" not in text
    assert "\x1b" not in text
    text.encode("utf-8")


def test_markdown_takes_users_texts_literally():
    text = markdown.render(hostile_page())
    outside = re.sub(r"(?s)(```|~~~~)\n.*?\n\1\n", "", text)  # between fences everything is literal
    assert "<script" not in outside.replace("\\<script", "")
    assert "\x1b" not in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in table)


def test_markdown_commands_are_fenced():
    assert "```\nmdshift x\n```" in markdown.render(Page("t", (), (), ("mdshift x",)))


def test_layouts_are_deterministic():
    for render in (terminal.render, markdown.render, html.render):
        assert render(hostile_page()) == render(hostile_page())


@pytest.mark.parametrize(
    ("verdicts", "p", "said"),
    [
        (("no-shift", "no-shift", "no-shift"), 0.4, "No shift was found."),
        (("unclear", "unclear", "no-shift"), 0.004, "The data changed, but which kind of shift it is can't be told."),
        (("unclear", "unclear", "unclear"), None, "Whether anything shifted can't be told from these data."),
    ],
)
def test_an_empty_reading_says_which_of_its_three_meanings_it_has(verdicts, p, said):
    from mdshift.report.pages.diagnosis import verdict

    shifts = {k: {"verdict": v, "severity": "none", "p_value": p} for k, v in zip(("covariate", "label", "concept"), verdicts, strict=True)}
    assert verdict({"kinds": [], "shifts": shifts, "settings": {"alpha": 0.05}})[0] == said


def test_a_detail_is_left_out_on_a_terminal_alone():
    page = Page("t", (), (Section("shown", ("one",)), Section("hidden", ("two",), detail=True)))
    assert "hidden" not in terminal.render(page)
    assert all("hidden" in render(page) for render in (markdown.render, html.render))


def test_where_why_and_sources_are_told_shortly():
    from mdshift.report.pages import diagnosis

    regions = [{"sentence": f"age > {i}: {i} times as frequent"} for i in range(3)]
    shown = diagnosis.where({"where": {"regions": regions, "classes": [{"class": "<b>", "auc": 0.9, "p_value": 0.001}]}})
    assert len(shown.lines) == 3
    assert "<b> (AUC 0.90)" in shown.lines[-1]
    causes = [{"sentence": f"cause {i}"} for i in range(5)]
    assert diagnosis.causes({"causes": causes}).lines == ("cause 0.", "cause 1.", "cause 2.")
    assert diagnosis.where({}) is None
    assert diagnosis.causes({"causes": []}) is None
    assert diagnosis.sources({"sources": None}) is None
    assert diagnosis.examples({"tests": {"x": None}}) is None
