import dataclasses

import numpy as np
import pytest
import torch

from mdshift.errors import EnvironmentFault
from mdshift.learners.net import plain_loss
from mdshift.nn import train
from mdshift.nn.backbones import Dropout, Network, Spec, build
from mdshift.nn.data import Rows
from mdshift.nn.plan import Phase


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=200, seed=0, by=0.0, d=6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + by
    return Rows.of(X, (X[:, 0] - by > 0).astype(np.int64), None, 0, "cpu")


def none(pool):
    return pool.take(torch.empty(0, dtype=torch.int64))


def world(*, target=None, labelled=None, checks=None, seed=0, d=6):
    source = rows(d=d)
    network = build(Spec(d, 2, "classification", width=16, depth=1), seeded(seed))
    pools = train.Pools(source, target or none(source), labelled or none(source), checks or {})
    return train.State(network, None, "classification"), pools


def run(phase, state, pools, loss=plain_loss, seed=1):
    return train.run_phase(phase, pools, state, loss, seeded(seed), lambda _: None)


QUICK = Phase(rows="source", least=60, most=60, batch=32, rate=1e-2)


def weights(network):
    return {k: v.clone() for k, v in network.state_dict().items()}


def test_it_learns_and_records():
    state, pools = world()
    history = run(QUICK, state, pools)
    assert history[0]["loss"] > 2 * history[-1]["loss"]
    assert [h["step"] for h in history][-1] == 60
    assert 20 <= len(history) <= 31
    held = rows(500, seed=9)
    right = (train.outputs_of(state.network, held.x).argmax(1) == held.y).float().mean()
    assert right > 0.9


def test_the_seed_decides_and_neither_the_threads_nor_the_global_generator():
    before = torch.get_num_threads()
    found = []
    for threads, seed in ((1, 1), (2, 1), (1, 2)):
        torch.set_num_threads(threads)
        torch.manual_seed(threads)
        kept = torch.get_rng_state()
        state, pools = world(target=rows(100, 3, by=1.0))
        with train.steady():
            run(dataclasses.replace(QUICK, statistics="domain"), state, pools, seed=seed)
        assert torch.get_num_threads() == threads
        assert torch.equal(torch.get_rng_state(), kept)
        found.append(weights(state.network))
    torch.set_num_threads(before)
    assert all(torch.equal(found[0][k], found[1][k]) for k in found[0])
    assert not all(torch.equal(found[0][k], found[2][k]) for k in found[0])


def poisoned(at):
    """The plain loss, NaN at these steps (by count of calls)."""
    calls = [0]

    def loss(step, state):
        calls[0] += 1
        value, numbers = plain_loss(step, state)
        return (value * torch.nan if at(calls[0]) else value), numbers

    return loss


def test_a_nan_is_stepped_back_from():
    state, pools = world()
    history = run(QUICK, state, pools, poisoned(lambda n: n in (20, 21, 40)))
    assert all(torch.isfinite(v).all() for v in state.network.state_dict().values())
    assert all(np.isfinite(h["loss"]) for h in history)
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]


def test_a_loss_that_stays_nan_is_given_up():
    state, pools = world()
    with pytest.raises(EnvironmentFault, match="does not converge") as caught:
        run(QUICK, state, pools, poisoned(lambda n: n > 10))
    assert caught.value.hint
    assert all(torch.isfinite(v).all() for v in state.network.state_dict().values())


def test_a_rate_that_blows_up_ends_in_finite_weights():
    state, pools = world()
    wild = dataclasses.replace(QUICK, rate=1.0)
    run(wild, state, pools, lambda step, s: ((plain_loss(step, s)[0] * 1e30) ** 2 if step.progress < 0.05 else plain_loss(step, s)[0], {}))
    assert all(torch.isfinite(v).all() for v in state.network.state_dict().values())


def test_out_of_memory_halves_the_batch_down_to_two():
    state, pools = world()
    seen = []

    def hungry(step, s):
        seen.append(len(step.xs))
        if len(step.xs) > 8:
            raise torch.OutOfMemoryError("out of memory")
        return plain_loss(step, s)

    run(QUICK, state, pools, hungry)
    assert seen[:4] == [32, 16, 8, 8]
    with pytest.raises(EnvironmentFault, match="memory"):
        run(QUICK, state, pools, lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("out of memory")))


def test_other_faults_of_torch_are_not_taken_for_memory():
    state, pools = world()
    with pytest.raises(RuntimeError, match="mat1"):
        run(QUICK, state, pools, lambda *_: (_ for _ in ()).throw(RuntimeError("mat1 and mat2 do not fit")))


def test_the_best_check_is_kept_and_the_phase_stops_early():
    held = rows(300, seed=5)
    flipped = dataclasses.replace(held, y=1 - held.y)  # the better the training, the worse the check
    state, pools = world(checks={"source": flipped})
    start = train.check_loss(state.network, flipped, "classification")
    phase = dataclasses.replace(QUICK, check="source", least=400, most=400, rate=1e-2, schedule="constant")
    history = run(phase, state, pools)
    assert history[-1]["step"] < 250
    best = min(h["check"] for h in history)
    assert train.check_loss(state.network, flipped, "classification") == pytest.approx(best)
    assert best < start + 1


