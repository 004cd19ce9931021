import json

import numpy as np
import pytest

from mdshift.engine.adapt import adapt
from mdshift.engine.evaluate import _classes, _macro_auc, _macro_f1, evaluate
from mdshift.engine.predict import predict
from mdshift.errors import DataError
from mdshift.readers.load import load
from mdshift.report.json import dumps
from mdshift.types import DataSpec

rng = np.random.default_rng(0)


def write(path, n, *, number=False, label=True, seed=0, names=("no", "yes")):
    r = np.random.default_rng(seed)
    a, b = r.normal(size=(2, n))
    y = a - b + 0.5 * r.normal(size=n)
    told = [f"{v:.6f}" for v in y] if number else [names[int(v > 0)] for v in y]
    with path.open("w") as file:
        file.write("a,b,c" + (",y\n" if label else "\n"))
        for i in range(n):
            file.write(f"{a[i]:.6f},{b[i]:.6f},{'xy'[i % 2]}" + (f",{told[i]}\n" if label else "\n"))
    return str(path)


@pytest.fixture(params=["classification", "regression"])
def case(request, tmp_path):
    number = request.param == "regression"
    source, target = write(tmp_path / "s.csv", 300, number=number), write(tmp_path / "t.csv", 200, number=number, label=False, seed=1)
    problem = load(DataSpec(sources=(source,), target=target, labels=("y",)), seed=0, need_label=True)
    _, model = adapt(problem, strategy="source-only", out="m")
    return request.param, model, tmp_path


def test_predictions_come_in_order_with_names_and_probabilities(case):
    task, model, folder = case
    path = write(folder / "new.csv", 150, label=False, seed=2)
    batches = list(predict(model, path, proba=True))
    rows = np.concatenate([b["row"] for b in batches])
    np.testing.assert_array_equal(rows, np.arange(150))
    said = np.concatenate([b["prediction"] for b in batches])
    if task == "regression":
        assert np.isfinite(said.astype(float)).all()
        return
    assert set(said) == {"no", "yes"}
    p = np.concatenate([np.column_stack([b["p_no"], b["p_yes"]]) for b in batches])
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(np.array(["no", "yes"])[p.argmax(axis=1)], said)
    np.testing.assert_array_equal(np.concatenate([b["confidence"] for b in batches]), p.max(axis=1))


def test_a_label_column_or_its_lack_changes_no_prediction(case):
    task, model, folder = case
    a = write(folder / "a.csv", 60, label=True, seed=3, number=task == "regression")
    b = write(folder / "b.csv", 60, label=False, seed=3)
    one, two = (next(predict(model, path)) for path in (a, b))
    np.testing.assert_array_equal(one["prediction"], two["prediction"])


def test_scores_agree_with_scikit_learn(case):
    from sklearn import metrics

    task, model, folder = case
    path = write(folder / "l.csv", 250, number=task == "regression", seed=4)
    found = evaluate(model, path)
    said = np.concatenate([b["prediction"] for b in predict(model, path)])
    truth = np.array([line.rsplit(",", 1)[1] for line in (folder / "l.csv").read_text().splitlines()[1:]])
    scores = {s.metric: s for s in found.scores}
    assert found.rows == 250
    if task == "regression":
        truth, said = truth.astype(float), said.astype(float)
        assert scores["r2"].value == pytest.approx(metrics.r2_score(truth, said))
        assert scores["mae"].value == pytest.approx(metrics.mean_absolute_error(truth, said))
        assert scores["rmse"].value == pytest.approx(metrics.root_mean_squared_error(truth, said))
    else:
        p = np.concatenate([b["p_yes"] for b in predict(model, path, proba=True)])
        assert scores["accuracy"].value == pytest.approx(metrics.accuracy_score(truth, said))
        assert scores["balanced_accuracy"].value == pytest.approx(metrics.balanced_accuracy_score(truth, said))
        assert scores["macro_f1"].value == pytest.approx(metrics.f1_score(truth, said, average="macro"))
        assert scores["macro_auc"].value == pytest.approx(metrics.roc_auc_score(truth == "yes", p))
        assert scores["log_loss"].value == pytest.approx(metrics.log_loss(truth, np.column_stack([1 - p, p])))
        assert scores["brier"].value == pytest.approx(2 * metrics.brier_score_loss(truth == "yes", p))
        np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(truth, said))
        assert found.calibration["ece"] < 0.15
        assert found.roc[0]["points"][0] == [0.0, 0.0]
        assert found.roc[0]["points"][-1] == [1.0, 1.0]
    for s in scores.values():
        assert s.low < s.value < s.high
    assert json.loads(dumps(found))["rows"] == 250
    assert evaluate(model, path) == found


def test_every_class_counts_in_the_macro_scores():
    from sklearn import metrics

    r = np.random.default_rng(5)
    n, k = 1500, 30
    y = np.where(r.random(n) < 0.02, -2, np.arange(n) % k)  # -2: a class that the model does not know
    S = r.random((n, k)).round(2) + 0.5 * (y[:, None] == np.arange(k)) * (np.arange(k) > 22)  # ties; only the last classes are told apart
    S /= S.sum(axis=1, keepdims=True)
    found = _classes(S, y, tuple(f"c{c}" for c in range(k)), 0.05, np.random.default_rng(0))
    scores = {s.metric: s for s in found["scores"]}
    areas = [metrics.roc_auc_score(y == c, S[:, c]) for c in range(k)]
    assert scores["macro_auc"].value == pytest.approx(np.mean(areas))
    assert [r["auc"] for r in found["roc"]] == pytest.approx(areas)
    assert [bool(r["points"]) for r in found["roc"]] == [True] * 20 + [False] * 10
    for name in ("macro_f1", "macro_auc"):
        assert scores[name].low < scores[name].value < scores[name].high or name == "macro_f1"
        assert 0 < scores[name].high - scores[name].low < 0.1
    rows = r.integers(0, n, n)
    drawn = [metrics.roc_auc_score(y[rows] == c, S[rows, c]) for c in range(k)]
    assert _macro_auc(S, y, list(range(k)))(rows) == pytest.approx(np.mean(drawn))
    f1 = metrics.f1_score(y[rows], S[rows].argmax(axis=1), labels=range(k), average="macro")
    assert _macro_f1(S.argmax(axis=1), y, k)(rows) == pytest.approx(f1)


def test_unknown_classes_count_as_wrong_and_unlabelled_rows_do_not_count(tmp_path):
    source, target = write(tmp_path / "s.csv", 200), write(tmp_path / "t.csv", 100, label=False)
    _, model = adapt(
        load(DataSpec(sources=(source,), target=target, labels=("y",)), seed=0, need_label=True), strategy="source-only", out="m"
    )
    path = tmp_path / "odd.csv"
    path.write_text("a,b,c,y\n3,-3,x,yes\n3,-3,x,maybe\n3,-3,x,\n-3,3,y,no\n")
    found = evaluate(model, str(path))
    assert (found.rows, found.unknown, found.unlabelled) == (3, 1, 1)
    assert found.scores[0].value == pytest.approx(2 / 3)


def test_without_a_label_there_is_nothing_to_score(case):
    _, model, folder = case
    path = write(folder / "u.csv", 20, label=False)
    with pytest.raises(DataError) as caught:
        evaluate(model, path)
    assert caught.value.hint


def test_a_missing_column_is_named(case):
    _, model, folder = case
    (folder / "less.csv").write_text("a,c\n1,x\n")
    with pytest.raises(DataError, match="'b'"):
        next(predict(model, str(folder / "less.csv")))
