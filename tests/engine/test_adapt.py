import json
import sys
from dataclasses import replace

import fakeray
import numpy as np
import pytest
from made import DRIFT, domain, drifted, numeric, problem

from mdshift import store
from mdshift.engine import guard
from mdshift.engine.adapt import _choose, adapt
from mdshift.engine.candidates import candidates
from mdshift.engine.guard import bench_for, better, consult, hidden, labelled_gain, second_source
from mdshift.engine.judging import _places, judges
from mdshift.engine.trials import Trial
from mdshift.errors import DataError, UsageError
from mdshift.report.json import document, dumps
from mdshift.types import Column, Schema
from mdshift.validators.base import Gain

RANKED = {
    "ranked": [
        {"strategy": "label-shift", "params": {}},
        {"strategy": "coral", "params": {"regularisation": 0.5}},
        {"strategy": "source-only"},
    ]
}


@pytest.fixture(autouse=True)
def _quick_learners(monkeypatch):
    from mdshift.learners import select
    from mdshift.learners.trees import Trees

    monkeypatch.setattr(select, "MIN_NET_ROWS", {})
    monkeypatch.setattr(select, "trees_for", lambda work: Trees(10))


def turned(rng, n=400, m=400, labelled=0):
    """The label reads the feature the other way round in the target: only labels can tell."""
    X, Xt = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    yt = (Xt[:, 0] < 0).astype(np.int64)
    yt[labelled:] = -1
    return numeric(X, (X[:, 0] > 0).astype(np.int64), Xt, yt if labelled else None)


def rarer(rng, labelled=0, prior=0.05):
    """Pure label shift."""

    def draw(n, share):
        y = (rng.random(n) < share).astype(np.int64)
        return rng.normal(size=(n, 5)) + 0.6 * y[:, None], y

    X, y = draw(800, 0.5)
    Xt, yt = draw(800, prior)
    yt[labelled:] = -1
    return numeric(X, y, Xt, yt if labelled else None)


def test_candidates_on_ray_are_those_that_run_here(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())
    ray = fakeray.made()
    monkeypatch.setitem(sys.modules, "ray", ray)
    told = [adapt(drifted(), strategy="auto", document=DRIFT, out="m", engine=engine) for engine in ("local", "ray")]
    here, there = (replace(found, candidates=tuple(replace(c, seconds=0.0) for c in found.candidates)) for found, _ in told)
    assert dumps(document("mdshift.adaptation/1", here, data={}, settings={}, seconds={})) == dumps(
        document("mdshift.adaptation/1", there, data={}, settings={}, seconds={})
    )
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_array_equal(*(model.predictor.scores(X) for _, model in told))
    assert len(ray.tasks) > 2  # each candidate one
    assert ray.started == 1


@pytest.mark.parametrize("labelled", [0, 30])
def test_a_class_that_the_source_lacks_is_told_unless_target_labels_tell_of_it(labelled):
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(90, 3)), rng.normal(size=(90, 3))
    yt = np.arange(90) % 3
    yt[labelled:] = -1
    p = numeric(X, np.arange(90) % 2, Xt, yt if labelled else None)
    p = replace(p, classes=("a", "b", "c"), source_classes=2)
    found, _ = adapt(p, strategy="source-only", out="m")
    assert any("cannot be predicted without target labels: c" in n.text for n in found.notes) == (not labelled)


def test_a_named_strategy_is_kept_where_nothing_speaks_against_it():
    found, model = adapt(problem(), strategy="coral", out="m")
    assert (found.kept, found.strategy, model.strategy) == ("adapted", "coral", "coral")
    assert found.scores["source_only"].on == "estimate"
    assert [c.strategy for c in found.candidates] == ["source-only", "coral"]


def test_a_named_strategy_that_labels_show_to_be_worse_gives_way(monkeypatch):
    from mdshift.strategies.coral import Coral

    monkeypatch.setattr(Coral, "mapping", lambda self, p, rng: (-p.X_source, lambda m: m))  # the worst map there is
    p = problem(n=200, m=100, labelled=100, shift=0.0)
    found, model = adapt(p, strategy="coral", out="m")
    assert (found.kept, found.strategy, model.strategy) == ("source-only", "coral", "source-only")
    assert "worse" in found.reason
    assert found.scores["adapted"].value < found.scores["source_only"].value
    unseen, _ = adapt(replace(p, target=replace(p.target, y=None)), strategy="coral", out="m")
    assert unseen.kept == "adapted"  # asked for, and nothing but labels could show it


