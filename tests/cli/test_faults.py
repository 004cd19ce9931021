"""Bad input and faults, through the command line: one error line, one hint line, the documented code, nothing written."""

import json
import os
import stat
import sys

import numpy as np
import pytest

from mdshift.report import markdown, pages, terminal

# Reading faults are looked for with a rehearsal: it reads everything as `adapt` does, and stops before training.
REHEARSE = ("adapt", "--dry-run", "--json")


@pytest.fixture
def rehearse(call):
    def run(*arguments):
        ended = call(*REHEARSE, *arguments)
        assert ended.code == 0, ended.err
        return ended

    return run


@pytest.fixture
def unreadable(refused):
    """A source that must be refused, whether it is diagnosed or adapted from; returns error and hint."""

    def run(name, *options):
        ended = refused(*REHEARSE, name, "t.csv", *options)
        return ended.error, ended.hint

    return run


# --- 1: missing paths ---------------------------------------------------------------------------


def test_1_a_missing_path_gets_the_nearest_name(unreadable, source):
    error, hint = unreadable("ss.csv")
    assert "ss.csv" in error
    assert "'s.csv'" in hint or "s.csv" in hint


def test_1_an_empty_folder(unreadable, source):
    (source / "empty").mkdir()
    assert "empty" in unreadable("empty")[0]


def test_1_a_missing_model(refused, source):
    assert "nothing" in refused("predict", "nothing", "t.csv").error


# --- 2, 3: empty and ragged files -----------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n", "a,b,c,colour,y\n"])
def test_2_empty_or_header_only(unreadable, source, content):
    (source / "e.csv").write_text(content)
    assert "e.csv" in unreadable("e.csv")[0]


def test_3_a_ragged_row_is_named_by_line(unreadable, source):
    (source / "r.csv").write_text("a,b,c,colour,y\n1,2,3,red,yes\n1,2,3,red\n")
    error, _ = unreadable("r.csv")
    assert "r.csv" in error
    assert "3" in error
    assert "4" in error
    assert "5" in error


def test_3_an_unclosed_quote(unreadable, source):
    (source / "q.csv").write_text('a,b,c,colour,y\n1,2,3,"red,yes\n1,2,3,red,yes\n')
    assert "q.csv" in unreadable("q.csv")[0]


# --- 4: delimiters --------------------------------------------------------------------------------


@pytest.mark.parametrize(("separator", "told"), [(";", "';'"), ("\t", "tab")])
def test_4_another_delimiter_is_found_and_said(rehearse, source, separator, told, table):
    table(source / "d.csv", separator=separator)
    ended = rehearse("d.csv", "t.csv")
    assert ended.json["rows"]["sources"] == {"d": 200}
    assert told in rehearse("d.csv", "t.csv", "-v").err or repr(separator) in rehearse("d.csv", "t.csv", "-v").err


# --- 6: bytes -------------------------------------------------------------------------------------


def test_6_nul_bytes(unreadable, source):
    (source / "n.csv").write_bytes(b"a,b,c,colour,y\n1,2,\x003,red,yes\n" * 3)
    assert "n.csv" in unreadable("n.csv")[0]


