from functools import cache

import numpy as np
import pytest
import torch
from made import prepared

from mdshift.nn import meta
from mdshift.nn.backbones import Spec, build
from strategies.networlds import right, run, source_net

QUICK = {"steps": 2, "epochs": 8, "inner": 0.3}


def turned(seed=0, sources=6, labels=16, n=480, m=300, apart=True):
    """Sources whose concept is turned, each by another angle; the target's angle is none of theirs (`apart`), or all have the same."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, sources, endpoint=False) if apart else np.zeros(sources)

    def rows(size, a):
        X = rng.normal(size=(size, 6))
        u, v = np.cos(a) * X[:, 0] + np.sin(a) * X[:, 1], -np.sin(a) * X[:, 0] + np.cos(a) * X[:, 1]
        return X, (u > 0) + 2 * (v > 0)

    parts = [rows(n // sources, a) for a in angles]
    Xt, yt = rows(m, (np.pi / 7 + rng.choice(angles)) * apart)
    X, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    shown = np.where(np.arange(m) < labels, yt, -1)
    return prepared(X, y, Xt, shown, domain=np.repeat(np.arange(sources), n // sources), modality="array"), yt


def flipped(seed=0, n=160, m=200, labels=6, mixed=True):
    """Two sources of opposite concept (`mixed`), and a target of one of the two."""
    rng = np.random.default_rng(seed)
    X, Xt = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    domain = np.arange(n) % 2
    y = ((X[:, 0] > 0) ^ (mixed & (domain == 1))).astype(int)
    yt = ((Xt[:, 0] > 0) ^ (mixed & (seed % 2 == 1))).astype(int)
    return prepared(X, y, Xt, np.where(np.arange(m) < labels, yt, -1), domain=domain, modality="array"), yt


@cache
def quick(seed):
    p, yt = flipped(seed)
    return run("maml", p, seed, **QUICK), p, yt


@pytest.mark.parametrize("seed", [0, 1])
def test_which_of_two_concepts_holds_is_learnt_from_six_labels_in_two_steps(seed):
    found, p, yt = quick(seed)
    assert found.evidence["tasks"] == "domains"
    assert right(found.predictor, p, yt) > 0.85
    assert right(source_net(p), p, yt) < 0.7


def test_the_outer_loop_moves_the_weights_and_the_inner_one_uses_them():
    found, _, _ = quick(0)
    losses = [h["loss"] for h in found.history]
    assert np.median(losses[-4:]) < 0.7 * np.median(losses[:4])
    told = found.evidence["adaptation_loss"]
    assert len(told) == 3
    assert told[-1] < 0.7 * told[0]


@pytest.mark.slow
def test_over_seeds_it_beats_the_source_and_going_on_from_it():
    gains = []
    for seed in range(5):
        p, yt = turned(seed)
        mine = right(run("maml", p, seed).predictor, p, yt)
        gains.append((mine - right(source_net(p), p, yt), mine - right(run("finetune", p).predictor, p, yt)))
    assert np.mean(gains, axis=0)[0] > 0.3
    assert np.mean(gains, axis=0)[1] > 0.08


@pytest.mark.slow
def test_a_class_without_a_label_gets_lost():
    p, yt = flipped(mixed=False, labels=100)
    p.y_target[(yt == 0) & p.labelled] = -1
    assert right(run("maml", p, tasks="relabel", **QUICK).predictor, p, yt) < right(source_net(p), p, yt) - 0.1


def small(seed=0):
    g = torch.Generator().manual_seed(seed)
    network = build(Spec(3, 2, "classification", width=4, depth=1), g).double().eval()
    torch.nn.init.normal_(network.head.weight, std=1.0, generator=g)
    x, y = torch.randn(6, 3, generator=g).double(), torch.tensor([0, 1, 0, 1, 0, 1])
    return network, meta.Tasks(x[None, :3], y[None, :3], x[None, 3:], y[None, 3:])


def outer(network, tasks, inner):
    named = dict(network.named_parameters())
    meta.query_loss(network, named, tasks, inner).backward()
    return named["head.bias"].grad.clone()


def test_the_outer_gradient_is_the_slope_of_the_loss_after_adapting():
    network, tasks = small()
    inner = meta.Inner(3, 0.5)
    second, epsilon = outer(network, tasks, inner), 1e-5
    for j in range(2):
        ends = []
        for sign in (1, -1):
            named = {k: v.detach().clone() for k, v in network.named_parameters()}
            named["head.bias"][j] += sign * epsilon
            ends.append(float(meta.query_loss(network, named, tasks, inner)))
        assert float(second[j]) == pytest.approx((ends[0] - ends[1]) / (2 * epsilon), rel=1e-4)
    network.zero_grad()
    first = outer(network, tasks, meta.Inner(3, 0.5, first_order=True))
    assert not torch.allclose(first, second, rtol=1e-2)


def test_the_inner_loop_is_plain_gradient_descent():
    network, tasks = small(1)
    x, y = tasks.x[0], tasks.y[0]
    named = {k: v.detach() for k, v in network.named_parameters()}
    adapted = meta.adapt(network, named, x, y, meta.Inner(2, 0.3))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.3)
    for _ in range(2):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    for name, value in network.named_parameters():
        torch.testing.assert_close(adapted[name], value.detach())


def test_tasks_keep_what_they_promise():
    p, _ = turned()
    from mdshift.nn.data import Rows

    rows = Rows.of(p.X_source, p.y_source, None, p.domain, "cpu")
    g = torch.Generator().manual_seed(0)
    place = {tuple(x): d for x, d in zip(p.X_source.tolist(), p.domain.tolist(), strict=True)}
    drawn = meta.drawn_tasks(rows, 4, (5, 8, 8), "domains", g)
    for x, other in zip(drawn.x.tolist(), drawn.x_query.tolist(), strict=True):
        assert len({place[tuple(v)] for v in x + other}) == 1
        assert not {tuple(v) for v in x} & {tuple(v) for v in other}
    old = {tuple(x): y for x, y in zip(p.X_source.tolist(), p.y_source.tolist(), strict=True)}
    drawn = meta.drawn_tasks(rows, 4, (3, 30, 30), "relabel", g)
    for x, y in zip(drawn.x.tolist(), drawn.y.tolist(), strict=True):
        pairs = {(old[tuple(v)], k) for v, k in zip(x, y, strict=True)}
        assert len(pairs) == 4  # one new number for each old class


def test_steps_that_run_away_are_taken_at_a_lower_rate():
    network, tasks = small(2)
    x, y = 1e4 * tasks.x[0], tasks.y[0]
    start = {k: v.detach().clone() for k, v in network.named_parameters()}
    told = meta.settle(network, x, y, meta.Inner(5, 0.5))
    assert len(told) == 6
    assert np.isfinite(told).all()
    assert told[-1] <= told[0]
    assert np.isfinite(network(x).detach()).all()
    runaway = meta.adapt(network, start, x, y, meta.Inner(5, 0.5))
    assert not float(meta.fit(network, runaway, x, y)) <= told[0]


@pytest.mark.slow
def test_rows_that_are_all_alike_leave_a_finite_model():
    rng = np.random.default_rng(0)
    X, y = np.zeros((40, 60)), np.arange(40) % 2
    X[:, 0] = 1e-3 * rng.normal(size=40)
    p = prepared(X, y, X[:20], np.where(np.arange(20) < 8, y[:20], -1), domain=np.arange(40) // 20, modality="array")
    found = run("maml", p, epochs=8)
    assert found.history
    assert np.isfinite([h["loss"] for h in found.history]).all()
    assert np.isfinite(found.predictor.scores(p.X_target)).all()
