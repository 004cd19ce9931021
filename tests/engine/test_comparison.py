"""The source model and the adapted one side by side, and hashes of the data."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made import domain, problem

from mdshift.engine.adapt import adapt
from mdshift.engine.breakdown import POINTS, by_class, scatter
from mdshift.engine.digest import Digest, digest, digests
from mdshift.types import Column, Schema


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
    schema = Schema("table", (Column("a", "number"), Column("w", "text"), Column("b", "number")))

    def hashed(d, schema=schema):
        return digest(d, schema, ("no", "yes"))

    assert hashed(one) == hashed(replace(one, name="other", numbers=np.asfortranarray(X)))
    shifted = words.copy()
    shifted[:2, 0] = ["ab", "c"]
    others = [
        replace(one, numbers=X + 1e-9),
        replace(one, y=1 - y),
        replace(one, texts=shifted),
        one.take(np.arange(6)[::-1]),
        replace(one, y=None),
    ]
    assert len({hashed(d) for d in (one, *others)}) == 6
    turned = Schema("table", (Column("b", "number"), Column("a", "number"), Column("w", "text")))
    assert hashed(replace(one, numbers=X[:, ::-1]), turned) == hashed(one)
    assert hashed(one, turned) != hashed(one)
    whole = Digest(schema, ("no", "yes"))
    for rows in ([0, 1], [2], [3, 4, 5]):
        whole.update(one.take(np.array(rows)))
    assert whole.hexdigest() == hashed(one)


def test_a_hash_is_of_names_whatever_the_other_side_holds():
    codes, y = np.array([[0], [1], [-1], [0], [-2]], np.int32), np.array([0, 1, 1, -1, 0])
    one = domain("s", y, numbers=np.array([[0.0], [1], [np.nan], [3], [4]]), categories=codes)
    same = domain("t", 1 - y, numbers=-one.numbers * -1, categories=np.array([[2], [0], [-1], [2], [-2]], np.int32))
    same = replace(same, y=np.where(y == -1, -1, same.y), numbers=np.where(one.numbers == 0, -0.0, same.numbers))

    def schema(levels, *more):
        return Schema("table", (Column("n", "number"), Column("c", "category", levels), *more))

    found = digest(one, schema(("red", "blue")), ("no", "yes"))
    assert digest(same, schema(("blue", "green", "red")), ("yes", "no")) == found
    assert digest(one, schema(("red", "green")), ("no", "yes")) != found
    assert digest(one, schema(("red", "blue")), ("no", "maybe")) != found
    blank = replace(one, numbers=np.column_stack([one.numbers, np.full(5, np.nan)]))  # a column that the other side alone has
    assert digest(blank, schema(("red", "blue"), Column("z", "number", where="source")), ("no", "yes")) == found


def test_diagnosis_adaptation_and_evaluation_hash_alike(tmp_path):
    import pandas as pd

    import mdshift
    from mdshift.engine.evaluate import evaluate
    from mdshift.store import load

    rng = np.random.default_rng(0)
    tables = []
    for levels in (["red", "blue"], ["blue", "green"], ["blue", "black"]):
        table = pd.DataFrame({"a": rng.normal(size=40).round(6), "c": rng.choice(levels, 40), "t": [f"words {i}" for i in range(40)]})
        tables.append(table.assign(y=np.where(table["a"] > 0, "yes", "no")))
    source, target, other = tables
    reading = {"label": "y", "text": "t"}
    adapted = mdshift.adapt(source, target, strategy="source-only", out=tmp_path / "m", **reading).document["environment"]["data"]
    diagnosed = [mdshift.diagnose(source, t, **reading).document["quality"]["digests"] for t in (target, other)]
    assert diagnosed[0] == adapted
    assert diagnosed[0]["source"] == diagnosed[1]["source"]
    assert diagnosed[0]["target"] != diagnosed[1]["target"]
    source.to_csv(tmp_path / "s.csv", index=False)
    assert evaluate(load(tmp_path / "m"), str(tmp_path / "s.csv")).digest == adapted["source"]


def test_every_domain_has_a_hash():
    p = problem(sources=2)
    found = digests(p)
    assert set(found) == {*(d.name for d in p.sources), "target"}
    assert len(set(found.values())) == 3
    assert all(len(v) == 32 for v in found.values())