def test_6_a_truncated_parquet(unreadable, source, table):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": list(range(1000)), "y": ["x", "z"] * 500}), source / "p.parquet")
    whole = (source / "p.parquet").read_bytes()
    (source / "p.parquet").write_bytes(whole[: len(whole) // 2])
    assert "p.parquet" in unreadable("p.parquet")[0]


def test_6_bad_json_lines(unreadable, source):
    (source / "j.jsonl").write_text('{"a": 1, "y": "x"}\n{"a": 2, \n')
    error, _ = unreadable("j.jsonl")
    assert "j.jsonl" in error
    assert "2" in error


# --- 7, 13, 14, 15, 16: columns and labels -----------------------------------------------------------


def test_7_duplicate_column_names(unreadable, source):
    (source / "c.csv").write_text("a,a,y\n1,2,x\n3,4,z\n")
    error, _ = unreadable("c.csv")
    assert "'a'" in error


def test_13_columns_of_one_side_alone_are_told_and_can_be_refused(rehearse, refused, source):
    (source / "u.csv").write_text("a,b,extra\n" + "1,2,3\n2,3,4\n" * 20)
    ended = rehearse("s.csv", "u.csv")
    for name in ("'c'", "'colour'", "'extra'"):
        assert name in ended.err or name.strip("'") in ended.err
    assert refused(*REHEARSE, "s.csv", "u.csv", "--on-schema", "fail").code == 2


def test_13_nothing_in_common(refused, source):
    (source / "u.csv").write_text("k,l\n" + "1,2\n" * 5)
    assert refused(*REHEARSE, "s.csv", "u.csv").code == 2


def test_14_another_column_order_has_no_effect(call, pair, trained):
    rows = [line.split(",") for line in (pair / "l.csv").read_text().splitlines()]
    (pair / "o.csv").write_text("\n".join(",".join(reversed(r)) for r in rows) + "\n")
    assert call("predict", trained, "o.csv").out == call("predict", trained, "l.csv").out


def test_15_no_label_in_the_target_is_unsupervised(rehearse, source):
    assert rehearse("s.csv", "t.csv").json["label"] == "y"


def test_15_no_label_in_the_source_is_refused(unreadable, source):
    error, hint = unreadable("t.csv")
    assert "label" in error
    assert hint


def test_15_a_label_of_another_name(unreadable, source):
    error, hint = unreadable("s.csv", "--label", "colr")
    assert "'colr'" in error
    assert "'colour'" in hint


def test_16_one_class(unreadable, source):
    lines = (source / "s.csv").read_text().splitlines()
    (source / "one.csv").write_text("\n".join([lines[0], *(line for line in lines[1:] if line.endswith("yes"))]) + "\n")
    assert "one class" in unreadable("one.csv")[0] or "class" in unreadable("one.csv")[0]


def test_16_a_class_with_one_row_is_warned_of(rehearse, source):
    with (source / "s.csv").open("a") as f:
        f.write("1,2,3,red,perhaps\n")
    assert "perhaps" in rehearse("s.csv", "t.csv").err


def test_16_a_target_class_that_the_source_lacks_is_warned_of(rehearse, source, table):
    table(source / "u.csv", seed=3)
    with (source / "u.csv").open("a") as f:
        f.write("1,2,3,red,never\n" * 3)
    assert "never" in rehearse("s.csv", "u.csv").err


# --- 9, 12: values ----------------------------------------------------------------------------------


def test_9_infinite_and_huge_numbers_never_reach_a_model(call, source):
    lines = (source / "s.csv").read_text().splitlines()
    hostile = ["inf", "-inf", "1e400", "NaN", "1e308", "-1e308"]
    rows = [f"{hostile[i % 6]},{line.split(',', 1)[1]}" if i < 30 else line for i, line in enumerate(lines[1:])]
    (source / "h.csv").write_text("\n".join([lines[0], *rows]) + "\n")
    ended = call("adapt", "h.csv", "t.csv", "--strategy", "coral", "--out", "m")
    assert ended.code == 0, ended.err
    assert "infinite" in ended.err
    predicted = call("predict", "m", "h.csv", "--json").out
    assert "NaN" not in predicted
    assert all(0 <= json.loads(line)["confidence"] <= 1 for line in predicted.splitlines())


def test_12_a_category_that_the_source_lacks(call, pair, trained):
    (pair / "g.csv").write_text((pair / "l.csv").read_text().replace("red", "green"))
    ended = call("predict", trained, "g.csv")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 201


# --- 17, 18: verdicts on little and on equal data -----------------------------------------------------


@pytest.mark.parametrize("rows", [1, 5, 20])
def test_17_too_few_rows_are_unclear(call, folder, rows, table):
    table(folder / "a.csv", rows=rows)
    table(folder / "b.csv", rows=rows, seed=1)
    ended = call("diagnose", "a.csv", "b.csv", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["kinds"] == []
    assert ended.json["shifts"]["covariate"]["verdict"] == "unclear"


def test_18_the_same_data_twice(call, source):
    ended = call("diagnose", "s.csv", "s.csv", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["kinds"] == []
    assert "stand in the source too" in ended.err


# --- 20: hostile names and values ----------------------------------------------------------------------

HOSTILE = {
    "<script>alert(1)</script>": "n",
    "$\\bad$": "n",
    "\x1b[31mred": "n",
    "line\nbreak": "n",
    "x" * 10_000: "n",
    "[bold]b[/bold]": "n",
    "=cmd|' /C calc'!A0": "n",
}


def test_20_hostile_names_are_escaped_everywhere(call, folder):
    rng = np.random.default_rng(0)

    def write(name, shift):
        rows = [
            {
                **{k: float(v) for k, v in zip(HOSTILE, rng.normal(size=len(HOSTILE)) + shift, strict=True)},
                "c": ["\x1b[2J", "<b>"][i % 2],
                "y": ["<i>", "\x1b]0;t\x07"][i % 2],
            }
            for i in range(150)
        ]
        (folder / name).write_text("".join(json.dumps(r) + "\n" for r in rows))

    write("a.jsonl", 0)
    write("b.jsonl", 2)
    ended = call("diagnose", "a.jsonl", "b.jsonl", "-v", "--json", "-o", "r.html")
    assert ended.code == 0, ended.err
    assert ended.json["features"]
    page = pages.page(ended.json)
    for text in (ended.out, ended.err, (folder / "r.html").read_text(), terminal.render(page), markdown.render(page)):
        assert "\x1b" not in text
    assert "<script>" not in (folder / "r.html").read_text()


# --- 21: spreadsheets; 22: pickles ---------------------------------------------------------------------


def test_21_a_class_that_a_spreadsheet_would_run(call, folder, table):
    for name, shift in (("a.csv", 0.0), ("b.csv", 0.5)):
        table(folder / name, shift)
        (folder / name).write_text((folder / name).read_text().replace("yes", "=cmd|'x'!A0"))
    assert call("adapt", "a.csv", "b.csv", "--strategy", "source-only", "--out", "m").code == 0
    cells = [line.split(",")[1] for line in call("predict", "m", "b.csv").out.splitlines()]
    assert not any(c.lstrip('"').startswith("=") for c in cells)


def test_22_objects_in_npz_are_refused_and_never_run(unreadable, source):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(source / "sprung"),))

    np.savez(source / "o.npz", X=np.array([[Trap()], [Trap()]], dtype=object), y=np.array([0, 1]))
    assert "o.npz" in unreadable("o.npz")[0]
    assert not (source / "sprung").exists()


def test_22_a_pickle_is_refused(unreadable, source):
    import pickle

    (source / "o.pkl").write_bytes(pickle.dumps({"a": [1]}))
    assert "o.pkl" in unreadable("o.pkl")[0]


# --- 27: outputs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["file", "link", "full"])
def test_27_an_output_that_is_no_free_folder(refused, source, out):
    (source / "file").write_text("x")
    (source / "link").symlink_to("elsewhere")
    (source / "full").mkdir()
    (source / "full" / "mine.txt").write_text("x")
    refused("adapt", "s.csv", "missing.csv", "--out", out)
    assert (source / "file").read_text() == "x"
    assert (source / "full" / "mine.txt").read_text() == "x"


def test_27_a_device_as_output(refused, source):
    refused("adapt", "s.csv", "t.csv", "--out", "/dev/null")
    refused("diagnose", "s.csv", "t.csv", "-o", "/dev/null")


@pytest.mark.parametrize("output", ["folder.json", "no/such/place.json"])
def test_27_a_report_that_cannot_be_written_is_found_before_any_work(refused, source, output):
    (source / "folder.json").mkdir()
    assert output.split("/", maxsplit=1)[0] in refused("diagnose", "s.csv", "missing.csv", "-o", output).error


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_27_a_folder_that_denies_writing(refused, source):
    denied = source / "denied"
    denied.mkdir()
    denied.chmod(stat.S_IRUSR | stat.S_IXUSR)
    refused("adapt", "s.csv", "t.csv", "--out", "denied/m", code=3)
    refused("diagnose", "s.csv", "t.csv", "-o", "denied/r.json", code=3)


# --- 35: extras ---------------------------------------------------------------------------------------


def test_35_a_missing_extra_gives_the_exact_command(refused, source, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'mdshift[ray]'" in refused("diagnose", "s.csv", "t.csv", "--engine", "ray", code=3).hint


# --- 38: names of columns; 39: models ------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--drop", "--text", "--time", "--domain-column"])
def test_38_an_unknown_column_gets_the_nearest(refused, source, option):
    ended = refused(*REHEARSE, "s.csv", "t.csv", option, "color")
    assert "'color'" in ended.error
    assert "'colour'" in ended.hint


def test_39_data_that_lack_a_column_of_the_model(refused, folder, trained):
    (folder / "few.csv").write_text("a,b,colour\n1,2,red\n")
    ended = refused("predict", trained, "few.csv")
    assert "'c'" in ended.error
    assert "few.csv" in ended.error or "few.csv" in ended.hint


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_39_what_the_model_cannot_read_is_told_with_its_column(call, folder, trained, table, command):
    table(folder / "t.csv")
    assert "warning" not in call(command, trained, "t.csv").err
    header, first, *rest = (folder / "t.csv").read_text().splitlines()
    columns = header.split(",")
    cells = first.split(",")
    for name, value in (("a", "inf"), ("b", "many"), ("colour", "octarine")):
        cells[columns.index(name)] = value
    (folder / "t.csv").write_text("\n".join([header, ",".join(cells), *rest]) + "\n")
    ended = call(command, trained, "t.csv")
    assert ended.code == 0
    told = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
    assert [line.rpartition(": ")[2] for line in told] == ["a (1)", "b (1)", "colour (1)"]
    assert "warning" not in call(command, trained, "t.csv", "-q").err


def test_39_evaluate_without_labels(refused, folder, trained, table):
    table(folder / "t.csv", label=False)
    assert "label" in refused("evaluate", trained, "t.csv").error
