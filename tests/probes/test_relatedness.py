from dataclasses import replace

import numpy as np
import pytest
from shifts import pair
from sides import sides

from mdshift.probes.base import view
from mdshift.probes.relatedness import Relatedness, feature_overlap, label_overlap, similarity


def test_one_law_is_alike():
    rng = np.random.default_rng(0)
    found = Relatedness().measure(sides(rng.standard_normal((300, 3)), rng.standard_normal((300, 3))), rng)
    assert found.evidence["distribution_similarity"] > 0.98
    assert found.evidence["joint_similarity"] > 0.95
    assert found.evidence["label_overlap"] is None


def test_the_joint_law_shows_what_the_columns_hide():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((600, 1))
    X = np.concatenate([x, x], axis=1)
    Y = np.concatenate([x, -x], axis=1) + 1e-6 * rng.standard_normal((600, 2))
    found = Relatedness().measure(sides(X, Y), rng).evidence
    assert found["distribution_similarity"] > 0.98
    assert found["joint_similarity"] < 0.6


def test_label_overlap_is_the_share_of_common_classes():
    problem = pair("none", 60)
    assert label_overlap(problem) == 1.0
    problem.target.y[:] = 1
    assert label_overlap(problem) == 0.5
    assert label_overlap(replace(problem, target=replace(problem.target, y=None))) is None
    assert label_overlap(pair("none", 60, task="regression")) is None


def test_feature_overlap_counts_columns_of_one_side():
    problem = pair("none", 30)
    assert feature_overlap(problem) == 1.0
    assert feature_overlap(replace(problem, quality={"missing_columns": ["a", "b"], "extra_columns": ["c"]})) == pytest.approx(5 / 8)


@pytest.mark.parametrize(
    ("numbers", "level"),
    [
        ({"js_mean": 0.001, "auc": 0.52}, "high"),
        ({"js_mean": 0.001, "auc": 0.52, "labels": 0.3}, "low"),
        ({"js_mean": 0.05, "auc": 0.55}, "medium"),
        ({"js_mean": 0.01, "auc": 0.9}, "low"),
        ({"js_mean": 0.2, "auc": 0.7}, "low"),
        ({"js_mean": None, "auc": None}, "high"),
    ],
)
def test_the_word_for_it(numbers, level):
    found = similarity(**numbers)
    assert found["level"] == level
    assert found["auc"] == numbers["auc"]


def test_it_runs_on_a_labelled_pair():
    found = Relatedness().measure(view(pair("covariate", 200, strength=2.0)), np.random.default_rng(0))
    assert found.sentence.startswith("100% of the classes in common")
