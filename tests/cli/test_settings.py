"""Where a value comes from: flag, plan, variable, mdshift.toml, default; and what a wrong one says."""

import pytest

from mdshift.cli.session import Session
from mdshift.config import OPTIONS, parse
from mdshift.errors import UsageError

NAMES = ("alpha", "seed", "label", "quiet", "task", "strategy")
NOTHING = dict.fromkeys(NAMES)


def opened(**flags):
    return Session.open(NAMES, {**NOTHING, **flags})


def test_defaults(folder):
    session = opened()
    assert [session[n] for n in NAMES] == [0.05, 0, (), False, "auto", "auto"]


def test_each_layer_covers_the_one_below(folder, monkeypatch):
    (folder / "mdshift.toml").write_text('[settings]\nseed = 1\nalpha = 0.1\n[data]\nlabel = "a"\n')
    assert (opened()["seed"], opened()["alpha"], opened()["label"]) == (1, 0.1, ("a",))
    monkeypatch.setenv("MDSHIFT_SEED", "2")
    monkeypatch.setenv("MDSHIFT_LABEL", "b, c")
    assert (opened()["seed"], opened()["label"]) == (2, ("b", "c"))
    session = opened()
    session.follow({"data": {"labels": ["d"]}, "settings": {"seed": 3, "strategy": "dann"}})
    assert (session["seed"], session["label"], session["strategy"], session["alpha"]) == (3, ("d",), "auto", 0.1)
    session = opened(seed="4", label=["e"])
    session.follow({"data": {"labels": ["d"]}, "settings": {"seed": 3}})
    assert (session["seed"], session["label"]) == (4, ("e",))


def test_an_empty_variable_is_unset(folder, monkeypatch):
    monkeypatch.setenv("MDSHIFT_SEED", "")
    assert opened()["seed"] == 0


@pytest.mark.parametrize(("given", "value"), [("1", True), ("true", True), ("0", False), ("", False), ("no", False)])
def test_a_switch_as_variable(folder, monkeypatch, given, value):
    monkeypatch.setenv("MDSHIFT_QUIET", given)
    assert opened()["quiet"] is value


def test_a_wrong_variable_is_named(refused, monkeypatch):
    monkeypatch.setenv("MDSHIFT_ALPHA", "many")
    assert refused("diagnose", "a", "b").error == "error: variable MDSHIFT_ALPHA must be a number: 'many'"


def test_an_unknown_variable_is_warned_of(call, monkeypatch):
    monkeypatch.setenv("MDSHIFT_SEDE", "1")
    ended = call("explain")
    assert ended.code == 0
    assert ended.err == "warning: the variable MDSHIFT_SEDE means nothing to mdshift\n"
    assert call("explain", "-q").err == ""


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ('[data]\n\nlable = "y"\n', "mdshift.toml:3: [data] lable: unknown key", "did you mean 'label'?"),
        ("[settings]\nalpha = 0.1\nseed = true\n", "mdshift.toml:3: [settings] seed must be a whole number", "seed of everything random"),
        ('[settings]\nseed = "x"\n', "mdshift.toml:2: [settings] seed must be a whole number", "seed of everything random"),
        ("[settings]\n# a note\nalpha = 7\n", "mdshift.toml:3: [settings] alpha must lie in [1e-06, 0.5]", "level of the tests"),
        ('[settings]\nlabel = "y"\n', "mdshift.toml:2: [settings] label: unknown key", "it belongs in [data]"),
        ("[settings]\njson = true\n", "mdshift.toml:2: [settings] json: unknown key", "known: "),
        ("[sittings]\nseed = 1\n", "mdshift.toml:1: unknown table", "did you mean 'settings'?"),
        ('\n\nlabel = "y"\n', "mdshift.toml:3: unknown key", "known: "),
        ("data = 3\n", "mdshift.toml:1: data must be a table", "write [data] on a line of its own"),
        ('[data]\nlabel = ["a", 3]\n', "mdshift.toml:2: [data] label must be a text", "label column"),
        ("[thresholds]\njs_smal = 0.1\n", "mdshift.toml:2: [thresholds] js_smal: unknown threshold", "did you mean 'js_small'?"),
        ('[thresholds]\njs_small = "0.1"\n', "mdshift.toml:2: [thresholds] js_small must be a number", "bits"),
        ("[thresholds]\njs_small = nan\n", "mdshift.toml:2: [thresholds] js_small must be a number", "bits"),
        ('[columns]\nage = "numeric"\n', "mdshift.toml:2: [columns] age must be one of", "did you mean 'number'?"),
        ("[data\n", "mdshift.toml is not TOML", "texts need quotes"),
        ("[data]\nlabel = y\n", "mdshift.toml is not TOML", "texts need quotes"),
        ('[data]\ntask = "clasification"\n', "mdshift.toml:2: [data] task must be one of", "did you mean 'classification'?"),
        ("[data.more]\nx = 1\n", "mdshift.toml:1: [data] more: unknown key", "did you mean 'source'?"),
    ],
)
def test_a_wrong_mdshift_toml_names_key_and_line(refused, folder, text, what, hint):  # faults 40
    (folder / "mdshift.toml").write_text(text)
    ended = refused("diagnose", "a", "b")
    assert ended.error.startswith(f"error: {what}")
    assert ended.hint.startswith(f"hint: {hint}")


def test_a_mdshift_toml_that_is_not_utf8(refused, folder):
    (folder / "mdshift.toml").write_bytes(b'[data]\nlabel = "\xe9"\n')
    assert refused("diagnose", "a", "b").error == "error: mdshift.toml:2: not UTF-8: byte 0xe9"


def test_thresholds_and_columns_are_taken():
    found = parse(b'[thresholds]\njs_small = 1\n[columns]\n"a b" = "category"\n')
    assert found.thresholds == {"js_small": 1.0}
    assert found.kinds == {"a b": "category"}


def test_every_option_of_toml_takes_its_default_back():
    for option in OPTIONS.values():
        if option.section in ("data", "settings") and option.default not in (None, ()):
            value = f'"{option.default}"' if isinstance(option.default, str) else option.default
            assert parse(f"[{option.section}]\n{option.name} = {value}\n".encode()).values == {option.name: option.default}


def test_a_plan_with_a_wrong_setting_is_refused(folder):
    with pytest.raises(UsageError, match="the plan's seed must be a whole number"):
        opened().follow({"data": {}, "settings": {"seed": "many"}})