def test_a_phase_that_makes_the_check_worse_is_undone():
    held = rows(300, seed=5)
    state, pools = world(checks={"target": dataclasses.replace(held, y=1 - held.y)})
    run(QUICK, state, pools)  # now every further step makes the check worse, or better by chance only
    before = weights(state.network)
    history = run(dataclasses.replace(QUICK, check="target", revert=True, rate=5e-2), state, pools)
    assert history[-1]["improved"] is False
    assert all(torch.equal(v, before[k]) for k, v in state.network.state_dict().items())


@pytest.mark.parametrize(("trains", "moved"), [("head", {"head"}), ("upper", {"head", "upper"}), ("all", {"head", "upper", "first"})])
def test_only_what_a_phase_trains_moves(trains, moved):
    state, pools = world()
    before = weights(state.network)
    run(dataclasses.replace(QUICK, trains=trains, statistics="frozen", decay=0.0), state, pools)
    changed = {k for k, v in state.network.state_dict().items() if not torch.equal(v, before[k])}
    names = {"head": "head.weight", "upper": "backbone.blocks.0.outer.weight", "first": "backbone.first.weight"}
    assert {n for n, key in names.items() if key in changed} == moved
    assert not any("running" in k for k in changed)


def test_the_backbone_learns_at_its_share_of_the_rate():
    state, _ = world()
    groups = train._groups(state.network, None, Phase(rate=1e-3, backbone=0.1, decay=0.5))
    by_parameter = {id(p): g for g in groups for p in g["params"]}
    network = state.network
    assert by_parameter[id(network.head.weight)]["lr"] == pytest.approx(1e-3)
    assert by_parameter[id(network.backbone.first.weight)]["lr"] == pytest.approx(1e-4)
    assert by_parameter[id(network.backbone.first.weight)]["weight_decay"] == 0.5
    assert by_parameter[id(network.backbone.first.bias)]["weight_decay"] == 0
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))


def test_l2_sp_holds_the_backbone_near_its_start_and_l1_shrinks_weights():
    moved = []
    for pull in (0.0, 1.0):
        state, pools = world()
        before = weights(state.network)
        run(dataclasses.replace(QUICK, l2_sp=pull, decay=0.0), state, pools)
        moved.append(float((state.network.backbone.first.weight - before["backbone.first.weight"]).detach().norm()))
    assert moved[1] < 0.3 * moved[0]
    sizes = []
    for penalty in (0.0, 0.01):
        state, pools = world()
        run(dataclasses.replace(QUICK, l1=penalty, decay=0.0), state, pools)
        sizes.append(float(state.network.backbone.first.weight.detach().abs().mean()))
    assert sizes[1] < 0.8 * sizes[0]


def test_domain_statistics_end_as_the_targets():
    target = rows(400, 4, by=3.0)
    state, pools = world(target=target)

    def both(step, s):
        batch = s.features(step)
        assert len(batch.source) == len(step.xs)
        assert len(batch.target) == len(step.xt)
        return s.task_loss(step, batch), {}

    run(dataclasses.replace(QUICK, rows="both", statistics="domain"), state, pools, both)
    with torch.no_grad():
        hidden = state.network.backbone.first(state.network.standardise(target.x))
    torch.testing.assert_close(state.network.backbone.norm_0.running_mean, hidden.mean(0), rtol=0.1, atol=0.1)


def test_labelled_target_rows_come_along_in_small_shares():
    labelled = rows(6, 7, by=3.0)
    state, pools = world(target=rows(50, 4, by=3.0), labelled=labelled)
    seen = []

    def look(step, s):
        seen.append((len(step.xs), len(step.xt), len(step.xl), len(step.yl)))
        return s.task_loss(step, s.features(step)), {}

    run(dataclasses.replace(QUICK, rows="both"), state, pools, look)
    assert set(seen) == {(32, 32, 6, 6)}


