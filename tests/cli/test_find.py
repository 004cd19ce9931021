"""Where the data are found when no path says so."""

import json
import os
import subprocess
import sys

import pytest

PLAN = {
    "schema": "mdshift.diagnosis/1",
    "data": {"sources": ["p.csv"], "target": "q.csv", "labels": ["z"]},
    "settings": {"seed": 5},
    "kinds": [],
    "facts": {},
}


@pytest.fixture
def read(monkeypatch):
    """What the readers were asked for, without reading."""
    asked = []

    def load(spec, *, seed, **more):
        asked.append((spec, seed))
        raise KeyboardInterrupt  # nothing after this matters here

    monkeypatch.setattr("mdshift.readers.load.load", load)
    return asked


@pytest.fixture
def adapt(call, read):
    def run(*arguments, stdin=b""):
        ended = call("adapt", *arguments, stdin=stdin)
        assert ended.code == 130, ended
        spec, seed = read[-1]
        return spec, seed, ended.err

    return run


def test_the_last_path_is_the_target(adapt):
    spec, seed, _ = adapt("a", "b", "c", "--label", "y", "--label", "z", "--drop", "i", "--seed", "9")
    assert (spec.sources, spec.target, spec.labels, spec.drop, seed) == (("a", "b"), "c", ("y", "z"), ("i",), 9)


def test_a_plan_file(adapt, folder):
    (folder / "plan.json").write_text(json.dumps(PLAN))
    spec, seed, err = adapt("--plan", "plan.json")
    assert (spec.sources, spec.target, spec.labels, seed) == (("p.csv",), "q.csv", ("z",), 5)
    assert "data and settings: plan.json" in err


def test_a_plan_with_a_byte_order_mark(adapt, folder):
    (folder / "plan.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(PLAN).encode())
    assert adapt("--plan", "plan.json")[0].target == "q.csv"


@pytest.mark.parametrize("arguments", [[], ["--plan", "-"]])
def test_a_plan_on_standard_input(adapt, arguments):
    spec, _, err = adapt(*arguments, stdin=json.dumps(PLAN).encode())
    assert spec.target == "q.csv"
    assert "data and settings: the plan on standard input" in err


def test_flags_are_above_the_plan(adapt):
    spec, seed, _ = adapt("--seed", "6", "--label", "w", stdin=json.dumps(PLAN).encode())
    assert (spec.labels, seed) == (("w",), 6)


def test_standard_input_is_above_mdshift_toml_and_folders(adapt, folder):
    (folder / "mdshift.toml").write_text('[data]\nsource = "a"\ntarget = "b"\n')
    assert adapt(stdin=json.dumps(PLAN).encode())[0].target == "q.csv"


def test_mdshift_toml_is_above_the_folders(adapt, folder):
    (folder / "src").mkdir()
    (folder / "tgt").mkdir()
    spec, _, err = adapt()
    assert (spec.sources, spec.target) == (("src",), "tgt")
    assert "data: the folders src/ and tgt/" in err
    (folder / "mdshift.toml").write_text('[data]\nsource = ["a", "c"]\ntarget = "b"\nlabel = "y"\n[columns]\nage = "category"\n')
    spec, _, err = adapt()
    assert (spec.sources, spec.target, spec.labels, dict(spec.kinds)) == (("a", "c"), "b", ("y",), {"age": "category"})
    assert "data: [data] in mdshift.toml" in err


def test_paths_are_above_all(adapt, folder):
    (folder / "mdshift.toml").write_text('[data]\nsource = "a"\ntarget = "b"\n')
    assert adapt("c", "d", stdin=json.dumps(PLAN).encode())[0].target == "d"


def test_quiet_says_nothing(adapt, folder):
    (folder / "src").mkdir()
    (folder / "tgt").mkdir()
    err = adapt("-q")[2]
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]


def test_general_needs_no_target(adapt):
    spec, _, _ = adapt("a", "--goal", "general")
    assert (spec.sources, spec.target) == (("a",), None)


