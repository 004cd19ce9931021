"""Bad input through the command line, continued: encodings, numbers that do not fit, sides that are swapped, images, models, sizes."""

import json
import shutil
import socket

import numpy as np
import pytest

REHEARSE = ("adapt", "--dry-run", "--json")


@pytest.mark.parametrize(("encoding", "hint"), [("utf-16", "--encoding utf-16"), ("latin-1", "--encoding latin-1")])
def test_5_another_encoding_is_named_and_read_when_asked_for(call, refused, source, encoding, hint):
    (source / "e.csv").write_bytes((source / "s.csv").read_text().replace("red", "röd").encode(encoding))
    ended = refused(*REHEARSE, "e.csv", "t.csv")
    assert "not UTF-8: e.csv" in ended.error
    assert hint in ended.hint
    (source / "u.csv").write_bytes((source / "t.csv").read_text().encode(encoding))
    assert call(*REHEARSE, "e.csv", "u.csv", "--encoding", encoding).code == 0


def test_5_one_encoding_for_all_files_is_said(refused, source):
    (source / "e.csv").write_bytes((source / "s.csv").read_text().encode("utf-16"))
    assert "all files" in refused(*REHEARSE, "e.csv", "t.csv", "--encoding", "utf-16").hint


def test_5_a_byte_order_mark_is_read(call, source):
    (source / "b.csv").write_bytes(b"\xef\xbb\xbf" + (source / "s.csv").read_bytes())
    assert call(*REHEARSE, "b.csv", "t.csv", "--on-schema", "fail").code == 0


def test_4_another_delimiter_is_said_without_asking(call, source, table):
    table(source / "d.csv", separator=";")
    assert "warning: d.csv: the delimiter is ';'" in call(*REHEARSE, "d.csv", "t.csv").err.splitlines()


def test_6_a_truncated_parquet_is_told_with_the_offset(refused, source):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": list(range(1000)), "y": ["x", "z"] * 500}), source / "p.parquet")
    (source / "p.parquet").write_bytes((source / "p.parquet").read_bytes()[:777])
    assert "p.parquet: it ends at offset 777" in refused(*REHEARSE, "p.parquet", "t.csv").error


def test_8_whole_numbers_of_thirty_digits_are_told_once_with_the_row(call, source):
    for name in ("s", "t"):
        head, *rows = (source / f"{name}.csv").read_text().splitlines()
        long = [f"{10**29 + 7 * i if i > 2 else 5},{row.split(',', 1)[1]}" for i, row in enumerate(rows)]
        (source / f"{name}.csv").write_text("\n".join([head, *long]) + "\n")
    said = [line for line in call(*REHEARSE, "s.csv", "t.csv").err.splitlines() if "2^53" in line]
    assert len(said) == 1
    assert "a (the first, in s row 3, is 100000000000000000000000000021)" in said[0]


def test_8_a_word_late_in_a_column_of_numbers_is_told_with_the_row(call, source):
    with (source / "s.csv").open("a") as f:
        f.write("oops,1,1,red,yes\n")
    assert "a (1 such; the first, in s row 200, is 'oops')" in call(*REHEARSE, "s.csv", "t.csv").err


def test_10_collinear_and_duplicate_columns_leave_the_predictions_stable(call, pair):
    def widened(name):
        head, *rows = (pair / f"{name}.csv").read_text().splitlines()
        cells = [row.split(",") for row in rows]
        more = [f"{float(c[0]) + float(c[1]):.12g},{3 * float(c[0]):.12g},{c[2]}" for c in cells]
        (pair / f"{name}.csv").write_text(
            "\n".join([f"sum,triple,again,{head}", *(f"{m},{r}" for m, r in zip(more, rows, strict=True))]) + "\n"
        )

    assert call("adapt", "s.csv", "t.csv", "--strategy", "coral", "--out", "narrow").code == 0
    narrow = call("predict", "narrow", "l.csv").out
    for name in ("s", "t", "l"):
        widened(name)
    ended = call("adapt", "s.csv", "t.csv", "--strategy", "coral", "--out", "wide", "-v")
    assert ended.code == 0, ended.err
    assert "note: left out: c (duplicate: the same as 'again')" in ended.err.splitlines()
    wide = call("predict", "wide", "l.csv").out
    told = [[line.split(",")[1] for line in text.splitlines()[1:]] for text in (narrow, wide)]
    assert sum(a == b for a, b in zip(*told, strict=True)) >= 0.85 * len(told[0])


