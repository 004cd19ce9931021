import dataclasses
import math

import numpy as np
import pytest
import torch
from made import prepared

from mdshift.nn.contrast import Contrast, corrupted, nt_xent
from mdshift.nn.plan import Phase
from strategies.networlds import right, run, source_net

COLUMNS = 24


def clustered(seed=0, n=8, m=400, *, shown=True):
    """Four classes that every column tells a little of (`shown`), or that one column tells; few source rows, many of the target."""
    rng = np.random.default_rng(seed)
    codes = 0.7 * rng.choice([-1.0, 1.0], (4, COLUMNS))

    def rows(size, noise):
        k = np.arange(size) % 4
        X = codes[k] + noise * rng.normal(size=(size, COLUMNS))
        if shown:
            return X, k
        y = rng.permutation(k)
        X[:, 0] = y + 0.1 * rng.normal(size=size)
        return X, y

    X, y = rows(n, 1.0)
    Xt, yt = rows(m, 0.84)
    return prepared(X, y, Xt + 0.3, modality="array"), yt


def gain(seed, *, then, **made):
    p, yt = clustered(seed, **made)
    return right(run("contrastive", p, seed, then=then).predictor, p, yt) - right(source_net(p, seed), p, yt)


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(Phase, "steps", lambda self, rows: 100)


@pytest.mark.usefixtures("few_steps")
def test_what_goes_together_in_both_domains_saves_labels():
    assert gain(0, then="probe") > 0.08


@pytest.mark.slow
@pytest.mark.parametrize("then", ["probe", "finetune"])
def test_over_seeds_it_beats_the_source_alone(then):
    assert np.mean([gain(seed, then=then) for seed in range(5)]) > 0.08


@pytest.mark.usefixtures("few_steps")
def test_where_one_column_tells_the_class_the_views_wipe_it_out():
    assert gain(0, then="probe", n=200, shown=False) < -0.1


def test_the_loss_is_the_share_of_the_partner_by_hand():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(3, 5, generator=g), torch.randn(3, 5, generator=g)
    z = [v / v.norm() for v in torch.cat([a, b])]
    by_hand = 0.0
    for i in range(6):
        cosines = {j: math.exp(float(z[i] @ z[j]) / 0.2) for j in range(6) if j != i}
        by_hand -= math.log(cosines[(i + 3) % 6] / sum(cosines.values())) / 6
    assert float(nt_xent(a, b, 0.2)) == pytest.approx(by_hand, rel=1e-5)
    assert float(nt_xent(a, a, 0.1)) < float(nt_xent(a, b, 0.1))


def test_corruption_takes_other_rows_values_of_the_same_column():
    g = torch.Generator().manual_seed(0)
    x = torch.arange(40.0)[:, None] + 100 * torch.arange(30.0)[None, :]
    out = corrupted(x, 0.4, g)
    assert (torch.div(out, 100, rounding_mode="floor") == torch.arange(30.0)).all()
    assert float((out != x).float().mean()) == pytest.approx(0.4 * 39 / 40, abs=0.05)
    assert (corrupted(x, 0.0, g) == x).all()


def test_both_domains_rows_are_seen_without_labels(monkeypatch):
    monkeypatch.setattr(Phase, "steps", lambda self, rows: 4)
    made = Contrast(8, None, 0.5)
    g = torch.Generator().manual_seed(0)
    a, b = made.views(torch.randn(6, 8, generator=g), g)
    assert a.shape == b.shape == (6, 8)
    p, _ = clustered(n=24, m=60)
    other = dataclasses.replace(p, y_source=p.y_source[::-1].copy())
    first = [[h["loss"] for h in run("contrastive", q).history if h["phase"] == "pretrain"] for q in (p, other)]
    assert first[0] == first[1]
