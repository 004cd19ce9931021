from dataclasses import replace

import numpy as np
import pytest
from made import domain
from shifts import bound

from mdshift.probes import sources as module
from mdshift.probes.base import view
from mdshift.probes.sources import Sources
from mdshift.types import Column, Problem, Schema


def case(means, sizes=None, m=300, p=3, seed=0):
    """A view of sources at these means (target at 0)."""
    rng = np.random.default_rng([seed, 41])
    sizes = sizes or [300] * len(means)
    made = tuple(
        domain(f"s{i}", None, numbers=rng.standard_normal((n, p)) + mu) for i, (n, mu) in enumerate(zip(sizes, means, strict=True))
    )
    schema = Schema("table", tuple(Column(f"x{j}", "number") for j in range(p)))
    return view(Problem(made, domain("t", None, numbers=rng.standard_normal((m, p))), schema, None, None), seed)


def measure(seen, seed=0):
    return Sources().measure(seen, np.random.default_rng(seed))


def test_one_law_everywhere_settles_nothing_and_tells_no_shift():
    repeats = 40
    found = [measure(case([0, 0, 0], [60, 200, 120], 90, seed=s), s).evidence for s in range(repeats)]
    assert sum(min(r["p_value"] for r in f["between"]) <= 0.05 for f in found) <= bound(repeats)
    assert sum(min(r["p_value"] for r in f["ranked"]) <= 0.05 for f in found) <= bound(repeats)
    assert sum(f["nearest"]["settled"] for f in found) <= bound(repeats)
    assert sum(f["ranked"][-1]["low"] > 0 for f in found) <= bound(repeats, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "p"), [([25, 25], 2), ([300, 300, 300], 5), ([40, 1000], 20)])
def test_keeps_its_level_at_length(sizes, p):
    repeats = 300
    found = [measure(case([0] * len(sizes), sizes, 100, p, s), s).evidence for s in range(repeats)]
    assert sum(min(r["p_value"] for r in f["between"]) <= 0.05 for f in found) <= bound(repeats)
    assert sum(f["nearest"]["settled"] for f in found) <= bound(repeats)


def test_equally_far_sources_are_not_ranked_by_chance():
    repeats = 40
    found = [measure(case([0.5, -0.5], seed=s), s).evidence["nearest"]["settled"] for s in range(repeats)]
    assert sum(found) <= bound(repeats)


def test_the_planted_nearest_source_is_named():
    found = measure(case([1.0, 0.2, 0.7])).evidence
    assert [r["name"] for r in found["ranked"]] == ["s1", "s2", "s0"]
    assert found["nearest"] == {"names": ["s1"], "settled": True}
    assert all(r["differ"] for r in found["between"])
    assert found["sentence"].startswith("s1 is the source nearest to the target")


def test_a_small_source_is_not_further_for_its_size():
    near = [measure(case([0.5, 0.5], [30, 900], seed=s), s).evidence["ranked"] for s in range(12)]
    gaps = [next(r["distance"] for r in f if r["name"] == "s0") - next(r["distance"] for r in f if r["name"] == "s1") for f in near]
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps)) + 0.01


def test_equal_neighbours_are_both_named():
    found = measure(case([0.2, 0.2, 2.0])).evidence
    assert set(found["nearest"]["names"]) == {"s0", "s1"}
    assert not found["nearest"]["settled"]
    assert "can't be told apart" in found["sentence"]


def test_many_sources_are_each_compared_with_the_rest():
    found = measure(case([0.0] * 13 + [3.0], [60] * 14)).evidence["between"]
    assert len(found) == 14
    assert all(r["b"] is None for r in found)
    assert max(found, key=lambda r: r["distance"])["a"] == "s13"


def test_the_distance_is_that_of_the_kernel():
    """With very many rows the square is |E phi(x) - E phi(y)|^2, here counted from the same features."""
    seen = case([0.8, 0.0], [2000, 2000], 2000)
    found = measure(seen).evidence["ranked"][-1]
    rng = np.random.default_rng(0)
    target, clouds = module._clouds(seen, [(0, np.arange(2000)), (1, np.arange(2000, 4000))], rng)
    direct = float(((clouds[0].phi.mean(axis=0) - target.phi.mean(axis=0)) ** 2).sum())
    assert found["distance"] ** 2 == pytest.approx(direct, rel=0.05)
    assert found["low"] <= found["distance"] <= found["high"]


def test_one_source_and_small_sources_are_said():
    assert measure(case([0])).evidence == {}
    assert "one source" in measure(case([0])).sentence
    found = measure(case([0, 0, 0], [300, 300, 10])).evidence
    assert found["too_small"] == ["s2"]
    assert measure(case([0, 0], [10, 10])).evidence == {}


def test_constant_rows_break_nothing():
    seen = case([0, 0])
    flat = replace(seen, Z_source=np.zeros_like(seen.Z_source), Z_target=np.zeros_like(seen.Z_target))
    assert measure(flat).p_value == 1.0