def test_15_a_label_in_the_target_alone(call, refused, source, table):
    table(source / "l.csv", seed=2)
    ended = refused(*REHEARSE, "t.csv", "l.csv")
    assert ended.error == "error: the source has no label column: 'y' stands in the target 'l' alone"
    assert "swapped" in ended.hint
    assert "'y' stands in the target alone" in call("diagnose", "t.csv", "l.csv", "--json").err


def test_17_one_equal_row_is_unclear(call, folder):
    (folder / "a.csv").write_text("a,b\n1,2\n")
    ended = call("diagnose", "a.csv", "a.csv", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["kinds"] == []
    assert ended.json["shifts"]["covariate"]["verdict"] == "unclear"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wide", "null"])
def test_19_fifty_thousand_columns_take_bounded_time_and_report(call, folder, kind):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        if kind == "wide":
            columns = {f"c{i}": rng.normal(size=100).astype(np.float32) for i in range(50_000)}
        else:
            columns = {f"c{i}": pa.nulls(200, pa.float64()) for i in range(100)} | {"x": rng.normal(size=200)}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    ended = call("diagnose", "a.parquet", "b.parquet", "--json", "-o", "r.html")
    assert ended.code == 0, ended.err
    assert len(ended.err) < 10_000
    assert (folder / "r.html").stat().st_size < 30_000_000


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda d: d | {"format": 99}, "newer format"),
        (lambda d: d | {"encoder": d["encoder"] | {"estimators": {"x": "../../secret.skops"}}}, "outside of its folder"),
        (lambda d: d | {"classes": ["a", "b", "c", "d"]}, "damaged"),
    ],
)
def test_23_a_model_that_is_not_to_be_trusted(refused, source, trained, harm, said):
    shutil.copytree(trained, source / "m")
    document = json.loads((source / "m" / "model.json").read_text())
    (source / "m" / "model.json").write_text(json.dumps(harm(document)))
    assert said in refused("predict", "m", "t.csv").error


def test_23_a_truncated_model(refused, source, trained):
    shutil.copytree(trained, source / "m")
    weights = source / "m" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-20])
    assert "damaged" in refused("predict", "m", "t.csv").error


def test_24_images_that_cannot_be_used_are_counted_and_too_many_refused(call, refused, folder):
    from PIL import Image

    rng = np.random.default_rng(0)
    for side in ("s", "t"):
        for i in range(30):
            place = folder / side / "ab"[i % 2]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8)).astype(np.uint8)).save(place / f"{i}.png")
    (folder / "s" / "a" / "bad.png").write_bytes(b"text")
    ended = call(*REHEARSE, "s", "t")
    assert ended.code == 0, ended.err
    assert ended.json["rows"]["sources"] == {"s": 30}
    assert "bad.png (not a readable image)" in ended.err
    Image.fromarray(rng.integers(0, 65_536, (8, 8)).astype(np.uint16)).save(folder / "s" / "a" / "deep.png")
    error = refused(*REHEARSE, "s", "t").error
    assert error.startswith("error: more than 5% of the images cannot be used")
    assert "(and 1 more)" in error


def test_25_a_socket_and_a_device_are_no_data(refused, source):
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("door.csv")
        assert refused(*REHEARSE, "door.csv", "t.csv").error == "error: neither a file nor a folder: 'door.csv'"
    assert "/dev/null" in refused(*REHEARSE, "/dev/null", "t.csv").error


@pytest.mark.parametrize("command", ["diagnose", "adapt"])
def test_a_device_that_is_not_there_is_found_before_any_work(refused, folder, monkeypatch, command):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ended = refused(command, "missing.csv", "t.csv", "--device", "cuda", code=3)
    assert ended.error == "error: no CUDA device: 'cuda'"
    assert ended.hint == "hint: use --device cpu"


def test_40_a_wrong_key_in_mdshift_toml_is_named_with_its_line(refused, source):
    (source / "mdshift.toml").write_text('[settings]\nseed = 1\nalhpa = 0.1\n\n[data]\nlabel = "y"\n')
    ended = refused(*REHEARSE, "s.csv", "t.csv")
    assert "alhpa" in ended.error
    assert "3" in ended.error
    assert "'alpha'" in ended.hint
