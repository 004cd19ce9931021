"""The regret that `benchmarks/strategies/open_tables.py` tells: luck of the judging rows is no part of it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "strategies" / "open_tables.py"


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("open_tables", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.HALVINGS = 10
    return module


def regrets(tables, rates, repeats=60, n=300):
    """By halves, and by the very rows that judge, of each repeat; the first rate is that of `auto`."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(repeats):
        right = (rng.random((len(rates), n)) < np.array(rates)[:, None]).astype(int)
        found.append([tables.halvings(right, rng), 100 * (right.mean(axis=1).max() - right[0].mean())])
    return np.array(found).T


def test_among_equals_there_is_nothing_to_regret(tables):
    halved, naive = regrets(tables, [0.7] * 28)
    assert abs(halved.mean()) < 3 * halved.std(ddof=1) / np.sqrt(len(halved))
    assert naive.mean() > 4


def test_a_better_one_is_regretted_by_its_lead(tables):
    halved, _ = regrets(tables, [0.7, *[0.7] * 26, 0.9])
    assert halved.mean() == pytest.approx(20, abs=3 * halved.std(ddof=1) / np.sqrt(len(halved)))


def test_what_is_told_of_rows_is_read_back_with_auto_first(tables):
    marked = {("p", n): {"right": tables.marks(m)} for n, m in (("coral", [True, False]), ("auto", [False, False]))}
    assert tables.told(marked, "p", ["coral", "auto", "dann"]).tolist() == [[0, 0], [1, 0]]