def test_auto_keeps_what_target_labels_prove():
    found, model = adapt(turned(np.random.default_rng(0), labelled=120), strategy="auto", document={"ranked": []}, compute="low", out="m")
    assert (found.kept, found.strategy, model.strategy) == ("adapted", "blend", "blend")
    assert found.scores["adapted"].value > found.scores["source_only"].value + 0.3
    assert found.validator == "target labels, held back"


def test_auto_keeps_source_only_without_evidence():
    found, model = adapt(turned(np.random.default_rng(0)), strategy="auto", document=RANKED, compute="low", out="m")
    assert (found.kept, model.strategy) == ("source-only", "source-only")
    assert len(found.candidates) == 3


@pytest.mark.slow
def test_auto_corrects_class_shares_where_label_shift_was_read():
    p = rarer(np.random.default_rng(0))
    read = RANKED | {"facts": {"kinds": ["label"]}}
    found, _ = adapt(p, strategy="auto", document=read, compute="low", out="m")
    assert (found.kept, found.strategy) == ("adapted", "label-shift")
    other, _ = adapt(p, strategy="auto", document=RANKED | {"facts": {"kinds": ["covariate"]}}, compute="low", out="m")
    assert other.kept == "source-only"


def test_auto_tries_nothing_where_the_recommendation_says_so():
    found, _ = adapt(problem(), strategy="auto", document={"ranked": [{"strategy": "source-only"}, {"strategy": "coral"}]}, out="m")
    assert [c.strategy for c in found.candidates] == ["source-only"]
    assert "ranks source-only first" in found.reason


def test_auto_diagnoses_where_there_is_no_document():
    found, _ = adapt(rarer(np.random.default_rng(0), labelled=400), strategy="auto", compute="low", out="m")
    assert {"label-shift", "pooled"} & {c.strategy for c in found.candidates}
    assert found.kept == "adapted"


def test_without_a_gain_labels_rarely_prove_one():
    """The guard's level: source and target are the same, so whatever wins wins by chance."""
    wins = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, Xt = rng.normal(size=(150, 3)), rng.normal(size=(80, 3))
        y, yt = ((Z[:, 0] + rng.normal(size=len(Z)) > 0).astype(np.int64) for Z in (X, Xt))
        yt[40:] = -1
        found, _ = adapt(numeric(X, y, Xt, yt), strategy="auto", document={"ranked": []}, compute="low", seed=seed, out="m")
        wins += found.kept == "adapted"
    assert wins <= 3


@pytest.mark.parametrize("labelled", [0, 20])
def test_the_same_seed_gives_the_same_bytes(labelled):
    def once():
        found, model = adapt(problem(labelled=labelled), strategy="auto", document=RANKED, compute="low", seed=3, out="m")
        said = json.loads(dumps(document("mdshift.adaptation/1", found, data={}, settings={}, seconds={})))
        for c in said["candidates"]:
            c.pop("seconds")
        return said, model.predictor.scores(model.encoder.transform(problem().target))

    (a, p), (b, q) = once(), once()
    assert a == b
    np.testing.assert_array_equal(p, q)


def test_a_spent_budget_leaves_candidates_untried():
    found, _ = adapt(problem(), strategy="auto", document=RANKED, budget=0.0, out="m")
    assert found.kept == "source-only"
    assert all("budget" in c.verdict for c in found.candidates[1:])
    assert len(found.candidates) == 3
    asked, _ = adapt(problem(), strategy="coral", budget=0.0, out="m")
    for run, name in ((found, "label-shift"), (asked, "coral")):
        assert run.reason == f"nothing was tried ({name}: the budget of 0 s was spent)"


def test_several_sources_and_workers_give_the_same_model():
    p = problem(sources=3, n=40)
    one, two = (adapt(p, strategy="auto", document=RANKED, workers=w, out="m")[1] for w in (1, 2))
    X = one.encoder.transform(p.target)
    np.testing.assert_array_equal(one.predictor.scores(X), two.predictor.scores(X))


