import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made import problem

from mdshift import store
from mdshift.errors import DataError, EnvironmentFault, UsageError
from mdshift.learners.base import Predictor, State
from mdshift.learners.encode import fit_encoder, prepare
from mdshift.learners.linear import Linear
from mdshift.learners.trees import Trees

REPORT = {
    "kept": "adapted",
    "reason": "because",
    "scores": {"source_only": {"metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "on": "estimate"}},
}


def made(learner=None, modality="table"):
    p = problem(modality)
    encoder = fit_encoder(p)
    numbers = prepare(p, encoder)
    fitted = (learner or Linear()).fit(numbers, numbers.X_source, numbers.y_source, np.random.default_rng(0))
    return store.Model(p.schema, p.task, p.classes, p.label, encoder, fitted, "coral", {"regularisation": 1.0}, p.spec), numbers


@pytest.fixture
def folder(tmp_path):
    model, _ = made(Trees(5))
    store.save(model, tmp_path / "m", REPORT)
    return tmp_path / "m"


@pytest.mark.parametrize("modality", ["table", "array", "text", "image"])
def test_what_is_saved_is_loaded_to_the_same_bits(tmp_path, modality):
    model, numbers = made(modality=modality)
    store.save(model, tmp_path / "m", REPORT)
    back = store.load(tmp_path / "m")
    np.testing.assert_array_equal(back.predictor.scores(numbers.X_target), model.predictor.scores(numbers.X_target))
    domain = problem(modality).target
    np.testing.assert_array_equal(back.encoder.transform(domain), model.encoder.transform(domain))
    assert replace(back, encoder=None, predictor=None).__dict__ == replace(model, encoder=None, predictor=None).__dict__


def test_another_process_gives_the_same_bits_without_slow_imports(folder):
    _, numbers = made()
    np.save(folder.parent / "X.npy", numbers.X_target)
    code = (
        "import sys, numpy as np; from mdshift import store\n"
        f"s = store.load({str(folder)!r}).predictor.scores(np.load({str(folder.parent / 'X.npy')!r}))\n"
        f"np.save({str(folder.parent / 's.npy')!r}, s)\n"
        "assert not {'torch', 'skops', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_array_equal(np.load(folder.parent / "s.npy"), store.load(folder).predictor.scores(numbers.X_target))


def test_a_folder_holds_what_the_contract_says_and_no_pickle(folder):
    assert {f.name for f in folder.iterdir()} == {"model.json", "weights.safetensors", "report.json", "README.md"}
    document = json.loads((folder / "model.json").read_text())
    assert document["format"] == store.FORMAT
    assert [c["name"] for c in document["schema"]["columns"]] == ["n0", "n1", "n2", "n3", "c"]
    assert json.loads((folder / "report.json").read_text()) == REPORT
    assert "coral" in (folder / "README.md").read_text()
    assert all(f.read_bytes()[:2] != b"\x80\x04" for f in folder.iterdir())
    umask = os.umask(0)
    os.umask(umask)
    assert {f.stat().st_mode & 0o777 for f in folder.iterdir()} == {0o666 & ~umask}


class Bayes(Predictor):
    """A predictor around a scikit-learn estimator, as a strategy may bring one."""

    kind = "test-bayes"

    def __init__(self, model):
        self.model = model

    def scores(self, X):
        return self.model.predict_proba(X)

    def state(self):
        return State(self.kind, {}, estimators={"model": self.model})

    @classmethod
    def restore(cls, state):
        return cls(state.estimators["model"])


def test_scikit_learn_parts_travel_through_skops(tmp_path):
    from sklearn.naive_bayes import GaussianNB

    model, numbers = made()
    bayes = GaussianNB().fit(numbers.X_source, numbers.y_source)
    store.save(replace(model, predictor=Bayes(bayes)), tmp_path / "m", REPORT)
    assert (tmp_path / "m" / "predictor.model.skops").exists()
    np.testing.assert_array_equal(store.load(tmp_path / "m").predictor.scores(numbers.X_target), bayes.predict_proba(numbers.X_target))


def test_a_skops_part_of_an_unknown_type_is_refused_unopened(tmp_path):
    import skops.io

    model, _ = made()
    from sklearn.naive_bayes import GaussianNB

    store.save(replace(model, predictor=Bayes(GaussianNB())), tmp_path / "m", REPORT)
    (tmp_path / "m" / "predictor.model.skops").write_bytes(skops.io.dumps(Path("/")))
    with pytest.raises(DataError, match=r"not trusted|damaged"):
        store.load(tmp_path / "m")


# --- the place ------------------------------------------------------------------------------------------------


def test_an_existing_model_is_replaced_with_force_alone(folder):
    model, _ = made()
    with pytest.raises(UsageError, match="exists already") as caught:
        store.save(model, folder, REPORT)
    assert "--force" in caught.value.hint
    store.save(replace(model, strategy="newer"), folder, REPORT, force=True)
    assert store.load(folder).strategy == "newer"
    assert [f.name for f in folder.parent.iterdir()] == ["m"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("there", ["link", "dangling", "file", "device", "other", "inside-file"])
def test_a_place_that_cannot_hold_a_model_is_refused_before_any_work(tmp_path, there, force):
    path = tmp_path / "m"
    (tmp_path / "real").mkdir()
    if there == "link":
        path.symlink_to(tmp_path / "real")
    elif there == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif there == "file":
        path.write_text("mine")
    elif there == "device":
        path = Path("/dev/null")
    elif there == "other":
        path.mkdir()
        (path / "thesis.tex").write_text("mine")
    else:
        (tmp_path / "file").write_text("mine")
        path = tmp_path / "file" / "m"
    with pytest.raises(UsageError) as caught:
        store.check_output(path, force=force)
    assert caught.value.hint
    if there in ("file", "other"):
        kept = path if there == "file" else path / "thesis.tex"
        assert kept.read_text() == "mine"


def test_a_place_without_permission_is_an_environment_fault(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(EnvironmentFault, match="cannot write") as caught:
        store.check_output(tmp_path / "m")
    assert caught.value.exit_code == 3


def test_new_and_empty_places_are_fine(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new", "deep/er"):
        store.check_output(tmp_path / name)
    assert [f.name for f in tmp_path.iterdir()] == ["empty"]


def test_a_full_disk_leaves_the_old_model(folder, monkeypatch):
    before = {f.name: f.read_bytes() for f in folder.iterdir()}

    def full(path, data):
        if path.name == "report.json":
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(store, "_write", full)
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        store.save(made()[0], folder, REPORT, force=True)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before
    assert [f.name for f in folder.parent.iterdir()] == ["m"]


# --- damage ---------------------------------------------------------------------------------------------------


def edit(change):
    def apply(folder):
        path = folder / "model.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return apply


def swap(tree, **new):
    tree.update(new)


DAMAGE = {
    "no-json": lambda f: (f / "model.json").unlink(),
    "truncated-json": lambda f: (f / "model.json").write_bytes((f / "model.json").read_bytes()[:200]),
    "binary-json": lambda f: (f / "model.json").write_bytes(b"\x00\xff" * 100),
    "list-json": lambda f: (f / "model.json").write_text("[]"),
    "no-weights": lambda f: (f / "weights.safetensors").unlink(),
    "truncated-weights": lambda f: (f / "weights.safetensors").write_bytes((f / "weights.safetensors").read_bytes()[:-40]),
    "empty-weights": lambda f: (f / "weights.safetensors").write_bytes(b""),
    "linked-weights": lambda f: (
        (f / "weights.safetensors").rename(f.parent / "w"),
        (f / "weights.safetensors").symlink_to(f.parent / "w"),
    ),
    "newer": edit(lambda d: swap(d, format=99)),
    "odd-format": edit(lambda d: swap(d, format="one")),
    "shape": edit(lambda d: swap(d["predictor"]["arrays"]["value"], shape=[3])),
    "missing-array": edit(lambda d: swap(d["predictor"]["arrays"]["value"], key="elsewhere")),
    "unknown-kind": edit(lambda d: swap(d["predictor"], kind="os.system")),
    "wrong-kind": edit(lambda d: swap(d["predictor"], kind="linear")),
    "outside": edit(lambda d: swap(d["predictor"]["estimators"], model="../../etc/passwd.skops")),
    "absolute": edit(lambda d: swap(d["predictor"]["estimators"], model="/etc/passwd")),
    "classes": edit(lambda d: swap(d, classes=["a", "b", "c", "d"])),
    "task": edit(lambda d: swap(d, task="magic")),
    "schema": edit(lambda d: d["schema"]["columns"].pop()),
    "column": edit(lambda d: swap(d["schema"]["columns"][0], kind="nonsense")),
    "meta": edit(lambda d: swap(d["predictor"]["meta"], depth="deep")),
    "no-children": edit(lambda d: d["predictor"].pop("children")),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_model_is_refused_in_a_sentence(folder, name):
    DAMAGE[name](folder)
    with pytest.raises(DataError) as caught:
        store.load(folder)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_every_flipped_byte_is_loaded_or_refused(folder):
    rng = np.random.default_rng(0)
    for name in ("model.json", "weights.safetensors"):
        good = (folder / name).read_bytes()
        for at in rng.integers(0, len(good), 40):
            (folder / name).write_bytes(good[:at] + bytes([good[at] ^ (1 << int(rng.integers(8)))]) + good[at + 1 :])
            with suppress(DataError):  # anything else is a fault
                store.load(folder)
        (folder / name).write_bytes(good)


def test_what_is_no_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no model folder"):
        store.load(tmp_path / "none")
    with pytest.raises(DataError, match="is no model"):
        store.load(tmp_path)


def test_names_that_utf_8_cannot_hold_are_kept(tmp_path):
    model, _ = made()
    classes = tuple(f"{c}\udcff \\ü" for c in model.classes)
    store.save(replace(model, classes=classes), tmp_path / "m", REPORT | {"reason": "\udcff"})
    assert store.load(tmp_path / "m").classes == classes