def test_nothing_found(refused):
    assert refused("adapt").error == "error: no data was named"
    assert refused("diagnose").error == "error: no data was named"


def test_one_path_is_no_pair(refused):
    assert refused("adapt", "a.csv").error == "error: a target is missing: 'a.csv'"


def test_half_a_mdshift_toml(refused, folder):
    (folder / "mdshift.toml").write_text('[data]\nsource = "a"\n')
    assert "needs source and target" in refused("adapt").hint


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"{", "standard input is not JSON: line 1, column 2"),
        (
            b'{"schema": "mdshift.other/1"}',
            "standard input must hold mdshift.diagnosis/1 or mdshift.recommendation/1: schema 'mdshift.other/1'",
        ),
        (b"[1]", "standard input must hold mdshift.diagnosis/1 or mdshift.recommendation/1: schema None"),
        (b"\xff\xfe", "standard input is not UTF-8: byte 0"),
        (b"[" * 100000, "standard input is "),
        (b'{"schema": "mdshift.diagnosis/1", "data": 3, "settings": {}}', "standard input: 'data' must be an object: 3"),
        (b'{"schema": "mdshift.diagnosis/1", "data": {"sources": "a"}, "settings": {}}', "the plan does not say where its data lie"),
        (
            b'{"schema": "mdshift.diagnosis/1", "data": {"sources": ["-"], "target": "b"}, "settings": {}}',
            "the plan was made from standard input",
        ),
        (
            b'{"schema": "mdshift.diagnosis/1", "data": {"sources": ["a"], "target": "b"}, "settings": {"alpha": "x"}}',
            "the plan's alpha must be a number",
        ),
    ],
)
def test_a_wrong_plan(refused, raw, error):
    assert refused("adapt", stdin=raw).error.startswith(f"error: {error}")


def test_a_missing_plan_gets_the_nearest(refused, folder):
    for name in ("plan.json", ".plam.json"):  # a hidden one is no hint
        (folder / name).write_text("{}")
    assert refused("adapt", "--plan", "plam.json").hint == "hint: did you mean 'plan.json'?"


@pytest.mark.parametrize("arguments", [(), ("-",), ("--plan", "-")])
def test_recommend_finds_its_data_by_a_recommendation(call, read, arguments):
    plan = {**PLAN, "schema": "mdshift.recommendation/1"}
    assert call("recommend", *arguments, stdin=json.dumps(plan).encode()).code == 130
    spec, seed = read[-1]
    assert (spec.sources, spec.target, spec.labels, seed) == (("p.csv",), "q.csv", ("z",), 5)


def test_standard_input_stands_once(refused):
    assert refused("diagnose", "-", "-").error.startswith("error: standard input can stand in one place only")
    assert refused("adapt", "-", "t.csv", "--plan", "-", stdin=b"a,y\n1,2\n").error.startswith(
        "error: standard input can stand in one place only"
    )


def _recommend(folder, **more):
    command = [sys.executable, "-c", "from mdshift.cli.main import run; run()", "adapt"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, **more)


def test_an_idle_pipe_does_not_hide_the_folders(folder):
    """A supervisor's pipe that nobody ever writes to: the folders are taken, instead of waiting for ever."""
    (folder / "src").mkdir()
    (folder / "tgt").mkdir()
    read_end, write_end = os.pipe()
    try:
        _, err = _recommend(folder, stdin=read_end).communicate(timeout=60)
    finally:
        os.close(read_end)
        os.close(write_end)
    assert b"data: the folders src/ and tgt/" in err


def test_a_slow_pipeline_is_waited_for(folder):
    """Another process has the pipe as its standard output: its document comes, however long it takes."""
    (folder / "src").mkdir()
    (folder / "tgt").mkdir()
    writer = [sys.executable, "-c", f"import time; time.sleep(3); print({json.dumps(PLAN)!r})"]
    with subprocess.Popen(writer, stdout=subprocess.PIPE) as first:
        _, err = _recommend(folder, stdin=first.stdout).communicate(timeout=60)
    assert b"data and settings: the plan on standard input" in err
