import dataclasses
import json

import numpy as np
import pytest
import torch
from made import accuracy, linear_context, prepared, rng_of

from mdshift.declare import configure, lookup
from mdshift.learners import net
from mdshift.learners.base import restore
from mdshift.learners.compose import Calibrated
from mdshift.learners.linear import Linear
from mdshift.learners.net import Net, NetPredictor, calmer, change_nets, nets_in, started


def fit(p, seed=0, weights=None):
    return Net().fit(p, p.X_source, p.y_source, rng_of(seed)("net"), weights)


def interaction(n, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 4))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def test_it_learns_what_no_line_can():
    X, y = interaction(600)
    Xt, yt = interaction(500, 1)
    model = fit(prepared(X, y))
    scores = model.scores(Xt.astype(np.float32))
    assert accuracy(scores, yt) > 0.88
    np.testing.assert_allclose(scores.sum(1), 1)


def test_numbers_in_their_own_unit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = 1e4 + 300 * np.sin(2 * X[:, 0]) + 100 * X[:, 1]
    p = prepared(X[:400], y[:400])
    found = fit(p).scores(X[400:].astype(np.float32))
    assert found.shape == (100, 1)
    assert ((found[:, 0] - y[400:]) ** 2).mean() < 0.15 * y.var()


def bars(n, seed=0, side=12):
    """Images of one bright bar each: across (class 0) or down (class 1), anywhere."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    images = rng.normal(0, 0.3, (n, side, side))
    for i, at in enumerate(rng.integers(0, side, n)):
        if y[i]:
            images[i, :, at] += 1
        else:
            images[i, at, :] += 1
    return images.reshape(n, -1), y


def pictures(X, y, side=12, **more):
    import dataclasses

    p = prepared(X, y, modality="image", kinds=["pixel"] * side**2, **more)
    return dataclasses.replace(p, shape=(1, side, side))


def test_images_by_convolutions():
    X, y = bars(150)
    Xt, yt = bars(200, 1)
    model = fit(pictures(X, y))
    assert model.network.spec.shape == (1, 12, 12)
    assert accuracy(model.scores(Xt.astype(np.float32)), yt) > 0.9


def test_mapped_pixels_of_another_width_get_a_dense_network():
    X, y = bars(60)
    p = pictures(X, y)
    model = Net().fit(p, p.X_source[:, :50], p.y_source, rng_of()("net"))
    assert model.network.spec.shape is None
    assert np.isfinite(model.scores(p.X_source[:, :50])).all()


@pytest.mark.slow
def test_weights_count():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 2))
    reads = rng.integers(0, 2, 800)  # half of the rows read the feature the other way round
    y = ((X[:, 0] > 0) ^ (reads == 1)).astype(int)
    p = prepared(X, y)
    Xt = rng.normal(size=(300, 2)).astype(np.float32)
    for side in (0, 1):
        model = fit(p, weights=np.where(reads == side, 1.98, 0.02))
        assert accuracy(model.scores(Xt), ((Xt[:, 0] > 0) ^ (side == 1)).astype(int)) > 0.9


@pytest.mark.parametrize("make", [lambda: prepared(*interaction(60)), lambda: pictures(*bars(40))])
def test_the_state_restores_to_the_same_bits(make):
    p = make()
    model = fit(p)
    state = model.state()
    meta = json.loads(json.dumps(state.meta))
    again = restore(type(state)(state.kind, meta, dict(state.arrays)))
    assert np.array_equal(again.scores(p.X_source), model.scores(p.X_source))
    assert all(isinstance(v, np.ndarray) for v in state.arrays.values())


def test_a_state_whose_arrays_do_not_fit_is_refused():
    state = fit(prepared(*interaction(60))).state()
    broken = {**state.arrays, "head.weight": state.arrays["head.weight"][:, :5]}
    with pytest.raises(ValueError, match=r"head.weight|state_dict"):
        NetPredictor.restore(type(state)(state.kind, state.meta, broken))


@pytest.mark.parametrize(
    "change", [{"depth": 10**6}, {"width": -1}, {"task": "other"}, {"shape": [1, 2]}, {"layers": 3}, {"width": 10**9}, {"width": "many"}]
)
def test_a_spec_of_no_network_is_refused(change):
    state = fit(prepared(*interaction(30))).state()
    with pytest.raises(ValueError, match=r"no network|state_dict"):
        NetPredictor.restore(type(state)(state.kind, {"spec": {**state.meta["spec"], **change}}, state.arrays))


def test_the_same_seed_gives_the_same_network_and_the_global_generator_is_left_alone():
    p = prepared(*interaction(80))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, two, other = fit(p, 0), fit(p, 0), fit(p, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(one.scores(p.X_source), two.scores(p.X_source))
    assert not np.array_equal(one.scores(p.X_source), other.scores(p.X_source))


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.ones((1, 3)), np.array([0])),
        (np.ones((5, 3)), np.array([1, 1, 1, 1, 1])),
        (np.r_[np.ones((20, 3)), [[1e30, -1e30, 0]]], np.arange(21) % 2),
        (np.ones((30, 1)), np.full(30, 2.5)),
    ],
    ids=["one row", "one class", "a wild row", "a constant number"],
)
def test_hard_inputs_give_finite_scores(X, y):
    p = prepared(X, y, classes=2)
    assert np.isfinite(fit(p).scores(p.X_source)).all()


def test_networks_inside_other_predictors_are_found_and_changed():
    p = prepared(*interaction(60))
    model = fit(p)
    wrapped = Calibrated(model, 0.5)
    assert nets_in(wrapped.state()) == 1

    def flip(network):
        with torch.no_grad():
            network.head.weight.mul_(-1)
            network.head.bias.mul_(-1)
        return network

    changed = restore(change_nets(wrapped.state(), flip))
    np.testing.assert_allclose(changed.scores(p.X_source), wrapped.scores(p.X_source)[:, ::-1], rtol=1e-6)
    np.testing.assert_array_equal(wrapped.scores(p.X_source), Calibrated(model, 0.5).scores(p.X_source))


def test_a_saved_network_is_gone_on_from_if_it_fits():
    p = prepared(*interaction(60))
    model = fit(p)
    spec, generator = model.network.spec, torch.Generator()
    same = started(Calibrated(model, 2.0), spec, generator)
    assert same is not None
    assert torch.equal(same.head.weight, model.network.head.weight)
    import dataclasses

    more = started(model, dataclasses.replace(spec, outputs=5), generator)
    assert more is not None
    assert more.head.weight.shape == (5, spec.width)
    assert torch.equal(more.backbone.first.weight, model.network.backbone.first.weight)
    assert started(model, dataclasses.replace(spec, inputs=9), generator) is None
    assert started(None, spec, generator) is None


def half_known(n, rng):
    """A quarter of the labels are wrong: nobody is right more often than in three of four."""
    X = rng.normal(size=(n, 10))
    y = (X[:, 0] > 0).astype(np.int64)
    return X, np.where(rng.random(n) < 0.25, 1 - y, y)


def sureness(model, p, y):
    scores = model.scores(p.X_target)
    return scores.max(axis=1).mean(), (scores.argmax(axis=1) == y).mean()


def test_held_out_rows_calibrate_what_is_too_sure_and_never_sharpen():
    rng = np.random.default_rng(0)
    X, y = half_known(400, rng)
    p = prepared(X, y)
    fitted = Linear(0.1).fit(p, p.X_source, p.y_source, rng)
    sure, timid = Calibrated(fitted, 20.0), Calibrated(fitted, 0.05)
    (held, labels), none = half_known(200, rng), (p.X_source[:0], p.y_source[:0])
    slope = calmer(sure, [none, (held, labels)], p.X_target, None)
    assert 0.02 < slope < 0.1  # 1 / 20, about
    assert calmer(timid, [none, (held, labels)], p.X_target, None) == 1.0
    assert calmer(sure, [none, (held[:40], labels[:40])], p.X_target, None) == 1.0  # too few rows to say


def test_a_sorted_target_is_looked_at_from_end_to_end(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = half_known(400, rng)
    p = prepared(X, y)
    sure = Calibrated(Linear(0.1).fit(p, p.X_source, p.y_source, rng), 20.0)
    monkeypatch.setattr(net, "CALIBRATE_MOST", 100)
    target = p.X_source[np.argsort(-np.abs(p.X_source[:, 0]))]  # those that it is surest of come first
    slopes = [calmer(sure, [], X, 0.8) for X in (target, target[::-1])]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.1)
    assert slopes[0] == pytest.approx(calmer(sure, [], p.X_source, 0.8), rel=0.1)


def test_a_network_that_learnt_every_row_is_no_surer_of_the_target_than_the_source_model_was_right():
    rng = np.random.default_rng(0)
    (X, y), (Xt, yt) = half_known(120, rng), half_known(500, rng)
    p = prepared(X, y, Xt, modality="array")
    context = dataclasses.replace(linear_context(p), reached=0.72)
    found = configure(lookup("strategy", "mmd"), {"epochs": 40}).run(p, context)
    assert sureness(found.predictor.inner, p, yt)[0] > 0.8
    assert sureness(found.predictor, p, yt)[0] == pytest.approx(0.72, abs=0.001)
