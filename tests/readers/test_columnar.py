"""Parquet, Feather and Arrow."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int16()),
        "c": pa.array(["x", "y", "x"]).dictionary_encode(),
        "d": [dt.date(2024, 1, 1), dt.date(2024, 1, 2), None],
    }
)


def write(kind, path, table=TABLE):
    if kind == "parquet":
        pq.write_table(table, path)
    elif kind == "feather":
        feather.write_feather(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)


@pytest.mark.parametrize("kind", ["parquet", "feather", "arrow"])
def test_a_table_comes_back_as_it_was(tmp_path, read, kind):
    write(kind, tmp_path / f"a.{kind}")
    raw, _ = read(tmp_path / f"a.{kind}")
    assert raw.table.select(["n", "d"]).to_pydict() == TABLE.select(["n", "d"]).to_pydict()
    assert raw.column("c").to_pylist() == ["x", "y", "x"]
    assert raw.typed


@pytest.mark.parametrize("kind", ["parquet", "feather", "arrow"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path, refused, kind, share):
    file = tmp_path / f"a.{kind}"
    write(kind, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    assert str(file) in refused(file).seen


@pytest.mark.parametrize("kind", ["parquet", "feather", "arrow"])
def test_no_rows(tmp_path, refused, kind):
    write(kind, tmp_path / f"a.{kind}", TABLE.slice(0, 0))
    assert "no rows" in refused(tmp_path / f"a.{kind}").what


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_two_columns_of_one_name(tmp_path, refused, kind):
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    if kind == "feather":
        write("arrow", tmp_path / "a.arrow", table)
        assert "same name" in refused(tmp_path / "a.arrow").what
    else:
        write(kind, tmp_path / "a.parquet", table)
        assert "same name" in refused(tmp_path / "a.parquet").what


def test_the_index_that_pandas_stores_is_no_column(tmp_path, read):
    import pandas as pd

    pd.DataFrame({"a": [1, 2, 3]}, index=[7, 9, 8]).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0].table.column_names == ["a"]


def test_structs_and_lists_of_one_length_become_columns(tmp_path, read):
    table = pa.table({"e": [[1.0, 2.0], [3.0, 4.0]], "s": [{"k": 1, "l": "x"}, {"k": 2, "l": None}], "r": [[1], [1, 2]]})
    pq.write_table(table, tmp_path / "a.parquet")
    raw, _ = read(tmp_path / "a.parquet")
    assert raw.table.column_names == ["e_0", "e_1", "s.k", "s.l", "r"]
    assert raw.table.to_pydict()["e_1"] == [2.0, 4.0]


def test_a_sample_is_the_same_however_the_file_is_cut(tmp_path, read):
    n = 5000
    pq.write_table(pa.table({"a": np.arange(n)}), tmp_path / "a.parquet", row_group_size=700)
    found = [read(tmp_path / "a.parquet", limit=100, rows=rows)[0] for rows in (64, 1000, 10_000)]
    for raw in found:
        assert raw.rows == n
        assert raw.table.to_pydict()["a"] == raw.index.tolist() == found[0].index.tolist()
        assert len(raw.index) == 100
        assert (np.diff(raw.index) > 0).all()


def test_a_sample_is_uniform(tmp_path, read):
    n, k, repeats = 200, 40, 300
    pq.write_table(pa.table({"a": np.arange(n)}), tmp_path / "a.parquet")
    counts = np.zeros(n)
    for seed in range(repeats):
        counts[read(tmp_path / "a.parquet", limit=k, seed=seed, rows=33)[0].index] += 1
    p = k / n
    # the chi-square of the inclusion counts has about n degrees of freedom; five standard deviations
    chi = float(((counts - repeats * p) ** 2 / (repeats * p * (1 - p))).sum())
    assert abs(chi - n) < 5 * np.sqrt(2 * n)
