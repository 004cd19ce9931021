import json

import numpy as np

from mdshift.probes import histograms


def test_every_known_value_is_counted_once_in_bins_that_both_sides_share():
    rng = np.random.default_rng(0)
    here, there = rng.standard_normal(500), rng.standard_normal(300) + 2
    here[:7] = np.nan
    here[8], there[0] = 1e6, -1e6  # beyond the edges, counted in the bins there
    found = histograms.numbers(here, there)
    assert (sum(found["source"]), sum(found["target"])) == (493, 300)
    assert len(found["source"]) == len(found["target"]) == len(found["edges"]) - 1 <= histograms.BINS
    assert np.allclose(np.diff(found["edges"]), np.diff(found["edges"])[0])
    assert -5 < found["edges"][0] < found["edges"][-1] < 8
    json.dumps(found, allow_nan=False)


def test_a_small_side_is_not_lost_beyond_the_edges():
    found = histograms.numbers(np.linspace(0, 1, 10_000), np.linspace(5, 6, 20))
    assert found["edges"][-1] >= 6
    assert found["target"][0] == 0


def test_whole_numbers_have_bins_around_them_and_few_values_stand_by_themselves():
    found = histograms.numbers(np.arange(100.0), np.arange(50.0))
    assert set(np.mod(found["edges"], 1)) == {0.5}
    assert histograms.numbers(np.array([0.0, 1, 1]), np.array([0.0])) == {"levels": [0.0, 1.0], "source": [1, 2], "target": [1, 0]}


def test_what_cannot_be_binned_has_no_histogram():
    wide = np.concatenate([np.linspace(0, 1, 50), [1e308, -1e308]])
    assert histograms.numbers(np.full(5, np.nan), np.ones(5)) is None
    assert histograms.numbers(np.ones(0), np.ones(5)) is None
    found = histograms.numbers(wide[[*range(20), 50, 50, 51, 51]], wide)
    assert found is None
    close = 1e300 + np.arange(13) * np.spacing(1e300)
    assert histograms.numbers(close, close) is None


def test_mostly_one_value():
    values = np.zeros(10_000)
    values[:20] = np.linspace(0.1, 1, 20)
    found = histograms.numbers(values, values)
    assert (found["edges"][0], found["edges"][-1]) == (0, 1)


def test_levels_most_frequent_on_either_side_and_all_others():
    names = [f"l{i}" for i in range(12)]
    source, target = np.array([100, 50, *[1] * 10]), np.array([0, 0, 0, 90, *[1] * 8])
    found = histograms.levels(names, source, target)
    assert found["levels"][:3] == ["l3", "l0", "l1"]
    assert len(found["levels"]) == histograms.TOP
    assert [sum(found[s]) + o for s, o in zip(("source", "target"), found["others"], strict=True)] == [source.sum(), target.sum()]
    assert histograms.levels(names, source, target * 0) is None
