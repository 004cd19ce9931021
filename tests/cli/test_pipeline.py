"""diagnose | recommend | adapt, by files and by pipes."""

import json
import shlex
import subprocess
import sys

import jsonschema
import pytest
from shipped import valid

from mdshift.declare import every


@pytest.fixture
def diagnosis(call, pair):
    ended = call("diagnose", "s.csv", "t.csv", "--label", "y", "--seed", "3", "--json")
    assert ended.code == 0, ended.err
    return ended.out


def test_a_diagnosis_is_valid_and_deterministic(call, diagnosis):
    document = valid(json.loads(diagnosis))
    assert document["data"]["labels"] == ["y"]
    again = call("diagnose", "s.csv", "t.csv", "--label", "y", "--seed", "3", "--json").json
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in document.items() if k != "seconds"}


def test_workers_change_no_byte(call, diagnosis):
    again = call("diagnose", "s.csv", "t.csv", "--label", "y", "--seed", "3", "--json", "--workers", "3").json
    assert {**again, "seconds": {}} == {**json.loads(diagnosis), "seconds": {}}


def test_the_kinds_of_a_covariate_shift_without_labels(diagnosis):
    document = json.loads(diagnosis)
    assert document["kinds"] == ["covariate"]
    assert document["shifts"]["concept"]["verdict"] == "untestable"


def test_recommend_takes_a_file_standard_input_or_the_data(call, pair, diagnosis):
    (pair / "d.json").write_text(diagnosis)
    by_file = valid(call("recommend", "d.json", "--json").json)
    by_pipe = call("recommend", "--json", stdin=diagnosis.encode()).json
    by_dash = call("recommend", "-", "--json", stdin=diagnosis.encode()).json
    by_data = call("recommend", "s.csv", "t.csv", "--label", "y", "--seed", "3", "--json").json
    for other in (by_pipe, by_dash, by_data):
        assert {**other, "seconds": {}} == {**by_file, "seconds": {}}


def test_the_pipe_reaches_a_model(call, pair, diagnosis):
    plan = call("recommend", "--json", stdin=diagnosis.encode()).out
    ended = call("adapt", "--out", "m", "--json", stdin=plan.encode())
    assert ended.code == 0, ended.err
    document = valid(ended.json)
    assert document["settings"]["seed"] == 3
    assert document["data"]["sources"] == ["s.csv"]
    ranked = [r["strategy"] for r in json.loads(plan)["ranked"]]
    tried = [c["strategy"] for c in document["candidates"][1:]]
    above = ranked[: ranked.index("source-only")]
    known = every("strategy")
    parts = {part for name in above for part in known[name]().parts("classification")}  # what a candidate builds on is a candidate too
    led = {name for name, strategy in known.items() if strategy.follows in above}  # and what is tried where one of them is kept
    assert set(tried) & set(above)
    assert set(tried) <= {*above, *parts, *led}


def test_adapt_takes_a_diagnosis_too(call, pair, diagnosis):
    ended = call("adapt", "--out", "m", "--dry-run", "--json", stdin=diagnosis.encode())
    assert valid(ended.json)["candidates"]


def test_the_recommended_command_runs_as_it_stands(call, pair, diagnosis):
    ranked = call("recommend", "--json", stdin=diagnosis.encode()).json["ranked"]
    command = next(r["command"] for r in ranked if r["cost"] == "low" and r["strategy"] != "source-only")
    assert call(*shlex.split(command)[1:]).code == 0
    assert (pair / "mdshift-model" / "model.json").exists()


def test_thresholds_of_mdshift_toml_are_told(call, pair, diagnosis):
    (pair / "mdshift.toml").write_text("[thresholds]\nchurn = 0.2\n")
    found = call("recommend", "--json", stdin=diagnosis.encode()).json
    assert found["thresholds"]["churn"] == 0.2
    assert found["labels_needed"]["large_gain"] == 186


@pytest.mark.parametrize(("limit", "code"), [("minor", 1), ("moderate", 1)])
def test_fail_on(call, pair, limit, code):
    assert call("diagnose", "s.csv", "t.csv", "--fail-on", limit, "-q").code == code


def test_fail_on_lets_equal_data_pass(call, pair, table):
    table(pair / "u.csv", rows=200, seed=9)
    assert call("diagnose", "s.csv", "u.csv", "--fail-on", "minor", "-q").code == 0


def test_a_real_shell_pipeline(pair):
    run = f"{shlex.quote(sys.executable)} -c 'from mdshift.cli.main import run; run()'"
    line = f"{run} diagnose s.csv t.csv --label y --json | {run} recommend --json | {run} adapt --out m --json"
    ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    assert ended.returncode == 0, ended.stderr
    assert valid(json.loads(ended.stdout))["model"] == "m"
    assert "data and settings: the plan on standard input" in ended.stderr


@pytest.mark.parametrize(("name", "begins"), [("r.html", "<!doctype html>"), ("r.md", "# Diagnosis")])
def test_reports(call, pair, name, begins):
    assert call("diagnose", "s.csv", "t.csv", "-o", name).code == 0
    assert (pair / name).read_text().startswith(begins)


def test_the_text_keeps_to_80_columns_and_starts_with_the_verdict(call, pair):
    lines = call("diagnose", "s.csv", "t.csv").out.splitlines()
    assert lines[0] == "Diagnosis"
    assert "covariate shift" in lines[1]
    assert max(len(line) for line in lines[: lines.index("Next")]) <= 80


def test_a_document_of_another_shape_is_found_out():
    with pytest.raises(jsonschema.ValidationError):
        valid({"schema": "mdshift.diagnosis/1"})
