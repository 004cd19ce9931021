import numpy as np
import pytest
from sides import sides

from mdshift.probes.quality import Quality, hashes


def measure(view):
    return Quality().measure(view, np.random.default_rng(0))


def test_rows_on_both_sides_are_leakage():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((200, 3)), rng.standard_normal((100, 3))
    Y[:30] = X[50:80]
    found = measure(sides(X, Y))
    assert found.evidence["leakage_share"] == pytest.approx(0.3)
    assert "30.0% of the target rows stand in the source too" in found.sentence


def test_equal_rows_of_few_discrete_columns_are_chance():
    rng = np.random.default_rng(1)
    codes = tuple(rng.integers(0, 3, (300, 2)) for _ in range(2))
    found = measure(sides(categories=codes))
    assert found.evidence["shared_share"] == 1
    assert found.evidence["leakage_share"] == 0


def test_missing_duplicates_and_outliers_are_counted():
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((100, 2)), rng.standard_normal((50, 2))
    X[:20, 0] = np.nan
    X[90:, :] = X[80:90, :]
    Y[:5, 1] = 1000
    found = measure(sides(X, Y)).evidence
    assert found["source"]["missing"] == pytest.approx(0.1)
    assert found["missing_share"] == pytest.approx(20 / 300)
    assert found["duplicates_share"] == pytest.approx(0.1)
    assert found["target"]["outliers"] == pytest.approx(0.1)
    assert found["source"]["outliers"] == 0


def test_clean_data_are_called_so():
    rng = np.random.default_rng(3)
    assert "Nothing to clean" in measure(sides(rng.standard_normal((100, 2)), rng.standard_normal((50, 2)))).sentence


def test_a_hash_tells_rows_apart_by_every_kind_of_cell():
    texts = np.array([["a"], ["b"], ["a"], ["a"]], object)
    numbers = np.array([[np.nan], [np.nan], [np.nan], [-0.0]])
    h = hashes(sides(numbers, numbers, texts=(texts, texts)).source)
    assert h[0] == h[2]
    assert len(set(h.tolist())) == 3
    swapped = hashes(sides(np.array([[1.0, 2], [2, 1]]), np.zeros((1, 2))).source)
    assert swapped[0] != swapped[1]
    zero = hashes(sides(np.array([[0.0], [-0.0]]), np.zeros((1, 1))).source)
    assert zero[0] == zero[1]


def test_images_are_hashed():
    image = np.random.default_rng(4).integers(0, 255, (20, 4, 4, 1), dtype=np.uint8)
    assert measure(sides(images=(image, image[:5]))).evidence["leakage_share"] == 1