def test_without_a_target_the_source_speaks():
    p = replace(problem(sources=2), target=None)
    found, model = adapt(p, strategy="ensemble", out="m")
    assert found.scores["source_only"].on == "source cross-validation"
    assert found.kept == "adapted"
    assert model.predictor.scores(model.encoder.transform(p.sources[0])).shape == (60, 2)
    with pytest.raises(DataError, match="coral"):
        adapt(p, strategy="coral", out="m")
    assert adapt(p, strategy="auto", compute="low", out="m")[0].kept == "source-only"


def test_errors_come_in_sentences():
    p = problem()
    with pytest.raises(UsageError, match="unknown strategy") as caught:
        adapt(p, strategy="corall", out="m")
    assert "coral" in caught.value.hint
    with pytest.raises(UsageError, match="must lie in"):
        adapt(p, strategy="coral", params={"regularisation": -1}, out="m")
    with pytest.raises(DataError, match="no label"):
        adapt(replace(p, task=None), strategy="coral", out="m")
    one = replace(p.sources[0], y=np.zeros(60, np.int64))
    with pytest.raises(DataError, match="one class"):
        adapt(replace(p, sources=(one,)), strategy="source-only", out="m")


def test_a_class_with_one_row_and_one_that_the_source_lacks_are_told():
    p = problem(classes=3)
    y = np.where(p.sources[0].y == 2, 0, p.sources[0].y)
    y[5] = 2
    found, _ = adapt(replace(p, sources=(replace(p.sources[0], y=y),)), strategy="label-shift", out="m")
    assert any("one source row" in n.text for n in found.notes)
    y[5] = 0
    found, _ = adapt(replace(p, sources=(replace(p.sources[0], y=y),)), strategy="source-only", out="m")
    assert any("source lacks" in n.text and n.level == "warning" for n in found.notes)


@pytest.mark.parametrize("n", [4, 8, 20])
@pytest.mark.parametrize("strategy", ["source-only", "coral", "reweight-classifier", "label-shift", "ensemble"])
def test_a_handful_of_rows(n, strategy):
    p = problem(n=n, m=n)
    _, model = adapt(p, strategy=strategy, out="m")
    assert np.isfinite(model.predictor.scores(model.encoder.transform(p.target))).all()


def test_a_saved_model_is_gone_on_from(tmp_path):
    p = problem(labelled=30)
    _, first = adapt(p, strategy="source-only", out="m")
    store.save(first, tmp_path / "m", {})
    # the same columns in another order, other levels, classes the other way round
    schema = Schema("table", (Column("c", "category", ("blue", "red", "green"), 3), *(Column(f"n{j}", "number") for j in (3, 2, 1, 0))))
    to = np.array([1, 2, 0], np.int32)

    def carry(d):
        y = np.where(d.y >= 0, 1 - d.y, -1)
        return replace(d, numbers=d.numbers[:, ::-1], categories=to[d.categories], y=y)

    other = replace(p, schema=schema, classes=p.classes[::-1], sources=tuple(carry(d) for d in p.sources), target=carry(p.target))
    _, again = adapt(other, strategy="source-only", start=store.load(tmp_path / "m"), out="m")
    assert again.classes == p.classes
    np.testing.assert_array_equal(again.encoder.transform(p.target), first.encoder.transform(p.target))
    X = first.encoder.transform(p.target)
    np.testing.assert_array_equal(again.predictor.scores(X), first.predictor.scores(X))
    with pytest.raises(DataError, match="lack a column"):
        adapt(replace(p, schema=Schema("table", schema.columns[:3])), strategy="source-only", start=first, out="m")


def test_hidden_labels_are_hidden_and_gains_are_paired():
    from made import prepared

    p = prepared(np.zeros((4, 1)), [0, 1, 0, 1], np.zeros((40, 1)), np.r_[np.tile([0, 1], 15), np.full(10, -1)])
    assert not hidden(p).labelled.any()
    assert p.labelled.sum() == 30
    right, wrong = np.eye(2)[p.y_target[:30]], np.eye(2)[1 - p.y_target[:30]]
    gain, finer = labelled_gain(p, wrong, right, 2.0)
    assert gain.value == pytest.approx(1.0)
    assert better(gain, finer)
    assert not better(*labelled_gain(p, right, right, 2.0))
    assert not better(*labelled_gain(p, right, wrong, 2.0))


