import dataclasses

import numpy as np
import pytest
import torch
from made import prepared

from mdshift.learners import net
from mdshift.nn.backbones import Bins, Spec, build, fit_inputs
from mdshift.nn.train import outputs_of, set_statistics


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


SHAPES = [None, (1, 8, 8), (1, 16, 16), (3, 20, 28), (3, 64, 64)]


def small(shape, outputs=3, seed=0):
    inputs = 10 if shape is None else int(np.prod(shape))
    return build(Spec(inputs, outputs, "classification", shape, width=16), seeded(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_features_and_outputs_of_every_size(shape):
    network = small(shape)
    x = torch.rand(5, network.spec.inputs, generator=seeded())
    assert network.features(x).shape == (5, 16)
    assert network(x).shape == (5, 3)
    assert all(torch.isfinite(p).all() for p in network.state_dict().values())
    network(x).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_weights_come_from_the_generator_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two, other = small((1, 16, 16)), small((1, 16, 16)), small((1, 16, 16), seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name])
    assert not torch.equal(one.backbone.stem.weight, other.backbone.stem.weight)


def side_by_side(inputs=10, outputs=3, members=4, seed=0):
    return build(Spec(inputs, outputs, "classification", None, 32, 2, 0.1, inputs, 4, members), seeded(seed))


@pytest.mark.parametrize("network", [small(None, seed=3), small((1, 16, 16), seed=3), side_by_side(seed=3)])
def test_a_rows_output_does_not_depend_on_its_company(network):
    X = np.random.default_rng(0).normal(size=(500, network.spec.inputs)).astype(np.float32)
    whole = outputs_of(network, X)
    order = np.random.default_rng(1).permutation(500)
    assert torch.equal(outputs_of(network, X[order]), whole[order])
    assert torch.equal(torch.cat([outputs_of(network, X[i : i + 7]) for i in range(0, 500, 7)]), whole)
    assert outputs_of(network, X[:0]).shape == (0, 3)


def test_inputs_are_standardised_by_their_kind():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(5, 3, 400), np.full(400, 7.0), rng.integers(0, 2, 400), rng.random((400, 2)) * [0.1, 0.3]].astype(np.float32)
    network = build(Spec(5, 2, "classification"), seeded())
    fit_inputs(network, X, np.array(["number", "number", "indicator", "text", "text"]))
    z = network.standardise(torch.from_numpy(X)).numpy()
    assert z[:, 0].mean() == pytest.approx(0, abs=1e-4)
    assert z[:, 0].std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(z[:, 1], 0, atol=1e-5)
    np.testing.assert_array_equal(z[:, 2], X[:, 2])
    assert z[:, 4].std() == pytest.approx(3 * z[:, 3].std(), rel=0.2)  # one scale for all terms
    wild = network.standardise(torch.tensor([[1e30, -1e30, 0, 0, 0]]))
    assert torch.isfinite(wild).all()


def test_pixels_of_a_channel_share_one_scale():
    X = np.random.default_rng(0).random((50, 2 * 8 * 8)).astype(np.float32) * np.repeat([1.0, 9.0], 64).astype(np.float32)
    network = build(Spec(128, 2, "classification", (2, 8, 8), width=16), seeded())
    fit_inputs(network, X, None)
    scale = network.standardise.scale.reshape(2, 64)
    assert torch.equal(scale, scale[:, :1].expand(2, 64))
    assert float(scale[1, 0] / scale[0, 0]) == pytest.approx(9, rel=0.05)


def numbers(n_kinds=10):
    network = build(Spec(n_kinds, 3, "classification", width=16), seeded())
    X = np.random.default_rng(0).normal(size=(100, n_kinds)).astype(np.float32)
    fit_inputs(network, X, np.full(n_kinds, "number"))
    return network


