"""Folders of images."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mdshift.errors import DataError
from mdshift.readers.load import load
from mdshift.types import DataSpec

RNG = np.random.default_rng(0)


def save(path, shape=(8, 8), mode="L", value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, shape).astype(np.uint8) if value is None else np.full(shape, value, np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return pixels


def header_of(side):
    """A PNG that claims this many pixels a side, and holds none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def problem(tmp_path, **spec):
    return load(DataSpec(sources=(str(tmp_path / "s"),), target=str(tmp_path / "t"), **spec), seed=0)


def test_class_folders_are_labels_and_a_flat_folder_has_none(tmp_path):
    kept = [save(tmp_path / "s" / c / f"{i}.png") for c in ("cat", "dog") for i in range(3)]
    for i in range(4):
        save(tmp_path / "t" / f"{i}.png")
    found = problem(tmp_path)
    assert found.schema.modality == "image"
    assert found.schema.image_shape == (8, 8, 1)
    assert found.classes == ("cat", "dog")
    assert found.source.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.target.y is None
    assert (found.source.images[..., 0] == np.stack(kept)).all()
    assert found.source.numbers.shape == (6, 0)


def test_an_image_outside_the_class_folders_is_unlabelled(tmp_path):
    for i in range(3):
        save(tmp_path / "s" / "a" / f"{i}.png")
        save(tmp_path / "s" / "b" / f"{i}.png")
        save(tmp_path / "t" / f"{i}.png")
    save(tmp_path / "t" / "b" / "0.png")
    assert sorted(problem(tmp_path).target.y.tolist()) == [-1, -1, -1, 1]


def test_domains_of_other_sizes_and_colours_get_one_shape(tmp_path):
    for i in range(3):
        save(tmp_path / "s" / f"{i}.png", (100, 90))
        save(tmp_path / "t" / f"{i}.png", (70, 80, 3), "RGB")
    found = problem(tmp_path)
    assert found.schema.image_shape == (64, 64, 3)
    assert found.source.images.shape == found.target.images.shape == (3, 64, 64, 3)


def test_resizing_keeps_what_is_seen(tmp_path):
    for name in ("s", "t"):
        save(tmp_path / name / "0.png", (200, 200), value=77)
    assert (problem(tmp_path).source.images == 77).all()


def test_bad_images_are_skipped_and_counted(tmp_path):
    for i in range(60):
        save(tmp_path / "s" / f"{i:02d}.png")
    save(tmp_path / "t" / "0.png")
    (tmp_path / "s" / "05.png").write_bytes(b"not an image")
    (tmp_path / "s" / "07.png").write_bytes((tmp_path / "s" / "08.png").read_bytes()[:60])
    found = problem(tmp_path)
    assert len(found.source) == 58
    assert {5, 7}.isdisjoint(found.source.index.tolist())
    assert len(found.quality["skipped"]) == 2
    assert any(n.level == "warning" and "05.png" in n.text for n in found.notes)


@pytest.mark.parametrize("kind", ["text", "32-bit", "animated", "huge"])
def test_a_folder_with_too_many_bad_images_is_refused(tmp_path, kind):
    for i in range(5):
        save(tmp_path / "s" / f"{i}.png")
        save(tmp_path / "t" / f"{i}.png")
    bad = tmp_path / "s" / "9.png"
    if kind == "text":
        bad.write_bytes(b"text")
    elif kind == "32-bit":
        Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(tmp_path / "s" / "9.tif")
    elif kind == "animated":
        Image.new("L", (8, 8)).save(tmp_path / "s" / "9.gif", save_all=True, append_images=[Image.new("L", (8, 8), 200)])
    else:
        bad.write_bytes(header_of(30_000))
    with pytest.raises(DataError, match="images cannot be used"):
        problem(tmp_path)


@pytest.mark.parametrize(("kind", "said"), [("16-bit", "image of mode I;16"), ("CMYK", "image of mode CMYK")])
def test_depths_and_inks_that_would_change_their_meaning_are_skipped_and_counted(tmp_path, kind, said):
    for side in ("s", "t"):
        for i in range(30):
            save(tmp_path / side / f"{i}.png", (8, 8, 3), "RGB")
    odd = Image.fromarray(np.full((8, 8), 30_000, np.uint16)) if kind == "16-bit" else Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    odd.save(tmp_path / "s" / "99.tif")
    found = problem(tmp_path)
    assert len(found.source) == 30
    assert any(said in n.text for n in found.notes)


def test_images_against_a_table(tmp_path):
    save(tmp_path / "s" / "0.png")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match="images and tables"):
        problem(tmp_path)
