import numpy as np
import pytest

from strategies.domainworlds import spurious, spurious_number
from strategies.networlds import before, right, run, source_net, squared

RARE = {"sizes": (400, 50), "flips": (0.05, 0.95), "target": 0.95}


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in range(1, 5))])
def test_a_target_like_a_rare_source_is_served(seed):
    p, yt = spurious(seed, **RARE)
    found = run("group-dro", p, seed)
    assert right(found.predictor, p, yt) > before(spurious, right, seed=seed, **RARE) + 0.2
    assert right(found.predictor, p, yt) > 0.6


def test_the_harder_source_ends_with_more_weight_and_all_are_reported():
    p, _ = spurious(0, sizes=(200, 200), flips=(0.05, 0.4))
    found = run("group-dro", p).evidence["group_weights"]
    assert found[1] > found[0] + 0.1
    assert sum(found) == pytest.approx(1.0, abs=1e-3)


def test_a_source_of_noise_draws_the_weights_and_costs_the_others():
    rng = np.random.default_rng(0)
    p, yt = spurious(0, sizes=(300, 100), flips=(0.1, 0.1), target=0.1, keep=0.3)
    noise = p.domain == 1
    p.y_source[noise] = rng.integers(0, 2, noise.sum())
    found = run("group-dro", p, step=0.1)
    assert found.evidence["group_weights"][1] > 0.7
    plain = source_net(p).scores(p.X_target)[np.arange(len(yt)), yt]
    assert found.predictor.scores(p.X_target)[np.arange(len(yt)), yt].mean() < plain.mean() - 0.05


def test_numbers_too():
    p, yt = spurious_number(sizes=(300, 40), spreads=(0.1, 2.0), target=2.0)
    assert squared(run("group-dro", p).predictor, p, yt) < 0.9 * squared(source_net(p), p, yt)
