"""Unknown future domains on the command line: all paths with labels are domains."""

import pytest
from shipped import valid


@pytest.fixture
def three(folder, table):
    return [str(table(folder / f"{name}.csv", shift, rows=80, seed=k)) for k, (name, shift) in enumerate((("a", 0), ("b", 0.5), ("c", 1)))]


def test_three_files_are_held_out_in_turn(call, three):
    command = ("adapt", *three, "--label", "y", "--goal", "general", "--compute", "low", "--out", "m", "--json")
    ended = call(*command)
    assert ended.code == 0, ended.err
    said = valid(ended.json)
    assert said["validator"] == "leave-one-domain-out"
    assert "3 domains held out in turn" in said["reason"]
    assert [c["strategy"] for c in said["candidates"]] == ["source-only", "ensemble"]
    assert [d["rows"] for d in said["candidates"][1]["evidence"]["by_domain"]] == [80, 80, 80]
    assert said["scores"]["source_only"]["on"] == said["scores"]["adapted"]["on"] == "source cross-validation"
    assert any("are one more domain" in note["text"] for note in said["notes"]), said["notes"]
    again = call(*command, "--force").json
    for document in (said, again):
        document["seconds"] = {}
        for c in document["candidates"]:
            c["seconds"] = 0
        document["settings"].pop("force", None)
    assert again == said


def test_a_run_that_was_killed_goes_on_from_the_domains_that_are_done(call, three, monkeypatch):
    from mdshift import checkpoint
    from mdshift.engine import general

    monkeypatch.setattr(checkpoint, "LEAST", 0.0)
    command = ("adapt", *three, "--label", "y", "--goal", "general", "--compute", "low", "--json")
    whole = call(*command, "--out", "whole").json
    real = general.judge

    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(general, "judge", interrupted)
    assert call(*command, "--out", "m").code == 130
    monkeypatch.setattr(general, "judge", real)
    ended = call("adapt", "--resume", "--out", "m", "--json", "-v")
    assert ended.code == 0, ended.err
    assert "source model without fold 0: taken up" in ended.err
    assert (ended.json["scores"], ended.json["reason"]) == (whole["scores"], whole["reason"])
