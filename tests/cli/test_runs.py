"""The record at the command line: the list, its filters, two side by side, and the files that it is written to."""

import contextlib
import csv
import hashlib
import json
import sqlite3

import pytest

from mdshift import record


@pytest.fixture
def three(folder):
    """Three runs, without the work."""
    scores = {"source_only": {"metric": "accuracy", "value": 0.7}, "adapted": {"metric": "accuracy", "value": 0.8}}
    for i, (strategy, source) in enumerate([("coral", "s.csv"), ("dann", "s.csv"), ("coral", "=cmd.csv")]):
        (folder / source).write_text(f"a,y\n{source},1\n")
        data = {"sources": [source], "target": "t.csv", "labels": ["y"]}
        run = record.begin(f"m{i}", data, {"seed": i, "strategy": strategy, "set": {"weight": i}}, purpose="the paper" if i == 2 else None)
        record.end(run, "done", {"strategy": strategy, "kept": "adapted", "scores": scores})
    return folder


def ids(ended):
    assert ended.code == 0, ended.err
    return [r["id"] for r in ended.json["runs"]]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        (["strategy=coral"], [1, 3]),
        (["strategy!=coral"], [2]),
        (["seed>0"], [2, 3]),
        (["seed<2", "status=done"], [1, 2]),
        (["settings.seed=1"], [2]),
        (["sources=s.csv"], [1, 2]),
        (["model=m1"], [2]),
        (["purpose=the paper"], [3]),
        (["started>2000-01-01"], [1, 2, 3]),
        (["started<2000-01-01"], []),
        (["adapted.value>0.75"], [1, 2, 3]),
        (["seed>=1"], [2, 3]),
        (["seed<=1"], [1, 2]),
        (["started<=2000-01-01"], []),
        (["started>=2000-01-01"], [1, 2, 3]),
        (["strategy=dann", "weight=2"], []),  # a key of other runs than those that are left
        (["weight=2"], [3]),
    ],
)
def test_runs_are_chosen_by_what_they_hold(call, three, conditions, found):
    assert ids(call("runs", "--json", *(w for c in conditions for w in ("--where", c)))) == found


def test_the_latest(call, three):
    assert ids(call("runs", "--json", "--last", "2")) == [2, 3]
    assert ids(call("runs", "--json", "--last", "1", "--where", "strategy=dann")) == [2]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["--where", "stratgy=coral"], "no run has this key: 'stratgy'", "did you mean 'strategy'?"),
        (["--where", "coral"], "--where needs KEY=VALUE: 'coral'", "for example"),
        (["--where", "seed==1"], "--where needs KEY=VALUE: 'seed==1'", "for example"),
        (["--where", "seed=>1"], "--where needs KEY=VALUE: 'seed=>1'", "for example"),
        (["--where", "seed>= <1"], "--where needs KEY=VALUE: 'seed>= <1'", "for example"),
        (["--last", "0"], "option --last must lie in", "only the latest"),
        (["1", "--last", "2"], "--where and --last choose from the list", "leave one"),
        (["-o", "x.pdf"], "the ending of --output is unknown", ".csv"),
    ],
)
def test_a_wrong_choice_is_told(refused, three, arguments, error, hint):
    ended = refused("runs", *arguments)
    assert error in ended.error
    assert hint in ended.hint


def test_a_run_tells_purpose_hashes_and_duration(call, three):
    record.begin("m3", {"sources": ["=cmd.csv"], "target": None, "labels": []}, {"seed": 0}, purpose="the paper")
    first, fourth = call("runs", "1", "--json").json["runs"][0], call("runs", "4", "--json").json["runs"][0]
    assert first["purpose"] == "predict y from s.csv for the target t.csv"
    assert fourth["purpose"] == "the paper"
    assert first["hashes"] == {"s.csv": hashlib.sha256((three / "s.csv").read_bytes()).hexdigest(), "t.csv": None}
    assert first["seconds"]["total"] >= 0
    text = call("runs", "4").out
    assert "the paper" in text
    assert fourth["hashes"]["=cmd.csv"][:20] in text.replace("\n", "").replace(" ", "")
    assert "seconds" in call("runs").out


def test_two_runs_side_by_side(call, three):
    changed = {d["key"]: (d["a"], d["b"]) for d in call("runs", "1", "2", "--json").json["differences"]}
    assert changed == {
        "settings.seed": (0, 1),
        "settings.strategy": ("coral", "dann"),
        "settings.set.weight": (0, 1),
        "strategy": ("coral", "dann"),
    }


