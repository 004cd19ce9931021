"""Whatever the bytes: a problem, or an error that says what, where and what next; never another exception."""

import io
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import TIMES, enough
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mdshift.errors import MdshiftError
from mdshift.readers.load import describe, domain_for, load
from mdshift.types import DataSpec

ENDINGS = ("csv", "tsv", "jsonl", "json", "parquet", "feather", "arrow", "npy", "npz", "png", "txt", "bin")
CELLS = st.one_of(
    st.sampled_from(
        ["", "1", "0", "-1.5", "1e400", "nan", "inf", "?", "a", "b", "NA", "2024-01-01", "True", "=1+1", "01", "\x1b[31m", "x y " * 30]
    ),
    st.text(st.characters(blacklist_characters='\0"\r\n,', blacklist_categories=("Cs",)), max_size=6),
)
PARTS = 2 * len(ENDINGS) + 2
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


def seeds():
    """A valid file of every format, to be damaged."""
    table = pa.table({"x": [1.5, 2.5, None], "c": ["a", "b", "a"], "label": [0, 1, 0]})
    found = {
        "csv": b'x,c,label\n1.5,"a,b",0\n2.5,b,1\n',
        "tsv": b"x\tc\n1\t2\n",
        "jsonl": b'{"x": 1, "label": 0}\n{"x": 2}\n',
        "json": b'[{"x": 1}]',
        "txt": b"some words",
        "bin": b"x,y\n1,2\n",
    }
    for kind in ("parquet", "feather", "arrow", "npy", "npz", "png"):
        sink = io.BytesIO()
        if kind == "parquet":
            pq.write_table(table, sink)
        elif kind in ("feather", "arrow"):
            writer = (pa.ipc.new_file if kind == "feather" else pa.ipc.new_stream)(sink, table.schema)
            writer.write_table(table)
            writer.close()
        elif kind == "npy":
            np.save(sink, np.arange(12.0).reshape(4, 3))
        elif kind == "npz":
            np.savez(sink, X=np.arange(12.0).reshape(4, 3), y=np.arange(4))
        else:
            Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(sink, format="PNG")
        found[kind] = sink.getvalue()
    return found


SEEDS = seeds()


def attempt(spec):
    """Load; an error must have its parts, and a problem must hold what the types promise."""
    error = None
    try:
        problem = load(spec, seed=0)
    except MdshiftError as raised:
        error = raised
    if error is not None:
        assert error.exit_code in (2, 3)
        assert error.what
        assert error.hint
        assert "\n" not in error.what
        return None
    for d in (*problem.sources, problem.target):
        assert not np.isinf(d.numbers).any()
        assert (np.abs(d.numbers[~np.isnan(d.numbers)]) <= 1e150).all()
        assert len({len(d.index), len(d.numbers), len(d.categories), len(d.texts)}) == 1
        for j, column in enumerate(problem.schema.categories):
            assert d.categories[:, j].max(initial=-2) < len(column.levels)
            assert d.categories[:, j].min(initial=0) >= -2
        if d.y is not None and problem.task == "classification":
            assert d.y.max(initial=-1) < len(problem.classes)
    assert all(n.text for n in (*problem.notes, *describe(problem)))
    return problem


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=25 * TIMES, **QUIET)
@given(data=st.data())
def test_damaged_files(tmp_path, ending, data):
    raw = bytearray(SEEDS[ending])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        how = data.draw(st.sampled_from(["flip", "cut", "insert", "double"]))
        if how == "flip" and raw:
            raw[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del raw[at : at + data.draw(st.integers(1, 40))]
        elif how == "insert":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            raw += raw[at:]
    if enough(f"damaged {ending}", PARTS):
        return
    file = tmp_path / f"a.{ending}"
    file.write_bytes(bytes(raw))
    good = tmp_path / f"good.{ending}"
    good.write_bytes(SEEDS[ending])
    attempt(DataSpec(sources=(str(file),), target=str(good)))
    attempt(DataSpec(sources=(str(good),), target=str(file)))


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=15 * TIMES, **QUIET)
@given(raw=st.binary(max_size=200))
def test_any_bytes(tmp_path, ending, raw):
    if enough(f"bytes {ending}", PARTS):
        return
    file = tmp_path / f"a.{ending}"
    file.write_bytes(raw)
    attempt(DataSpec(sources=(str(file),), target=str(file)))


@settings(max_examples=80 * TIMES, **QUIET)
@given(data=st.data())
def test_any_cells(tmp_path, data):
    """Any table is read; and read again by its own schema it is the same, whatever the batches."""
    width = data.draw(st.integers(1, 4))
    names = data.draw(
        st.lists(
            st.sampled_from(["x", "id", "label", "target", "text", "<b>", "$a$", "é", "a b"]), min_size=width, max_size=width, unique=True
        )
    )
    sides = [data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)) for _ in range(2)]
    if enough("cells", PARTS):
        return
    for name, rows in zip(("s", "t"), sides, strict=True):
        pq.write_table(pa.table({n: [r[i] for r in rows] for i, n in enumerate(names)}), tmp_path / f"{name}.parquet")
        lines = [",".join(f'"{c}"' for c in r) for r in [names, *rows]]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for ending in ("csv", "parquet"):
        problem = attempt(DataSpec(sources=(str(tmp_path / f"s.{ending}"),), target=str(tmp_path / f"t.{ending}")))
        if problem is None:
            continue
        for domain, name in ((problem.source, "s"), (problem.target, "t")):
            again = list(domain_for(problem.schema, problem.task, problem.classes, str(tmp_path / f"{name}.{ending}")))
            assert sum(map(len, again)) == len(domain)
            for part in ("numbers", "categories"):
                found = np.concatenate([getattr(a, part) for a in again])
                assert np.array_equal(found, getattr(domain, part), equal_nan=part == "numbers")
            assert [v for a in again for v in a.texts.ravel()] == domain.texts.ravel().tolist()


@settings(max_examples=40 * TIMES, **QUIET)
@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30), extra=st.floats(-1e6, 1e6))
def test_any_floats(tmp_path, values, extra):
    """What JSON Lines, CSV, Parquet and NumPy hold of the same numbers is the same."""
    if enough("floats", PARTS):
        return
    values = [*values, extra, extra + 1.5]  # never constant
    column = np.array(values)
    for name in ("s", "t"):
        pq.write_table(pa.table({"f0": column}), tmp_path / f"{name}.parquet")
        np.save(tmp_path / f"{name}.npy", column[:, None])
        (tmp_path / f"{name}.csv").write_text(
            "f0,k\n" + "".join(f"{'' if math.isnan(v) else repr(v)},{i % 2}\n" for i, v in enumerate(values))
        )
        (tmp_path / f"{name}.jsonl").write_text(
            "".join(f'{{"f0": {"null" if math.isnan(v) else repr(v).replace("inf", "Infinity")}}}\n' for v in values)
        )
    found = {}
    for ending in ("parquet", "npy", "csv", "jsonl"):
        problem = attempt(DataSpec(sources=(str(tmp_path / f"s.{ending}"),), target=str(tmp_path / f"t.{ending}")))
        assert problem is not None
        at = [c.name for c in problem.schema.numbers].index("f0")
        found[ending] = problem.source.numbers[:, at]
    assert all(np.array_equal(v, found["npy"], equal_nan=True) for v in found.values())
