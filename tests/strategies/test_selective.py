import numpy as np
import pytest
import torch
from made import prepared

from mdshift.nn.gate import Gates, discrepancies
from strategies.networlds import right, run, source_net


def broken(seed=0, n=240, m=300, *, all_alike=False):
    """Columns 0-3 tell the class in both domains; 4-7 tell it better in the source, and have moved and say the opposite in the target."""
    rng = np.random.default_rng(seed)

    def rows(size, away):
        y = rng.integers(0, 2, size)
        k = 2.0 * y[:, None] - 1
        good = 0.6 * k + rng.normal(size=(size, 4))
        other = -1.2 * k if away and not all_alike else 1.2 * k
        return np.hstack([good, other + rng.normal(size=(size, 4))]), y

    X, y = rows(n, away=False)
    Xt, yt = rows(m, away=True)
    Xt = Xt + (2.0 if all_alike else np.repeat([0.0, 2.0], 4))
    return prepared(X, y, Xt, modality="array"), yt


def gain(seed, **made):
    p, yt = broken(seed, **made)
    found = run("selective", p, seed, epochs=20)
    return right(found.predictor, p, yt) - right(source_net(p, seed), p, yt), found


def test_the_columns_that_carry_over_get_the_weight():
    value, found = gain(0)
    attention = np.array(found.evidence["attention"])
    assert attention.shape == (8,)
    assert attention[:4].min() > 2 * attention[4:].max()
    assert value > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("gate", "least"), [("softmax", 0.1), ("sigmoid", 0.03)])
def test_over_seeds_it_beats_the_source_alone(gate, least):
    gains = []
    for seed in range(5):
        p, yt = broken(seed)
        gains.append(right(run("selective", p, seed, gate=gate).predictor, p, yt) - right(source_net(p, seed), p, yt))
    assert np.mean(gains) > least


def test_where_all_have_moved_alike_there_is_nothing_to_choose():
    value, found = gain(0, all_alike=True)
    p, yt = broken(0, all_alike=True)
    assert value < 0.1
    assert right(found.predictor, p, yt) < 0.65


def test_the_discrepancy_is_the_distance_of_quantiles():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3))
    far = discrepancies(X, X * [1.0, 1.0, 2.0] + [0.0, 1.5, 0.0])
    assert far[0] == 0.0
    assert far[1] == pytest.approx(1.5, abs=0.05)
    assert far[2] == pytest.approx(np.sqrt(2 / np.pi), abs=0.08)  # E|2Z - Z|, less what chance gives
    assert (discrepancies(X[:300], rng.normal(size=(300, 3))) < 0.1).all()
    assert (discrepancies(np.ones((5, 2)), np.ones((5, 2))) == 0).all()


def test_the_folded_network_computes_what_the_gated_one_did():
    p, _ = broken(n=60, m=60)
    network = source_net(p).network
    gates = Gates("sigmoid", np.zeros(8))
    with torch.no_grad():
        gates.logits.copy_(torch.linspace(-0.1, 0.05, 8))
        x = torch.from_numpy(p.X_target)
        goal = network.head(network.backbone(network.standardise(x) * gates.weights()))
        told = gates.fold(network)
        torch.testing.assert_close(network(x), goal, atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(told, 1 / (1 + np.exp(-60 * np.linspace(-0.1, 0.05, 8) - 2)), rtol=1e-4)
    assert float(Gates("softmax", np.zeros(5)).weights().detach().sum()) == pytest.approx(5)
