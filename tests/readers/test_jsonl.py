"""JSON Lines."""

import json

import pytest


def test_types_missing_keys_and_nested_values(tmp_path, read):
    file = tmp_path / "a.jsonl"
    rows = [{"a": 1, "b": "x", "c": True, "d": [1, 2]}, {"a": 2.5, "b": None, "c": False}, {"a": None, "b": 3, "c": None, "d": {"k": 1}}]
    file.write_text("\n".join(json.dumps(r) for r in rows) + "\n\n")
    table = read(file)[0].table
    assert table.to_pydict() == {"a": [1.0, 2.5, None], "b": ["x", None, "3"], "c": [True, False, None], "d": ["[1, 2]", None, '{"k": 1}']}


def test_a_key_that_comes_later_is_missing_before(tmp_path, read, monkeypatch):
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 1}\n{"a": 2, "b": "x"}\n')
    raw, _ = read(file, rows=1)
    assert raw.table.to_pydict() == {"a": [1, 2], "b": [None, "x"]}


def test_one_list_of_records(tmp_path, read):
    file = tmp_path / "a.json"
    file.write_text('[{"a": 1},\n {"a": 2}]')
    assert read(file)[0].table.to_pydict() == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('{"a": 1}\n{"a": 2\n', ":2:"),
        ('{"a": 1}\n[2]\n', ":2: [2]"),
        ('{"a": 1, "a": 2}\n', "'a'"),
        ('[{"a": 1}, 2]', "entry 1"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_bad_lines_are_named(tmp_path, refused, text, seen):
    file = tmp_path / "a.jsonl"
    file.write_text(text)
    assert seen in refused(file).seen


def test_huge_integers_become_floats(tmp_path, read):
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 123456789012345678901234567890}\n{"a": 1}\n')
    assert read(file)[0].table.to_pydict() == {"a": [1.2345678901234568e29, 1.0]}


def test_latin_1_is_named(tmp_path, refused):
    file = tmp_path / "a.jsonl"
    file.write_bytes('{"a": "ü"}\n'.encode("latin-1"))
    assert "--encoding" in refused(file).hint


def test_half_a_surrogate_pair_is_written_out(tmp_path, read):
    file = tmp_path / "a.jsonl"
    file.write_text('{"a\\udc00": "\\ud800", "b": ["\\ud800"], "c": "\\ud83d\\ude00"}\n')
    assert read(file)[0].table.to_pydict() == {"a\\udc00": ["\\ud800"], "b": ['["\\ud800"]'], "c": ["\U0001f600"]}


def test_two_names_that_are_written_alike_are_refused(tmp_path, refused):
    file = tmp_path / "a.jsonl"
    file.write_text('{"\\ud800": 1, "\\\\ud800": 2}\n')
    assert "two columns have the same name" in refused(file).what
