"""The calls: the numbers of the command line, and a process that is left as it was."""

import json
import random
import signal
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mdshift
from mdshift.errors import DataError, MdshiftError, UsageError
from mdshift.types import Score, Shift
from tests.api.conftest import command


def apart_from(document, *names):
    return {k: v for k, v in document.items() if k not in ("data", "seconds", *names)}


def without_seconds(document):
    return {**document, "candidates": [{k: v for k, v in c.items() if k != "seconds"} for c in document["candidates"]]}


def test_a_diagnosis_of_frames_is_that_of_the_command_line(place, found):
    command("diagnose", "source.csv", "target.csv", "--label", "y", "-q", "-o", "found.json")
    spoken = json.loads((place / "found.json").read_text())
    assert apart_from(found.document) == apart_from(spoken)
    assert found.document["data"] == {**spoken["data"], "sources": ["source"], "target": "target"}


def test_a_recommendation_by_a_result_a_document_or_a_file_is_that_of_the_command_line(place, found):
    found.save(place / "d.json")
    command("recommend", "d.json", "-q", "-o", "r.json")
    spoken = json.loads((place / "r.json").read_text())
    for known in (found, found.document, place / "d.json", str(place / "d.json")):
        assert apart_from(mdshift.recommend(known).document) == apart_from(spoken)
    assert [r.strategy for r in mdshift.recommend(found).ranked] == [r["strategy"] for r in spoken["ranked"]]
    assert mdshift.recommend(found, thresholds={"few_labels": 3}).document["thresholds"]["few_labels"] == 3


def test_an_adaptation_is_that_of_the_command_line_and_its_model_predicts_the_same(place, frames, adapted):
    frames["target"].drop(columns="y").to_csv(place / "unlabelled.csv", index=False)
    command("adapt", "source.csv", "unlabelled.csv", "--label", "y", "-s", "coral", "--out", "m", "-q", "-o", "a.json")
    spoken = json.loads((place / "a.json").read_text())
    assert without_seconds(apart_from(adapted.document, "model")) == without_seconds(apart_from(spoken, "model"))
    command("predict", "m", "new.csv", "-q", "-o", "p.csv")
    by_command = pd.read_csv(place / "p.csv")["prediction"].tolist()
    assert by_command == adapted.predict(frames["new"]).tolist() == mdshift.load(place / "m").predict(frames["new"]).tolist()
    assert by_command == mdshift.load("m").predict("new.csv").tolist()


def test_the_result_has_types(found, adapted):
    assert found.kinds == tuple(found.document["kinds"])
    assert set(found.shifts) == {"covariate", "label", "concept"}
    assert all(isinstance(s, Shift) for s in found.shifts.values())
    assert found.shifts["covariate"].verdict == "shift"
    assert set(found.tests) == {"x", "y", "x_given_y", "y_given_x"}
    assert {f["name"] for f in found.features} == {"a", "b", "c", "colour"}
    assert found.performance["metric"] == "accuracy"
    assert isinstance(adapted.scores["source_only"], Score)
    assert adapted.kept == "adapted"
    assert adapted.strategy == "coral"
    assert adapted.candidates[0]["strategy"] == "source-only"


def test_probabilities_stand_in_the_order_of_the_classes(frames, adapted):
    p = adapted.predict_proba(frames["new"])
    assert p.shape == (30, 2)
    assert np.allclose(p.sum(axis=1), 1)
    assert adapted.classes[p.argmax(axis=1)].tolist() == adapted.predict(frames["new"]).tolist()


def test_a_model_is_written_where_out_says_and_nowhere_else(place, frames, adapted):
    before = set(place.rglob("*"))
    made = mdshift.adapt(frames["source"], goal="general", strategy="source-only", label="y")
    assert set(place.rglob("*")) == before
    made.save_model("kept")
    assert mdshift.load("kept").predict(frames["new"]).tolist() == made.predict(frames["new"]).tolist()
    assert json.loads(Path("kept/report.json").read_text())["model"] == "kept"
    with pytest.raises(UsageError, match="output folder exists"):
        mdshift.adapt(frames["source"], frames["target"], label="y", out="kept")


