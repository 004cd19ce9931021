"""From paths to files."""

import io
import lzma
import os
import pickle
import socket
from pathlib import Path

import pyarrow as pa
import pytest

from mdshift.errors import UsageError
from mdshift.readers.load import load
from mdshift.readers.paths import located
from mdshift.types import DataSpec


def place(path):
    with located(str(path)) as found:
        return found


def test_a_missing_path_names_the_nearest_name(tmp_path, refused):
    (tmp_path / "source.csv").write_text("a\n1\n")
    error = refused(tmp_path / "sorce.csv")
    assert error.what == "path not found"
    assert "source.csv" in error.hint


def test_hidden_names_are_no_hint_unless_one_is_asked_for(tmp_path, refused):
    for name in (".model.lock", "source.csv"):
        (tmp_path / name).write_text("a\n1\n")
    assert refused(tmp_path / "q").hint == f"in {str(tmp_path)!r}: known: source.csv"
    assert refused(tmp_path / ".model.lok").hint == f"did you mean {str(tmp_path / '.model.lock')!r}?"


def test_a_missing_folder_names_the_nearest_one(tmp_path, refused):
    (tmp_path / "data").mkdir()
    assert str(tmp_path / "data") in refused(tmp_path / "dato" / "a.csv").hint


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_path_that_cannot_exist(refused, name):
    assert refused(name).what == "path not found"


def test_an_empty_folder(tmp_path, refused):
    assert "no data in the folder" in refused(tmp_path).what


def test_the_parts_of_a_folder_are_put_together(tmp_path, read):
    (tmp_path / "b.csv").write_text("y,x\n3,4\n")
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / ".hidden.csv").write_text("z\n1\n")
    assert read(tmp_path)[0].table.to_pydict() == {"x": ["1", "4"], "y": ["2", "3"]}


def test_parts_with_other_columns(tmp_path, refused):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    assert "differ in columns" in refused(tmp_path).what


def test_files_of_two_kinds(tmp_path, refused):
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.jsonl").write_text('{"x": 1}\n')
    error = refused(tmp_path)
    assert "several kinds" in error.what
    assert "1 csv" in error.seen


def test_fifo_socket_dangling_and_circular_links_are_skipped_and_told(tmp_path):
    folder = tmp_path / "d"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_text("x\n1\n")
    (folder / "sub" / "b.csv").write_text("x\n2\n")
    os.mkfifo(folder / "pipe.csv")
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    (folder / "sub" / "up").symlink_to(folder)
    sock = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(folder)  # the path of a socket is limited in length
    try:
        sock.bind("s.csv")
    finally:
        os.chdir(here)
        sock.close()
    found = place(folder)
    assert [f.name for f in found.files] == ["a.csv", "b.csv"]
    assert {why for _, why in found.skipped} == {"a FIFO", "a socket", "a link that leads nowhere", "a link in a circle"}
    problem = load(DataSpec(sources=(str(folder),), target=str(folder)), seed=0)
    assert len(problem.quality["skipped"]) == 4
    assert any(n.level == "warning" and n.text.startswith("skipped") for n in problem.notes)


@pytest.mark.parametrize(("content", "kind"), [(b"a,b\n1,2\n", "csv"), (b'{"a": 1, "b": 2}\n', "jsonl")])
def test_standard_input_is_sniffed_and_read_once(tmp_path, monkeypatch, content, kind):
    (tmp_path / "t.csv").write_text("a,b\n5,6\n7,8\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    problem = load(DataSpec(sources=("-",), target=str(tmp_path / "t.csv")), seed=0)
    assert problem.sources[0].name == "stdin"
    assert problem.source.numbers.tolist() == [[1.0, 2.0]]
    with pytest.raises(UsageError):
        load(DataSpec(sources=("-",), target="-"), seed=0)


def test_parquet_on_standard_input(tmp_path, monkeypatch, read):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "a.parquet")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "a.parquet").read_bytes())))
    assert read("-")[0].table.to_pydict() == {"a": [1, 2]}


