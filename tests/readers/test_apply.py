"""New data under a saved schema."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from mdshift.errors import DataError
from mdshift.readers import apply
from mdshift.readers.load import domain_for
from mdshift.types import MISSING, UNKNOWN, concatenate

RNG = np.random.default_rng(0)
N = 90
TABLE = {
    "x": [None if i % 11 == 0 else round(float(v), 3) for i, v in enumerate(RNG.normal(size=N))],
    "when": [f"2024-01-{1 + i % 28:02d}" for i in range(N)],
    "colour": ["red", "blue", ""] * 30,
    "note": [f"a sentence of several words, long enough to be text {i}" for i in range(N)],
    "label": ["no", "yes"] * 45,
}


@pytest.fixture
def problem(pair):
    return pair(TABLE, TABLE, need_label=True)


def read(problem, path, **options):
    return concatenate(tuple(domain_for(problem.schema, problem.task, problem.classes, str(path), **options)))


def test_the_training_data_come_back_as_they_were(problem, tmp_path, monkeypatch):
    monkeypatch.setattr(apply, "ROWS", 16)
    found = read(problem, tmp_path / "source.csv", labels_wanted=True)
    assert np.array_equal(found.numbers, problem.source.numbers, equal_nan=True)
    for part in ("categories", "texts", "y", "index"):
        assert (getattr(found, part) == getattr(problem.source, part)).all()
    batches = list(domain_for(problem.schema, problem.task, problem.classes, str(tmp_path / "source.csv")))
    assert [len(b) for b in batches] == [16] * 5 + [10]
    assert batches[0].y is None


def test_other_formats_types_orders_and_extra_columns(problem, tmp_path):
    n = 4
    columns = {
        "extra": [1] * n,
        "label": pa.array(["yes", "never seen", None, "no"]),
        "note": ["t"] * n,
        "colour": pa.array(["blue", "green", None, "red"]).dictionary_encode(),
        "when": pa.array([19723, 19724, None, 0], pa.date32()),
        "x": ["1.5", "inf", "abc", "1e300"],
    }
    pq.write_table(pa.table(columns), tmp_path / "new.parquet")
    found = read(problem, tmp_path / "new.parquet", label="label", labels_wanted=True)
    level = {v: i for i, v in enumerate(problem.schema.categories[0].levels)}
    assert found.categories[:, 0].tolist() == [level["blue"], UNKNOWN, MISSING, level["red"]]
    assert found.numbers[0].tolist() == [1.5, 19723.0]
    assert np.isnan(found.numbers[1, 0])
    assert np.isnan(found.numbers[2]).all()
    assert np.isfinite(found.numbers[3] ** 2).all()
    assert found.y.tolist() == [1, UNKNOWN, MISSING, 0]


def test_what_is_odd_is_counted_by_what_it_is_and_by_column(problem, tmp_path, monkeypatch):
    monkeypatch.setattr(apply, "ROWS", 2)
    n = 5
    columns = {
        "note": ["t"] * n,
        "colour": ["blue", "green", None, "pink", "red"],
        "when": ["2024-01-01", "soon", None, "2024-01-02", "2024-01-03"],
        "x": ["1e200", "inf", "abc", "-inf", "NA"],
    }
    pq.write_table(pa.table(columns), tmp_path / "new.parquet")
    odd = apply.Odd()
    found = read(problem, tmp_path / "new.parquet", odd=odd)
    np.testing.assert_array_equal(found.numbers[:, 1], [19723, np.nan, np.nan, 19724, 19725])  # one bad date spoils no other
    assert odd.counts == {
        apply.INFINITE: {"x": 2},
        apply.HUGE: {"x": 1},
        apply.UNREAD["number"]: {"x": 2},
        apply.UNREAD["date"]: {"when": 1},
        apply.NEW: {"colour": 2},
    }
    assert f"{apply.NEW}: colour (2)" in odd.said
    clean = apply.Odd()
    read(problem, tmp_path / "source.csv", odd=clean)
    assert clean.said == []


@pytest.mark.parametrize(("trained", "given"), [(("True", "False"), ("true", "false")), (("true", "false"), (True, False))])
def test_truth_values_are_known_in_any_spelling(pair, tmp_path, trained, given):
    table = {"b": [*trained] * 30, "x": RNG.normal(size=60), "label": ["no", "yes"] * 30}
    problem = pair(table, table, need_label=True)
    pq.write_table(pa.table({"b": [*given, None], "x": [0.0] * 3}), tmp_path / "new.parquet")
    odd = apply.Odd()
    found = read(problem, tmp_path / "new.parquet", odd=odd)
    assert found.categories[:, 0].tolist() == [problem.schema.categories[0].levels.index(v) for v in trained] + [MISSING]
    assert odd.said == []


def test_a_truth_value_for_a_number_does_not_hang_on_the_rows_beside_it(pair, tmp_path):
    n = {"label": ["no", "yes"] * 30}
    problem = pair({"b": [0.5, 1.0] * 30, **n}, {"b": [1.0, 0.25] * 30, **n}, need_label=True)
    (tmp_path / "new.csv").write_text("b\ntrue\nmaybe\nFalse\n0.5\n\n")
    odd = apply.Odd()
    found = read(problem, tmp_path / "new.csv", odd=odd)
    np.testing.assert_array_equal(found.numbers[:4, 0], [1, np.nan, 0, 0.5])
    assert odd.said == [f"{apply.UNREAD['number']}: b (1)"]


def test_columns_that_are_all_missing_and_numbers_for_dates_are_told(problem, tmp_path, monkeypatch):
    monkeypatch.setattr(apply, "ROWS", 16)
    columns = {"x": pa.nulls(30), "when": pa.array([1.7e9] * 29 + [None]), "colour": pa.nulls(30, pa.string()), "note": ["t"] * 30}
    pq.write_table(pa.table(columns), tmp_path / "new.parquet")
    odd = apply.Odd()
    found = read(problem, tmp_path / "new.parquet", odd=odd)
    assert np.isnan(found.numbers).all()  # days, seconds or 20240131: nobody knows which
    said = [f"{apply.UNREAD['date']}: when (29)", f"{apply.EMPTY}: x, colour"]
    assert odd.said == said
    pacsv.write_csv(pa.table(columns), tmp_path / "new.csv")
    text = apply.Odd()
    read(problem, tmp_path / "new.csv", odd=text)
    assert text.said == said  # the same as text
    few = apply.Odd()
    pq.write_table(pa.table(columns).slice(0, 3), tmp_path / "few.parquet")
    read(problem, tmp_path / "few.parquet", odd=few)
    assert few.said == [f"{apply.UNREAD['date']}: when (3)"]  # of a few rows a column may well be missing


def test_a_missing_column_is_named_at_once_with_what_the_model_knows(problem, tmp_path):
    (tmp_path / "new.csv").write_text("x,when,color,note\n1,2024-01-01,red,n\n")
    with pytest.raises(DataError) as caught:
        domain_for(problem.schema, problem.task, problem.classes, str(tmp_path / "new.csv"))
    assert caught.value.seen.startswith("'colour'")
    assert "did you mean 'color'?" in caught.value.hint
    assert "trained on: x, when, colour, note" in caught.value.hint


def test_a_label_that_is_wanted_and_not_there(problem, tmp_path):
    (tmp_path / "new.csv").write_text("x,when,colour,note\n1,2024-01-01,red,n\n")
    assert len(read(problem, tmp_path / "new.csv")) == 1
    with pytest.raises(DataError, match="no label column"):
        read(problem, tmp_path / "new.csv", labels_wanted=True)
    with pytest.raises(DataError, match="label column not found"):
        read(problem, tmp_path / "new.csv", label="lable", labels_wanted=True)


def test_nothing_to_read(problem, tmp_path):
    (tmp_path / "new.csv").write_text("x,when,colour,note\n")
    with pytest.raises(DataError, match="no rows"):
        read(problem, tmp_path / "new.csv")
    with pytest.raises(DataError, match="path not found"):
        read(problem, tmp_path / "new2.csv")


def test_numbers_to_predict(pair, tmp_path):
    table = {"x": RNG.normal(size=40), "target": RNG.normal(size=40)}
    problem = pair(table, table)
    assert read(problem, tmp_path / "source.csv", labels_wanted=True).y == pytest.approx(table["target"])
    (tmp_path / "new.csv").write_text("x,target\n1,low\n")
    with pytest.raises(DataError, match="not a number"):
        read(problem, tmp_path / "new.csv", labels_wanted=True)


def test_images_are_brought_to_the_model_s_shape(tmp_path):
    from PIL import Image

    from mdshift.readers.load import load
    from mdshift.types import DataSpec

    for side, size in (("s", 12), ("t", 12), ("new", 30)):
        for c in "ab":
            (tmp_path / side / c).mkdir(parents=True)
            for i in range(3):
                Image.fromarray(RNG.integers(0, 256, (size, size)).astype(np.uint8)).save(tmp_path / side / c / f"{i}.png")
    problem = load(DataSpec(sources=(str(tmp_path / "s"),), target=str(tmp_path / "t")), seed=0)
    found = read(problem, tmp_path / "new", label="label", labels_wanted=True)
    assert found.images.shape == (6, 12, 12, 1)
    assert found.y.tolist() == [0, 0, 0, 1, 1, 1]
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match="trained on images"):
        read(problem, tmp_path / "a.csv")


def test_arrays_by_position(tmp_path):
    from mdshift.readers.load import load
    from mdshift.types import DataSpec

    X = RNG.normal(size=(20, 5))
    np.savez(tmp_path / "s.npz", X=X, y=np.arange(20) % 2)
    problem = load(DataSpec(sources=(str(tmp_path / "s.npz"),), target=str(tmp_path / "s.npz")), seed=0)
    np.save(tmp_path / "n.npy", X[3:7])
    assert (read(problem, tmp_path / "n.npy").numbers == X[3:7]).all()
    np.save(tmp_path / "m.npy", X[:, :3])
    with pytest.raises(DataError, match="column of the model is missing"):
        read(problem, tmp_path / "m.npy")


def test_labels_of_new_data_that_are_infinite_or_huge_are_missing_and_told(pair, tmp_path):
    table = {"x": [i * 1.5 for i in range(60)], "target": RNG.normal(size=60).tolist()}
    found, odd = pair(table, table, need_label=True), apply.Odd()
    pq.write_table(pa.table({"x": [1.0] * 5, "target": pa.array([0.5, np.inf, -1e308, None, 1e149])}), tmp_path / "new.parquet")
    y = read(found, tmp_path / "new.parquet", label="target", labels_wanted=True, odd=odd).y
    assert np.array_equal(y, [0.5, np.nan, np.nan, np.nan, 1e149], equal_nan=True)
    assert odd.said == [f"{apply.WILD}: target (2)"]
    unasked = apply.Odd()
    read(found, tmp_path / "new.parquet", label="target", labels_wanted=False, odd=unasked)
    assert unasked.said == []  # predictions need no labels


def test_files_without_classes_are_told_where_their_label_would_lie():
    raw = apply.Raw("new", pa.table({}), np.zeros((2, 3, 3, 1), np.uint8), np.arange(2), 2)
    with pytest.raises(DataError) as caught:
        apply._label_name(raw, "label", labels_wanted=True, path="folder")
    assert caught.value.hint == "a file's label is the folder that it lies in: DOMAIN/CLASS/FILE"
