"""A hash of the rows that a result stands on, by which two reports can be seen to speak of the same data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mdshift.types import Domain, Problem, Schema

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CELLS = 1 << 20  # numbers that are brought into one form at a time
PARTS = ("numbers", "categories", "texts", "images", "y")


def digests(problem: Problem) -> dict[str, str]:
    """The hash of every domain's rows as they were read (a sample, where one was drawn), by its name; the target's as `target`.

    The columns' names and values, images and the label enter, in the rows' order; the file's format and place, the order of its columns and what
    other domains hold don't. Of several labels the first enters.
    """
    found = {d.name: digest(d, problem.schema, problem.classes, without="target") for d in problem.sources}
    return found if problem.target is None else found | {"target": digest(problem.target, problem.schema, problem.classes)}


def digest(domain: Domain, schema: Schema, classes: Sequence[str] = (), *, without: str = "source") -> str:
    """The hash of one domain; see `Digest`."""
    found = Digest(schema, classes, without=without)
    found.update(domain)
    return found.hexdigest()


class Digest:
    """The hash (BLAKE2b, 128 bits, hexadecimal) of the rows of a domain, which may come in parts.

    without: columns that this side alone has, where columns that one side lacks were asked for, do not enter. Codes of categories and
    classes stand for their names, so that the order of levels plays no part; one that the schema lacks is but "unknown".
    """

    def __init__(self, schema: Schema, classes: Sequence[str] = (), *, without: str = "source") -> None:
        kept = {
            name: _places(columns, without)
            for name, columns in (("numbers", schema.numbers), ("categories", schema.categories), ("texts", schema.texts))
        }
        self.places = {name: [j for _, j in found] for name, found in kept.items()}
        self.tables = [_table(schema.categories[j].levels) for j in self.places["categories"]]
        self.classes = _table(classes)
        self.rows = 0
        self.parts = {name: hashlib.blake2b(digest_size=16) for name in PARTS}
        self.forms: dict[str, str] = {}  # of images and labels
        self.head = repr([(name, [column for column, _ in found]) for name, found in kept.items()])

    def update(self, domain: Domain) -> None:
        """Take further rows."""
        import numpy as np

        n = len(domain)
        self.rows += n
        step = max(1, CELLS // max(1, domain.numbers.shape[1], domain.categories.shape[1]))
        for start in range(0, n, step):
            rows = slice(start, start + step)
            self._add("numbers", _uniform(domain.numbers[rows][:, self.places["numbers"]]))
            codes = domain.categories[rows]
            names = [table[codes[:, j]] for table, j in zip(self.tables, self.places["categories"], strict=True)]
            self._add("categories", np.stack(names, axis=1) if names else np.empty((0, 0)))
        for text in domain.texts[:, self.places["texts"]].ravel():
            told = str(text).encode("utf-8", "surrogatepass")
            self.parts["texts"].update(len(told).to_bytes(8, "little") + told)
        if domain.images is not None:
            self.forms["images"] = str(domain.images.shape[1:])
            self._add("images", domain.images)
        if domain.y is not None:
            self.forms["y"] = "numbers" if domain.y.dtype.kind == "f" else "classes"
            self._add("y", _uniform(domain.y) if domain.y.dtype.kind == "f" else self.classes[domain.y])

    def hexdigest(self) -> str:
        """The hash of all rows so far."""
        told = repr((self.rows, self.head, sorted(self.forms.items()), [part.hexdigest() for part in self.parts.values()]))
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _add(self, name: str, array: Array) -> None:
        import numpy as np

        if array.size:
            self.parts[name].update(np.ascontiguousarray(array).reshape(-1).data)


def _places(columns: Sequence[Any], without: str) -> list[tuple[str, int]]:
    """Names and positions of the columns that enter, by name."""
    return sorted((c.name, j) for j, c in enumerate(columns) if c.where != without)


def _table(names: Sequence[str]) -> Array:
    """A number (64 bits) for each name by its code, and at the end for UNKNOWN (-2) and MISSING (-1)."""
    import numpy as np

    told = [b"=" + str(name).encode("utf-8", "surrogatepass") for name in names]
    made = [hashlib.blake2b(t, digest_size=8).digest() for t in (*told, b"unknown", b"missing")]
    return np.frombuffer(b"".join(made), dtype=np.uint64)


def _uniform(numbers: Array) -> Array:
    """The numbers with one zero and one NaN, which have several forms in memory."""
    import numpy as np

    made: Array = numbers + 0.0
    made[np.isnan(made)] = np.nan
    return made