def test_validators_agree_on_a_repair_and_not_on_a_wreck():
    from made import linear_context, prepared

    from mdshift.learners.base import Trained

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    p = prepared(X, (X[:, 0] > 0).astype(int), rng.normal(size=(300, 2)))
    c = linear_context(p)
    second = second_source(p, c)
    assert sorted(second.held) == list(range(300))  # a small source is held out whole, fold by fold

    def opinion(model, held):
        return consult(bench_for(p, c, Trained(model), np.ones(300), second=second, held=held), 2.0)

    same = opinion(c.base, second.scores)
    assert not same.agreed
    assert all(g.value == 0 for g in same.gains.values())
    wreck = c.learner.fit(p, -p.X_source, p.y_source, rng)
    worse = opinion(wreck, wreck.scores(p.X_source[second.held]))
    assert not worse.agreed
    assert worse.opposed
    assert worse.gains["reverse"].value < -0.5


def test_candidates_fit_the_problem_and_the_compute():
    document = {"ranked": [{"strategy": s} for s in ("dann", "label-shift", "nonsense", "finetune", "coral", "source-only")]}

    def names(p, compute):
        plan = candidates(
            p, document, goal="target", compute=compute, alpha=0.05, seed=0, workers=1, engine="local", progress=lambda _: None
        )
        return [r[0].name for r in plan.runs]

    assert names(problem(), "low") == ["label-shift", "coral"]
    assert names(problem(task="regression"), "low") == ["coral"]
    assert names(problem(labelled=20), "low")[:2] == ["blend", "consensus"]
    assert "finetune" not in names(problem(), "high")
    assert names(problem(), "medium") == ["label-shift", "coral"]  # a network that nothing could judge is not trained
    document = {"ranked": [{"strategy": s} for s in ("mcc", "source-only")]}
    assert "mcc" in names(problem(labelled=20), "medium")
    assert "mcc" not in names(problem(labelled=5), "medium")  # so few could not judge it
    assert names(problem(labelled=5), "medium")[0] == "blend"


def test_what_could_not_be_judged_is_told():
    found, _ = adapt(problem(), strategy="auto", document={"ranked": [{"strategy": "mmd"}, {"strategy": "source-only"}]}, out="m")
    assert [c.strategy for c in found.candidates] == ["source-only", "mmd"]
    assert "without target labels" in found.candidates[1].verdict
    assert "could not be judged" in found.reason


def test_auto_keeps_the_committee_where_the_inputs_moved_and_its_record_speaks_for_it(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())  # it is the order of the trials that is looked at
    found, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m")
    assert [c.strategy for c in found.candidates] == ["source-only", "linear-ot", "ot-map", "consensus", "committee"]
    assert (found.strategy, found.kept) == ("committee", "adapted")
    assert "as far as these data are like those pairs" in found.reason
    for why, other in (
        ("the classes' shares alone moved", {"document": {**DRIFT, "facts": {"kinds": ["label"]}}}),
        ("no diagnosis found a shift", {"document": {**DRIFT, "facts": {"kinds": []}}}),
        ("its record would not keep it", {"limits": {"tolerance": -0.05}}),  # the low end of its record is no gain of five points
    ):
        nothing, _ = adapt(drifted(), **{"strategy": "auto", "document": DRIFT, "out": "m", **other})
        assert nothing.kept == "source-only"
        assert nothing.candidates[-1].strategy == "committee"
        assert nothing.candidates[-1].verdict.startswith(f"not run: {why}")
    spent, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m", budget=1e-9)
    assert spent.kept == "source-only"
    assert [c.strategy for c in spent.candidates] == ["source-only", "linear-ot", "ot-map", "consensus", "committee"]
    cheap, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m", compute="low")
    assert [c.strategy for c in cheap.candidates] == ["source-only", "linear-ot", "ot-map", "consensus"]
    assert (cheap.strategy, cheap.kept) == ("consensus", "adapted")  # on the record of the maps alone
    loose, _ = adapt(drifted(gap=0.0), strategy="auto", document=DRIFT, out="m")  # no clusters: neighbours do not speak for it
    assert loose.kept == "source-only"
    assert "overrules the source model nowhere" in loose.candidates[-1].evidence["validators"]["precedent"]["sentence"]