def test_classes_come_back_as_they_were_given(frames):
    rows = frames["source"].assign(y=(frames["source"]["y"] == "yes") * 3 + 1)
    made = mdshift.adapt(rows, goal="general", strategy="source-only", label="y")
    said = made.predict(frames["new"])
    assert said.dtype.kind == "i"
    assert set(said.tolist()) == {1, 4}
    assert made.classes.tolist() == [1, 4]


def test_numbers_are_predicted_and_have_no_probabilities():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    made = mdshift.adapt(X, y_source=X[:, 0] + 0.1 * rng.normal(size=60), goal="general", strategy="source-only")
    assert np.corrcoef(made.predict(X), X[:, 0])[0, 1] > 0.9
    with pytest.raises(UsageError, match="no classes"):
        made.predict_proba(X)


def test_the_process_is_left_as_it_was(frames, capfd):
    import threadpoolctl
    import torch

    def state():
        return (
            random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002 - the state that must not be touched
            torch.get_rng_state().tolist(),
            torch.get_num_threads(),
            [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
            list(warnings.filters),
            sorted((lib["filepath"], lib["num_threads"]) for lib in threadpoolctl.threadpool_info()),
            threading.active_count(),
        )

    before = state()
    mdshift.adapt(frames["source"], goal="general", strategy="source-only", label="y").predict(frames["new"])
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_values_that_the_model_cannot_read_are_warned_of(frames, adapted):
    new = frames["new"].copy()
    number = new.select_dtypes("number").columns[0]
    new[number] = new[number].astype(object)
    new.loc[3, number] = "soon"
    with pytest.warns(UserWarning, match=rf"no numbers.*{number} \(1\)") as told:
        adapted.predict(new)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted.predict(frames["new"])


def test_progress_is_told_to_who_asks(frames):
    told = []
    mdshift.adapt(frames["source"], goal="general", strategy="source-only", label="y", progress=told.append)
    assert any("training" in line for line in told)


def test_future_domains_need_no_target(frames):
    named = mdshift.recommend({"a": frames["source"], "b": frames["target"]}, goal="general", label="y")
    assert named.ranked
    assert named.document["facts"]["n_sources"] == 2
    with pytest.raises(TypeError, match="lable"):
        mdshift.recommend(frames["source"], goal="general", lable="y")


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda s, t: mdshift.diagnose(s, t, label="yy"), DataError, "label column not found"),
        (lambda s, t: mdshift.diagnose(s), UsageError, "target is missing"),
        (lambda s, t: mdshift.adapt(s), UsageError, "target is missing"),
        (lambda s, t: mdshift.diagnose(None, t), UsageError, "source is missing"),
        (lambda s, t: mdshift.diagnose([], t), UsageError, "no source data"),
        (lambda s, t: mdshift.diagnose([[1, 2], [3, 4]], t), UsageError, "several sources"),
        (lambda s, t: mdshift.diagnose(s, 7), DataError, "neither a table nor an array"),
        (lambda s, t: mdshift.diagnose(s["a"], t), DataError, "neither a table nor an array"),
        (lambda s, t: mdshift.diagnose(s, "nothere.csv"), DataError, "path not found"),
        (lambda s, t: mdshift.diagnose("-", t), UsageError, "standard input"),
        (lambda s, t: mdshift.diagnose(s, t, alpha=2), UsageError, "alpha"),
        (lambda s, t: mdshift.diagnose(s, t, seed="x"), UsageError, "seed"),
        (lambda s, t: mdshift.diagnose(s, t, task="clustering"), UsageError, "task"),
        (lambda s, t: mdshift.diagnose(s, t, drop=3.5), UsageError, "drop must be"),
        (lambda s, t: mdshift.diagnose(s, t, kinds={"a": "numbr"}), UsageError, "kind of column"),
        (lambda s, t: mdshift.diagnose(s, t, y_source=np.zeros(3)), DataError, "differ in rows"),
        (lambda s, t: mdshift.diagnose(s, t, label="y", y_source=np.zeros(120)), DataError, "given twice"),
        (lambda s, t: mdshift.diagnose(s.iloc[:0], t), DataError, "no rows"),
        (lambda s, t: mdshift.diagnose(np.array(["a"]), t), DataError, "not of numbers"),
        (lambda s, t: mdshift.diagnose(np.zeros(5), t), DataError, "rows and features"),
        (lambda s, t: mdshift.diagnose(s, t.rename(columns={"a": "b"})), DataError, "same name"),
        (lambda s, t: mdshift.recommend({"schema": "mdshift.adaptation/1"}), UsageError, "not a diagnosis"),
        (lambda s, t: mdshift.recommend(s, t, goal="all"), UsageError, "goal"),
        (lambda s, t: mdshift.adapt(s, t, strategy="corall"), UsageError, "unknown strategy"),
        (lambda s, t: mdshift.adapt(s, t, params={"weight": 1}), UsageError, "need a strategy"),
        (lambda s, t: mdshift.adapt(s, t, strategy="mmd", params={"weight": -1}), UsageError, "must lie in"),
        (lambda s, t: mdshift.adapt(s, t, plan=3), UsageError, "plan is neither"),
        (lambda s, t: mdshift.adapt(s, t, thresholds={"few": 3}), UsageError, "unknown threshold"),
        (lambda s, t: mdshift.load("nowhere"), MdshiftError, "model"),
        (lambda s, t: mdshift.load(None), UsageError, "must be a path: None"),
        (lambda s, t: mdshift.adapt(s, t, out=5), UsageError, "out must be a path"),
        (lambda s, t: mdshift.adapt(s, t, start=5), UsageError, "start must be a path"),
        (lambda s, t: mdshift.adapt(s, t, params="x"), UsageError, "params must be a mapping"),
        (lambda s, t: mdshift.adapt(s, t, thresholds=["few"]), UsageError, "thresholds must be a mapping"),
        (lambda s, t: mdshift.adapt(s, t, kinds=["a"]), UsageError, "kinds must be a mapping"),
        (lambda s, t: mdshift.adapt(s, t, progress=5), UsageError, "progress must be a function"),
        (lambda s, t: mdshift.adapt(s, t, strategy=None), UsageError, "'strategy' must be a text"),
        (lambda s, t: mdshift.diagnose(s, t, progress=5), UsageError, "progress must be a function"),
        (lambda s, t: mdshift.recommend("nowhere.json"), DataError, "path not found"),
    ],
)
def test_errors_say_what_was_seen_and_what_to_do(frames, call, kind, said):
    with pytest.raises(kind, match=said) as caught:
        call(frames["source"], frames["target"])
    assert caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize("kind", [int, bool, float, str])
