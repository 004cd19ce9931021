"""The pages made from declarations are up to date, and nothing that a user can call is missing in them."""

import runpy
from pathlib import Path

import pytest

from mdshift.cli.main import COMMANDS, app
from mdshift.cli.options import REGISTERED
from mdshift.config import OPTIONS
from mdshift.declare import every

DOCS = Path(__file__).parent.parent / "docs"
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


def test_links_between_pages_lead_somewhere():
    import re

    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