@pytest.mark.parametrize("budget", [None, 1e-9])
def test_a_part_of_another_that_is_ranked_too_low_for_itself_is_told_of_once(budget):
    ranked = [{"strategy": n} for n in ("consensus", "coral", "label-shift", "linear-ot", "subspace", "source-only")]
    found, _ = adapt(drifted(), strategy="auto", document={**DRIFT, "ranked": ranked}, out="m", budget=budget)
    names = [c.strategy for c in found.candidates]
    assert sorted(set(names)) == sorted(names)
    assert {c.strategy: c.verdict for c in found.candidates}["subspace"].startswith("not tried: 3 candidates")


def test_what_is_spread_among_the_targets_rows_says_nothing_of_the_sources(monkeypatch):
    """Source rows have no place among the target's: the weighted labels there judge the mean itself."""
    from mdshift.learners.spread import Carrier

    seen, carry = [], Carrier.carry
    monkeypatch.setattr("mdshift.families.coherent", lambda _told: True)
    monkeypatch.setattr(Carrier, "carry", lambda self, own, X: seen.append(X) or carry(self, own, X))
    p = drifted()
    _, model = adapt(p, strategy="auto", document=DRIFT, out="m")
    source, target = (model.encoder.transform(d) for d in (p.source, p.target))
    assert any(row in target.tolist() for X in seen for row in X[:1].tolist())
    assert not any(row in source.tolist() for X in seen for row in X.tolist())


def test_the_committee_is_not_run_where_its_maps_agree(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())
    found, _ = adapt(drifted(0.0, 0.0), strategy="auto", document=DRIFT, out="m")
    assert found.candidates[-1].strategy == "committee"
    assert "disagree too little" in found.candidates[-1].verdict


def first(count):
    return lambda truth: np.where(np.arange(500) < count, truth, -1)


def as_the_source_model_has_it(count):
    """As many labels as the source model says them, of rows on which it is wrong, but for one of the other class."""
    _, model = adapt(drifted(), strategy="source-only", out="m")
    said = model.predictor.scores(model.encoder.transform(drifted().target)).argmax(axis=1)

    def shown(truth):
        wrong = np.flatnonzero(said != truth)[: count - 1]
        rows = np.append(wrong, np.flatnonzero(said != said[wrong[0]])[0])
        return np.where(np.isin(np.arange(500), rows), said, -1)

    return shown


@pytest.mark.parametrize("count", [5, 12, 60])
def test_a_few_labels_do_not_undo_what_none_would_keep_unless_they_speak_against_it(monkeypatch, count):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())

    def auto(shown):
        return adapt(drifted(shown=shown), strategy="auto", document=DRIFT, out="m")[0]

    found = auto(first(count))
    assert found.kept == "adapted"
    if count < 8:
        committee = next(c for c in found.candidates if c.strategy == "committee")
        assert committee.verdict.startswith(f"{count} target labels cannot judge; the inputs moved")
        assert "precedent" in committee.evidence["validators"]
        assert found.scores["source_only"].on == "target labels"
    against = auto(as_the_source_model_has_it(count))
    assert against.kept == "source-only"
    if count < 8:
        committee = next(c for c in against.candidates if c.strategy == "committee")
        assert committee.verdict.endswith("by the few target labels it is worse")
        assert against.reason.endswith("by validators (the target labels cannot judge)")


def test_labels_that_are_all_alike_and_few_do_not_speak_against_anything(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())
    for one in (0, 1):
        found, _ = adapt(
            drifted(shown=lambda truth, one=one: np.where(np.isin(np.arange(500), np.flatnonzero(truth == one)[:4]), 1 - one, -1)),
            strategy="auto",
            document=DRIFT,
            out="m",
        )
        assert found.kept == "adapted"  # though four labels contradict all that is right


