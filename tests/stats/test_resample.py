import numpy as np
import pytest

from mdshift.stats.resample import bootstrap, multiplicities, two_sided


def test_the_interval_covers_the_mean_as_often_as_it_says():
    hits = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=60)
        low, high = bootstrap(lambda rows, x=x: float(x[rows].mean()), 60, rng, 0.1, draws=200)
        hits += low <= 0 <= high
    assert 120 <= hits <= 147  # .90 of 150, at three standard errors


def test_nothing_to_draw_from_gives_no_interval():
    rng = np.random.default_rng(0)
    assert bootstrap(lambda rows: 1.0, 1, rng) == (None, None)
    assert bootstrap(lambda rows: float("nan"), 50, rng) == (None, None)


def test_standard_errors():
    assert two_sided(0.05) == pytest.approx(1.96, abs=0.001)


def test_every_draw_holds_as_many_rows_as_there_are():
    found = multiplicities(30, 50, np.random.default_rng(0))
    assert found.shape == (51, 30)
    assert (found[0] == 1).all()
    assert (found.sum(axis=1) == 30).all()
    assert found[1:].var() == pytest.approx(1 - 1 / 30, abs=0.1)
