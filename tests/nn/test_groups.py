import numpy as np
import pytest
import torch

from mdshift.nn import groups, losses
from mdshift.nn.losses import task_loss


def drawn(task, n=12):
    rng = torch.Generator().manual_seed(0)
    outputs = torch.randn(n, 3 if task == "classification" else 1, generator=rng)
    y = torch.randint(0, 3, (n,), generator=rng) if task == "classification" else torch.randn(n, generator=rng)
    return outputs, y


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_slopes_are_the_gradient_by_a_factor_on_the_outputs(task):
    outputs, y = drawn(task)
    factor = torch.ones((), requires_grad=True)
    (expected,) = torch.autograd.grad(task_loss(factor * outputs, y, torch.ones(12), task), factor)
    torch.testing.assert_close(groups.slopes(outputs, y, task).mean(), expected)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_penalty_is_the_mean_squared_gradient_of_the_domains(task):
    outputs, y = drawn(task)
    slope = groups.slopes(outputs, y, task)
    expected = (slope[0::2].mean() ** 2 + slope[1::2].mean() ** 2) / 2
    torch.testing.assert_close(groups.irm_penalty(outputs, y, torch.tensor([0, 1] * 6), 2, task), expected)


def test_means_of_groups_by_hand_and_an_empty_one():
    found = groups.means(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 2, 2]), 3)
    np.testing.assert_allclose(found, [1.0, 0.0, 3.0])


def test_each_loss_averages_to_the_task_loss():
    for task in ("classification", "regression"):
        outputs, y = drawn(task)
        torch.testing.assert_close(losses.each_loss(outputs, y, task).mean(), task_loss(outputs, y, torch.ones(12), task))


def test_weights_of_groups_rise_exponentially_with_their_loss():
    weights = groups.GroupWeights(2)
    value = weights(torch.tensor([1.0, 3.0]), 0.5)
    expected = np.exp([0.5, 1.5]) / np.exp([0.5, 1.5]).sum()
    np.testing.assert_allclose(weights.weights, expected, rtol=1e-6)
    np.testing.assert_allclose(value, expected @ [1.0, 3.0], rtol=1e-6)
