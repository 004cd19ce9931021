"""Columns that one side lacks, and labels after the first."""

import numpy as np
import pandas as pd
import pytest

from mdshift.errors import DataError
from mdshift.learners.encode import fit_encoder, prepare
from mdshift.readers.load import domain_for, load
from mdshift.types import MISSING, DataSpec


@pytest.fixture
def sides(tmp_path):
    rng = np.random.default_rng(0)
    n = 60
    one = pd.DataFrame({"a": rng.normal(size=n), "old": 100 + rng.normal(size=n), "kind": rng.choice(["x", "y"], n)})
    one["label"], one["size"] = rng.integers(0, 2, n), rng.normal(size=n) + 0.5
    one["sort"] = rng.choice(["p", "q", "r"], n)
    one["whole"] = rng.integers(0, 50, n)
    two = pd.DataFrame({"new": 5 + 2 * rng.normal(size=n), "a": rng.normal(size=n), "tone": rng.choice(["u", "v"], n)})
    two["size"] = [*rng.normal(size=10), *[None] * (n - 10)]
    one.to_csv(tmp_path / "one.csv", index=False)
    two.to_csv(tmp_path / "two.csv", index=False)
    return tmp_path


def spec(sides, *labels):
    return DataSpec(sources=(str(sides / "one.csv"),), target=str(sides / "two.csv"), labels=labels or ("label",), drop=())


def test_columns_of_one_side_are_kept_where_they_are_asked_for(sides):
    p = load(spec(sides, "label", "size", "sort"), seed=0, need_label=True, union=True)
    where = {c.name: c.where for c in p.schema.columns}
    assert where == {"a": "both", "old": "source", "kind": "source", "whole": "source", "new": "target", "tone": "target"}
    assert np.isnan(p.target.numbers[:, [c.name for c in p.schema.numbers].index("old")]).all()
    said = " ".join(n.text for n in p.notes)
    assert "the source alone has: old, kind, whole" in said
    assert "the target alone has: new, tone" in said
    encoder = fit_encoder(p)
    q = prepare(p, encoder)
    names = np.array(encoder.names)
    assert {n.split(" ")[0] for n in names[q.only_source]} == {"old", "kind", "whole"}
    assert {n.split(" ")[0] for n in names[q.only_target]} == {"new", "tone"}
    theirs = q.X_target[:, list(names).index("new")]
    assert abs(theirs.mean()) < 0.2  # what the target alone has is scaled by the target
    assert 0.5 < theirs.std() < 1.5


def test_without_asking_the_common_columns_are_used(sides):
    p = load(spec(sides, "label", "size", "sort"), seed=0, need_label=True)
    assert [c.name for c in p.schema.columns] == ["a"]
    assert prepare(p, fit_encoder(p)).only_source is None


def test_new_data_need_not_have_what_the_target_never_had(sides):
    p = load(spec(sides, "label", "size", "sort"), seed=0, need_label=True, union=True)
    read = next(domain_for(p.schema, p.task, p.classes, str(sides / "two.csv"), label="label"))
    X = fit_encoder(p).transform(read)
    np.testing.assert_array_equal(X, prepare(p, fit_encoder(p)).X_target)
    with pytest.raises(DataError, match="a column of the model is missing") as caught:
        next(domain_for(p.schema, p.task, p.classes, str(sides / "one.csv"), label="label"))
    assert "new" in caught.value.seen


def test_labels_after_the_first_are_read_in_every_domain(sides):
    p = load(spec(sides, "label", "size", "sort"), seed=0, need_label=True)
    assert [(f.name, f.task, f.classes) for f in p.further] == [
        ("size", "regression", ()),
        ("sort", "classification", ("p", "q", "r")),
    ]
    size, sort = p.target.further
    assert np.isfinite(size[:10]).all()
    assert np.isnan(size[10:]).all()
    assert (sort == MISSING).all()
    q = prepare(p, fit_encoder(p))
    assert [f.n_classes for f in q.further] == [1, 3]
    half = q.part(np.arange(30))
    np.testing.assert_array_equal(half.further[1].y_source, q.further[1].y_source[:30])
    taken = p.sources[0].take(np.array([3, 5]))
    np.testing.assert_array_equal(taken.further[0], p.sources[0].further[0][[3, 5]])


def test_a_further_label_that_is_not_there_is_told(sides):
    with pytest.raises(DataError, match="label column not found") as caught:
        load(spec(sides, "label", "sise"), seed=0, need_label=True)
    assert "size" in caught.value.hint