def test_a_strategy_without_use_for_labels_is_shown_none_in_any_of_its_runs(monkeypatch):
    from mdshift.strategies.linear_ot import LinearOT

    shown, run = [], LinearOT.run
    monkeypatch.setattr(
        LinearOT, "run", lambda self, prepared, context: shown.append(int(prepared.labelled.sum())) or run(self, prepared, context)
    )
    document = {"ranked": [{"strategy": "linear-ot"}, {"strategy": "source-only"}], "facts": {"kinds": ["covariate"]}}
    adapt(drifted(shown=first(3)), strategy="auto", document=document, out="m", compute="low")
    assert len(shown) > 1
    assert not any(shown)


def test_the_committee_is_not_run_where_consensus_lacks_a_member(monkeypatch):
    from mdshift.strategies.ot_map import OtMap

    def missing(*_):
        raise ModuleNotFoundError

    monkeypatch.setattr(OtMap, "run", missing)
    document = {"ranked": [{"strategy": "consensus"}, {"strategy": "source-only"}], "facts": {"kinds": ["covariate"]}}
    monkeypatch.setattr("mdshift.engine.candidates.with_parts", lambda runs, problem: runs)
    found, _ = adapt(drifted(), strategy="auto", document=document, out="m")
    assert found.candidates[-1].verdict == "not run: by consensus, a member is missing that the record was made with"


def test_a_loss_that_weighted_source_labels_show_outweighs_the_record():
    opposed, _ = adapt(drifted(1.5, 0.0, gap=0.45), strategy="auto", document=DRIFT, out="m", compute="low")
    assert opposed.candidates[-1].evidence["validators"]["importance-weighted"]["high"] < 0
    assert opposed.kept == "source-only"
    whole, _ = adapt(drifted(1.5, 0.0, gap=0.45), strategy="auto", document=DRIFT, out="m")
    assert whole.candidates[-1].verdict == "not run: labels or vanished classes speak against consensus"


def test_target_labels_that_are_all_alike_judge_nobody():
    rng = np.random.default_rng(0)
    p = turned(rng)
    Xt = p.target.numbers
    one = np.where(np.arange(len(Xt)) < 60, np.where(Xt[:, 0] < 0, 1, -1), -1)  # the rows of class b among the first were labelled
    alike = replace(p, target=domain("t", one, numbers=Xt))
    found, _ = adapt(alike, strategy="auto", document={"ranked": [{"strategy": "pooled"}], "facts": {"kinds": ["concept"]}}, out="m")
    assert found.kept == "source-only"
    assert all("all alike cannot judge" in c.verdict for c in found.candidates[1:] if not c.verdict.startswith("not run"))
    assert any("are all of class b" in note.text for note in found.notes)
    both = replace(p, target=domain("t", np.where(np.arange(len(Xt)) < 60, (Xt[:, 0] < 0).astype(int), -1), numbers=Xt))
    told, _ = adapt(both, strategy="auto", document={"ranked": [{"strategy": "pooled"}], "facts": {"kinds": ["concept"]}}, out="m")
    assert told.kept == "adapted"  # the same world, labelled at random


def test_high_compute_tries_the_cheap_strategies_with_other_settings_too_and_each_is_judged():
    ranked = [{"strategy": "linear-ot"}, {"strategy": "reweight-classifier", "params": {"clip": 5.0}}, {"strategy": "source-only"}]
    document = {"ranked": ranked, "facts": {"kinds": ["covariate"]}}
    found, _ = adapt(problem(), strategy="auto", document=document, compute="high", out="m")
    tried = [(c.strategy, dict(c.params)) for c in found.candidates]
    assert tried == [
        ("source-only", {}),
        ("linear-ot", {}),
        ("reweight-classifier", {"clip": 5.0}),  # the plan's own settings stay as they are
        ("linear-ot", {"regularisation": 0.1}),
        ("linear-ot", {"regularisation": 10.0}),
    ]
    said = [str(c.evidence["validators"]) for c in found.candidates[1:]]
    assert len(set(said)) == 4  # other settings are other models, and each is judged
    medium, _ = adapt(problem(), strategy="auto", document=document, compute="medium", out="m")
    assert len(medium.candidates) == 3


