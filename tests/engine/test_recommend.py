"""The ranking, its reasons, and what it rules out."""

import math
import shlex

import pytest

from mdshift.declare import Needs, every
from mdshift.engine import recommend as module
from mdshift.engine.recommend import labels_needed, recommend
from mdshift.errors import DataError
from mdshift.rules.thresholds import defaults

FACTS = {
    "n_source": 4000, "n_target": 2000, "n_source_labelled": 4000, "n_target_labelled": 0, "n_sources": 1, "n_features": 12, "n_classes": 2, "n_labels": 1,
    "modality": "table", "task": "classification", "has_target": True, "has_time": False, "has_text": False,
    "kinds": [], "verdicts": {"covariate": "no-shift", "label": "no-shift", "concept": "untestable"},
    "similarity": "medium", "js_mean": 0.05, "js_max": 0.2, "auc": 0.7, "overlap": 0.95, "prior_distance": 0.0, "shifted_features": 0.0,
    "label_overlap": 1.0, "feature_overlap": 1.0, "missing_share": 0.0, "duplicates_share": 0.0, "imbalance": 1.2, "source_score": 0.8, "drop": 0.05,
}  # fmt: skip


def document(**facts):
    kinds = facts.get("kinds", [])
    data = {"sources": ["a b.csv"], "target": "t.csv", "labels": ["y"]}
    return {
        "schema": "mdshift.diagnosis/1",
        "data": data,
        "settings": {"alpha": 0.05, "seed": 0},
        "kinds": kinds,
        "facts": {**FACTS, **facts},
    }


def ranking(found):
    return [r.strategy for r in found.ranked]


def position(found, name):
    return ranking(found).index(name)


def shifted(kind):
    return {"kinds": [kind], "verdicts": {**FACTS["verdicts"], kind: "shift"}}


def test_every_strategy_is_ranked_or_excluded_once():
    found = recommend(document())
    assert sorted([*ranking(found), *(e.strategy for e in found.excluded)]) == sorted(every("strategy"))
    assert all(e.because for e in found.excluded)


def test_no_shift_keeps_the_source_model():
    assert ranking(recommend(document()))[0] == "source-only"


def test_label_shift_corrects_the_prior():
    assert ranking(recommend(document(**shifted("label"), prior_distance=0.3)))[0] == "label-shift"


def test_covariate_shift_with_overlap_reweighs():
    assert ranking(recommend(document(**shifted("covariate"), overlap=0.95)))[0] == "reweight-classifier"


def test_covariate_shift_without_overlap_maps():
    found = recommend(document(**shifted("covariate"), overlap=0.2, similarity="low"))
    assert ranking(found)[0] == "coral"
    assert position(found, "coral") < position(found, "reweight-classifier")


def test_concept_shift_with_labels_trains_on_them_and_without_asks_for_them():
    with_labels = recommend(document(**shifted("concept"), n_target_labelled=300, min_target_class_count=100))
    assert ranking(with_labels)[0] in ("finetune", "feature-extraction")
    without = recommend(document(**shifted("concept")))
    assert ranking(without)[0] == "source-only"
    assert any("ask for target labels" in n.text for n in without.notes)


def test_several_sources_speak_for_the_ensemble():
    one, three = recommend(document()), recommend(document(n_sources=3))
    assert {r.strategy: r.score for r in three.ranked}["ensemble"] > {r.strategy: r.score for r in one.ranked}.get("ensemble", -9)


def test_needs_exclude_with_the_number_that_is_missing():
    because = {e.strategy: e.because for e in recommend(document()).excluded}
    assert because["finetune"].endswith("and there are 0")
    assert "image" in because["adabn"]


def test_regression_excludes_what_is_for_classes():
    assert "label-shift" in {e.strategy for e in recommend(document(task="regression")).excluded}


def test_scarce_compute_rules_out_what_costs_much():
    fit = {r.strategy for r in recommend(document(), compute="high").ranked}
    costly = {n for n in fit if every("strategy")[n].cost.value == "high"}
    assert costly
    excluded = {e.strategy: e.because for e in recommend(document(), compute="low").excluded}
    assert all("--compute low" in excluded[n] for n in costly)


def test_source_only_is_ranked_whatever_the_facts():
    for facts in ({"task": "none"}, {"has_target": False}, {"n_sources": 0}):
        assert "source-only" in ranking(recommend(document(**facts)))


def test_a_missing_extra_gives_the_command(monkeypatch):
    strategy = every("strategy")["coral"]
    monkeypatch.setattr(strategy, "needs", Needs(extra="nothing_of_this_name"))
    because = {e.strategy: e.because for e in recommend(document()).excluded}
    assert because["coral"] == "its extra is not installed: pip install 'mdshift[nothing_of_this_name]'"


def test_a_missing_fact_silences_a_rule_and_the_trace_says_which():
    facts = {k: v for k, v in document()["facts"].items() if k != "overlap"}
    found = recommend({**document(), "facts": facts})
    entry = next(t for t in found.trace if t["rule"] == "covariate-overlap")
    assert entry == {"rule": "covariate-overlap", "status": "lacked", "lacking": ["overlap"]}