def test_the_classes_of_a_loaded_model_are_as_they_were_written(tmp_path, kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] > 0).astype(int).astype(kind)
    made = mdshift.adapt(X, X + 0.1, y_source=y, strategy="source-only", task="classification")
    made.save_model(tmp_path / "m")
    back = mdshift.load(tmp_path / "m")
    assert back.classes.dtype.kind == made.classes.dtype.kind == y.dtype.kind
    assert back.predict(X).tolist() == made.predict(X).tolist()
    stated = json.loads((tmp_path / "m" / "model.json").read_text())
    assert stated.pop("values") == sorted(set(y.tolist()))
    (tmp_path / "m" / "model.json").write_text(json.dumps(stated))  # as an older version wrote it
    assert mdshift.load(tmp_path / "m").classes.tolist() == stated["classes"]
    (tmp_path / "m" / "model.json").write_text(json.dumps(stated | {"values": [1]}))
    with pytest.raises(DataError, match="damaged"):
        mdshift.load(tmp_path / "m")


def test_thresholds_are_told_among_the_settings():
    X = np.random.default_rng(0).normal(size=(60, 2))
    made = mdshift.adapt(X, X + 0.1, y_source=(X[:, 0] > 0).astype(int), strategy="source-only", thresholds={"few_labels": 3})
    assert made.document["settings"]["thresholds"] == {"few_labels": 3.0}
