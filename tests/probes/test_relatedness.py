from dataclasses import replace

import numpy as np
import pytest
from shifts import pair
from sides import sides

from mdshift.probes.base import view
from mdshift.probes.relatedness import Relatedness, feature_overlap, label_overlap


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
    assert feature_overlap(replace(problem, quality={"lacking": {"target": ["a", "b"], "source": ["c"]}})) == pytest.approx(5 / 8)


def test_a_column_that_some_sources_have_is_no_difference_of_the_sides():
    problem = pair("none", 30)
    two = replace(problem, sources=(problem.sources[0], replace(problem.sources[0], name="other")))
    assert feature_overlap(replace(two, quality={"lacking": {"other": ["a"]}})) == 1.0
    assert feature_overlap(replace(two, quality={"lacking": {"target": ["a"], "other": ["a"]}})) == pytest.approx(5 / 6)


def test_what_the_readers_leave_out_reaches_the_diagnosis(tmp_path):
    from mdshift.engine.diagnose import diagnose
    from mdshift.readers.load import load
    from mdshift.types import DataSpec

    rng = np.random.default_rng(3)
    for name, columns in (("a.csv", "x,y1,z"), ("b.csv", "x,y1,w,v")):
        rows = rng.standard_normal((40, len(columns.split(","))))
        (tmp_path / name).write_text("\n".join([columns, *(",".join(f"{v:.3f}" for v in r) for r in rows)]) + "\n")
    spec = DataSpec(sources=(str(tmp_path / "a.csv"),), target=str(tmp_path / "b.csv"))
    found = diagnose(load(spec, seed=0))
    assert found.relatedness["feature_overlap"] == pytest.approx(2 / 5)
    assert found.facts["feature_overlap"] == pytest.approx(2 / 5)


def test_it_runs_on_a_labelled_pair():
    found = Relatedness().measure(view(pair("covariate", 200, strength=2.0)), np.random.default_rng(0))
    assert found.sentence.startswith("100% of the classes in common")
