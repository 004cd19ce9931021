import numpy as np
from shifts import bound
from sides import sides

from mdshift.probes.mmd import MaximumMeanDiscrepancy


def measure(view):
    return MaximumMeanDiscrepancy().measure(view, np.random.default_rng(0))


def test_keeps_its_level_on_mixed_columns():
    repeats, rejected = 60, 0
    for s in range(repeats):
        rng = np.random.default_rng(s)
        X, Y = (np.exp(rng.standard_normal((n, 2))) for n in (30, 45))
        X[rng.random(30) < 0.2, 0], Y[rng.random(45) < 0.2, 0] = np.nan, np.nan
        codes = tuple(rng.integers(-1, 4, (n, 1)) for n in (30, 45))
        rejected += measure(sides(X, Y, categories=codes, seed=s)).p_value <= 0.05
    assert rejected <= bound(repeats)


def test_names_the_kernel_and_counts_the_rows():
    rng = np.random.default_rng(1)
    found = measure(sides(rng.standard_normal((80, 2)), rng.standard_normal((60, 2)) + 1))
    assert found.p_value == 1 / 300
    assert (found.n_source, found.n_target) == (80, 60)
    assert found.evidence["kernel"] in ("laplace", "gaussian")
    assert found.effect > 0
    assert "differ" in found.sentence


def test_does_not_depend_on_the_unit_or_on_one_wild_value():
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((60, 1)), rng.standard_normal((60, 1)) + 1.5
    wild = X.copy()
    wild[0] = 1e308
    assert measure(sides(X * 1e6 + 3, Y * 1e6 + 3)).p_value == measure(sides(X, Y)).p_value
    assert measure(sides(wild, Y)).p_value <= 0.01


def test_too_few_rows_and_no_columns_are_said():
    rng = np.random.default_rng(3)
    few = measure(sides(rng.standard_normal((1000, 2)), rng.standard_normal((10, 2)) + 9))
    assert few.p_value is None
    assert "too few rows to tell (1000 against 10)" in few.sentence
    none = measure(sides(np.zeros((30, 0)), np.zeros((30, 0))))
    assert none.p_value is None
