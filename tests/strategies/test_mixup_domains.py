import numpy as np
import pytest
import torch
from made import prepared

from mdshift.nn import mixing
from mdshift.nn.losses import each_loss
from strategies.networlds import right, run, squared


def between(seed=0, n=60, m=600, noise=0.3, d=30, gap=3.0):
    """Two small sources far apart in two features, with labels that are often wrong; the target lies between them."""
    rng = np.random.default_rng(seed)

    def drawn(size, at):
        y = rng.integers(0, 2, size)
        X = rng.normal(size=(size, d))
        X[:, :3] += 0.9 * (2 * y[:, None] - 1)
        X[:, -2:] += at
        return X, y

    parts = [drawn(n, at) for at in (-gap, gap)]
    Xt, yt = drawn(m, 0.0)
    X, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    y = np.where(rng.random(2 * n) < noise, 1 - y, y)
    return prepared(X, y, Xt, domain=np.repeat([0, 1], n), modality="array"), yt


def test_mixing_over_the_sources_serves_a_target_between_them_where_labels_are_noisy():
    p, yt = between(0)
    plain, mixed = (right(run("mixup-domains", p, alpha=a, epochs=30).predictor, p, yt) for a in (0.01, 2.0))
    assert mixed > plain + 0.015


def test_where_the_way_between_the_sources_belongs_to_another_class_it_harms():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-4, 0.5, 100), rng.normal(4, 0.5, 100), rng.normal(0, 0.5, 40)])
    y, d = np.repeat([0, 0, 1], [100, 100, 40]), np.repeat([0, 1, 0], [100, 100, 40])
    p = prepared(np.column_stack([x, rng.normal(size=240)]), y, np.column_stack([rng.normal(0, 0.5, 200), rng.normal(size=200)]), domain=d)
    sure = [run("mixup-domains", p, alpha=a, epochs=15).predictor.scores(p.X_target)[:, 1].mean() for a in (0.01, 2.0)]
    assert sure[1] < sure[0] - 0.1


def test_partners_are_of_another_domain_and_drawn_evenly():
    generator, d = torch.Generator().manual_seed(0), torch.tensor([0, 0, 1, 1, 1, 2])
    drawn = torch.stack([mixing.strangers(d, generator) for _ in range(600)])
    assert bool((d[drawn] != d).all())
    counts = torch.bincount(drawn[:, 0], minlength=6)[2:]
    assert counts.min() > 100
    np.testing.assert_array_equal(mixing.strangers(torch.zeros(3, dtype=torch.int64), generator), np.arange(3))


def test_mixes_and_their_loss_by_hand():
    share = torch.tensor([0.25])
    assert mixing.blend(torch.tensor([[4.0]]), torch.tensor([[0.0]]), share).tolist() == [[1.0]]
    outputs = torch.tensor([[1.0, 0.0]])
    by_label = [float(each_loss(outputs, torch.tensor([k]), "classification")) for k in (0, 1)]
    found = mixing.blended_loss(outputs, torch.tensor([0]), torch.tensor([1]), share, "classification")
    assert float(found) == pytest.approx(0.25 * by_label[0] + 0.75 * by_label[1])
    number = mixing.blended_loss(torch.tensor([[2.0]]), torch.tensor([4.0]), torch.tensor([0.0]), share, "regression")
    assert float(number) == pytest.approx(1.0)


def test_proportions_follow_the_beta_distribution_and_repeat():
    found = mixing.proportions(4000, 2.0, torch.Generator().manual_seed(0))
    assert float(found.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(found.var()) == pytest.approx(0.05, abs=0.005)
    assert torch.equal(found, mixing.proportions(4000, 2.0, torch.Generator().manual_seed(0)))


def test_numbers_too():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(160, 3)), rng.normal(size=(200, 3))
    p = prepared(X, X[:, 0], Xt, domain=np.repeat([0, 1], 80), modality="array")
    assert squared(run("mixup-domains", p, epochs=15).predictor, p, Xt[:, 0]) < 0.5
