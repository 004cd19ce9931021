"""NumPy arrays, which are never unpickled."""

import numpy as np
import pytest

from mdshift.readers.load import load
from mdshift.types import DataSpec

RNG = np.random.default_rng(0)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_objects_are_refused_and_never_run(tmp_path, refused, ending):
    marker = tmp_path / "ran"
    array = np.array([Bomb(marker)] * 3, dtype=object)
    if ending == "npy":
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
    else:
        np.savez(tmp_path / "a.npz", X=array)
    error = refused(tmp_path / f"a.{ending}")
    assert "Python objects" in error.what
    assert not marker.exists()


def test_objects_as_labels_are_refused(tmp_path, refused):
    np.savez(tmp_path / "a.npz", X=np.zeros((3, 2)), y=np.array(["a", "b", None], dtype=object))
    assert "Python objects" in refused(tmp_path / "a.npz").what


def test_a_matrix_with_labels_is_an_array_problem(tmp_path):
    for name in ("s", "t"):
        np.savez(tmp_path / f"{name}.npz", X=RNG.normal(size=(30, 4)), y=np.arange(30) % 3)
    problem = load(DataSpec(sources=(str(tmp_path / "s.npz"),), target=str(tmp_path / "t.npz")), seed=0, need_label=True)
    assert problem.schema.modality == "array"
    assert [c.name for c in problem.schema.columns] == ["f0", "f1", "f2", "f3"]
    assert problem.classes == ("0", "1", "2")
    assert problem.sources[0].numbers.shape == (30, 4)


def test_x_and_y_in_a_folder_belong_together(tmp_path):
    for name in ("s", "t"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "X.npy", RNG.normal(size=(20, 3)))
        np.save(tmp_path / name / "y.npy", np.array(["a", "b"] * 10))
    problem = load(DataSpec(sources=(str(tmp_path / "s"),), target=str(tmp_path / "t")), seed=0, need_label=True)
    assert problem.classes == ("a", "b")
    assert len(problem.source) == 20


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((5, 8, 9, 3), np.uint8, (8, 9, 3)),
        ((5, 3, 8, 9), np.uint8, (8, 9, 3)),
        ((5, 8, 9), np.uint8, (8, 9, 1)),
        ((5, 100, 80, 1), np.float32, (64, 64, 1)),
    ],
)
def test_images_as_arrays(tmp_path, shape, dtype, expected):
    X = RNG.integers(0, 256, shape).astype(dtype)
    if dtype == np.float32:
        X = X / 255
    for name in ("s", "t"):
        np.save(tmp_path / f"{name}.npy", X)
    problem = load(DataSpec(sources=(str(tmp_path / "s.npy"),), target=str(tmp_path / "t.npy")), seed=0)
    assert problem.schema.modality == "image"
    assert problem.schema.image_shape == expected
    if shape == (5, 3, 8, 9):
        assert (problem.source.images == X.transpose(0, 2, 3, 1)).all()


def test_a_series_is_flattened(tmp_path, read):
    np.save(tmp_path / "a.npy", RNG.normal(size=(6, 10, 5)))
    assert read(tmp_path / "a.npy")[0].matrix.shape == (6, 50)


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"a": np.zeros(2), "b": np.zeros(2)}, "without an array X"),
        ({"X": np.zeros((2, 2)), "y": np.zeros(3)}, "differ in rows"),
        ({"X": np.array([["a"], ["b"]])}, "not of numbers"),
        ({"X": np.zeros((0, 3))}, "no rows"),
        ({"X": np.zeros((2, 4, 4, 3)) - 9}, "out of range"),
    ],
)
def test_what_cannot_be_used(tmp_path, refused, arrays, what):
    np.savez(tmp_path / "a.npz", **arrays)
    assert what in refused(tmp_path / "a.npz").what


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_damaged_file(tmp_path, refused, ending):
    file = tmp_path / f"a.{ending}"
    (np.save if ending == "npy" else np.savez)(file, np.zeros((50, 4)))
    file.write_bytes(file.read_bytes()[:200])
    assert str(file) in refused(file).seen
