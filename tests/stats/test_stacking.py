import numpy as np
import pytest

from mdshift.stats.stacking import stacked

rng = np.random.default_rng(0)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_other_weight_has_a_smaller_squared_error(task):
    truth = rng.integers(0, 3, 300) if task == "classification" else rng.normal(size=300)
    wanted = np.eye(3)[truth] if task == "classification" else truth[:, None]
    first, second = wanted + rng.normal(size=wanted.shape), wanted + 0.7 * rng.normal(size=wanted.shape)
    found = stacked(first, second, truth, task)
    tried = np.linspace(0, 1, 1001)
    errors = [((w * first + (1 - w) * second - wanted) ** 2).sum() for w in tried]
    assert found == pytest.approx(tried[int(np.argmin(errors))], abs=0.001)
    assert 0 < found < 1


def test_the_weights_of_independent_errors_are_their_inverse_variances():
    """Bates & Granger (1969): of two unbiased forecasts with variances 1 and 4 the first weighs .8."""
    truth = rng.normal(size=100_000)
    first, second = truth + rng.normal(size=100_000), truth + 2 * rng.normal(size=100_000)
    assert stacked(first[:, None], second[:, None], truth, "regression") == pytest.approx(0.8, abs=0.01)


def test_a_model_that_only_adds_error_has_no_weight_and_two_that_are_one_share_it():
    truth = rng.normal(size=200)
    good, bad = truth[:, None] + 0.1, truth[:, None] + 5.0
    assert stacked(good, bad, truth, "regression") == 1.0
    assert stacked(bad, good, truth, "regression") == 0.0
    assert stacked(good, good, truth, "regression") == 0.5
