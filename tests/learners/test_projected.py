import numpy as np
import pytest
from made import prepared

from mdshift.learners.base import restore
from mdshift.learners.compose import BLOCK
from mdshift.learners.linear import Linear
from mdshift.learners.projected import Projected, project

rng = np.random.default_rng(0)
X = rng.normal(size=(BLOCK + 57, 5)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)
parts = (rng.normal(size=(3, 2)), np.ones(3), np.array([1.0, 2.0, 3.0]), np.array([0, 2, 4]), np.array([0.5, -0.5]))


@pytest.mark.parametrize("unit", [False, True])
def test_it_scores_the_same_bits_when_restored_and_in_any_batch(unit):
    Z = project(X, *parts, unit=unit)
    found = Projected(Linear(1.0).fit(prepared(Z, y), Z, y, rng), *parts, unit=unit)
    whole = found.scores(X)
    np.testing.assert_array_equal(restore(found.state()).scores(X), whole)
    for at in (0, 5, BLOCK - 1, BLOCK, len(X) - 1):
        np.testing.assert_array_equal(found.scores(X[at : at + 1])[0], whole[at])


def test_the_projection_is_the_product_beside_the_columns_that_pass():
    Z = project(X, *parts)
    matrix, center, scale, columns, middle = parts
    np.testing.assert_allclose(Z[:, :2], (X[:, columns] - center) / scale @ matrix - middle, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(Z[:, 2:], X[:, [1, 3]])


def test_unit_rows_have_length_one_and_rows_of_zeros_stay():
    Z = project(X, *parts, unit=True)
    np.testing.assert_allclose((Z[:, :2] ** 2).sum(axis=1), 1, rtol=1e-5)
    none = project(np.ones((1, 5), np.float32), parts[0], np.ones(3), np.ones(3), parts[3], np.zeros(2), unit=True)
    np.testing.assert_array_equal(none[:, :2], 0)
