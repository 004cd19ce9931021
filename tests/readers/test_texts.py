"""Folders of text files, and text columns."""

from mdshift.readers.load import load
from mdshift.types import DataSpec

WORDS = [
    "the",
    "plot",
    "is",
    "thin",
    "and",
    "the",
    "hero",
    "is",
    "a",
    "bore",
    "but",
    "the",
    "music",
    "saves",
    "some",
    "of",
    "it",
    "and",
    "so",
    "on",
]


def sentence(i):
    return " ".join(WORDS[(i * 7 + k * (1 + i % 3)) % len(WORDS)] for k in range(12)) + f" {i}"


def test_class_folders(tmp_path):
    for side in ("s", "t"):
        for c in ("good", "bad"):
            (tmp_path / side / c).mkdir(parents=True)
            for i in range(4):
                (tmp_path / side / c / f"{i}.txt").write_text(sentence(i) + c, encoding="utf-8-sig")
        (tmp_path / side / "README.txt").write_text("not data")
    found = load(DataSpec(sources=(str(tmp_path / "s"),), target=str(tmp_path / "t")), seed=0, need_label=True)
    assert found.schema.modality == "text"
    assert found.classes == ("bad", "good")
    assert len(found.source) == 8
    assert found.source.texts[0, 0] == sentence(0) + "bad"


def test_latin_1_is_named(tmp_path, refused):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.txt").write_bytes("Müller".encode("latin-1"))
    error = refused(tmp_path / "s")
    assert "byte 1" in error.seen
    assert "--encoding" in error.hint


def test_a_column_of_long_differing_sentences_is_text(pair):
    found = pair({"review": [sentence(i) for i in range(40)], "label": ["a", "b"] * 20}, {"review": [sentence(i + 50) for i in range(40)]})
    assert [c.kind for c in found.schema.columns] == ["text"]
    assert found.schema.modality == "text"


def test_long_labels_of_few_kinds_are_categories(pair):
    levels = ["some college but no degree, or still at it now", "primary school alone, or no school whatsoever"]
    found = pair({"education": levels * 20}, {"education": levels * 5})
    assert [c.kind for c in found.schema.columns] == ["category"]


def test_the_user_may_say_so(pair):
    found = pair({"a": ["x", "y"] * 5, "n": range(10)}, {"a": ["x"] * 4, "n": range(4)}, text=("a",))
    assert [c.kind for c in found.schema.texts] == ["text"]
    assert found.source.texts[:2, 0].tolist() == ["x", "y"]
