import numpy as np
import pytest
import torch
from made import context, linear_context, prepared

from mdshift.declare import configure, lookup
from mdshift.learners.rounds import surest
from mdshift.learners.trees import Trees
from mdshift.nn.pseudo import Trust, strong_view, trusted_loss
from strategies.networlds import before, moved, right, run


def drifted(seed=0, n=200, m=400, labels=0, apart=2.5):
    """Two clusters a class apart, moved and turned in the target, so that the source's border cuts through the edge of a cluster."""
    rng = np.random.default_rng(seed)

    def drawn(size, angle):
        y = rng.integers(0, 2, size)
        X = np.column_stack([apart * (2 * y - 1), np.zeros(size)]) + rng.normal(size=(size, 2))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return X @ turn, y

    X, y = drawn(n, 0.0)
    Xt, yt = drawn(m, 1.05)
    return prepared(X, y, Xt, np.where(np.arange(m) < labels, yt, -1)), yt


def rounds(p, make=linear_context, **settings):
    made = make(p)
    return made.base, configure(lookup("strategy", "self-training"), settings).run(p, made)


@pytest.mark.parametrize("seed", range(5))
def test_rounds_follow_clusters_that_turned(seed):
    p, yt = drifted(seed)
    base, found = rounds(p, rounds=6)
    assert right(found.predictor, p, yt) > right(base, p, yt) + 0.02
    assert right(found.predictor, p, yt) > 0.95


def test_clusters_that_lie_on_one_another_are_split_no_better():
    p, yt = drifted(0, apart=0.6)
    base, found = rounds(p, rounds=6)
    assert right(found.predictor, p, yt) < right(base, p, yt) + 0.02


def test_a_few_labels_help_where_the_first_predictions_are_wrong():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(200, 6)), rng.normal(size=(400, 6))
    y, yt = (X[:, 0] > 0).astype(int), (Xt[:, 1] > 0).astype(int)
    p = prepared(X, y, Xt, np.where(np.arange(400) < 60, yt, -1))
    base, found = rounds(p)
    assert right(found.predictor, p, yt) > right(base, p, yt) + 0.1
    assert found.evidence["target_rows"] == 60


def test_the_trusted_share_grows_and_trees_serve_as_well():
    p, yt = drifted(0)
    base, found = rounds(p, lambda p: context(p, learner=Trees(20)), rounds=3)
    trusted = [h["trusted"] for h in found.history]
    np.testing.assert_allclose(trusted, [120, 240, 360], atol=2)
    assert right(found.predictor, p, yt) > right(base, p, yt) - 0.02


def test_each_class_has_its_own_threshold():
    scores = np.array([[0.99, 0.01], [0.95, 0.05], [0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]])
    labels, kept = surest(scores, 0.5)
    np.testing.assert_array_equal(labels, [0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(kept, [True, True, False, False, True, False])


def test_a_class_seen_less_surely_has_a_lower_threshold_in_the_network_too():
    trust = Trust(2, memory=0.0)
    logits = torch.tensor([[3.0, 0.0], [0.0, 0.8]])
    labels, sure = trust(logits, 0.9)
    assert labels.tolist() == [0, 1]
    assert sure.tolist() == [True, True]  # 0.69 is sure for its class, which is never predicted more surely
    trust.levels.fill_(1.0)
    trust.memory = 1.0
    assert trust(logits, 0.9)[1].tolist() == [True, False]


def test_only_sure_rows_count():
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    expected = -torch.log_softmax(logits, 1)[1, 0] / 2
    torch.testing.assert_close(trusted_loss(logits, labels, torch.tensor([False, True])), expected)


def test_strong_views_stay_on_values_that_were_seen_and_change_about_the_share():
    x = torch.arange(200.0).reshape(20, 10)
    view = strong_view(x, None, torch.Generator().manual_seed(0))
    assert 0.15 < float((view != x).float().mean()) < 0.45
    assert all(set(view[:, j].tolist()) <= set(x[:, j].tolist()) for j in range(10))
    images = strong_view(torch.rand(4, 64), (1, 8, 8), torch.Generator().manual_seed(0))
    assert images.shape == (4, 64)
    assert torch.isfinite(images).all()


@pytest.mark.parametrize("consistency", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_network_learns_a_moved_sensor_from_its_own_labels(consistency):
    p, yt = moved(0, n=200, m=200)
    found = run("self-training", p, epochs=20, consistency=consistency)
    assert right(found.predictor, p, yt) > before(moved, right, seed=0, n=200, m=200) + 0.05
