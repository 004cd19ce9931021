"""From paths to a problem: one treatment for all domains."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mdshift.errors import DataError
from mdshift.readers.load import describe, load
from mdshift.types import MISSING, UNKNOWN, DataSpec


def kinds(problem):
    return {c.name: c.kind for c in (*problem.schema.columns, *problem.schema.left_out)}


def warned(problem, *words):
    return any(all(w in n.text for w in words) for n in problem.notes if n.level == "warning")


RNG = np.random.default_rng(0)
N = 60
BASE = {"x": RNG.normal(size=N).round(3).tolist(), "c": ["red", "blue", "red"] * 20, "label": ["no", "yes"] * 30}


def test_numbers_categories_and_labels(pair):
    found = pair(BASE, {k: v[:30] for k, v in BASE.items() if k != "label"}, need_label=True)
    assert kinds(found) == {"x": "number", "c": "category"}
    assert found.schema.columns[1].levels == ("red", "blue")
    assert found.schema.columns[1].source_levels == 2
    assert found.source.numbers.shape == (N, 1)
    assert found.source.categories[:3, 0].tolist() == [0, 1, 0]
    assert found.source.y[:2].tolist() == [0, 1]
    assert (found.task, found.label, found.classes, found.source_classes) == ("classification", "label", ("no", "yes"), 2)
    assert found.target.y is None
    assert any("target rows with a label: 0 of 30" in n.text for n in found.notes)
    assert found.source.index.tolist() == list(range(N))


def test_the_order_of_columns_has_no_effect(pair):
    one = pair(BASE, BASE)
    other = pair(BASE, {k: BASE[k] for k in reversed(BASE)})
    assert one.schema == other.schema
    assert (one.target.numbers == other.target.numbers).all()
    assert (one.target.categories == other.target.categories).all()
    assert (one.target.y == other.target.y).all()


def test_few_labels_in_the_target(pair):
    found = pair(BASE, {**BASE, "label": ["yes", "no", *([None] * (N - 2))]})
    assert found.target.y.tolist() == [1, 0, *([MISSING] * (N - 2))]
    assert found.target.labelled.sum() == 2


def test_nulls_turn_whole_labels_into_floats_and_the_classes_stay(tmp_path):
    pq.write_table(pa.table({"x": [0.5, 1.5, 2.5], "label": [0, 1, 1]}), tmp_path / "s.parquet")
    pq.write_table(pa.table({"x": [0.5, 1.25, 2.0], "label": [1.0, None, 0.0]}), tmp_path / "t.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "t.parquet")), seed=0)
    assert found.classes == ("0", "1")
    assert found.target.y.tolist() == [1, MISSING, 0]


# --- faults 8 and 9: mixed and wild numbers ---


def test_a_word_late_among_numbers_is_missing_and_named_with_its_row(pair):
    found = pair({"x": [*range(500), "abc", *range(500)]}, {"x": range(100)})
    assert kinds(found) == {"x": "number"}
    assert np.isnan(found.source.numbers[500, 0])
    assert warned(found, "x (1 such", "row 500", "'abc'")
    assert found.quality["unreadable"] == {"x": 1}


def test_a_column_of_words_and_numbers_is_read_as_words(pair):
    values = ["1", "2", "a", "b", "3"] * 12
    found = pair({"x": values}, {"x": values})
    assert kinds(found) == {"x": "category"}
    assert set(found.schema.columns[0].levels) == {"1", "2", "3", "a", "b"}


def test_integers_of_thirty_digits(pair):
    found = pair({"x": [int("9" * 30) + i * 10**25 for i in range(30)]}, {"x": [1, 2, 3]})
    assert kinds(found) == {"x": "number"}
    assert found.source.numbers[0, 0] == pytest.approx(1e30)


def test_infinite_and_huge_numbers_are_counted_and_tamed(pair):
    found = pair({"x": ["inf", "1e400", "-inf", "1e308", "-1e308", "NaN", 1.5, 2.5]}, {"x": [1.0, 2.0]})
    column = found.source.numbers[:, 0]
    assert np.isnan(column[[0, 1, 2, 5]]).all()
    assert np.isfinite(column[3] ** 2)
    assert column[4] == -column[3]
    assert found.quality["infinite"] == {"x": 3}
    assert found.quality["huge"] == {"x": 2}
    assert warned(found, "infinite", "x")
    assert warned(found, "beyond", "x")


def test_question_marks_among_numbers_are_missing(pair):
    found = pair({"x": [1, "?", 3] * 10}, {"x": [1, 2]})
    assert kinds(found) == {"x": "number"}
    assert np.isnan(found.source.numbers[1, 0])
    assert not warned(found, "numbers")


def test_postcodes_are_no_numbers(pair):
    found = pair({"zip": ["01067", "20095", "01099"] * 10}, {"zip": ["01067"] * 5})
    assert kinds(found) == {"zip": "category"}


# --- fault 10 and 11: columns of no use ---


def test_constants_duplicates_and_identifiers_are_left_out_and_listed(pair):
    n = 50
    x = RNG.normal(size=n).round(4).tolist()
    table = {
        "x": x,
        "twin": x,
        "same": [7] * n,
        "word": ["on"] * n,
        "row": range(n),
        "customer_id": [100_000 + 7919 * i % 99_991 for i in range(n)],
        "uuid": [f"{i * 7919:08x}-ab" for i in range(n)],
        "age": [20 + i % 40 for i in range(n)],
        "c": ["a", "b"] * 25,
        "c2": ["a", "b"] * 25,
        "none": [None] * n,
    }
    found = pair(table, {k: list(v)[:30] for k, v in table.items()})
    assert kinds(found) == {
        "x": "number",
        "twin": "duplicate",
        "same": "constant",
        "word": "constant",
        "row": "identifier",
        "customer_id": "identifier",
        "uuid": "identifier",
        "age": "number",
        "c": "category",
        "c2": "duplicate",
        "none": "empty",
    }
    told = "\n".join(n.text for n in describe(found))
    assert "left out: uuid (identifier" in told
    assert "left out: twin (duplicate: the same as 'x')" in told


def test_true_numbers_are_never_identifiers(pair):
    n = 200
    found = pair({"id": RNG.normal(size=n), "x": RNG.permutation(10 * n)[:n]}, {"id": RNG.normal(size=50), "x": RNG.permutation(500)[:50]})
    assert kinds(found) == {"id": "number", "x": "number"}


def test_two_valued_numbers_stay_numbers(pair):
    found = pair({"b": [0, 1] * 20, "x": range(0, 80, 2)}, {"b": [1, 0, 0], "x": [4, 4, 9]})
    assert kinds(found)["b"] == "number"


def test_a_constant_in_the_source_that_differs_in_the_target_is_kept(pair):
    found = pair({"x": [1.5] * 30, "c": ["a"] * 30}, {"x": [1.5, 2.5], "c": ["a", "b"]})
    assert kinds(found) == {"x": "number", "c": "category"}


def test_a_column_that_one_side_lacks_entirely(pair):
    found = pair({"x": [1, 2, 3, 5], "a": [None] * 4, "b": [1.5, 2, 3, 4]}, {"x": [2, 3, 9, 9], "a": [1, 2, 3, 4], "b": [None] * 4})
    assert kinds(found) == {"x": "number", "a": "empty", "b": "number"}
    assert warned(found, "all missing in the source", "a")
    assert warned(found, "all missing in 'target'", "b")


def test_categories_by_the_thousand_that_hardly_repeat_are_left_out(tmp_path):
    n = 20_000
    words = [f"k{i}" for i in range(n)]
    pq.write_table(pa.table({"k": words, "x": RNG.normal(size=n)}), tmp_path / "s.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "s.parquet")), seed=0)
    assert kinds(found)["k"] == "identifier"


def test_rare_levels_beyond_a_thousand_are_unknown(pair):
    levels = [f"v{i}" for i in range(1500) for _ in range(3 if i < 900 else 2)]
    found = pair({"c": levels}, {"c": ["v0", "v1499", "new"]})
    column = found.schema.columns[0]
    assert (column.kind, len(column.levels), column.levels[0]) == ("category", 1000, "v0")
    assert (found.source.categories[-1, 0], found.target.categories[0, 0], found.target.categories[2, 0]) == (UNKNOWN, 0, UNKNOWN)


# --- faults 12 and 13: the target's columns ---


def test_levels_that_the_source_lacks_come_last_and_are_told(pair):
    found = pair({"c": ["a", "b", "b"] * 10}, {"c": ["z", "a", "z", "y"]})
    column = found.schema.columns[0]
    assert column.levels == ("b", "a", "z", "y")
    assert column.source_levels == 2
    assert found.quality["unseen"] == {"c": 3}
    assert warned(found, "categories that the source lacks", "c ('z'")


def test_columns_missing_and_extra_are_listed_or_refused(pair):
    source, target = {"x": [1, 2, 4], "gone": [1, 5, 2]}, {"x": [3, 4, 9], "more": [1, 2, 3]}
    found = pair(source, target)
    assert [c.name for c in found.schema.columns] == ["x"]
    assert warned(found, "target lacks gone")
    assert warned(found, "source lacks more")
    with pytest.raises(DataError, match="columns differ") as e:
        pair(source, target, on_schema="fail")
    assert e.value.seen == "source lacks more; target lacks gone"


def test_no_column_in_common(pair):
    with pytest.raises(DataError, match="no column in common"):
        pair({"a": [1, 2]}, {"b": [1, 2]})
    with pytest.raises(DataError, match="no column in common") as e:
        pair({"label": ["p", "q"]}, {"label": ["p", "q"]})
    assert e.value.seen.count("nothing but the label") == 2


def test_numbers_stored_as_text_on_one_side_are_read_as_numbers(tmp_path):
    pq.write_table(pa.table({"x": [1.5, 2.5, 3.5]}), tmp_path / "s.parquet")
    pq.write_table(pa.table({"x": ["1.5", " 2", None]}), tmp_path / "t.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "t.parquet")), seed=0)
    assert kinds(found) == {"x": "number"}
    assert found.target.numbers[:2, 0].tolist() == [1.5, 2.0]


def test_numbers_on_one_side_and_words_on_the_other_are_words_with_a_warning(tmp_path):
    pq.write_table(pa.table({"x": [1.0, 2.0, 1.0]}), tmp_path / "s.parquet")
    pq.write_table(pa.table({"x": ["low", "1", "high"]}), tmp_path / "t.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "t.parquet")), seed=0)
    assert kinds(found) == {"x": "category"}
    assert found.schema.columns[0].levels[:2] == ("1", "2")
    assert warned(found, "words on the other", "x")


def test_digits_that_a_typed_format_stores_as_text_are_codes(tmp_path):
    pq.write_table(pa.table({"day": ["1", "2", "3"] * 10}), tmp_path / "s.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "s.parquet")), seed=0)
    assert kinds(found) == {"day": "category"}


# --- fault 18 ---


def test_rows_that_stand_on_both_sides_are_warned_of(pair):
    assert warned(pair(BASE, BASE), "stand in the source too")
    fresh = {"x": RNG.normal(size=N), "c": BASE["c"], "label": BASE["label"]}
    found = pair(BASE, fresh)
    assert not warned(found, "stand in the source too")
    assert found.quality["repeated"]["shared_rows"] == 0


# --- dates, truth values, the user's word ---


def test_one_bad_date_makes_no_column_of_words(pair):
    days = [f"2024-01-{1 + i % 28:02d}" for i in range(100)]
    clean = pair({"d": days, "x": range(100)}, {"d": days, "x": range(100)})
    bad = ["soon", *days[1:50], "2024-02-31", *days[51:]]
    found = pair({"d": bad, "x": range(100)}, {"d": days, "x": range(100)})
    assert kinds(found)["d"] == "date"
    expected = clean.source.numbers.copy()
    expected[[0, 50], 0] = np.nan
    np.testing.assert_array_equal(found.source.numbers, expected)
    assert any("no dates" in n.text and "d (2 such; the first, in source row 0, is 'soon')" in n.text for n in found.notes)
    many = pair({"d": ["soon"] * 5 + days[5:], "x": range(100)}, {"d": days, "x": range(100)})
    assert kinds(many)["d"] == "category"


def test_dates_that_cannot_be_and_digits_beyond_microseconds(pair):
    at = [f"2023-{1 + i % 12:02d}-{1 + i % 28:02d} 10:00:00.{i:09d}" for i in range(2000)]
    bad = {3: "2023-02-29 10:00:00", 700: "2023-04-31 10:00:00.5", 701: "2023-13-01 10:00:00", 1999: "2023-01-01 25:00:00"}
    found = pair({"d": [bad.get(i, v) for i, v in enumerate(at)], "x": range(2000)}, {"d": at, "x": range(2000)})
    assert kinds(found)["d"] == "date"
    read = found.source.numbers[:, 0]
    assert np.flatnonzero(np.isnan(read)).tolist() == list(bad)
    expected = (np.array([v.replace(" ", "T") for v in at], "datetime64[us]") - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
    others = np.setdiff1d(np.arange(2000), list(bad))
    np.testing.assert_allclose(read[others], expected[others], rtol=0, atol=1e-9)


def test_few_dates_of_a_typed_format_are_dates_whatever_stands_first(tmp_path):
    two = ["soon", *["2024-01-01", "2024-01-02"] * 50]
    pq.write_table(pa.table({"d": two, "x": range(101)}), tmp_path / "s.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "s.parquet")), seed=0)
    assert kinds(found)["d"] == "date"
    codes = pa.table({"d": [*["01", "02"] * 50, None], "x": range(101)})
    pq.write_table(codes, tmp_path / "c.parquet")
    pq.write_table(codes.set_column(0, "d", pa.nulls(101, pa.string())), tmp_path / "n.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "c.parquet"),), target=str(tmp_path / "n.parquet")), seed=0)
    assert kinds(found)["d"] == "category"  # a side without a value is no side of dates


def test_dates_with_a_zone_and_without_are_dates(pair):
    mixed = [f"2024-01-{1 + i % 28:02d}T12:00:00{'Z' if i % 2 else '' if i % 3 else '+02:00'}" for i in range(60)]
    found = pair({"d": mixed, "x": range(60)}, {"d": mixed, "x": range(60)})
    assert kinds(found)["d"] == "date"
    np.testing.assert_allclose(found.source.numbers[:4, 0] - 19723, [10 / 24, 1.5, 2.5, 3.5])


def test_dates_are_days(pair):
    found = pair(
        {"d": ["2024-01-01", "2024-01-03", ""], "t": ["2024-01-01T12:00:00Z", "2024-01-02T00:00:00+02:00", "2024-01-01T00:00:00Z"]},
        {"d": ["1970-01-02"], "t": ["1970-01-01T06:00:00Z"]},
    )
    assert kinds(found) == {"d": "date", "t": "date"}
    assert found.target.numbers.tolist() == [[1.0, 0.25]]
    assert found.source.numbers[1, 0] - found.source.numbers[0, 0] == 2
    assert np.isnan(found.source.numbers[2, 0])


def test_truth_values(tmp_path):
    pq.write_table(pa.table({"b": [True, False, None], "label": [True, False, True]}), tmp_path / "s.parquet")
    (tmp_path / "t.csv").write_text("b,label\nTrue,False\nFalse,True\n")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "t.csv")), seed=0)
    assert kinds(found) == {"b": "category"}
    assert found.classes == ("False", "True")
    assert set(found.schema.columns[0].levels) == {"True", "False"}


def test_the_users_word_on_columns(pair):
    found = pair(
        {"a": [1, 2, 3] * 9, "b": [1.5, 2, 3] * 9, "k": range(27), "z": [0, 1, 5] * 9},
        {"a": [1, 9], "b": [1, 2], "k": [5, 9], "z": [1, 2]},
        kinds={"a": "category", "k": "number"},
        drop=("z",),
    )
    assert kinds(found) == {"a": "category", "b": "number", "k": "number"}
    assert found.schema.categories[0].levels[-1] == "9"


def test_a_wrong_column_name_gets_the_nearest(pair):
    with pytest.raises(DataError) as caught:
        pair(BASE, BASE, labels=("lable",))
    assert caught.value.hint == "did you mean 'label'?"
    with pytest.raises(DataError, match="column not found"):
        pair(BASE, BASE, drop=("q",))


# --- several domains ---


def test_a_domain_column_makes_domains_and_is_no_feature(pair):
    site = ["b", "a", "b"] * 20
    found = pair({**BASE, "site": site}, {**BASE, "site": ["z"] * N}, domain_column="site")
    assert [d.name for d in found.sources] == ["a", "b"]
    assert [len(d) for d in found.sources] == [20, 40]
    assert "site" not in kinds(found)
    assert found.sources[0].index.tolist() == list(range(1, N, 3))


def test_one_path_and_a_domain_column(tmp_path):
    file = tmp_path / "all.csv"
    file.write_text("x,year,label\n" + "".join(f"{i % 7}.5,{2010 + i % 3},{'ab'[i % 2]}\n" for i in range(60)))
    found = load(DataSpec(sources=(str(file),), domain_column="year"), seed=0)
    assert [d.name for d in found.sources] == ["2010", "2011"]
    assert found.target.name == "2012"
    found = load(DataSpec(sources=(str(file),), target="2010", domain_column="year"), seed=0)
    assert found.target.name == "2010"
    found = load(DataSpec(sources=(str(file),), domain_column="year"), seed=0, need_target=False)
    assert len(found.sources) == 3
    assert found.target is None
    for spec in ({"domain_column": "yeer"}, {"domain_column": "year", "target": "1999"}):
        with pytest.raises(DataError):
            load(DataSpec(sources=(str(file),), **spec), seed=0)


def test_a_bounded_sample_is_seeded_and_in_order(pair):
    table = {"x": RNG.normal(size=500), "label": RNG.integers(0, 2, 500)}
    one, again, other = (pair(table, table, max_rows=50, seed=s) for s in (1, 1, 2))
    assert len(one.source) == 50
    assert one.source.rows == 500
    assert (one.source.index == again.source.index).all()
    assert (one.source.index != other.source.index).any()
    assert (one.source.numbers[:, 0] == np.asarray(table["x"])[one.source.index]).all()


@pytest.mark.parametrize("rows", [1, 2, 5, 20])
def test_a_few_rows_are_no_error(pair, rows):
    found = pair(
        {"x": [i + 0.5 for i in range(rows)], "label": ["a", "b", "a", "b"] * 5 if rows == 20 else (["a", "b"] * 3)[:rows]},
        {"x": [9.25] * rows},
    )
    assert len(found.target) == rows


def test_wide_tables_take_one_note_a_topic(tmp_path):
    p = 3000
    table = {f"c{i}": pa.array([None] * 20, pa.float64()) if i % 2 else RNG.normal(size=20) for i in range(p)}
    pq.write_table(pa.table(table), tmp_path / "s.parquet")
    pq.write_table(pa.table({k: RNG.normal(size=20) for k in table}), tmp_path / "t.parquet")
    found = load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "t.parquet")), seed=0)
    assert len(found.schema.columns) == p // 2
    assert len(found.notes) < 10
    assert len(describe(found)) < 60
    assert max(len(n.text) for n in (*found.notes, *describe(found))) < 2000


@pytest.mark.parametrize(
    ("names", "modality"),
    [
        ([f"f{i}" for i in range(60)], "array"),
        ([f"f{i}" for i in range(20)], "table"),
        ([f"{c}{i}" for c in "ab" for i in range(30)], "table"),
    ],
)
def test_numbered_columns_are_an_array(tmp_path, names, modality):
    pq.write_table(pa.table({n: RNG.normal(size=10) for n in names}), tmp_path / "s.parquet")
    assert load(DataSpec(sources=(str(tmp_path / "s.parquet"),), target=str(tmp_path / "s.parquet")), seed=0).schema.modality == modality
