import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mdshift.nn.losses import joint_cost
from mdshift.strategies.deep_jdot import DeepJdot
from strategies.networlds import before, moved, moved_number, right, run, source_net, squared

pytest.importorskip("ot")


def test_it_beats_the_source_alone_where_the_inputs_moved():
    p, yt = moved(0, n=200, m=200)
    assert right(run("deep-jdot", p, epochs=25).predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)


def test_other_shares_of_the_classes_break_it():
    p, yt = moved(0, n=200, m=200, gain=1.0, offset=0.0, prior=(0.9, 0.05, 0.05))
    assert right(run("deep-jdot", p, epochs=25).predictor, p, yt) < right(source_net(p), p, yt) - 0.1


@pytest.mark.slow
def test_over_seeds_it_beats_the_source_alone():
    gains = []
    for seed in range(5):
        p, yt = moved(seed)
        gains.append(right(run("deep-jdot", p, seed).predictor, p, yt) - right(source_net(p), p, yt))
    assert np.mean(gains) > 0.1


@pytest.mark.slow
def test_numbers_too():
    p, yt = moved_number(n=200, m=200)
    assert squared(run("deep-jdot", p, epochs=30).predictor, p, yt) < 0.6 * before(moved_number, squared, n=200, m=200)


def test_the_exact_plan_is_the_best_assignment_and_entropy_smooths_it():
    cost = np.random.default_rng(0).random((7, 7))
    exact = DeepJdot().coupled(cost)
    rows, columns = linear_sum_assignment(cost)
    by_hand = np.zeros((7, 7))
    by_hand[rows, columns] = 1 / 7
    np.testing.assert_allclose(exact, by_hand, atol=1e-12)
    smooth = DeepJdot(entropy=0.1).coupled(cost)
    np.testing.assert_allclose([smooth.sum(0), smooth.sum(1)], 1 / 7, atol=1e-3)
    assert (smooth > 0).all()
    assert (smooth * cost).sum() > (exact * cost).sum()


def test_a_pairs_cost_is_the_distance_and_the_labels_loss():
    g = torch.Generator().manual_seed(0)
    source, target, outputs = torch.randn(3, 4, generator=g), torch.randn(2, 4, generator=g), torch.randn(2, 3, generator=g)
    y = torch.tensor([2, 0, 1])
    cost = joint_cost(source, target, y, outputs, "classification", 0.5, 2.0)
    by_hand = 0.5 * float(((source[1] - target[0]) ** 2).mean()) - 2.0 * float(torch.log_softmax(outputs, 1)[0, 0])
    assert float(cost[1, 0]) == pytest.approx(by_hand, rel=1e-5)
    numbers = joint_cost(source, target, torch.tensor([1.0, 2.0, 3.0]), outputs[:, :1], "regression", 0.0, 1.0)
    assert float(numbers[2, 1]) == pytest.approx(float((3.0 - outputs[1, 0]) ** 2), rel=1e-5)
