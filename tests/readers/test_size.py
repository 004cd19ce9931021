"""Tables of which a sample is held: the sample, the figures of all rows beside it, and what is said of both."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from pyarrow import feather
from scipy.stats import chisquare

from mdshift.declare import every
from mdshift.engine.diagnose import diagnose
from mdshift.readers import collect, columns, csv, parquet
from mdshift.readers.base import CELLS, ROWS, rows_for
from mdshift.readers.collect import Reservoir, reached
from mdshift.readers.load import load
from mdshift.readers.paths import located
from mdshift.stats.summaries import Levels, Numbers
from mdshift.types import DataSpec

N = 2_000


def table(n=N, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, n)
    return pa.table(
        {
            "x": x,
            "gaps": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.2),
            "whole": rng.poisson(9, n),
            "day": pa.array(rng.integers(0, 9_000, n).astype("datetime64[D]")),
            "colour": pa.array(np.array(["red", "green", "blue"])[rng.integers(0, 3, n)], mask=rng.random(n) < 0.1),
            "sure": rng.random(n) < 0.3,
            "label": np.where(x + rng.normal(size=n) > 0, "yes", "no"),
        }
    )


def write(made, path):
    {".parquet": pq.write_table, ".csv": pc_csv.write_csv, ".feather": feather.write_feather}[path.suffix](made, path)
    return str(path)


def sides(tmp_path, one, two, ending=".parquet", **asked):
    spec = DataSpec(sources=(write(one, tmp_path / f"s{ending}"),), target=write(two, tmp_path / f"t{ending}"), **asked)
    return lambda limit=200, seed=0: load(spec, seed=seed, max_rows=limit)


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_the_batches_have_no_effect_on_the_sample_nor_on_the_figures(tmp_path, read, ending):
    path = write(table(), tmp_path / f"d{ending}")
    first = read(path, limit=100, rows=N)[0]
    assert len(first.index) == 100 < first.rows == N
    for rows in (7, 512):
        again = read(path, limit=100, rows=rows)[0]
        assert (again.index == first.index).all()
        assert again.table.equals(first.table)
        assert again.summaries.keys() == first.summaries.keys()
        for name, found in again.summaries.items():
            if isinstance(found, Levels):
                assert found == first.summaries[name]
            else:
                assert found.mean == pytest.approx(first.summaries[name].mean, rel=1e-12)
                assert found.root == pytest.approx(first.summaries[name].root, rel=1e-12)


@pytest.mark.parametrize("ending", [".parquet", ".feather", ".csv"])
def test_the_figures_are_of_all_rows(tmp_path, read, ending):
    made = table()
    found = read(write(made, tmp_path / f"d{ending}"), limit=150)[0].summaries
    frame = made.to_pandas()
    for name in ("x", "gaps", "whole"):
        assert (found[name].rows, found[name].known) == (N, frame[name].notna().sum())
        assert found[name].mean == pytest.approx(frame[name].mean())
        assert found[name].sd == pytest.approx(frame[name].std())
        assert (found[name].low, found[name].high) == (frame[name].min(), frame[name].max())
    assert found["colour"] == Levels(N, int(frame["colour"].notna().sum()), frame["colour"].value_counts().to_dict())
    if ending != ".csv":
        assert found["sure"].counts == {"True": int(frame["sure"].sum()), "False": int((~frame["sure"]).sum())}
        assert isinstance(found["day"], Numbers)


def test_rows_that_are_all_held_need_no_second_account(tmp_path, read):
    path = write(table(), tmp_path / "d.parquet")
    assert read(path, limit=N)[0].summaries == {}
    assert read(path)[0].summaries == {}


def test_every_row_is_as_likely_to_be_held():
    counts = np.zeros(120)
    for seed in range(600):
        held = Reservoir(20, np.random.default_rng(seed))
        for start in range(0, 120, 16):
            held.add(pa.record_batch({"row": np.arange(start, min(start + 16, 120))}))
        held.shrink()
        kept = np.concatenate([i for _, i, _ in held.parts])
        assert len(kept) == 20
        assert np.concatenate([b.column("row").to_numpy() for b, *_ in held.parts]).tolist() == kept.tolist()
        counts[kept] += 1
    assert chisquare(counts).pvalue > 0.001


def test_rows_that_are_not_held_are_never_converted(tmp_path, monkeypatch):
    seen = []
    for name in ("words", "floats", "days"):
        inner = getattr(columns, name)
        monkeypatch.setattr(columns, name, lambda column, inner=inner: (seen.append(len(column)), inner(column))[1])
    problem = sides(tmp_path, table(), table(seed=1))(limit=90)
    assert set(seen) == {90}
    assert len(problem.source) == len(problem.target) == 90


def test_a_sample_holds_no_more_rows_than_twice_the_limit(tmp_path):
    held = Reservoir(50, np.random.default_rng(0))
    most = 0
    for _ in range(200):
        held.add(pa.record_batch({"x": np.zeros(40)}))
        most = max(most, held.held)
    assert held.rows == 8_000
    assert most <= 100


def test_a_diagnosis_says_what_was_sampled_and_on_which_rows_a_figure_stands(tmp_path):
    one, two = table(), table(shift=0.5, seed=1)
    problem = sides(tmp_path, one, two)()
    found = diagnose(problem)
    assert any("a seeded sample" in n.text and "200 of 2,000 of 's'" in n.text and "'t'" in n.text for n in found.notes)
    assert any("are of all rows" in n.text for n in found.notes)
    assert (found.facts["n_source"], found.facts["rows_source"]) == (200, N)
    by_name = {f["name"]: f for f in found.features}
    for side, made in (("source", one), ("target", two)):
        x = by_name["x"][side]
        assert x["mean"] == pytest.approx(made["x"].to_numpy().mean())
        assert x["max"] == made["x"].to_numpy().max()
        assert (x["rows"], x["quartile_rows"]) == (N, 200)
        colour = by_name["colour"][side]
        assert colour["rows"] == N
        assert colour["missing"] == made["colour"].null_count / N
        counts = made["colour"].to_pandas().value_counts()
        assert colour["top"] == [[counts.index[0], counts.iloc[0] / N], *([k, v / N] for k, v in counts.iloc[1:].items())]


def test_held_whole_says_nothing_of_a_sample_and_stands_on_its_rows(tmp_path):
    found = diagnose(sides(tmp_path, table(300), table(300, seed=1))(limit=300))
    assert not any("sample of the rows is looked at" in n.text for n in found.notes)
    x = next(f for f in found.features if f["name"] == "x")
    assert (x["source"]["rows"], x["source"]["quartile_rows"]) == (300, 300)


def test_sources_sampled_and_held_whole_are_one_account(tmp_path):
    parts = [table(N, seed=0), table(150, shift=3.0, seed=1)]
    paths = [write(p, tmp_path / f"s{i}.parquet") for i, p in enumerate(parts)]
    spec = DataSpec(sources=tuple(paths), target=write(table(80, seed=2), tmp_path / "t.parquet"))
    problem = load(spec, seed=0, max_rows=200)
    both = pa.concat_tables(parts).to_pandas()
    assert problem.source.summaries["x"].mean == pytest.approx(both["x"].mean())
    assert problem.source.summaries["x"].sd == pytest.approx(both["x"].std())
    assert problem.source.summaries["colour"].counts == both["colour"].value_counts().to_dict()
    assert problem.target.summaries["x"].rows == 80
    assert problem.source.take(np.arange(5)).summaries == {}


def test_marks_that_break_a_column_of_numbers_leave_its_figures_to_the_sample(tmp_path):
    made = table().to_pandas()
    made["x"] = made["x"].round(3).astype(str)
    made.loc[1_500, "x"] = "?"
    marked = pa.Table.from_pandas(made, preserve_index=False)
    problem = sides(tmp_path, marked, marked, ".csv")()
    assert "x" not in problem.source.summaries
    assert "whole" in problem.source.summaries
    assert any("all figures are of the sample" in n.text and "x" in n.text for n in problem.notes)


def test_blanks_before_the_first_word_are_missing_words(tmp_path, read, monkeypatch):
    made = pa.table({"late": pa.array([None] * 1_000 + ["a", "b"] * 500), "x": np.arange(2_000.0)})
    path = write(made, tmp_path / "d.parquet")
    raw = read(path, limit=10, rows=100)[0]
    assert raw.summaries["late"] == Levels(2_000, 1_000, {"a": 500, "b": 500})
    monkeypatch.setattr(csv, "BLOCK", 1 << 10)
    (tmp_path / "d.csv").write_text("late,x\n" + ",1\n" * 1_000 + "a,2\nb,3\n" * 300)  # several blocks without a word
    raw = read(tmp_path / "d.csv", limit=10)[0]
    assert raw.summaries["late"] == Levels(1_600, 600, {"a": 300, "b": 300})


def test_few_labels_that_a_sample_loses_are_told_of(tmp_path):
    target = table(seed=1).to_pandas()
    target.loc[40:, "label"] = None
    scarce = pa.Table.from_pandas(target, preserve_index=False)
    problem = sides(tmp_path, table(), scarce)()
    seen = int(problem.target.labelled.sum())
    assert 0 <= seen < 40
    assert any(f"{seen} of 40 in 't'" in n.text and "file of their own" in n.text for n in problem.notes if n.level == "warning")


def test_words_of_few_levels_stay_codes_until_they_are_held(tmp_path, read):
    made = table().append_column("key", pa.array([f"key {i}" for i in range(N)]))
    folder = tmp_path / "d"
    folder.mkdir()
    write(made, folder / "a.parquet")
    write(made.slice(0, 2), folder / "b.parquet")  # too short for codes to pay: the parts of a folder differ
    assert parquet.coded(folder / "a.parquet") == ["colour", "label"]
    assert parquet.coded(folder / "b.parquet") == []
    whole, _ = read(folder)
    assert whole.column("colour").to_pylist() == pa.concat_tables([made, made.slice(0, 2)])["colour"].to_pylist()
    sample, _ = read(folder, limit=200)
    assert sample.summaries["colour"].counts == pa.concat_tables([made, made.slice(0, 2)])["colour"].to_pandas().value_counts().to_dict()
    assert sample.summaries["key"].counts is None
    assert sample.summaries["key"].known == N + 2


def test_progress_tells_rows_share_and_rate(tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "EVERY", 0.0)
    said = []
    spec = DataSpec(sources=(write(table(), tmp_path / "s.parquet"),), target=write(table(), tmp_path / "t.parquet"))
    load(spec, seed=0, max_rows=100, progress=said.append)
    assert any("2,000 of 2,000 rows (100%)" in line and "a second" in line for line in said)
    assert reached(1_500, None, 3.0) == "1,500 rows, 500 a second"


def test_formats_that_know_their_rows_tell_them(tmp_path):
    paths = [tmp_path / "d" / f"{i}.parquet" for i in range(2)]
    paths[0].parent.mkdir()
    for path in paths:
        write(table(), path)
    with located(str(tmp_path / "d")) as place:
        assert parquet.Parquet().count(place) == 2 * N
    write(table(), tmp_path / "c.csv")
    with located(str(tmp_path / "c.csv")) as place:
        assert every("reader")["csv"]().count(place) is None


def test_a_wide_table_comes_in_fewer_rows():
    assert rows_for(50, ROWS) == ROWS
    assert rows_for(20_000, ROWS) * 20_000 <= CELLS
    assert rows_for(10**9, ROWS) == 1
