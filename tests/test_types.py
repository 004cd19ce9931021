import dataclasses

import numpy as np
import pytest

from mdshift.types import MISSING, DataSpec, Domain, Problem, Schema, concatenate


def domain(y, n=3):
    return Domain("d", np.arange(n * 2.0).reshape(n, 2), np.zeros((n, 0), np.int32), np.zeros((n, 0), object), None, y, np.arange(n), n)


def test_domains_are_stacked_in_order_and_unlabelled_rows_stay_so():
    both = concatenate((domain(np.array([0, 1, 1])), domain(None)))
    np.testing.assert_array_equal(both.y, [0, 1, 1, MISSING, MISSING, MISSING])
    np.testing.assert_array_equal(both.labelled, [True] * 3 + [False] * 3)
    assert (len(both), both.rows) == (6, 6)


def test_numbers_as_labels_are_missing_where_nan():
    both = concatenate((domain(np.array([0.5, np.nan, 1.0])), domain(None)))
    np.testing.assert_array_equal(both.labelled, [True, False, True, False, False, False])


def test_take_keeps_rows_together():
    d = domain(np.array([0, 1, MISSING])).take(np.array([2, 0]))
    np.testing.assert_array_equal(d.index, [2, 0])
    np.testing.assert_array_equal(d.y, [MISSING, 0])
    np.testing.assert_array_equal(d.numbers[0], [4, 5])


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        domain(None).name = "other"


def test_the_data_part_of_a_document_holds_what_is_set():
    spec = DataSpec(sources=("a.csv",), target="b.csv", labels=("y",))
    assert spec.to_json() == {"sources": ["a.csv"], "target": "b.csv", "labels": ["y"], "task": "auto", "on_schema": "intersect"}


def test_one_source_is_not_copied():
    d = domain(None)
    assert Problem((d,), None, Schema("table", ()), None, None).source is d
