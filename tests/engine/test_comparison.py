"""The source model and the adapted one side by side, and hashes of the data."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made import domain, problem

from mdshift.engine.adapt import adapt
from mdshift.engine.breakdown import POINTS, by_class, scatter
from mdshift.engine.digest import digest, digests


@pytest.fixture(autouse=True)
def _quick_learners(monkeypatch):
    from mdshift.learners import select
    from mdshift.learners.trees import Trees

    monkeypatch.setattr(select, "MIN_NET_ROWS", {})
    monkeypatch.setattr(select, "trees_for", lambda work: Trees(5))


def compared(strategy, **more):
    return adapt(problem(**more), strategy=strategy, out="m")[0].comparison


def test_on_target_labels_both_models_are_taken_apart():
    found = compared("coral", labelled=30)
    assert (found["on"], found["strategy"], found["rows"], found["classes"]) == ("target labels", "coral", 30, ["class 0", "class 1"])
    for side in ("source_only", "adapted"):
        assert np.sum(found[side]["confusion"]) == 30
        assert {"per_class", "roc", "calibration"} <= set(found[side])
    json.dumps(found, allow_nan=False)


def test_a_strategy_that_trains_on_the_labels_is_compared_by_models_that_did_not_see_them():
    found = compared("pooled", labelled=30)
    assert np.sum(found["adapted"]["confusion"]) == 30


def test_without_target_labels_the_predictions_are_counted():
    found = compared("coral", m=50)
    moved = np.array(found["moved"])
    assert (found["on"], moved.sum()) == ("predictions", 50)
    assert found["source_only"]["predicted"] == moved.sum(axis=1).tolist()
    assert found["adapted"]["predicted"] == moved.sum(axis=0).tolist()


def test_numbers_have_their_points():
    found = compared("coral", task="regression", labelled=30)
    assert np.shape(found["source_only"]["points"]) == np.shape(found["adapted"]["points"]) == (30, 2)
    assert compared("coral", task="regression") is None


def test_doing_nothing_is_compared_with_nothing():
    assert compared("source-only", labelled=30) is None


def test_parts_of_scores_add_up_and_count_unknown_classes_nowhere():
    S = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    found = by_class(S, np.array([0, 1, 1, -2]), ("a", "b"), 0.05)
    assert found["confusion"] == ((1, 0), (1, 1))
    assert [c["recall"] for c in found["per_class"]] == [1.0, 0.5]
    assert [c["predicted"] for c in found["per_class"]] == [2, 2]
    assert found["roc"][0]["auc"] == 1.0  # a row of an unknown class is one of the others


def test_a_scatter_is_thinned_evenly():
    y = np.arange(1000.0)
    found = np.array(scatter(y + 1, y))
    assert len(found) == POINTS
    assert (found[0, 0], found[-1, 0]) == (0, 999)
    assert (found[:, 1] == found[:, 0] + 1).all()


def test_a_hash_follows_the_rows_their_order_and_their_labels_alone():
    rng = np.random.default_rng(0)
    X, y, words = (
        rng.standard_normal((6, 2)),
        np.array([0, 1, 0, 1, -1, 0]),
        np.array([["a"], ["bc"], [""], ["\ud800"], ["b"], ["c"]], object),
    )
    one = domain("s", y, numbers=X, texts=words)
    assert digest(one) == digest(replace(one, name="other", numbers=np.asfortranarray(X)))
    shifted = words.copy()
    shifted[:2, 0] = ["ab", "c"]
    others = [
        replace(one, numbers=X + 1e-9),
        replace(one, y=1 - y),
        replace(one, texts=shifted),
        one.take(np.arange(6)[::-1]),
        replace(one, y=None),
    ]
    assert len({digest(d) for d in (one, *others)}) == 6


def test_every_domain_has_a_hash():
    p = problem(sources=2)
    found = digests(p)
    assert set(found) == {*(d.name for d in p.sources), "target"}
    assert len(set(found.values())) == 3
    assert all(len(v) == 32 for v in found.values())