def test_an_error_on_standard_input_names_it(monkeypatch, refused):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1\n")))
    assert "<stdin>:2" in refused("-").seen


def test_empty_standard_input(monkeypatch, refused):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "empty" in refused("-").what


def test_a_binary_of_no_known_format(tmp_path, refused):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    assert "unknown format" in refused(tmp_path / "a.bin").what


def test_a_pickle_is_named_and_refused(tmp_path, refused):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a": [1]}))
    assert "pickle" in refused(tmp_path / "a.pkl").what


def test_domains_are_named_apart(tmp_path):
    paths = []
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "data.csv"
        file.write_text("x\n1\n2\n")
        paths.append(str(file))
    problem = load(DataSpec(sources=(paths[0], paths[1], paths[0]), target=paths[2]), seed=0)
    assert [d.name for d in problem.sources] == ["a/data", "b/data", "a/data (2)"]
    assert problem.target.name == "c/data"


def test_no_permission(tmp_path, refused):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    file.chmod(0)
    assert "permission" in refused(file).what


def test_target_is_needed(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    with pytest.raises(UsageError, match="no target"):
        load(DataSpec(sources=(str(tmp_path / "a.csv"),)), seed=0)
    assert load(DataSpec(sources=(str(tmp_path / "a.csv"),)), seed=0, need_target=False).target is None


def test_closed_standard_input(monkeypatch, refused):
    monkeypatch.setattr("sys.stdin", None)
    assert "empty" in refused("-").what


@pytest.mark.parametrize("packing", ["gzip", "bz2", "zstd", "lz4"])
def test_what_is_piped_compressed_is_unpacked(tmp_path, read, refused, monkeypatch, packing):
    plain = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000))
    with pa.output_stream(str(tmp_path / "packed"), compression=packing) as out:
        out.write(plain)
    packed = (tmp_path / "packed").read_bytes()
    assert len(packed) < len(plain)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(packed)))
    raw, _ = read("-")
    assert raw.column("b").to_pylist()[-1] in (4999**2, str(4999**2))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(packed[: len(packed) // 2])))
    assert refused("-").what == "what is piped is damaged"


def test_a_column_may_be_named_like_the_mark_of_a_compression(read, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"BZh,b\n1,2\n")))
    assert read("-")[0].table.column_names == ["BZh", "b"]


@pytest.mark.parametrize("name", ["a", "a.csv"])
@pytest.mark.parametrize("packing", ["gzip", "bz2", "zstd", "lz4", "xz"])
def test_a_compressed_file_by_another_name_is_told(tmp_path, refused, packing, name):
    plain = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))
    if packing == "xz":
        (tmp_path / name).write_bytes(lzma.compress(plain))
    else:
        with pa.output_stream(str(tmp_path / name), compression=packing) as out:
            out.write(plain)
    error = refused(tmp_path / name)
    assert packing in f"{error.what} {error.seen}"
    assert error.hint.startswith("unpack it")


def test_a_named_pipe_is_read_when_it_is_asked_for(tmp_path, read):
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"a,b\n1,2\n"))
    writer.start()
    raw, _ = read(pipe)
    writer.join(timeout=30)
    assert raw.table.to_pydict() == {"a": ["1"], "b": ["2"]}
    assert raw.name == "pipe"


def test_an_error_in_a_pipe_names_the_pipe(tmp_path, refused):
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"a,b\n1\n"))
    writer.start()
    assert refused(pipe).seen.startswith(f"{pipe}:2:")
    writer.join(timeout=30)


def test_the_time_column_is_no_feature(pair):
    table = {"x": [1.5, 2, 4, 9], "when": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]}
    found = pair(table, table, time="when")
    assert [c.name for c in found.schema.columns] == ["x"]
    assert any("'when' is the time" in n.text for n in found.notes)
