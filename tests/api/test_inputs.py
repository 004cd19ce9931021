"""What may be handed over, and what the readers make of it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from mdshift.api.inputs import given
from mdshift.errors import DataError, UsageError
from mdshift.readers.header import columns_of
from mdshift.readers.load import load
from mdshift.readers.memory import Memory
from mdshift.types import MISSING

FRAME = pd.DataFrame({"a": [1.5, 2.5, None, 4.0], "b": ["u", "v", "u", None], "y": ["p", "q", "p", "q"]})


def read(source, target, y_source=None, y_target=None, **columns):
    data = given(source, target, y_source, y_target, {"task": "auto", **columns})
    return load(data.spec, seed=0, held=data.held)


@pytest.mark.parametrize("library", ["pandas", "arrow", "batch", "arrow-backed"])
def test_a_table_of_any_library_is_read_alike(library):
    make = {
        "pandas": lambda f: f,
        "arrow": lambda f: pa.Table.from_pandas(f, preserve_index=False),
        "batch": lambda f: pa.RecordBatch.from_pandas(f, preserve_index=False),
        "arrow-backed": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    }[library]
    p = read(make(FRAME), make(FRAME.assign(a=FRAME.a + 1)))
    assert (p.label, p.classes) == ("y", ("p", "q"))
    assert [(c.name, c.kind) for c in p.schema.columns] == [("a", "number"), ("b", "category")]
    np.testing.assert_equal(p.source.numbers[:, 0], [1.5, 2.5, np.nan, 4])
    np.testing.assert_equal(p.target.numbers[:, 0], [2.5, 3.5, np.nan, 5])
    assert p.source.categories[:, 0].tolist() == [0, 1, 0, MISSING]


def test_an_index_is_no_column_and_numbered_names_are_names():
    p = read(FRAME.set_index(pd.Index([7, 7, 7, 7])).rename(columns={"a": 0}), FRAME.rename(columns={"a": 0}))
    assert [c.name for c in p.schema.columns] == ["0", "b"]


def test_categories_dates_truth_and_mixed_values_are_understood():
    rows = pd.DataFrame(
        {
            "c": pd.Categorical(["x", "y", "x", None]),
            "d": pd.to_datetime(["1970-01-02", "1970-01-03", None, "1970-01-05"]),
            "t": [True, False, True, True],
            "m": [1, "two", None, "two"],
            "y": [0, 1, 0, 1],
        }
    )
    p = read(rows, rows.assign(t=[False, True, True, True]))
    kinds = {c.name: c.kind for c in p.schema.columns}
    assert kinds == {"c": "category", "d": "date", "t": "category", "m": "category"}
    np.testing.assert_equal(p.source.numbers[:, 0], [1, 2, np.nan, 4])


def test_an_array_is_read_as_a_file_of_it_with_labels_apart(tmp_path):
    X, y = np.arange(12.0).reshape(6, 2) ** 2, np.array([0, 1, 0, 1, 0, 1])
    np.savez(tmp_path / "source.npz", X=X, y=y)
    np.savez(tmp_path / "target.npz", X=X + 1)
    p, q = read(X, X + 1, y), read(str(tmp_path / "source.npz"), tmp_path / "target.npz")
    assert p.schema == q.schema
    assert (p.label, p.classes) == (q.label, q.classes) == ("label", ("0", "1"))
    np.testing.assert_equal(p.source.numbers, q.source.numbers)
    np.testing.assert_equal(p.source.y, q.source.y)
    assert p.target.y is None


def test_labels_may_lack_on_the_target():
    X = np.random.default_rng(0).normal(size=(4, 2))
    p = read(X, X + 1, ["p", "q", "p", "q"], [None, "q", float("nan"), None])
    assert p.target.y.tolist() == [MISSING, 1, MISSING, MISSING]
    assert p.target.labelled.sum() == 1


def test_images_are_brought_to_one_shape():
    rng = np.random.default_rng(0)
    p = read(rng.integers(0, 255, (4, 8, 8, 3), np.uint8), rng.integers(0, 255, (5, 3, 8, 8), np.uint8), [0, 1, 0, 1])
    assert p.schema.modality == "image"
    assert p.schema.image_shape == (8, 8, 3)
    assert p.source.images.shape == (4, 8, 8, 3)
    assert p.target.images.shape == (5, 8, 8, 3)
    assert Memory("x", np.zeros((2, 9, 7), np.uint8)).shape == (9, 7, 1)


@pytest.mark.parametrize("form", [list, tuple, dict])
def test_several_sources(form):
    parts = [FRAME, FRAME.assign(a=0.5 * FRAME.a)]
    p = read(dict(zip(("one", "target"), parts, strict=True)) if form is dict else form(parts), FRAME)
    names = ["one", "target", "target (2)"] if form is dict else ["source 1", "source 2", "target"]
    assert [d.name for d in (*p.sources, p.target)] == names


def test_labels_of_several_sources():
    X = np.random.default_rng(0).normal(size=(4, 2))
    p = read([X, X + 1], X, [[0, 1, 0, 1], [1, 1, 0, 0]])
    assert [d.y.tolist() for d in p.sources] == [[0, 1, 0, 1], [1, 1, 0, 0]]
    p = read({"a": X, "b": X + 1}, X, {"b": [1, 1, 0, 0]})
    assert p.sources[0].y is None
    with pytest.raises(UsageError, match="not given"):
        read({"a": X}, X, {"c": [1, 1, 0, 0]})
    with pytest.raises(UsageError, match="y_source does not fit"):
        read([X, X], X, np.zeros(8))


def test_a_domain_column_tells_domains_apart():
    rows = pd.concat([FRAME.assign(year=y) for y in (2019, 2020, 2021)])
    p = read(rows, None, domain_column="year")
    assert [d.name for d in p.sources] == ["2019", "2020"]
    assert p.target.name == "2021"
    assert read(rows, "2019", domain_column="year").target.name == "2019"


def test_a_file_and_a_frame_may_be_mixed(tmp_path):
    FRAME.to_csv(tmp_path / "s.csv", index=False)
    p = read(tmp_path / "s.csv", FRAME)
    assert [p.source.name, p.target.name] == ["s", "target"]
    with pytest.raises(UsageError, match="labels apart from a file"):
        read(tmp_path / "s.csv", FRAME, [1, 2])


def test_a_name_that_is_a_file_too_is_what_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target").write_text("nothing of use")
    assert len(read(FRAME, FRAME).target) == 4


def test_what_is_in_memory_is_not_changed():
    rows, X = FRAME.copy(), np.array([[np.inf, 1.0], [2, 3], [4, 5], [6, 7]])
    before = X.copy()
    read(rows, rows, drop="b", kinds={"a": "category"})
    read(X, X, [0, 1, 0, 1])
    pd.testing.assert_frame_equal(rows, FRAME)
    np.testing.assert_equal(X, before)


def test_odd_values_are_read_as_what_comes_nearest():
    rows = pd.DataFrame(
        {
            "huge": [2**70, 2**71, None, 5],
            "month": pd.period_range("2020-01", periods=4, freq="M").where([True, True, False, True]),
            "lone": pd.Series(["\ud800", "u", "u", "\ud800"], dtype=object),
            "y": [0, 1, 0, 1],
        }
    )
    p = read(rows, rows.iloc[::-1], kinds={"month": "category"})
    assert [(c.name, c.kind) for c in p.schema.columns] == [("huge", "number"), ("month", "category"), ("lone", "category")]
    np.testing.assert_equal(p.source.numbers[:, 0], [2.0**70, 2.0**71, np.nan, 5])
    assert set(p.schema.columns[1].levels) == {"2020-01", "2020-02", "2020-04"}
    assert set(p.schema.columns[2].levels) == {"\\ud800", "u"}


def test_what_an_array_masks_is_missing():
    X = np.ma.masked_array([[1, 2], [3, 4], [5, 6], [7, 9]], mask=[[0, 1], [0, 0], [0, 0], [0, 0]])
    np.testing.assert_equal(read(X, X, [0, 1, 0, 1]).source.numbers[0], [1, np.nan])


def test_labels_may_be_a_table_of_one_column():
    assert read(FRAME[["a"]], FRAME[["a"]], FRAME[["y"]]).classes == ("p", "q")
    assert read(FRAME[["a"]], FRAME[["a"]], np.array([[0], [1], [0], [1]])).classes == ("0", "1")


def test_a_column_of_columns_is_refused():
    with pytest.raises(DataError, match="one value a row"):
        read(FRAME, FRAME, np.zeros((4, 2)))


def test_a_header_is_told_without_the_rows(tmp_path):
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    FRAME.to_csv(tmp_path / "b.csv.gz", index=False, sep=";")
    FRAME.to_json(tmp_path / "c.jsonl", orient="records", lines=True)
    FRAME.to_json(tmp_path / "d.json", orient="records")
    pa.parquet.write_table(table, tmp_path / "e.parquet")
    pa.feather.write_feather(table, tmp_path / "f.feather")
    for name in ("a.csv", "b.csv.gz", "c.jsonl", "d.json", "e.parquet", "f.feather", "."):
        assert columns_of(str(tmp_path / name)) == ["a", "b", "y"], name
    (tmp_path / "g.csv").write_bytes(b"\0\1\2")
    assert columns_of(str(tmp_path / "g.csv")) == columns_of("/dev/zero") == columns_of("nothere") == []


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([10**400, 1], "large_string"),
        ([2**70, "x"], "large_string"),
        ([2**70, True], "large_string"),
        ([2**70, 1 + 2j], "large_string"),
        ([2**70, None], "double"),
        ([2**70, 2**65], "double"),
    ],
)
def test_large_whole_numbers_are_read_alike_in_any_order(values, kind):
    from mdshift.readers.memory import values_of

    for ordered in (values, values[::-1], pd.Series(values, dtype=object)):
        made = values_of(ordered, "the labels")
        assert str(made.type) == kind
        assert made.null_count == values.count(None)
