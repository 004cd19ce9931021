"""The sample pairs hold what their truth says."""

import json

import numpy as np
import pytest

from mdshift.errors import EnvironmentFault, UsageError
from mdshift.readers.load import load
from mdshift.samples import write
from mdshift.types import DataSpec

TABLES = ("concept", "covariate", "label", "none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("samples")
    assert [p.rsplit("/", 1)[1] for p in write(str(root))] == ["concept", "covariate", "images", "label", "none", "text"]
    return root


def read(folder, name, part="target", **spec):
    ending = "" if name == "images" else ".csv"
    return load(
        DataSpec(sources=(str(folder / name / f"source{ending}"),), target=str(folder / name / f"{part}{ending}"), **spec),
        seed=0,
        need_label=True,
    )


def test_the_same_seed_gives_the_same_bytes_and_small_files(folder, tmp_path):
    write(str(tmp_path / "again"))
    write(str(tmp_path / "other"), seed=1)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert all((tmp_path / "again" / f).read_bytes() == (folder / f).read_bytes() for f in files)
    assert any((tmp_path / "other" / f).read_bytes() != (folder / f).read_bytes() for f in files)
    assert sum((folder / f).stat().st_size for f in files) < 1_000_000


@pytest.mark.parametrize("name", [*TABLES, "text", "images"])
def test_each_is_read_with_labels_and_without(folder, name):
    truth = json.loads((folder / name / "truth.json").read_text())
    labelled, unlabelled = read(folder, name, labels=(truth["label"],)), read(folder, name, "target_unlabelled", labels=(truth["label"],))
    assert labelled.task == truth["task"]
    assert labelled.label == read(folder, name).label == truth["label"]
    assert labelled.target.labelled.all()
    assert unlabelled.target.y is None
    assert len(unlabelled.target) == len(labelled.target)
    assert [c.kind for c in labelled.schema.left_out] == []
    assert labelled.schema.modality == {"text": "text", "images": "image"}.get(name, "table")
    assert not [n for n in labelled.notes if n.level == "warning"]


def share(domain, code):
    return float((domain.y == code).mean())


def distance(a, b):
    """The largest standardised difference of means over columns."""
    return float(np.max(np.abs(a.mean(axis=0) - b.mean(axis=0)) / np.sqrt((a.var(axis=0) + b.var(axis=0)) / 2)))


def fit(domain):
    """A well-specified model of the tables: logistic, with squares."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    made = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), LogisticRegression(C=10, max_iter=5000))
    return made.fit(domain.numbers, domain.y)


def test_nothing_moves_in_none(folder):
    p = read(folder, "none")
    assert distance(p.source.numbers, p.target.numbers) < 0.2
    assert abs(share(p.source, 0) - share(p.target, 0)) < 0.1
    one, other = fit(p.source), fit(p.target)
    assert (one.predict(p.target.numbers) == other.predict(p.target.numbers)).mean() > 0.9


def test_x_moves_and_the_concept_stays_in_covariate(folder):
    p = read(folder, "covariate")
    assert distance(p.source.numbers, p.target.numbers) > 0.8
    model = fit(p.source)
    # a model of the right form that never saw the target serves it almost as well as the target's own
    assert model.score(p.target.numbers, p.target.y) > fit(p.target).score(p.target.numbers, p.target.y) - 0.06


def test_x_stays_and_the_concept_moves_in_concept(folder):
    p = read(folder, "concept")
    assert distance(p.source.numbers, p.target.numbers) < 0.2
    assert fit(p.source).score(p.target.numbers, p.target.y) < fit(p.target).score(p.target.numbers, p.target.y) - 0.08


def test_the_prior_moves_in_label_and_correcting_it_helps(folder):
    p = read(folder, "label")
    ill = p.classes.index("ill")
    assert share(p.source, ill) - share(p.target, ill) > 0.3
    for c in range(2):
        assert distance(p.source.numbers[p.source.y == c], p.target.numbers[p.target.y == c]) < 0.45
    scores = fit(p.source).predict_proba(p.target.numbers)
    prior = np.bincount(p.target.y) / len(p.target) / (np.bincount(p.source.y) / len(p.source))
    plain, corrected = ((s.argmax(axis=1) == p.target.y).mean() for s in (scores, scores * prior))
    assert corrected > plain + 0.08


def test_nothing_of_the_user_is_overwritten(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        write(str(tmp_path / "d"))
    write(str(tmp_path / "d"), force=True)
    assert (tmp_path / "d" / "mine.txt").read_text() == "mine"
    with pytest.raises(UsageError, match="not a folder"):
        write(str(tmp_path / "d" / "mine.txt"))


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((EnvironmentFault, UsageError)):
        write(str(tmp_path / "file" / "below"))
