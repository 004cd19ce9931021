"""A hash of the rows that a result stands on, by which two reports can be seen to speak of the same data."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mdshift.types import Domain, Problem

if TYPE_CHECKING:
    import numpy as np


def digests(problem: Problem) -> dict[str, str]:
    """The hash of every domain's rows as they were read (a sample, where one was drawn), by its name; the target's as `target`.

    Numbers, categories, texts, images and the label enter, in the rows' order; the file's format and place don't.
    """
    levels = repr([(c.name, c.kind, c.levels) for c in problem.schema.columns] + [problem.classes])
    found = {d.name: digest(d, levels) for d in problem.sources}
    return found if problem.target is None else found | {"target": digest(problem.target, levels)}


def digest(domain: Domain, context: str = "") -> str:
    """The hash (BLAKE2b, 128 bits, hexadecimal) of one domain. context: what its codes stand for."""
    import numpy as np

    found = hashlib.blake2b(context.encode("utf-8", "surrogatepass"), digest_size=16)

    def add(array: np.ndarray[Any, Any]) -> None:
        found.update(f"{array.shape}{array.dtype}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).data)

    for array in (domain.numbers, domain.categories, domain.images, domain.y):
        if array is not None:
            add(array)
    for text in domain.texts.ravel():
        told = str(text).encode("utf-8", "surrogatepass")
        found.update(len(told).to_bytes(8, "little") + told)
    return found.hexdigest()
