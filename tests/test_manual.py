"""`explain` reaches everything that is declared, and tells of each what a user must know before taking it."""

import pytest

from mdshift import manual
from mdshift.declare import every
from mdshift.errors import UsageError
from mdshift.report.text import LONGEST

THINGS = [(kind, name) for kind in manual.KINDS for name in every(kind)]
TOLD = [(kind, name) for kind, name in THINGS if kind != "reader"]


@pytest.mark.parametrize(("kind", "name"), THINGS)
def test_everything_declared_has_a_page(kind, name):
    page = manual.entry(f"{kind}/{name}")
    assert (page["kind"], page["name"]) == (kind, name)
    assert page["summary"].endswith(".")
    shown = manual.entry(name)
    assert shown["kind"] == kind or f"mdshift explain {kind}/{name}" in shown["commands"]


@pytest.mark.parametrize(("kind", "name"), TOLD)
def test_a_page_tells_what_is_assumed_what_helps_what_hurts_the_cost_the_source_and_a_command(kind, name):
    page = manual.entry(f"{kind}/{name}")
    for label in ("Assumes", "Helps", "Hurts"):
        told = [p for p in page["text"] if p.startswith(f"{label}: ")]
        assert len(told) == 1
        assert told[0].endswith(".")
        assert len(told[0]) > len(label) + 20
    assert page["facts"]["cost"]
    assert page["facts"]["source"]
    assert page["parameters"] or kind in {"strategy", "rule"} or page["facts"]["parameters"]
    assert page["commands"][0].startswith("mdshift ")
    assert max(len(value) for value in page["facts"].values()) <= LONGEST  # longer ones would be cut on the terminal


def test_the_index_lists_everything():
    listed = [e["name"] for entries in manual.index()["index"].values() for e in entries]
    assert sorted(listed) == sorted(name for _, name in THINGS)


@pytest.mark.parametrize("kind", manual.KINDS)
def test_a_kind_has_an_index_of_its_own_and_no_thing_is_named_like_it(kind):
    for name in (kind, manual.PLURALS[kind]):
        assert manual.page(name) == {"index": {manual.PLURALS[kind]: manual.index()["index"][manual.PLURALS[kind]]}}
        assert name not in [thing for _, thing in THINGS]
    assert manual.page(None) == manual.index()
    assert manual.page("coral") == manual.entry("coral")


def test_every_strategy_page_has_needs_cost_source_and_parameters():
    for name, strategy in every("strategy").items():
        page = manual.entry(f"strategy/{name}")
        assert page["facts"]["source"] == strategy.cites
        assert page["facts"]["cost"].startswith(strategy.cost.value)
        assert {"family", "target labels", "sources", "tasks", "data"} <= set(page["facts"])
        assert all(p["help"] and p["range"] for p in page["parameters"])


def test_the_setting_in_an_example_is_one_that_the_strategy_takes():
    from mdshift.declare import configure

    tried = 0
    for strategy in every("strategy").values():
        for command in manual.describe("strategy", strategy.name, strategy)["commands"]:
            if " --set " in command:
                key, value = command.split(" --set ")[1].split("=")
                configure(strategy, {key: value})
                tried += 1
    assert tried > 20


@pytest.mark.parametrize("name", ["coral", "performance", "covariate-no-overlap", "agreement", "augment"])
def test_a_page_fits_80_columns(name):
    from mdshift.report.json import document
    from mdshift.report.pages.others import manual as page
    from mdshift.report.terminal import render

    text = render(page(document("mdshift.manual/1", manual.entry(name), data={}, settings={}, seconds={})))
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("  mdshift "))  # a command is not broken


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UsageError) as caught:
        manual.entry("rule/dann")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("plural", "singular"), [("strategies/coral", "strategy/coral"), ("probes/mmd", "probe/mmd"), ("strategies/", "strategy")]
)
def test_a_kind_is_named_in_the_singular_or_the_plural(plural, singular):
    assert manual.page(plural) == manual.page(singular)