def test_the_trace_accounts_for_every_rule_and_every_point():
    found = recommend(document(**shifted("covariate")))
    assert [t["rule"] for t in found.trace] == list(every("rule"))
    for ranked in found.ranked:
        assert ranked.score == pytest.approx(sum(t.get("points", {}).get(ranked.strategy, 0) for t in found.trace))


def test_strategies_that_do_not_exist_are_named_in_the_trace(monkeypatch):
    rule = every("rule")["related-labels"]
    found = recommend(document(n_labels=3))
    entry = next(t for t in found.trace if t["rule"] == rule.name)
    told = {**entry["points"], **dict.fromkeys(entry.get("absent", []), 3)}
    assert told == {"multitask": 3}


def test_reasons_carry_sentence_facts_and_source():
    why = recommend(document(**shifted("covariate"))).ranked[0].why
    reason = next(w for w in why if w.rule == "covariate-overlap")
    assert reason.facts == {"kinds": ["covariate"], "overlap": 0.95, "overlap_enough": 0.8}
    assert reason.sentence
    assert "Shimodaira" in reason.cites


def test_thresholds_can_be_replaced_and_are_told():
    found = recommend(document(**shifted("covariate"), overlap=0.7), thresholds={"overlap_enough": 0.6})
    assert ranking(found)[0] == "reweight-classifier"
    assert found.thresholds == {**defaults(), "overlap_enough": 0.6}


def test_the_command_is_quoted_and_carries_what_matters():
    diagnosis = document(**shifted("covariate"))
    diagnosis["data"].update({"labels": ["the label"], "task": "classification", "drop": ["$x"], "on_schema": "intersect"})
    diagnosis["settings"]["seed"] = 4
    words = shlex.split(recommend(diagnosis).ranked[0].command)
    assert words[:4] == ["mdshift", "adapt", "a b.csv", "t.csv"]
    assert words[4:-4] == ["--label", "the label", "--drop", "$x", "--task", "classification", "--seed", "4"]
    assert words[-4:] == ["--strategy", "reweight-classifier", "--out", "mdshift-model"]


def test_the_defaults_are_those_of_the_command_line():
    from mdshift.config import OPTIONS

    assert {name: OPTIONS[name].default for name in module.DEFAULTS} == module.DEFAULTS


def test_settings_of_rules_become_parameters():
    found = recommend(document(**shifted("covariate"), n_target_labelled=300, min_target_class_count=100))
    finetune = next(r for r in found.ranked if r.strategy == "finetune")
    assert finetune.params["thaw"] == "gradual"
    assert "--set thaw=gradual" in finetune.command


def test_the_same_facts_give_the_same_recommendation():
    assert recommend(document()) == recommend(document())


def test_the_number_of_labels_needed():
    """124 for 10 points and 371 for 5: the published figures are about 125 and about 370."""
    needed = labels_needed({"task": "classification", "n_target_labelled": 7}, defaults())
    assert (needed["large_gain"], needed["small_gain"], needed["have"]) == (124, 371, 7)
    assert labels_needed({"task": "regression"}, defaults())["large_gain"] == 99


def test_several_candidates_ask_for_more_labels_by_the_level_of_the_guard():
    from mdshift.stats.resample import two_sided

    one = labels_needed({"task": "classification"}, defaults())
    assert one["auto"] == {"candidates": 3, "large_gain": 210, "small_gain": 629}
    six = labels_needed({"task": "classification", "compute": "high"}, defaults(), 0.1)["auto"]
    assert six["large_gain"] == math.ceil((two_sided(0.1 / 6) + module.Z_POWER) ** 2 * 0.2 / 0.1**2)
    assert "with 3 candidates `auto` asks for 210 and 629" in one["sentence"]
    assert labels_needed({"task": "regression"}, defaults())["auto"]["large_gain"] == 168


def test_the_number_of_labels_has_the_power_that_it_claims():
    """Simulated: two models that disagree in being right on gain + churn of the rows; McNemar's test at a one-sided 5 %."""
    import numpy as np

    needed = labels_needed({"task": "classification"}, defaults())
    rng = np.random.default_rng(0)
    for gain, rows in ((0.10, needed["large_gain"]), (0.05, needed["small_gain"])):
        better, worse = (0.10 + 2 * gain) / 2, 0.10 / 2  # gain + churn of the rows differ, by `gain` on balance
        counts = rng.multinomial(rows, [better, worse, 1 - better - worse], size=4000)
        z = (counts[:, 0] - counts[:, 1]) / np.sqrt(np.maximum(counts[:, 0] + counts[:, 1], 1))
        assert np.mean(z > module.Z_LEVEL) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    "wrong",
    [{"schema": "mdshift.adaptation/1"}, {"schema": "mdshift.diagnosis/1"}, {"schema": "mdshift.diagnosis/1", "facts": 3, "kinds": []}],
)
def test_what_is_no_diagnosis_is_refused(wrong):
    with pytest.raises(DataError):
        recommend({"data": {}, "settings": {}, **wrong})
