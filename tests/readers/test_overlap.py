"""Rows that stand twice."""

from dataclasses import replace

import numpy as np

from mdshift.readers.overlap import fingerprints, repeated
from mdshift.types import Domain

RNG = np.random.default_rng(0)


def domain(n=200, seed=0, levels=50):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3))
    numbers[rng.random((n, 3)) < 0.2] = np.nan
    texts = np.array([[f"t{v}"] for v in rng.integers(0, 5, n)], dtype=object)
    images = rng.integers(0, 256, (n, 5, 5, 1)).astype(np.uint8)
    return Domain("d", numbers, rng.integers(-2, levels, (n, 2)).astype(np.int32), texts, images, None, np.arange(n), n)


def test_equal_rows_and_no_others_have_equal_fingerprints():
    d = domain()
    twice = d.take(np.r_[0:200, 0:50])
    prints = fingerprints(twice)
    assert len(np.unique(prints)) == 200
    assert (prints[200:] == prints[:50]).all()
    for change in ("numbers", "categories", "texts", "images"):
        values = getattr(d, change).copy()
        values[0].flat[0] = "other" if change == "texts" else values[0].flat[0] + 1 if change != "numbers" else 9.5
        assert (fingerprints(replace(d, **{change: values})) != fingerprints(d)).tolist() == [True] + [False] * 199


def test_zero_has_one_sign_and_columns_do_not_commute():
    base = domain(2)
    a = replace(base, numbers=np.array([[0.0, 1, 2], [1, 0.0, 2]]))
    b = replace(base, numbers=np.array([[-0.0, 1, 2], [1, -0.0, 2]]))
    assert (fingerprints(a) == fingerprints(b)).all()
    same = replace(a, categories=a.categories[[0, 0]], texts=a.texts[[0, 0]], images=a.images[[0, 0]])
    assert len(np.unique(fingerprints(same))) == 2


def test_shared_rows_are_counted():
    source, target = domain(seed=1), domain(seed=2)
    found = repeated(source, target)
    assert (found["shared_rows"], found["duplicates_source"], found["suspicious"]) == (0, 0, False)
    mixed = replace(
        target,
        **{k: np.concatenate([getattr(target, k)[:150], getattr(source, k)[:50]]) for k in ("numbers", "categories", "texts", "images")},
    )
    found = repeated(source, mixed)
    assert (found["shared_rows"], found["shared_share"], found["suspicious"]) == (50, 0.25, True)


def test_tables_of_few_distinct_rows_are_not_suspicious():
    def few(seed):
        rng = np.random.default_rng(seed)
        n = 300
        empty = np.empty((n, 0))
        return Domain("d", empty, rng.integers(0, 3, (n, 3)).astype(np.int32), empty.astype(object), None, None, np.arange(n), n)

    found = repeated(few(1), few(2))
    assert found["shared_share"] > 0.9
    assert not found["suspicious"]
