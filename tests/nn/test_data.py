import numpy as np
import torch

from mdshift.nn.data import Balanced, Sampler, holdout, jitter


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_pass_sees_every_row_once():
    sampler = Sampler(10, 4, seeded())
    drawn = torch.cat([sampler.draw() for _ in range(5)])
    assert sorted(drawn[:10].tolist()) == list(range(10))
    assert sorted(drawn[10:].tolist()) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()


def test_batches_of_no_row_and_of_one():
    assert len(Sampler(0, 8, seeded()).draw()) == 0
    assert Sampler(1, 8, seeded()).draw().tolist() == [0, 0]  # batch statistics need two


def test_holdout_is_stratified_and_leaves_every_class_a_row():
    y = np.repeat([0, 1, 2], [80, 19, 1])
    held = holdout(y, 0.25, np.random.default_rng(0), least=20)
    assert (held & (y == 0)).sum() == 20
    assert (held & (y == 1)).sum() in (4, 5)
    assert (held & (y == 2)).sum() == 0
    assert not holdout(y, 0.25, np.random.default_rng(0), least=101).any()
    assert holdout(y.astype(float), 0.25, np.random.default_rng(0), least=20).sum() == 25


def test_jitter_of_nothing_changes_nothing_and_a_shift_shifts():
    x = torch.rand(6, 2 * 8 * 8, generator=seeded())
    still = jitter(x, (2, 8, 8), seeded(), shift=0, zoom=0, turn=0)
    torch.testing.assert_close(still, x)
    image = torch.zeros(200, 64)
    image[:, 27] = 1.0  # row 3, column 3
    moved = jitter(image, (1, 8, 8), seeded(), shift=0.25, zoom=0, turn=0).reshape(200, 8, 8)
    torch.testing.assert_close(moved.sum((1, 2)), torch.ones(200), atol=1e-4, rtol=0)
    centre = (moved.sum(1) * torch.arange(8)).sum(1)
    assert centre.min() >= 3 - 2 - 1e-3
    assert centre.max() <= 3 + 2 + 1e-3
    assert centre.std() > 0.8


def test_jitter_follows_the_generator():
    x = torch.rand(3, 64, generator=seeded())
    moves = {"shift": 0.1, "zoom": 0.2, "turn": 10}
    one, two, other = (jitter(x, (1, 8, 8), seeded(s), **moves) for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_balanced_batches_hold_the_same_part_of_every_domain():
    d = torch.tensor([0] * 50 + [1] * 7 + [2] * 200)
    sampler = Balanced(d, 32, torch.Generator().manual_seed(0))
    seen = []
    for _ in range(40):
        at = sampler.draw()
        assert torch.bincount(d[at]).tolist() == [11, 7, 11]  # the small one has seven rows in all
        seen.append(at)
    assert torch.unique(torch.cat(seen)).numel() == 257
    assert sampler.batch == 29
