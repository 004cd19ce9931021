"""What the page of an adaptation tells beside its scores."""

from mdshift.nn.plan import Phase
from mdshift.report.pages.adaptation import page


def document(**changes):
    head = Phase(name="target-head", rows="target", trains="head", backbone=0.1)
    phases = [{**Phase(name="source", rows="source").told(1000), "undone": False}, {**head.told(40), "undone": True}]
    score = {"metric": "accuracy", "value": 0.8, "low": 0.7, "high": 0.9, "on": "target labels"}
    plain = {"strategy": "source-only", "params": {}, "estimate": score, "verdict": "linear", "seconds": 1.0, "evidence": {}}
    tuned = {**plain, "strategy": "finetune", "evidence": {"trained": {"plan": phases}}}
    base = {"kept": "adapted", "strategy": "finetune", "reason": "asked for", "scores": {"source_only": score, "adapted": score}}
    base |= {"candidates": [plain, tuned], "validator": "target labels, held back", "model": "m", "data": {}, "mdshift": "0"}
    return base | changes


def sections(found):
    return {s.heading: s.table.rows for s in found.sections if s.table is not None}


def test_how_a_network_was_trained_is_told_phase_by_phase():
    rows = sections(page(document()))["Training of finetune"]
    assert rows[0][:3] == ("source", "all", "625 x 64")
    assert rows[1][:4] == ("target-head, undone", "head", "150 x 64", "0.002, 0.0002, warmup-cosine")


def test_without_a_network_nothing_is_told_of_a_training():
    plain = document()
    plain["candidates"] = plain["candidates"][:1]
    assert not any(title.startswith("Training") for title in sections(page(plain)))


def test_further_labels_have_a_table():
    told = {"label": "size", "task": "regression", "strategy": "multitask", "metric": "r2", "target_labels": 0}
    told |= {"source_cross_validated": 0.5, "source_only_on_target_labels": None}
    assert sections(page(document(labels=[told])))["Further labels"] == (("size", "multitask", "r2", "0.500", "–"),)
    assert "Further labels" not in sections(page(document()))


def test_the_paired_gain_is_told_and_other_settings_are_named():
    found = document()
    gain = {"value": 0.05, "low": 0.01, "high": 0.09, "sentence": "paired on 40 target labels"}
    found["candidates"][1] |= {"params": {"thaw": "all"}, "evidence": {"gain": gain}}
    made = page(found)
    scores = next(s for s in made.sections if s.heading == "Scores")
    assert scores.lines == ("finetune (thaw=all) against source-only, row by row: 0.050 [0.010, 0.090] (paired on 40 target labels).",)
    table = next(s.table for s in made.sections if s.heading.startswith("Candidates"))
    assert [row[0] for row in table.rows] == ["source-only", "finetune (thaw=all)"]
    assert next(s for s in page(document()).sections if s.heading == "Scores").lines == ()
