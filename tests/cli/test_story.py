"""Adapt, predict, evaluate, and the record of it, through the command line."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import jsonschema
import pytest
from shipped import SCHEMAS, valid

MDSHIFT = [sys.executable, "-c", "from mdshift.cli.main import run; run()"]


def adapt(call, *arguments):
    return call("adapt", "s.csv", "t.csv", "--strategy", "coral", "--out", "m", *arguments)


def without_seconds(value):
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", sorted(p.name for p in SCHEMAS.glob("*.json")))
def test_every_schema_is_a_schema(name):
    jsonschema.Draft202012Validator.check_schema(json.loads((SCHEMAS / name).read_text()))


def test_adapt_says_in_json_what_it_saved(call, pair):
    ended = adapt(call, "--json")
    assert ended.code == 0
    document = valid(ended.json)
    assert document == json.loads((pair / "m" / "report.json").read_text())
    assert document["model"] == "m"
    assert document["data"]["labels"] == ["y"]
    assert [c["strategy"] for c in document["candidates"]] == ["source-only", "coral"]


def test_the_same_seed_gives_the_same_bytes(call, pair):
    texts = [json.dumps(without_seconds(adapt(call, "--json", "--force").json)) for _ in range(2)]
    assert texts[0] == texts[1]


def test_the_text_begins_with_the_verdict_and_ends_with_commands(call, pair):
    lines = adapt(call).out.splitlines()
    assert lines[0] == "Adaptation"
    assert "coral" in lines[1]
    assert "  mdshift predict m NEW_DATA -o predicted.csv" in lines


@pytest.mark.parametrize(("name", "begins"), [("r.json", "{"), ("r.html", "<!doctype html>"), ("r.md", "# Adaptation")])
def test_the_ending_of_the_output_chooses_its_form(call, pair, name, begins):
    ended = adapt(call, "-o", name)
    assert ended.out == ""
    assert f"wrote {name}" in ended.err
    assert (pair / name).read_text().startswith(begins)


def test_json_on_standard_output_beside_a_file(call, pair):
    ended = adapt(call, "-o", "r.html", "--json")
    assert valid(ended.json)["strategy"] == "coral"
    assert (pair / "r.html").exists()


def test_predictions_are_one_row_for_every_row_in_order(call, pair, trained):
    ended = call("predict", trained, "l.csv", "--proba")
    assert ended.code == 0
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [int(r["row"]) for r in rows] == list(range(200))
    assert {r["prediction"] for r in rows} <= {"yes", "no"}
    assert all(float(r["p_yes"]) + float(r["p_no"]) == pytest.approx(1) for r in rows)
    truth = [r["y"] for r in csv.DictReader((pair / "l.csv").open())]
    assert sum(r["prediction"] == t for r, t in zip(rows, truth, strict=True)) > 150


def test_predictions_as_json_lines_and_files_agree(call, pair, trained):
    lines = [json.loads(line) for line in call("predict", trained, "l.csv", "--json").out.splitlines()]
    assert call("predict", trained, "l.csv", "-o", "p.csv").out == ""
    assert [r["prediction"] for r in lines] == [r["prediction"] for r in csv.DictReader((pair / "p.csv").open())]


def test_another_process_predicts_the_same_bytes(call, pair, trained):
    here = call("predict", trained, "l.csv").out
    there = subprocess.run(
        [*MDSHIFT, "predict", str(trained), "l.csv"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    ).stdout
    assert here == there


def test_evaluate_scores_with_intervals(call, pair, trained):
    document = valid(call("evaluate", trained, "l.csv", "--json").json)
    accuracy = document["scores"][0]
    assert (accuracy["metric"], document["rows"]) == ("accuracy", 200)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert "Confusion" in call("evaluate", trained, "l.csv").out


def test_a_dry_run_writes_nothing(call, pair):
    document = valid(adapt(call, "--dry-run", "--json").json)
    assert document["rows"] == {"sources": {"s": 200}, "target": 200}
    assert sorted(p.name for p in pair.iterdir()) == ["l.csv", "s.csv", "t.csv"]
    assert call("runs", "--json").json["runs"] == []


def test_an_existing_model_needs_force(refused, call, pair):  # faults 27
    adapt(call)
    before = (pair / "m" / "model.json").read_bytes()
    ended = refused("adapt", "s.csv", "missing.csv", "--strategy", "coral", "--out", "m")  # found before the data are looked at
    assert "--force" in ended.hint
    assert (pair / "m" / "model.json").read_bytes() == before


def test_a_second_run_into_one_output_is_refused(refused, pair):  # faults 34
    from mdshift.lock import held

    with held("m"):
        ended = refused("adapt", "s.csv", "t.csv", "--strategy", "coral", "--out", "m", code=3)
    assert ended.error == "error: another run writes to this output: 'm'"
    assert not list(pair.glob(".m*"))


def test_fail_on_worse(call, pair, monkeypatch):  # faults 37
    from mdshift.cli import adapt as command

    monkeypatch.setattr(command, "worse", lambda report: True)
    assert adapt(call, "--force").code == 0
    assert adapt(call, "--force", "--fail-on", "worse").code == 1


@pytest.mark.parametrize(
    ("kept", "plain", "adapted", "tripped"),
    [
        ("source-only", 0.8, 0.7, True),
        ("source-only", 0.8, 0.8, False),
        ("source-only", 0.8, None, False),
        ("adapted", 0.8, 0.7, False),
    ],
)
def test_worse_is_a_lower_score_of_what_was_not_kept(kept, plain, adapted, tripped):
    from mdshift.cli.adapt import worse

    scores = {"source_only": {"value": plain}, "adapted": None if adapted is None else {"value": adapted}}
    assert worse({"kept": kept, "scores": scores}) is tripped


def test_the_record_lists_shows_and_compares(call, pair):
    adapt(call)
    call("adapt", "s.csv", "t.csv", "--strategy", "source-only", "--out", "m2", "--seed", "3")
    found = valid(call("runs", "--json").json)["runs"]
    assert [(r["id"], r["status"], r["strategy"]) for r in found] == [(1, "done", "coral"), (2, "done", "source-only")]
    assert valid(call("runs", "1", "--json").json)["runs"][0]["report"]["strategy"] == "coral"
    changed = {d["key"]: (d["a"], d["b"]) for d in valid(call("runs", "1", "2", "--json").json)["differences"]}
    assert changed["settings.seed"] == (0, 3)
    assert changed["strategy"] == ("coral", "source-only")
    assert "data.target" not in changed
    assert "Differences" in call("runs", "1", "2").out


def test_a_failed_run_is_resumed_to_the_same_bytes(call, pair, monkeypatch):
    whole = without_seconds(adapt(call, "--json", "--seed", "5").json)
    import mdshift.store

    with monkeypatch.context() as broken:

        def full(*_, **__):
            raise OSError(28, "No space left on device")

        broken.setattr(mdshift.store, "save", full)
        assert adapt(call, "--force", "--seed", "5").code == 3
    (pair / "m").rename(pair / "old")
    again = call("adapt", "--resume", "--out", "m", "--json")
    assert again.code == 0, again.err
    assert without_seconds(again.json) == whole
    assert call("adapt", "--resume", "--out", "m").error.startswith("error: there is no unfinished run into")


def test_a_run_is_resumed_by_its_number(call, refused, pair, monkeypatch):
    from mdshift import record

    assert adapt(call).code == 0  # run 1, which is done
    data = {"sources": ["s.csv"], "target": "t.csv", "labels": ["y"]}
    record.begin("n", data, {"seed": 3, "strategy": "source-only"})
    record.begin("m2", data, {"seed": 4, "strategy": "source-only"})
    assert refused("adapt", "--resume", "1").error.startswith("error: run 1 is not the unfinished run into 'm': its status: done")
    assert refused("adapt", "--resume", "2", "--out", "m2").error.startswith("error: run 2 is not the unfinished run into 'm2'")
    assert refused("adapt", "--resume", "9").error == "error: unknown run: 9"
    again = call("adapt", "--resume", "2", "--json")
    assert (again.code, again.json["settings"]["seed"]) == (0, 3), again.err
    assert "resuming run 2" in again.err
    assert (pair / "n" / "model.json").exists()
    assert call("adapt", "--resume", "3", "--out", "m2", "-q").code == 0


def test_an_interrupted_run_prints_how_to_take_it_up_again(call, pair, monkeypatch):  # faults 30
    import mdshift.engine.adapt

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(mdshift.engine.adapt, "adapt", interrupted)
        ended = adapt(call)
    assert ended.code == 130
    assert ended.hint == "hint: take it up again: mdshift adapt --resume --out m"
    assert call("runs", "--json").json["runs"][0]["status"] == "interrupted"
    assert not (pair / "m").exists()
    assert call(*ended.hint.split("mdshift ")[1].split()).code == 0
    assert (pair / "m" / "model.json").exists()


@pytest.mark.parametrize("kind", ["recommend", pytest.param("diagnose", marks=pytest.mark.slow)])
def test_a_resumed_run_goes_by_the_plan_it_was_begun_with(call, pair, monkeypatch, kind):
    import mdshift.store

    plan = call(kind, "s.csv", "t.csv", "--json").json
    if kind == "recommend":  # another order than the data would give, so that a plan made anew shows
        ranked = [
            {**r, "verdict": "recommended"} for r in plan["ranked"] if r["strategy"] == "feature-extraction" or r["strategy"] == "coral"
        ]
        plan["ranked"] = ranked[::-1] or plan["ranked"][::-1]
    text = json.dumps(plan).encode()
    arguments = ("adapt", "--goal", "target", "--out", "m", "--json")
    whole = call(*arguments, stdin=text)
    assert whole.code == 0, whole.err
    (pair / "m").rename(pair / "old")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(mdshift.store, "save", interrupted)
        assert call(*arguments, stdin=text).code == 130
    again = call("adapt", "--resume", "--out", "m", "--json")
    assert again.code == 0, again.err
    assert without_seconds(again.json) == without_seconds(whole.json)
    assert (pair / "m" / "model.json").read_bytes() == (pair / "old" / "model.json").read_bytes()


def test_a_terminated_run_leaves_nothing_and_can_be_resumed(pair):  # faults 30
    with subprocess.Popen(
        [*MDSHIFT, "adapt", "s.csv", "t.csv", "--strategy", "dann", "--set", "epochs=100000", "--out", "m", "-v"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while "running dann" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "mdshift adapt --resume --out m" in err
    assert "Traceback" not in err
    assert sorted(p.name for p in pair.iterdir()) == ["l.csv", "s.csv", "t.csv"]


def test_a_run_goes_on_without_its_record(call, pair, monkeypatch):
    monkeypatch.setenv("MDSHIFT_RUNS", "/dev/null/runs.sqlite")
    assert adapt(call).code == 0


def test_a_damaged_record_is_told(refused, tmp_path, monkeypatch):
    (tmp_path / "runs.sqlite").write_bytes(b"no database" * 100)
    monkeypatch.setenv("MDSHIFT_RUNS", str(tmp_path / "runs.sqlite"))
    assert "the record of runs cannot be used" in refused("runs", code=3).error


def test_set_reaches_the_strategy(call, pair):
    assert adapt(call, "--set", "regularisation=0.5", "--json").json["params"] == {"regularisation": 0.5}


def test_a_relative_umask_is_kept(call, pair):
    kept = os.umask(0o027)
    try:
        adapt(call, "-o", "r.json")
    finally:
        os.umask(kept)
    assert (pair / "r.json").stat().st_mode & 0o777 == 0o640