def test_statistics_of_other_rows_are_their_means_and_variances():
    network = numbers()
    X = np.random.default_rng(0).normal(2, 3, size=(300, 10)).astype(np.float32)
    set_statistics(network, torch.from_numpy(X))
    np.testing.assert_allclose(network.standardise.centre.numpy(), X.mean(0), rtol=1e-4)
    np.testing.assert_allclose(network.standardise.scale.numpy(), X.std(0), rtol=1e-4)
    with torch.no_grad():
        hidden = network.backbone.first(network.standardise(torch.from_numpy(X))).numpy()
    np.testing.assert_allclose(network.backbone.norm_0.running_mean.numpy(), hidden.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(network.backbone.norm_0.running_var.numpy(), hidden.var(0, ddof=1), rtol=1e-4)
    assert network.backbone.norm_0.momentum == 0.1


def test_a_prior_keeps_its_share_of_the_old_statistics():
    start, pure, half = numbers(), numbers(), numbers()
    X = torch.from_numpy(np.random.default_rng(0).normal(2, 3, size=(300, 10)).astype(np.float32))
    set_statistics(pure, X)
    set_statistics(half, X, prior=300)
    torch.testing.assert_close(half.standardise.centre, 0.5 * pure.standardise.centre + 0.5 * start.standardise.centre)
    variances = [n.standardise.scale.square() for n in (half, pure, start)]
    torch.testing.assert_close(variances[0], 0.5 * variances[1] + 0.5 * variances[2])
    assert float(half.backbone.norm_0.running_var.mean()) > 0


def test_indicators_and_terms_keep_their_scale_in_every_domain():
    network = build(Spec(4, 2, "classification", width=16), seeded())
    X = np.random.default_rng(0).random((50, 4)).astype(np.float32)
    fit_inputs(network, X, np.array(["indicator", "text", "text", "number"]))
    before = network.standardise.scale.clone()
    set_statistics(network, torch.from_numpy(10 * X + 5))
    assert torch.equal(network.standardise.scale[:3], before[:3])
    assert float(network.standardise.scale[3] / before[3]) == pytest.approx(10, rel=1e-4)


def test_a_column_that_is_constant_in_the_target_keeps_its_scale():
    network = numbers(3)
    before = network.standardise.scale.clone()
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    X[:, 1] = 4.0
    set_statistics(network, torch.from_numpy(X))
    assert float(network.standardise.scale[1]) == float(before[1])
    assert float(network.standardise.centre[1]) == 4.0


def test_one_row_gives_no_statistics():
    network = numbers()
    before = network.standardise.centre.clone()
    set_statistics(network, torch.ones(1, 10))
    assert float(network.backbone.norm_0.running_mean.abs().sum()) == 0
    assert torch.equal(network.standardise.centre, before)


def test_bins_are_the_piecewise_linear_encoding():
    bins = Bins(1, 4)
    x = torch.linspace(0, 8, 401)[:, None]
    bins.refit(x, torch.tensor([0]))
    torch.testing.assert_close(bins.edges[0], torch.tensor([0.0, 2, 4, 6, 8]))
    found = bins(torch.tensor([[3.0], [-1.0], [9.0]]))[:, 1:] * 2  # four bins: over the root of four
    torch.testing.assert_close(found, torch.tensor([[1, 0.5, 0, 0], [-0.5, 0, 0, 0], [1, 1, 1, 1.5]]))
    assert torch.equal(bins(x)[:, 0], x[:, 0])


def test_equal_quantiles_make_steps_and_nothing_infinite():
    bins = Bins(2, 8)
    x = torch.cat([torch.zeros(50, 2), torch.ones(50, 2)])
    bins.refit(x, torch.tensor([0, 1]))
    assert torch.isfinite(bins(x)).all()
    assert (bins.edges[:, 1:] > bins.edges[:, :-1]).all()
    assert not torch.equal(bins(x)[0, 2:], bins(x)[-1, 2:])


def test_a_step_in_a_number_is_learnt_better_by_bins():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3)).astype(np.float32)
    y = np.floor(2 * X[:, 0]) % 2 + 0.0
    p = prepared(X[:700], y[:700].astype(int))
    errors = []
    for modality in ("array", "table"):  # numbers of a table are taken bin by bin
        found = net.Net().fit(dataclasses.replace(p, modality=modality), X[:700], y[:700].astype(int), np.random.default_rng(1))
        errors.append(float((found.scores(X[700:]).argmax(1) != y[700:]).mean()))
    assert errors[1] < errors[0] - 0.05


def test_members_are_networks_of_their_own_whose_mean_is_the_output():
    network = side_by_side()
    with torch.no_grad():
        for block in network.backbone.blocks:
            block.outer.weight.normal_(generator=seeded(1))  # fresh blocks are shortcuts
    x = torch.randn(64, 10, generator=seeded())
    features = network.features(x)
    each = network.each(features)
    assert each.shape == (4, 64, 3)
    torch.testing.assert_close(each.mean(0), network.head(features))
    each[1].square().sum().backward()
    for block in network.backbone.blocks:
        for layer in (block.inner, block.outer):
            reached = layer.weight.grad.abs().sum((1, 2)) > 0
            assert reached.tolist() == [False, True, False, False]
    assert (network.backbone.first.weight.grad.reshape(4, 8, -1).abs().sum((1, 2)) > 0).tolist() == [False, True, False, False]


def test_one_member_says_what_the_head_says():
    network = small(None)
    features = network.features(torch.randn(6, 10, generator=seeded()))
    assert torch.equal(network.each(features)[0], network.head(features))


def test_a_spec_of_members_is_kept_and_a_broken_one_refused():
    spec = Spec(10, 3, "classification", None, 32, 2, 0.1, 10, 4, 4)
    assert Spec.from_json(spec.to_json()) == spec
    old = {k: v for k, v in Spec(10, 3, "classification").to_json().items() if k != "members"}
    assert Spec.from_json(old).members == 1
    for members in (0, 3, -4, 1.0):
        with pytest.raises(ValueError, match="network"):
            Spec.from_json(spec.to_json() | {"members": members})


def test_tables_of_numbers_take_members_and_others_do_not():
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    p = prepared(X, np.arange(200) % 2)
    assert net.spec_of(dataclasses.replace(p, modality="table"), X).members == net.MEMBERS
    assert net.spec_of(dataclasses.replace(p, modality="array"), X).members == 1
