"""What the tests of the readers share."""

import csv

import numpy as np
import pytest

from mdshift.errors import DataError
from mdshift.readers.base import Ask
from mdshift.readers.collect import gather
from mdshift.readers.load import load
from mdshift.readers.paths import located
from mdshift.types import DataSpec


@pytest.fixture
def read():
    """Read a path as one raw domain."""

    def call(path, *, limit=None, seed=0, **ask):
        told = Ask(**ask)
        with located(str(path)) as place:
            return gather(place, told, limit=limit, rng=np.random.default_rng(seed)), told

    return call


@pytest.fixture
def refused(read):
    """The DataError that reading a path ends in."""

    def call(path, **ask):
        with pytest.raises(DataError) as caught:
            read(path, **ask)
        assert caught.value.hint
        assert caught.value.exit_code == 2
        return caught.value

    return call


@pytest.fixture
def pair(tmp_path):
    """Write a source and a target as CSV from mappings of columns, and load them."""

    def call(source, target, *, need_label=False, max_rows=None, seed=0, **spec):
        paths = []
        for name, columns in (("source", source), ("target", target)):
            path = tmp_path / f"{name}.csv"
            rows = zip(*columns.values(), strict=True)
            with path.open("w", newline="") as f:
                csv.writer(f).writerows([list(columns), *rows])
            paths.append(str(path))
        return load(DataSpec(sources=(paths[0],), target=paths[1], **spec), seed=seed, need_label=need_label, max_rows=max_rows)

    return call
