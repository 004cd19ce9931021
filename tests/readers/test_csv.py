"""Delimited text: what is found, and what is refused with its line."""

import gzip

import pytest

from mdshift.errors import DataError
from mdshift.readers.base import Ask
from mdshift.readers.csv import Csv
from mdshift.readers.paths import located


@pytest.fixture
def columns(read):
    return lambda path, **ask: read(path, **ask)[0].table.to_pydict()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_and_said(tmp_path, delimiter, read):
    file = tmp_path / "a.csv"
    file.write_text(
        "\n".join(delimiter.join(r) for r in (["a", "b", "c"], ["1", "x, y", "3"] if delimiter != "," else ["1", "x", "3"], ["4", "z", ""]))
        + "\n"
    )
    raw, ask = read(file)
    assert raw.table.column_names == ["a", "b", "c"]
    assert raw.table.to_pydict()["c"] == ["3", None]
    assert any("delimiter" in t for t in ask.told) == (delimiter != ",")


def test_quotes_newlines_and_blank_lines(tmp_path, columns):
    file = tmp_path / "a.csv"
    file.write_text('a,b\n"x, ""y""\nz",1\n\nw,2\n')
    assert columns(file) == {"a": ['x, "y"\nz', "w"], "b": ["1", "2"]}


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path, columns):
    file = tmp_path / "a.csv"
    file.write_bytes("a,ü\n1,2\n".encode("utf-8-sig"))
    assert list(columns(file)) == ["a", "ü"]


def test_a_compressed_file_is_read(tmp_path, read):
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    raw, _ = read(file)
    assert raw.table.to_pydict() == {"a": ["1"], "b": ["2"]}
    assert raw.name == "a"


def test_a_decimal_comma_behind_a_semicolon(tmp_path, columns):
    file = tmp_path / "a.csv"
    file.write_text("a;b\n1,5;x\n-2,25;y\n")
    assert columns(file)["a"] == ["1.5", "-2.25"]


@pytest.mark.parametrize(("row", "count"), [("3", 1), ("3,4,5", 3)])
def test_a_ragged_row_is_named_with_its_line_and_both_counts(tmp_path, row, count, refused):
    file = tmp_path / "a.csv"
    file.write_text(f'a,b\n1,"two\nlines"\n{row}\n5,6\n')
    error = refused(file)
    assert f"{file}:4: {count} cells, the header has 2" in error.seen
    assert error.exit_code == 2


def test_an_unclosed_quote_is_found_even_where_the_counts_fit(tmp_path, refused):
    file = tmp_path / "a.csv"
    file.write_text('a,b\n1,2\n3,"4\n5,6\n')
    error = refused(file)
    assert "never closed" in error.what
    assert f"{file}:3" in error.seen


def test_an_odd_quote_inside_a_bare_cell_is_harmless(tmp_path, columns):
    file = tmp_path / "a.csv"
    file.write_text('a,b\n1,5" pipe\n3,x\n')
    assert columns(file)["b"] == ['5" pipe', "x"]


@pytest.mark.parametrize(("content", "what"), [(b"", "empty file"), (b"\n\n", "empty file"), (b"a,b\n", "no rows")])
def test_an_empty_or_header_only_file(tmp_path, content, what, refused):
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    assert refused(file).what == what


def test_two_columns_of_one_name(tmp_path, refused):
    file = tmp_path / "a.csv"
    file.write_text("a,b, a\n1,2,3\n")
    error = refused(file)
    assert "'a' (columns 1 and 3)" in error.seen


@pytest.mark.parametrize(("encoding", "named"), [("utf-16", "utf-16"), ("latin-1", "latin-1")])
def test_another_encoding_is_named_and_read_when_asked_for(tmp_path, encoding, named, refused, columns):
    file = tmp_path / "a.csv"
    file.write_bytes("name,x\nMüller,1\nGrün,2\n".encode(encoding))
    error = refused(file)
    assert "UTF-8" in error.what
    assert f"--encoding {named}" in error.hint
    assert columns(file, encoding=encoding) == {"name": ["Müller", "Grün"], "x": ["1", "2"]}


def test_a_bad_byte_far_in_the_file_is_given_with_its_offset(tmp_path, refused):
    file = tmp_path / "a.csv"
    good = b"name,x\n" + b"abcdefgh,1\n" * 1_000_000
    file.write_bytes(good + b"M\xfcller,2\n")
    error = refused(file)
    assert f"byte {len(good) + 1} " in error.seen


def test_an_unknown_encoding(tmp_path, refused):
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    assert "unknown encoding" in refused(file, encoding="klingon").what


def test_a_nul_byte_is_given_with_its_offset(tmp_path, refused):
    file = tmp_path / "a.csv"
    file.write_bytes(b"a,b\n1,\x00\n")
    error = refused(file)
    assert "offset 6" in error.seen


def test_a_header_of_numbers_is_warned_of(tmp_path, read):
    file = tmp_path / "a.csv"
    file.write_text("1,2\n3,4\n")
    _, ask = read(file)
    assert any("numbers only" in t for t, level in ask.told.items() if level == "warning")


def test_wide_rows_cross_no_block(tmp_path, read):
    file = tmp_path / "a.csv"
    width = 20_000
    file.write_text(
        ",".join(f"f{i}" for i in range(width)) + "\n" + ",".join(["1.25"] * width) + "\n" + ",".join(["x" * 30] * width) + "\n"
    )
    raw, _ = read(file)
    assert raw.table.num_columns == width
    assert raw.table.num_rows == 2


def test_a_long_cell_is_read(tmp_path, columns):
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1," + "y" * 300_000 + "\n" + "".join(f"{i},z\n" for i in range(10)))
    assert len(columns(file)["b"][0]) == 300_000


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    with located(str(file)) as place:
        batches = Csv().batches(place, Ask())
        next(batches)
        with file.open("a") as f:
            f.write("2\n")
        with pytest.raises(DataError, match="changed while"):
            list(batches)
