import numpy as np
import pytest
from shifts import bound, pair

from mdshift.probes.base import view
from mdshift.probes.prior import Prior


def measure(problem, seed=0):
    return Prior().measure(view(problem, seed), np.random.default_rng(seed))


def test_estimates_the_shares_of_unlabelled_rows():
    problem = pair("label", 900, seed=2)
    truth = float((problem.target.y == 1).mean())
    found = measure(pair("label", 900, seed=2, labelled=False))
    assert found.p_value < 0.01
    assert abs(found.evidence["prior"][1] - truth) < 0.08
    assert found.evidence["low"][1] - 0.03 <= truth <= found.evidence["high"][1] + 0.03
    assert abs(found.evidence["bbse"][1] - truth) < 0.1
    assert found.evidence["fit"]["p_value"] > 0.05


def test_a_covariate_shift_is_no_reweighting_of_classes():
    assert measure(pair("covariate", 600, seed=3, labelled=False)).evidence["fit"]["p_value"] < 0.01


def test_keeps_its_level():
    repeats = 12
    found = [measure(pair("none", 120, 100, seed=s, labelled=False), s) for s in range(repeats)]
    assert sum(f.p_value <= 0.05 for f in found) <= bound(repeats)


@pytest.mark.slow
def test_the_fit_keeps_its_level_under_label_shift():
    repeats = 150
    found = [measure(pair("label", 400, 300, seed=s, labelled=False), s).evidence["fit"]["p_value"] for s in range(repeats)]
    assert sum(p <= 0.05 for p in found) <= bound(repeats)


def test_a_number_is_taken_in_bands():
    found = measure(pair("label", 500, seed=1, task="regression", labelled=False))
    assert found.evidence["bands"]
    assert found.p_value < 0.01


def test_one_class_leaves_nothing_to_estimate():
    problem = pair("none", 60)
    problem.source.y[:] = 0
    assert measure(problem).p_value is None
