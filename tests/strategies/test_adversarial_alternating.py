import numpy as np
import pytest
import torch

from mdshift.nn.alternating import Alternating
from mdshift.nn.backbones import initialise
from strategies.networlds import before, moved, moved_number, right, run, source_net, squared


def test_it_beats_the_source_alone_where_classes_look_alike_after_alignment():
    p, yt = moved(0, n=200, m=200)
    found = run("adversarial-alternating", p, epochs=25)
    assert right(found.predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)
    assert {"task", "discriminator", "fooled"} <= set(found.history[-1])


@pytest.mark.slow
def test_over_seeds_it_beats_the_source_alone():
    gains = []
    for seed in range(5):
        p, yt = moved(seed)
        gains.append(right(run("adversarial-alternating", p, seed).predictor, p, yt) - right(source_net(p), p, yt))
    assert np.mean(gains) > 0.1


def test_the_discriminator_is_kept_blind():
    p, _ = moved(2, n=200, m=200)
    made = {"epochs": 30, "statistics": "shared"}
    losses = [np.mean([h["discriminator"] for h in run("adversarial-alternating", p, weight=w, **made).history[-8:]]) for w in (0.0, 1.0)]
    assert losses[0] < 0.2  # left alone, it tells the domains apart
    assert losses[1] > 2 * losses[0]


def test_other_shares_of_the_classes_break_it():
    p, yt = moved(0, n=200, m=200, gain=1.0, offset=0.0, prior=(0.9, 0.05, 0.05))
    assert right(run("adversarial-alternating", p, epochs=25).predictor, p, yt) < right(source_net(p), p, yt) - 0.1


@pytest.mark.slow
def test_numbers_too():
    p, yt = moved_number(n=200, m=200)
    found = run("adversarial-alternating", p, epochs=30)
    assert squared(found.predictor, p, yt) < 0.6 * before(moved_number, squared, n=200, m=200)


def opponents(seed=0):
    g = torch.Generator().manual_seed(seed)
    made = Alternating(4, 1e-2)
    with torch.no_grad():
        initialise(made, g)
    return made, torch.randn(32, 4, generator=g) + 1, torch.randn(32, 4, generator=g) - 1


def test_the_discriminator_learns_the_domains_and_gives_the_features_no_gradient():
    made, source, target = opponents()
    source.requires_grad_(True)
    losses = [float(made.improve(source, target)) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    assert source.grad is None
    assert all(p.grad is None for p in made.parameters())  # the loop's optimiser leaves it alone


def test_the_features_go_where_the_discriminator_errs_and_it_stays():
    made, source, target = opponents()
    for _ in range(20):
        made.improve(source, target)
    kept = [p.detach().clone() for p in made.parameters()]
    source.requires_grad_(True)
    loss = made.fooled(source, target)
    before_ = torch.sigmoid(-made.judge(source)).mean().detach()
    loss.backward()
    assert all(p.grad is None for p in made.parameters())
    moved_ = (source - 20 * source.grad).detach()
    assert abs(float(torch.sigmoid(-made.judge(moved_)).mean().detach()) - float(before_)) > 0.01
    assert float(made.fooled(moved_, target)) < float(loss.detach())
    for p, old in zip(made.parameters(), kept, strict=True):
        torch.testing.assert_close(p.detach(), old)
    # the loss on swapped domains, by hand: the source's logits as if it were the target, and the reverse
    s, t = made.judge(source).detach(), made.judge(target).detach()
    by_hand = 0.5 * (torch.log1p(torch.exp(s)).mean() + torch.log1p(torch.exp(-t)).mean())
    torch.testing.assert_close(made.fooled(source, target).detach(), by_hand)
