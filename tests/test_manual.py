"""`explain` reaches everything that is declared."""

import pytest

from mdshift import manual
from mdshift.declare import every
from mdshift.errors import UsageError

THINGS = [(kind, name) for kind in manual.KINDS for name in every(kind)]


@pytest.mark.parametrize(("kind", "name"), THINGS)
def test_everything_declared_has_a_page(kind, name):
    page = manual.entry(f"{kind}/{name}")
    assert (page["kind"], page["name"]) == (kind, name)
    assert page["summary"].endswith(".")
    shown = manual.entry(name)
    assert shown["kind"] == kind or f"mdshift explain {kind}/{name}" in shown["commands"]


def test_the_index_lists_everything():
    listed = [e["name"] for entries in manual.index()["index"].values() for e in entries]
    assert sorted(listed) == sorted(name for _, name in THINGS)


def test_every_strategy_page_has_needs_cost_source_and_parameters():
    for name, strategy in every("strategy").items():
        page = manual.entry(f"strategy/{name}")
        assert page["facts"]["source"] == strategy.cites
        assert {"family", "cost", "target labels", "sources", "tasks", "data"} <= set(page["facts"])
        assert all(p["help"] and p["range"] for p in page["parameters"])


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UsageError) as caught:
        manual.entry("rule/dann")
    assert caught.value.hint
