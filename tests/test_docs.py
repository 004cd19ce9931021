"""The pages made from declarations are up to date, and nothing that a user can call is missing in them."""

import re
import runpy
from pathlib import Path

import pytest

from mdshift.cli.main import COMMANDS, app
from mdshift.cli.options import REGISTERED
from mdshift.config import OPTIONS
from mdshift.declare import every

DOCS = Path(__file__).parent.parent / "docs"
ROOT = DOCS.parent
BENCHMARKS = ROOT / "benchmarks"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("README*.md"), *(ROOT / "benchmarks").glob("*/README.md"), ROOT / "samples" / "README.md"])
MADE = runpy.run_path(str(DOCS / "generate.py"))


@pytest.mark.parametrize("name", MADE["PAGES"])
def test_a_generated_page_is_up_to_date(name):
    text = MADE["PAGES"][name]().rstrip() + "\n"
    assert (DOCS / name).read_text(encoding="utf-8") == text, "stale: run `python docs/generate.py`"


def test_every_command_is_documented():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    registered = {c.name for c in app.registered_commands}
    assert registered == set(COMMANDS) == set(REGISTERED) == set(MADE["FORMS"])
    assert all(f"\n## mdshift {name}\n" in page for name in registered)


def test_every_option_is_documented_and_used():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    used = {o for c in REGISTERED.values() for o in c.options}
    assert set(OPTIONS) - used == {"source", "target"}  # mdshift.toml alone: on the command line they are positional
    assert all(f"`{OPTIONS[o].flag}`" in page for o in used)


@pytest.mark.parametrize(
    ("page", "kind"), [("strategies.md", "strategy"), ("rules.md", "rule"), ("probes.md", "probe"), ("validators.md", "validator")]
)
def test_every_declared_thing_is_documented(page, kind):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in text for name in every(kind))


def links(page):
    return [t for t in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")) if "://" not in t]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for link in links(page):
        target, _, anchor = link.partition("#")
        place = page.parent / target if target else page
        assert place.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(place), f"{page.name}: {link}"


def commands(page):
    """The lines of a page's shell blocks, without their remarks."""
    found = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line.split("  #")[0].strip() for block in found for line in block.splitlines() if line.strip()]


def test_the_readme_is_short_and_begins_with_the_two_commands():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
    assert commands(ROOT / "README.md")[:2] == ["make demo", "make test"]


def test_the_chinese_readme_has_the_commands_and_links_of_the_english_one():
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    assert commands(chinese)[:2] == ["make demo", "make test"]
    assert set(commands(chinese)) <= set(commands(english))
    pages = {link for link in links(english) if link.startswith("docs/")}
    assert pages <= set(links(chinese))
    assert set(links(chinese)) <= {*links(english), "README.md"}


def test_a_command_of_the_readme_is_one_with_options_that_are_there():
    told = [part.split() for line in commands(ROOT / "README.md") for part in line.split(" | ") if part.startswith("mdshift")]
    assert len(told) > 6
    for _, name, *words in told:
        given = {w for w in words if w.startswith("-")}
        known = {f for o in REGISTERED[name].options for f in (OPTIONS[o].flags or (OPTIONS[o].flag,))} | {"-o"}
        assert given <= known, (name, given - known)


NULL_COLUMNS = ("marginal", "label", "within-class", "conditional", "prior", "reading, labels", "reading, none")


def test_the_rates_where_nothing_changed_are_those_that_the_benchmark_printed():
    printed = {}
    for line in (BENCHMARKS / "diagnosis" / "null.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"(\w+), n = (\d+): (.*)", line):
            kind, n, rates = found.groups()
            own = dict(re.findall(r"([a-z][\w ,-]*?) (\d\.\d+)", rates))
            printed[n, kind] = [own[name].removeprefix("0") for name in NULL_COLUMNS]
    page = (DOCS / "trust.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d+) \| (?:mixed )?(\w+) \|((?: \.\d+ \|)+)$", page, re.MULTILINE)
    assert len(told) == len(printed) == 5
    for n, kind, cells in told:
        assert re.findall(r"\.\d+", cells) == printed[n, kind]


@pytest.mark.parametrize(
    ("page", "told", "file", "printed"),
    [
        ("README.md", "| .935, nulls at most .065 |", "diagnosis/conditional.txt", "0.065         0.935"),
        ("README.md", "| .505 | Polo et al. 2023 .345 |", "diagnosis/kinds_regression.txt", "0.050         0.505         0.345"),
        ("README.md", "| .810 | MMDAgg .785, MMD-FUSE .765 |", "diagnosis/power_x.txt", "0.765  0.785"),
        ("README.md", "| .535 | MMDAgg **.605**, MMD-FUSE .505 |", "diagnosis/power_x.txt", "0.505  0.605"),
        ("README.md", "whole diagnosis 6.1 s, .75 GB", "diagnosis/speed.txt", "6.1 s (9.1 s CPU), 0.75 GB"),
        ("README.md", "+3.8, +4.3, +1.4 (its source model alone +2.1)", "strategies/open_tables.txt", "26                 +4.3"),
        ("README.md", "| 25 of 25 (stopped there, of 40;", "choosing/null.txt", "source-only was kept on 25 of 25"),
        ("docs/trust.md", "| .505, .980, 1.000 | .345, .662, .949 |", "diagnosis/kinds_regression.txt", "0.980         0.662"),
        ("docs/trust.md", "| .330, .830, .995 | .285, .750, .973 |", "diagnosis/kinds_classification.txt", "0.330         0.285"),
        ("docs/trust.md", "| seeds from 20000 | 56 | .929 |", "diagnosis/cost.txt", "56    0.929"),
        ("docs/trust.md", "| seeds from 21000 | 132 | .962 |", "diagnosis/cost.txt", "132    0.962"),
        (
            "docs/trust.md",
            "gained 9.5 points on average, .6 lost at worst",
            "choosing/precedents.txt",
            "21 pairs, 0 below -.02, median +0.075, mean +0.095",
        ),
        (
            "docs/trust.md",
            "mean +4.7 points over 26 of classification",
            "choosing/auto.txt",
            "26 pairs; mean gain over source-only +4.7 pts, worst -30.6",
        ),
        (
            "docs/worth.md",
            "above the baseline on 29 and below it on 5",
            "strategies/few_labels.txt",
            "above the yardstick 29, equal 3, below 5",
        ),
    ],
)
def test_a_figure_is_the_one_that_the_benchmark_last_printed(page, told, file, printed):
    assert told in (ROOT / page).read_text(encoding="utf-8")
    assert printed in (BENCHMARKS / file).read_text(encoding="utf-8")
