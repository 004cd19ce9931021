import numpy as np
import pytest
import torch

from mdshift.declare import every
from mdshift.nn.backbones import NORMS
from mdshift.nn.pseudo import information
from strategies.networlds import before, moved, right, run, source_net


@pytest.mark.parametrize("method", ["tent", "shot"])
def test_a_moved_sensor_is_met_with_the_targets_rows_alone(method):
    p, yt = moved(0, n=200, m=200)
    start = source_net(p)
    p.X_source[:], p.y_source[:] = 0.0, 0  # nothing of the source is left to look at
    found = run("test-time", p, start=start, method=method)
    assert {h["phase"] for h in found.history} == {method}
    assert right(found.predictor, p, yt) > before(moved, right, seed=0, n=200, m=200) + 0.1


def test_tent_changes_no_weight_but_scales_and_offsets():
    p, _ = moved(0, n=100, m=100)
    start = source_net(p)
    old = {k: v.clone() for k, v in start.network.state_dict().items()}
    found = run("test-time", p, start=start, epochs=2).predictor.network
    norms = {f"{n}.{q}" for n, m in found.named_modules() if isinstance(m, NORMS) for q in ("weight", "bias")}
    changed = {k for k, _ in found.named_parameters() if not torch.equal(old[k], found.state_dict()[k])}
    assert changed
    assert changed <= norms


def test_shot_leaves_the_head_alone():
    p, _ = moved(0, n=100, m=100)
    start = source_net(p)
    head = start.network.head.weight.clone()
    found = run("test-time", p, start=start, method="shot", epochs=2).predictor.network
    assert torch.equal(head, found.head.weight)


def test_classes_that_are_rare_in_the_target_break_shot():
    p, yt = moved(0, n=200, m=200, gain=1.0, offset=0.0, prior=(0.96, 0.02, 0.02))
    start = source_net(p)
    plain = right(start, p, yt)
    assert right(run("test-time", p, start=start, method="shot", epochs=20).predictor, p, yt) < plain - 0.1


def test_information_is_least_for_sure_and_even_predictions():
    sure = 50.0 * torch.eye(3)
    np.testing.assert_allclose(information(sure), -np.log(3), atol=1e-5)
    np.testing.assert_allclose(information(torch.zeros(3, 3)), 0.0, atol=1e-6)
    np.testing.assert_allclose(information(sure[[0, 0, 0]]), 0.0, atol=1e-5)


def test_no_rule_names_it():
    for rule in every("rule").values():
        for example in rule.fires:
            assert "test-time" not in (rule.function(**example) or {})