def test_few_labels_that_side_with_the_blend_keep_it_where_something_moved():
    p = turned(np.random.default_rng(0), labelled=12)
    moved, _ = adapt(p, strategy="auto", document={"ranked": [], "facts": {"kinds": ["concept"]}}, compute="low", out="m")
    assert (moved.kept, moved.strategy) == ("adapted", "blend")
    same, _ = adapt(p, strategy="auto", document={"ranked": [], "facts": {"kinds": []}}, compute="low", out="m")
    on_record = [c for c in same.candidates if "real pairs" in c.verdict]
    assert not on_record


def test_what_these_data_show_is_the_verdict_and_not_the_record(monkeypatch):
    shown = Gain(0.1, 0.05, 0.15)
    said = guard.Opinion({"importance-weighted": shown, "reverse": shown, "precedent": Gain(0.05, -0.01, 0.2)}, {})
    monkeypatch.setattr(guard, "consult", lambda *_: said)
    document = {"ranked": [{"strategy": "consensus"}, {"strategy": "source-only"}], "facts": {"kinds": ["covariate"]}}
    found, _ = adapt(problem(), strategy="auto", document=document, out="m")
    verdicts = {c.strategy: c.verdict for c in found.candidates}
    assert verdicts["consensus"] == "the validators agree on a gain"
    assert verdicts["committee"] == "not run: another candidate is shown to be better than source-only"  # nothing more is sought


def test_labels_that_count_by_their_class_are_told_of():
    """A target of nine in ten of one class, ten labels of each; and a target of as many, whose even labels count alike."""
    rng = np.random.default_rng(0)

    def told(share):
        y, yt = rng.integers(0, 2, 400), (rng.random(400) < share).astype(np.int64)
        X, Xt = (rng.normal(size=(400, 3)) + 3 * labels[:, None] for labels in (y, yt))
        given = np.concatenate([np.flatnonzero(yt == k)[:10] for k in (0, 1)])
        found, _ = adapt(numeric(X, y, Xt, np.where(np.isin(np.arange(400), given), yt, -1)), strategy="source-only", out="m")
        return [note.text for note in found.notes if "class by class" in note.text]

    (text,) = told(0.9)
    low, high = (float(word) for word in text.split("counts ")[1].split(" times")[0].split(" to "))
    assert 0.1 < low < 0.4
    assert 1.6 < high < 1.9
    assert told(0.5) == []


def test_one_candidate_and_several_are_spoken_of_in_words():
    lost = [Trial(name, {}, None, None, Gain(0.0, -0.1, 0.1), False, False, "", 0.0) for name in ("coral", "linear-ot")]
    one, both = (_choose(trials, asked=False, because="", by="the target labels held back")[1] for trials in (lost[:1], lost))
    assert one == "coral, the one candidate, is not surely better than source-only by the target labels held back"
    assert both == "of 2 candidates none is surely better than source-only by the target labels held back"


def test_a_verdict_by_the_record_says_so_where_the_strategy_was_asked_for():
    told = "the target labels side with it; of 20 real pairs 18 gained"
    by_record = Trial("consensus", {}, None, None, Gain(0.1, -0.1, 0.3), True, False, told, 0.0, on_record=True)
    assert _choose([by_record], asked=True, because="", by="the target labels held back")[1] == (
        f"consensus was asked for: {told}; that holds as far as these data are like those pairs"
    )


