import numpy as np
import pytest
from shifts import bound, pair

from mdshift.probes.base import view
from mdshift.probes.withinclass import WithinClass, separation


def measure(problem, seed=0):
    return WithinClass().measure(view(problem, seed), np.random.default_rng(seed))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_holds_still_under_label_shift(task):
    repeats = 10
    found = [measure(pair("label", 100, 80, seed=s, task=task), s).p_value for s in range(repeats)]
    assert sum(p is not None and p <= 0.05 for p in found) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_keeps_its_level_under_label_shift(task):
    repeats = 200
    found = [measure(pair("label", 300, 300, seed=s, task=task), s).p_value for s in range(repeats)]
    assert sum(p is not None and p <= 0.05 for p in found) <= bound(repeats)


@pytest.mark.parametrize(("kind", "task"), [("covariate", "classification"), ("concept", "classification"), ("covariate", "regression")])
def test_finds_what_moved_within_classes(kind, task):
    assert measure(pair(kind, 500, seed=4, task=task)).p_value < 0.01


def test_needs_labels_on_both_sides():
    assert measure(pair(labelled=False)).p_value is None
    assert measure(pair(labelled=5)).p_value is None


def test_separation_is_zero_where_the_score_follows_the_class_alone():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 500)
    domain = (rng.random(1000) < np.where(y, 0.8, 0.2)).astype(int)
    effect, low, _ = separation(y + 0.1 * rng.standard_normal(1000), y, domain, 0.05)
    assert effect < 0.1
    assert low == 0
    pooled, _, _ = separation(y + 0.1 * rng.standard_normal(1000), np.zeros(1000), domain, 0.05)
    assert pooled > 0.4
