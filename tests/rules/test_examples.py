"""Every rule does on its examples what its manual page says."""

import json

import pytest

from mdshift.declare import every
from mdshift.rules.thresholds import THRESHOLDS, defaults

RULES = every("rule")
RESERVED = {"params", "exclude", "advice"}


def said(rule, facts):
    given = {**defaults(), **facts}
    return rule.function(**{k: v for k, v in given.items() if k in rule.facts})


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_on_its_examples(name):
    assert RULES[name].fires
    for facts in RULES[name].fires:
        assert said(RULES[name], facts), facts


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_silent_on_its_examples(name):
    assert RULES[name].silent
    for facts in RULES[name].silent:
        assert not said(RULES[name], facts), facts


@pytest.mark.parametrize("name", RULES)
def test_a_rule_returns_points_settings_exclusions_or_advice(name):
    for facts in RULES[name].fires:
        found = said(RULES[name], facts)
        json.dumps(found, allow_nan=False)
        assert all(isinstance(v, int | float) and -3 <= v <= 4 for k, v in found.items() if k not in RESERVED)
        assert all(isinstance(v, dict) for v in found.get("params", {}).values())
        assert all(isinstance(v, str) for v in found.get("exclude", {}).values())


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_documented(name):
    rule = RULES[name]
    assert rule.sentence.endswith(".")
    assert rule.cites
    assert rule.__doc__.strip().endswith(".")
    examples = [*rule.fires, *rule.silent]
    assert all(set(e) <= set(rule.facts) for e in examples), "an example names a fact that the rule does not read"


def test_every_threshold_is_read_by_something():
    elsewhere = {"churn", "auc_different", "tolerance", "tolerance_r2"}  # the number of labels needed, similarity, and the guard
    read = {f for rule in RULES.values() for f in rule.facts} | elsewhere
    assert set(THRESHOLDS) == read & set(THRESHOLDS)


def test_every_threshold_has_a_reason():
    assert all(t.reason and t.value >= 0 for t in THRESHOLDS.values())


def test_every_strategy_that_a_rule_sets_a_parameter_of_has_it():
    """A rule may speak of strategies to come; of those that are here, a setting must be one that they have, within its bounds."""
    from mdshift.declare import configure, parameters

    known = every("strategy")
    optional = {"batch"}  # how many rows a step sees: only where a strategy lets it be chosen
    for rule in RULES.values():
        for facts in rule.fires:
            for name, settings in said(rule, facts).get("params", {}).items():
                if name in known:
                    declared = {p.name for p in parameters(known[name])}
                    assert set(settings) <= declared | optional, (rule.name, name)
                    configure(known[name], {k: v for k, v in settings.items() if k in declared})