def plan_file(tmp_path, judge, learn=()):
    lines = ["row,priority,purpose,prediction,confidence,why"]
    rows = [*((r, "judge") for r in judge), *((r, "learn") for r in learn)]
    lines += [f"{r},{i},{purpose},a,0.5,drawn" for i, (r, purpose) in enumerate(rows, 1)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_rows_that_were_chosen_to_learn_from_do_not_judge(tmp_path):
    """Labels of hand-picked rows, of which the source model is all wrong, speak for a change that the rows drawn at random do not show."""
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
    y, yt = (np.array(A[:, 0] > 0, dtype=np.int64) for A in (X, Xt))
    learn = np.flatnonzero(Xt[:, 1] > 1.2)[:40]
    judge = np.setdiff1d(np.arange(400), learn)[:40]
    yt[learn] = 1 - yt[learn]
    shown = np.full(400, -1)
    shown[learn], shown[judge] = yt[learn], yt[judge]
    p = numeric(X, y, Xt, shown)
    path = plan_file(tmp_path, judge, learn)
    by_all, _ = adapt(p, strategy="pooled", out="m")
    by_judges, _ = adapt(p, strategy="pooled", out="m", judges=judges(path, p))
    assert by_all.scores["source_only"].value == pytest.approx(0.5, abs=0.05)
    assert by_judges.scores["source_only"].value > 0.95
    gains = [f.candidates[1].evidence["gain"] for f in (by_all, by_judges)]
    assert gains[0]["low"] > 0
    assert gains[1]["value"] <= 0
    assert "paired on 40 target labels" in gains[1]["sentence"]
    assert by_judges.comparison["rows"] == 40
    assert "drawn at random" in by_judges.validator
    assert by_judges.candidates[1].evidence["trained"]["target_rows"] == 80


def test_a_label_plan_that_does_not_fit_is_refused(tmp_path):
    p = turned(np.random.default_rng(0), labelled=20)
    assert judges(plan_file(tmp_path, range(10), range(10, 20)), p).sum() == 10
    for rows, word in ((range(30, 40), "no row that is to judge has a label"), ([5, 4000], "of another target")):
        with pytest.raises(DataError, match=word):
            judges(plan_file(tmp_path, rows), p)
    for text in ("a,b\n1,2\n", "row,purpose\nx,judge\n", "\x00\xff"):
        (tmp_path / "odd.csv").write_bytes(text.encode("latin-1"))
        with pytest.raises(DataError, match=r"label plan|no row"):
            judges(str(tmp_path / "odd.csv"), p)
    for place in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="label plan"):
            judges(str(place), p)


def test_of_a_sample_some_rows_of_the_plan_may_be_left_out(tmp_path):
    p = numeric(np.zeros((20, 1)), np.arange(20) % 2, np.zeros((20, 1)), np.arange(20) % 2)
    held = replace(p, target=p.target.take(np.arange(0, 20, 2)))  # rows 0, 2, 4 …
    path = plan_file(tmp_path, judge=(0, 1, 2, 3))
    with pytest.raises(DataError, match="of another target"):
        judges(path, held)
    assert held.target.index[judges(path, held, part=True)].tolist() == [0, 2]
    with pytest.raises(DataError, match="among those looked at"):
        judges(plan_file(tmp_path, judge=(1, 3)), held, part=True)


def test_files_that_moved_into_their_class_s_folder_are_found_again_by_name():
    files, index = ["cat/b.png", "dog/d.png", "a.png", "c.png", "cat/e.png"], np.arange(5)
    assert _places(["b.png", "c.png", "d.png"], files, index, "plan.csv") == [0, 3, 1]
    for drawn, where, word in ((["z.png"], files, "another target"), (["a.png"], [*files, "dog/a.png"], "cannot be told apart")):
        with pytest.raises(DataError, match=word):
            _places(drawn, where, np.arange(len(where)), "plan.csv")


def test_what_an_excel_saves_is_a_plan_still(tmp_path):
    p = turned(np.random.default_rng(0), labelled=20)
    path = plan_file(tmp_path, range(10))
    (tmp_path / "rows.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "rows.csv").read_bytes())
    assert judges(path, p).sum() == 10
    twice = replace(p, target=replace(p.target, index=np.zeros(len(p.target), dtype=np.int64)))
    with pytest.raises(DataError, match="no numbers of their own"):
        judges(path, twice)


def test_a_mean_that_lacks_a_member_has_no_record():
    from made import prepared, rng_of

    from mdshift.learners.linear import Linear
    from mdshift.validators.base import Bench
    from mdshift.validators.precedent import Precedent

    p, blank = prepared(np.zeros((40, 1)), np.arange(40) % 2, np.zeros((50, 1))), np.full((50, 2), 0.5)
    for members, known in (
        (["source-only", "linear-ot", "ot-map", "mcc", "dann"], True),
        (["source-only", "linear-ot", "mcc", "dann"], False),
    ):
        evidence = {"ambiguity": 0.1, "members": members}
        said = Precedent().gain(Bench(p, blank, blank, np.ones(40), Linear(), rng_of(0), strategy="committee", evidence=evidence), 2.0)
        assert isinstance(said, Gain) == known