def test_a_device_that_is_not_there_is_named():
    if not torch.cuda.is_available():
        with pytest.raises(EnvironmentFault, match="no CUDA"):
            train.pick_device("cuda")
        assert train.pick_device("auto") == "cpu"
    assert train.pick_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("trains", "moves"),
    [
        ("all", {"backbone", "head"}),
        ("head", {"head"}),
        ("backbone", {"backbone"}),
        ("norms", {"norm"}),
        ("upper", {"upper", "head"}),
        ("extra", set()),
    ],
)
def test_a_phase_trains_what_it_says_alone(trains, moves):
    state, pools = world()
    state.extra = torch.nn.Linear(16, 1)
    before = weights(state.network)
    norms = {f"{n}.{k}" for n, m in state.network.named_modules() if isinstance(m, torch.nn.BatchNorm1d) for k in ("weight", "bias")}
    upper = {id(p) for m in state.network.upper() for p in m.parameters()}
    names = {id(p): n for n, p in state.network.named_parameters()}
    phase = dataclasses.replace(QUICK, trains=trains, least=3, most=3, statistics="frozen")

    def loss(step, state):
        features = state.features(step, target=False)
        return state.task_loss(step, features) + state.extra(features.source).square().mean(), {}

    start = state.extra.weight.detach().clone()
    run(phase, state, pools, loss)
    after = state.network.state_dict()
    moved = {n for n in before if not torch.equal(before[n], after[n])}
    wanted = set()
    for name, _ in state.network.named_parameters():
        part = name.split(".")[0]
        if part in moves or ("norm" in moves and name in norms) or ("upper" in moves and name in {names[i] for i in upper}):
            wanted.add(name)
    assert moved <= wanted
    assert {n for n in moved if before[n].ndim > 1} == {n for n in wanted if before[n].ndim > 1}
    assert bool(moved) == bool(wanted)
    assert torch.equal(start, state.extra.weight) == (trains in ("head", "norms"))


def test_a_phase_on_unlabelled_rows_draws_the_target_s():
    target = rows(60, seed=5, by=7.0)
    state, pools = world(target=target)
    seen = []

    def loss(step, state):
        seen.append(step.xs)
        return state.network.features(step.xs).square().mean(), {}

    run(dataclasses.replace(QUICK, rows="unlabelled", least=4, most=4), state, pools, loss)
    assert torch.cat(seen).mean() > 5


def test_dropout_is_the_phase_s_own_for_its_time():
    state, pools = world()
    network = build(Spec(6, 2, "classification", width=16, depth=1, dropout=0.3), seeded(0))
    state = train.State(network, None, "classification")
    rates = []

    def loss(step, state):
        rates.append({m.rate for m in state.network.modules() if isinstance(m, Dropout)})
        return plain_loss(step, state)

    run(dataclasses.replace(QUICK, least=2, most=2, dropout=0.7), state, pools, loss)
    run(dataclasses.replace(QUICK, least=2, most=2), state, pools, loss)
    assert rates == [{0.7}, {0.7}, {0.3}, {0.3}]


def test_mixed_precision_trains_to_the_same_within_its_rounding(monkeypatch):
    """On a GPU the backbone computes in bfloat16; here the CPU is made to."""
    found = []
    for mixed in (False, True):
        monkeypatch.setattr(Network, "mixed", mixed)
        state, pools = world()
        history = run(QUICK, state, pools)
        held = rows(500, seed=9)
        found.append((train.outputs_of(state.network, held.x), history[-1]["loss"]))
        assert next(state.network.parameters()).dtype == torch.float32
    assert not torch.equal(found[0][0], found[1][0])
    assert (found[0][0].argmax(1) == found[1][0].argmax(1)).float().mean() > 0.97
    assert abs(found[0][1] - found[1][1]) < 0.05


def membered(members=4):
    """A network whose members do not agree, in eval mode, and a batch of its features."""
    network = build(Spec(6, 2, "classification", width=32, depth=1, members=members), seeded(3)).eval()
    return network, network.features(rows(40).x)


def test_every_member_pays_its_own_loss():
    """By hand: the mean of the members' losses, which is more than the loss of their mean (Jensen)."""
    network, features = membered()
    with torch.no_grad():
        network.head.weight.mul_(20.0)
    y, w = rows(40).y, torch.linspace(0.5, 1.5, 40)
    state, source = train.State(network, None, "classification"), rows(40)
    empty = source.take(torch.empty(0, dtype=torch.int64))
    step = train.Step(source.x, y, w, source.d, empty.x, empty.x, empty.y, 0.0, seeded(), source.more, empty.more)
    found = state.task_loss(step, train.Batch(features, features[:0], features[:0]))
    parts = features.reshape(40, 4, 8)
    own = []
    for m in range(4):
        weight = network.head.weight.reshape(2, 4, 8)[:, m] * 4  # a member's share of the mean, told alone
        each = torch.nn.functional.cross_entropy(parts[:, m] @ weight.T + network.head.bias, y, reduction="none")
        own.append((w * each).sum() / w.sum())
    torch.testing.assert_close(found, torch.stack(own).mean(), rtol=1e-5, atol=1e-6)
    together = torch.nn.functional.cross_entropy(network.head(features), y, reduction="none")
    assert found > (w * together).sum() / w.sum() + 0.01


@pytest.mark.parametrize(("held", "calibrated"), [(train.REFINED, True), (train.REFINED - 1, False)])
def test_a_check_does_not_punish_sureness_that_calibration_mends(held, calibrated):
    network, _ = membered()
    checks = rows(held, seed=4)
    before = train.check_loss(network, checks, "classification")
    with torch.no_grad():
        network.head.weight.mul_(16.0)
        network.head.bias.mul_(16.0)
    after = train.check_loss(network, checks, "classification")
    assert (abs(after - before) < 0.01) == calibrated
