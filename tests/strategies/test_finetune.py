import numpy as np
import pytest
from made import linear_context, prepared

from mdshift.declare import configure, lookup
from mdshift.learners.base import restore
from strategies.networlds import before, right, rotated, run, source_net


@pytest.mark.parametrize("thaw", ["upper", "all"])
def test_a_turned_concept_is_relearnt_from_few_labels(thaw):
    p, yt = rotated()
    adapted = run("finetune", p, thaw=thaw)
    assert right(adapted.predictor, p, yt) > before(rotated, right) + 0.3


def test_what_the_source_taught_saves_labels():
    p, yt = rotated(labels=60)
    assert right(run("finetune", p).predictor, p, yt) > right(run("scratch", p).predictor, p, yt) + 0.03


def test_gradual_goes_through_the_stages_and_checks_each():
    p, yt = rotated()
    found = run("finetune", p, thaw="gradual")
    stages = list(dict.fromkeys(h["phase"] for h in found.history))
    assert stages[:2] == ["source", "target-head"]
    assert stages == ["source", "target-head", "target-upper", "target-all"][: len(stages)]
    assert all("check" in h for h in found.history if h["phase"] != "source")
    assert 18 <= found.evidence["check_rows"]["target"] <= 22  # a quarter of 80, class by class
    assert right(found.predictor, p, yt) > before(rotated, right) + 0.3


def test_a_stage_that_does_not_improve_is_undone_and_ends_it():
    p, _ = rotated(n=300, m=300, labels=80)
    rng = np.random.default_rng(0)
    noise = np.where(p.labelled, rng.integers(0, 4, 300), -1)  # labels that say nothing: nothing can be learnt from them
    p.y_target[:] = noise
    found = run("finetune", p, thaw="gradual", rate=0.05)
    stages = list(dict.fromkeys(h["phase"] for h in found.history))
    last = [h for h in found.history if h["phase"] == stages[-1]]
    assert len(stages) < 4 or last[-1]["improved"] is False
    assert [told["name"] for told in found.evidence["plan"]] == stages  # the report tells the stages that were run
    assert found.evidence["plan"][-1]["undone"] == (not last[-1]["improved"])


def test_it_starts_from_a_saved_network():
    p, yt = rotated()
    found = run("finetune", p, start=source_net(p))
    assert {h["phase"] for h in found.history} == {"target-all"}
    assert right(found.predictor, p, yt) > before(rotated, right) + 0.3


def test_statistics_of_the_target_repair_the_sensor_while_labels_repair_the_concept():
    p, yt = rotated(labels=60)
    p.X_target[:] = 4 + 3 * p.X_target
    start = source_net(p)
    found = [right(run("finetune", p, thaw="head", start=start, statistics=s).predictor, p, yt) for s in ("source", "target")]
    assert found[1] > found[0] + 0.05
    assert found[1] > 0.75


@pytest.mark.parametrize("labels", [1, 2])
def test_one_or_two_labels_do_not_break_it(labels):
    p, _ = rotated(n=60, m=30, labels=labels)
    found = run("finetune", p, epochs=1)
    scores = found.predictor.scores(p.X_target)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(restore(found.predictor.state()).scores(p.X_target), scores)


def test_numbers_too():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    y, yt = 10 + X[:, 0] + 2 * X[:, 1], 14 + Xt[:, 0] - 2 * Xt[:, 1]
    p = prepared(X, y, Xt, np.where(np.arange(200) < 50, yt, np.nan))
    found = run("finetune", p)
    before_, after = (((m.scores(p.X_target[50:])[:, 0] - yt[50:]) ** 2).mean() for m in (source_net(p), found.predictor))
    assert after < 0.15 * before_


def test_what_was_chosen_on_the_source_is_gone_on_with_where_that_is_no_network():
    p, yt = rotated(labels=60)
    context = linear_context(p)
    made = configure(lookup("strategy", "finetune"), {})
    found = made.run(p, context)
    assert found.predictor.state().kind == "fine-tuned"
    assert right(found.predictor, p, yt) > right(context.base, p, yt) + 0.15
    assert configure(lookup("strategy", "finetune"), {"model": "net", "epochs": 1}).run(p, context).predictor.state().kind == "net"


def test_dropout_on_the_target_is_as_asked():
    p, _ = rotated(n=60, m=40, labels=20)
    phases = [configure(lookup("strategy", "finetune"), {"dropout": d}).plan(p)[-1].dropout for d in (-1, 0.4)]
    assert phases == [None, 0.4]