def test_the_list_as_a_table(call, three):
    assert call("runs", "-o", "r.csv").code == 0
    with (three / "r.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [(r["id"], r["strategy"], r["adapted"], r["seed"]) for r in rows] == [
        ("1", "coral", "0.8", "0"),
        ("2", "dann", "0.8", "1"),
        ("3", "coral", "0.8", "2"),
    ]
    assert rows[2]["sources"] == "'=cmd.csv"  # no spreadsheet runs it
    assert json.loads(rows[0]["settings"])["set"] == {"weight": 0}
    assert call("runs", "-o", "r.json", "--where", "strategy=dann").code == 0
    assert [r["id"] for r in json.loads((three / "r.json").read_text())["runs"]] == [2]


def test_differences_as_a_table(call, three):
    assert call("runs", "1", "3", "-o", "d.csv").code == 0
    with (three / "d.csv").open(newline="") as f:
        rows = {r["key"]: (r["1"], r["3"]) for r in csv.DictReader(f)}
    assert rows["settings.seed"] == ("0", "2")
    assert rows["data.sources"] == ('["s.csv"]', '["=cmd.csv"]')


def test_no_run_as_a_table_has_its_names(call, folder):
    assert call("runs", "-o", "r.csv").code == 0
    assert (folder / "r.csv").read_text().startswith("id,started,seconds")


def test_adapt_takes_a_purpose(call, pair):
    assert call("adapt", "s.csv", "t.csv", "--strategy", "source-only", "--out", "m", "--purpose", "a first look").code == 0
    assert call("runs", "--json").json["runs"][0]["purpose"] == "a first look"


@pytest.fixture
def spoil(three):
    def change(sql):
        with contextlib.closing(sqlite3.connect(record.place())) as connection, connection:
            connection.execute(sql)

    return change


DAMAGE = [
    *(
        ("report", v)
        for v in ("{broken", "[1,2]", "3", '{"scores": 5}', '{"scores": NaN}', '{"scores": {"adapted": 1}}', '{"strategy": 2}')
    ),
    *(("data", v) for v in ("null", '{"sources": 5}', '{"target": 5}')),
    *(("settings", v) for v in ("[]", "[" * 5000)),
    *(("hashes", v) for v in ("[1]", '{"s.csv": 5}')),
    *(("started", v) for v in ("abc", 1e300, -1e18)),
    ("ended", "x"),
]


@pytest.mark.parametrize(("column", "value"), DAMAGE)
def test_a_damaged_run_is_left_out_and_named(call, refused, spoil, column, value):
    spoil(f"update runs set {column} = {value!r} where id = 2")
    for output in ([], ["-o", "z.csv"]):
        ended = call("runs", *output)
        assert ended.code == 0
        assert [line for line in ended.err.splitlines() if "warning" in line] == ["warning: the record of run 2 is damaged, and left out"]
    assert ids(call("runs", "--json")) == [1, 3]
    for asked in (["2"], ["1", "2"]):
        assert refused("runs", *asked, code=3).error.startswith("error: the record of run 2 is damaged")


def test_several_damaged_runs_are_named_in_one_line(call, spoil):
    spoil("update runs set data = 'null' where id > 1")
    ended = call("runs")
    assert ended.err.splitlines() == ["warning: the records of runs 2, 3 are damaged, and left out"]


def test_a_report_without_its_parts_is_damaged(refused, spoil):
    spoil("""update runs set report = '{"strategy": "coral", "kept": "adapted"}' where id = 2""")
    assert refused("runs", "2", code=3).error.startswith("error: the record of run 2 is damaged")


def test_a_record_that_lacks_a_column_cannot_be_used(call, refused, spoil):
    spoil("alter table runs drop column purpose")  # older records lack it
    assert call("runs").code == 0
    spoil("alter table runs drop column report")
    for asked in ([], ["1"], ["-o", "z.csv"]):
        ended = refused("runs", *asked, code=3)
        assert ended.error.startswith("error: the record of runs cannot be used")
        assert "'report'" in ended.error


@pytest.mark.parametrize(("number", "error"), [("1" * 5000, "unknown run"), ("١", "a run is named by its number"), ("²", "a run is named")])
def test_what_is_no_number_of_a_run(refused, three, number, error):
    assert error in refused("runs", number).error


def test_json_is_printed_beside_a_table(call, three):
    ended = call("runs", "--json", "-o", "k.csv")
    assert ids(ended) == [1, 2, 3]
    assert (three / "k.csv").exists()


def test_nothing_is_a_dash_in_the_differences(call, three):
    record.begin("m3", {"sources": ["s.csv"], "target": "t.csv", "labels": ["y"]}, {"seed": 0, "strategy": "coral", "budget": None})
    text = call("runs", "1", "4").out
    assert "None" not in text
    assert "–" in text
    assert "None" not in call("runs", "4").out
