"""Predictions in files."""

import csv
import json

import numpy as np
import pytest

from mdshift.errors import EnvironmentFault, UsageError
from mdshift.readers.write import safe, write_rows


def batches():
    yield {
        "row": np.array([0, 1]),
        "prediction": np.array(["=cmd|' /C calc'!A0", "-1"], dtype=object),
        "confidence": np.array([0.5, np.nan]),
    }
    yield {"row": np.array([2]), "prediction": np.array(["a,b"], dtype=object), "confidence": np.array([1 / 3])}


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_delimited_files_are_safe_in_a_spreadsheet(tmp_path, ending):
    file = tmp_path / f"p.{ending}"
    assert write_rows(str(file), batches()) == 3
    with file.open(newline="") as f:
        rows = list(csv.reader(f, delimiter="\t" if ending == "tsv" else ","))
    assert rows == [["row", "prediction", "confidence"], ["0", "'=cmd|' /C calc'!A0", "0.5"], ["1", "-1", ""], ["2", "a,b", str(1 / 3)]]


@pytest.mark.parametrize("cell", ["=1+1", "+x", "-x", "@x", "\tx", "\r=x", "\n=x", "-", "\t1"])
def test_cells_that_would_run_are_prefixed(cell):
    assert safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["x", "-1", "+1.5e3", -1.5, 0, None, "a=b"])
def test_other_cells_stay(cell):
    assert safe(cell) == cell


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_json_has_null_for_what_is_no_number(tmp_path, ending):
    file = tmp_path / f"p.{ending}"
    write_rows(str(file), batches())
    text = file.read_text()
    rows = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
    assert [r["confidence"] for r in rows] == [0.5, None, 1 / 3]
    assert rows[0]["prediction"] == "=cmd|' /C calc'!A0"


def test_parquet_keeps_types(tmp_path):
    import pyarrow.parquet as pq

    write_rows(str(tmp_path / "p.parquet"), batches())
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.to_pydict()["row"] == [0, 1, 2]
    assert table.to_pydict()["confidence"] == [0.5, None, 1 / 3]


@pytest.mark.parametrize(
    ("json_wanted", "first"),
    [(False, "row,prediction,confidence"), (True, '{"row": 0, "prediction": "=cmd|\' /C calc\'!A0", "confidence": 0.5}')],
)
def test_standard_output(capsys, json_wanted, first):
    write_rows(None, batches(), json=json_wanted)
    assert capsys.readouterr().out.splitlines()[0] == first


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, ending):
    def broken():
        yield from batches()
        raise RuntimeError

    file = tmp_path / f"p.{ending}"
    file.write_text("old")
    with pytest.raises(RuntimeError):
        write_rows(str(file), broken())
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(EnvironmentFault):
        write_rows(str(tmp_path / "nowhere" / "p.csv"), batches())
    with pytest.raises(UsageError):
        write_rows(str(tmp_path / "p.xls"), batches())


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_rows(str(tmp_path / "link.csv"), batches())
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("row,")


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_names_that_utf_8_cannot_hold_are_written_out(tmp_path, ending):
    import pyarrow.parquet as pq

    file = tmp_path / f"p.{ending}"
    write_rows(str(file), [{"prediction": np.array(["\udcff"], dtype=object), "p_\udcff": np.array([0.5])}])
    if ending == "parquet":
        assert pq.read_table(file).to_pydict() == {"prediction": [r"\udcff"], r"p_\udcff": [0.5]}
    else:
        assert file.read_text().count(r"\udcff") == 2
