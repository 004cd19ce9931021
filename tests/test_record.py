import contextlib
import multiprocessing
import sqlite3

import pytest

from mdshift import record
from mdshift.errors import EnvironmentFault, UsageError

DATA, SETTINGS = {"sources": ["s"], "target": "t"}, {"seed": 1}
REPORT = {"strategy": "coral", "params": {}, "kept": "adapted", "scores": {"source_only": None, "adapted": {"value": float("nan")}}}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MDSHIFT_RUNS", str(tmp_path / "deep" / "runs.sqlite"))
    return tmp_path


def test_no_record_is_an_empty_list_and_reading_makes_none(place):
    assert record.list_runs() == []
    assert list(place.iterdir()) == []


def test_a_run_from_begin_to_end():
    run = record.begin("m", DATA, SETTINGS)
    assert record.show(run)["status"] == "running"
    record.end(run, "done", REPORT)
    found = record.show(run)
    assert (found["status"], found["strategy"], found["data"], found["settings"]) == ("done", "coral", DATA, SETTINGS)
    assert found["report"]["scores"]["adapted"]["value"] is None
    assert found["seconds"]["total"] >= 0


def test_only_the_last_run_into_an_output_can_be_unfinished():
    first = record.begin("m", DATA, SETTINGS, {"schema": "plan"})
    assert record.unfinished("m")["plan"] == {"schema": "plan"}
    record.end(first, "interrupted", None)
    assert record.unfinished("m")["id"] == first
    record.end(record.begin("m", DATA, SETTINGS), "done", REPORT)
    assert record.unfinished("m") is None
    assert record.unfinished("other") is None


def test_an_unknown_run_names_the_latest():
    run = record.begin("m", DATA, SETTINGS)
    with pytest.raises(UsageError, match="unknown run: 99") as caught:
        record.show(99)
    assert caught.value.hint == f"the latest: {run}"
    with pytest.raises(UsageError):
        record.show(10**30)


def test_differences_are_leaves():
    a, b = (record.begin("m", DATA, {"seed": s, "set": {"weight": w}}) for s, w in ((1, 2), (1, 3)))
    assert record.differences(record.show(a), record.show(b)) == [{"key": "settings.set.weight", "a": 2, "b": 3}]


def test_a_folder_as_place(place, monkeypatch):
    monkeypatch.setenv("MDSHIFT_RUNS", str(place))
    record.begin("m", DATA, SETTINGS)
    assert (place / "runs.sqlite").is_file()


def test_the_default_place_is_the_users_data_folder(place, monkeypatch):
    monkeypatch.delenv("MDSHIFT_RUNS")
    monkeypatch.setenv("XDG_DATA_HOME", str(place))
    assert record.place() == place / "mdshift" / "runs.sqlite"


def test_a_record_that_cannot_be_kept_stops_nothing(monkeypatch):
    monkeypatch.setenv("MDSHIFT_RUNS", "/dev/null/runs")
    assert record.begin("m", DATA, SETTINGS) is None
    record.end(None, "done", REPORT)


def test_a_damaged_record_is_an_environment_fault(place, monkeypatch):
    (place / "bad").write_bytes(b"no database" * 100)
    monkeypatch.setenv("MDSHIFT_RUNS", str(place / "bad"))
    with pytest.raises(EnvironmentFault, match="the record of runs cannot be used"):
        record.list_runs()


def _begin(number):
    return record.begin(f"m{number}", DATA, SETTINGS)


def test_runs_at_the_same_time_are_all_recorded():
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        numbers = pool.map(_begin, range(8))
    assert sorted(numbers) == list(range(1, 9))


@pytest.mark.parametrize("name", ["caf\udce9", "line\nbreak", "\U0001f600"])
def test_paths_that_utf_8_cannot_hold_are_recorded_and_found_again(place, monkeypatch, name):
    monkeypatch.setenv("MDSHIFT_RUNS", str(place / name / "runs.sqlite"))
    run = record.begin(f"m-{name}", {"sources": [name], "target": name}, {"out": name}, purpose=name)
    assert record.unfinished(f"m-{name}")["id"] == run
    record.end(run, "done", {"strategy": name})
    assert record.show(run)["data"]["target"] == name
    assert [r["id"] for r in record.list_runs()] == [run]


def test_a_record_of_an_older_version_is_read_and_gone_on_with(place, monkeypatch):
    old = record.TABLE.replace(", purpose text, hashes text", "")
    (place / "deep").mkdir()
    with contextlib.closing(sqlite3.connect(record.place())) as connection, connection:
        connection.execute(old)
        connection.execute("insert into runs (started, process, status, out, data, settings) values (1, 1, 'done', 'm', '{}', '{}')")
    assert record.show(1)["purpose"] is None
    assert record.show(1)["hashes"] is None
    assert record.begin("m", DATA, SETTINGS) == 2
    assert [r["purpose"] for r in record.list_runs()] == [None, "learn from s for the target t"]


def test_the_hash_of_a_folder_depends_on_names_and_bytes(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_text("1")
    first = record.hashes({"sources": [str(tmp_path / "a")], "target": "-"})
    assert first["-"] is None
    (tmp_path / "a" / "b" / "x").rename(tmp_path / "a" / "x")
    assert record.hashes({"sources": [str(tmp_path / "a")]}) != {str(tmp_path / "a"): first[str(tmp_path / "a")]}


def test_a_day_is_the_whole_of_it():
    record.begin("m", DATA, SETTINGS)
    runs = record.list_runs()
    day = record.searched(runs[0])["started"][:10]
    chosen = {sign: len(record.chosen(runs, [f"started{sign}{day}"])) for sign in ("<", "<=", ">", ">=")}
    assert chosen == {"<": 0, "<=": 1, ">": 0, ">=": 1}
