import numpy as np
import pytest
from sides import sides

from mdshift.probes.overlap import Overlap


def measure(X, Y, **more):
    return Overlap().measure(sides(X, Y, **more), np.random.default_rng(0))


def test_one_law_is_covered():
    rng = np.random.default_rng(0)
    found = measure(rng.standard_normal((400, 3)), rng.standard_normal((400, 3)))
    assert found.effect > 0.95
    assert found.low <= found.effect <= found.high
    assert found.evidence["effective_sample_size"] > 0.7


def test_the_share_outside_is_seen():
    rng = np.random.default_rng(1)
    Y = rng.standard_normal((400, 3))
    Y[:160] += 12
    found = measure(rng.standard_normal((400, 3)), Y)
    assert found.effect == pytest.approx(0.6, abs=0.06)
    assert "60%" in found.sentence or "59%" in found.sentence or "58%" in found.sentence


def test_disjoint_sides_share_nothing():
    rng = np.random.default_rng(2)
    found = measure(rng.standard_normal((300, 2)), rng.standard_normal((300, 2)) + 20)
    assert found.effect < 0.02
    assert found.evidence["neighbour_share"] < 0.02


def test_a_category_that_the_source_lacks_is_outside():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 2, (400, 1)), rng.integers(0, 2, (400, 1))
    b[:200] = 4
    assert measure(None, None, categories=(a, b)).effect == pytest.approx(0.5, abs=0.05)


def test_a_stronger_tilt_leaves_fewer_effective_rows():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((500, 2))
    sizes = [measure(X, rng.standard_normal((500, 2)) + d).evidence["effective_sample_size"] for d in (0.2, 1.0, 2.0)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_too_few_rows_are_said():
    found = measure(np.zeros((100, 1)), np.ones((5, 1)))
    assert found.effect is None
    assert "too few rows to tell" in found.sentence
