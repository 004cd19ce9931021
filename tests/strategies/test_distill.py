from dataclasses import replace

import numpy as np
import pytest
import torch
from made import prepared

from mdshift.nn.backbones import Spec, build
from mdshift.nn.teach import Student, attention, softened
from strategies.networlds import before, right, rotated, run, source_net


def widened(seed=0, n=300, m=300, labels=40):
    """Four places at the corners of a square: many columns each tell a little of left and right, one of the target's alone above and below."""
    rng = np.random.default_rng(seed)

    def rows(size):
        y = rng.integers(0, 4, size)
        u, v = 2.0 * (y % 2) - 1, 2.0 * (y // 2) - 1
        X = rng.normal(size=(size, 14))
        X[:, :10] += 0.5 * u[:, None]
        X[:, 10] += 0.4 * v
        X[:, 12] += u  # what only the source measures
        X[:, 13] = v + 0.4 * X[:, 13]  # what only the target measures
        return X, y

    (X, y), (Xt, yt) = rows(n), rows(m)
    only_source, only_target = np.arange(14) == 12, np.arange(14) == 13
    X[:, only_target], Xt[:, only_source] = 0.0, 0.0
    p = prepared(X, y, Xt, np.where(np.arange(m) < labels, yt, -1), modality="array")
    return replace(p, only_source=only_source, only_target=only_target), yt


def test_a_column_that_the_source_lacks_is_learnt_beside_the_teacher():
    p, yt = widened()
    found = run("distill", p, epochs=15)
    assert [h["phase"] for h in found.history if "improved" in h] == ["teacher", "features", "attention", "predictions"]
    assert right(found.predictor, p, yt) > right(source_net(p), p, yt) + 0.08
    scores = found.predictor.scores(p.X_target)
    np.testing.assert_allclose(found.predictor.scores(p.X_target + 5.0 * p.only_source.astype(np.float32)), scores, atol=1e-6)


@pytest.mark.slow
def test_over_seeds_the_teacher_saves_labels():
    gains = []
    for seed in range(2):
        p, yt = widened(seed, labels=24)
        mine = right(run("distill", p, seed, epochs=15).predictor, p, yt)
        gains.append((mine - right(source_net(p), p, yt), mine - right(run("scratch", p, seed).predictor, p, yt)))
    assert np.mean(gains, axis=0)[0] > 0.08
    assert np.mean(gains, axis=0)[1] > 0.03


@pytest.mark.slow
def test_without_labels_the_student_learns_the_teachers_errors():
    p, yt = rotated(n=200, m=200, labels=0)
    found = run("distill", p, epochs=20)
    assert found.evidence["agreement"] > 0.8
    assert abs(right(found.predictor, p, yt) - before(rotated, right, n=200, m=200, labels=0)) < 0.1
    p, _ = rotated(n=200, m=200, labels=60)
    assert right(run("distill", p, epochs=20).predictor, p, yt) > right(found.predictor, p, yt)


def test_softened_predictions_by_hand():
    student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    p, q = (torch.softmax(v / 2, 1)[0] for v in (teacher, student))
    assert float(softened(student, teacher, 2.0, "classification")) == pytest.approx(4 * float((p * (p / q).log()).sum()), rel=1e-5)
    assert float(softened(teacher, teacher, 3.0, "classification")) == pytest.approx(0.0, abs=1e-7)
    assert float(softened(student[:, :1], teacher[:, :1], 2.0, "regression")) == 1.0


@pytest.mark.parametrize("shape", [None, (1, 8, 8)])
def test_maps_have_unit_length_one_for_each_block(shape):
    g = torch.Generator().manual_seed(0)
    network = build(Spec(64, 3, "classification", shape, width=16), g).eval()
    x = torch.randn(5, 64, generator=g)
    maps, features = attention(network, x)
    assert len(maps) == len(network.backbone.blocks)
    torch.testing.assert_close(maps[0].norm(dim=1), torch.ones(5))
    torch.testing.assert_close(features, network.features(x))
    if shape is not None:
        assert maps[0].shape == (5, 16)  # 4 x 4 places, the channels added up
    assert not network.backbone.blocks[0]._forward_hooks


def test_each_side_is_blind_to_what_the_other_alone_has():
    g = torch.Generator().manual_seed(0)
    network = build(Spec(4, 3, "classification", width=8), g)
    X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    made = Student(network, X, np.array(["number"] * 4), np.arange(4) == 0, np.arange(4) == 3).eval()
    assert made.keep.tolist() == [1, 1, 1, 0]
    x = torch.from_numpy(X)
    other = x.clone()
    other[:, 0] += 7
    torch.testing.assert_close(made.network(x), made.network(other))
