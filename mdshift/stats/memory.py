"""Which rows of a stream to remember: a uniform sample, or those that stand for their class best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def reservoir(X: NDArray[Any], y: NDArray[Any], held: int, past: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG001
    """Positions of at most `size` rows, a uniform sample of all rows ever seen (Vitter 1985).

    The first `held` rows of X (n, d) are the memory so far, a sample of `past` rows; the others are new.
    """
    slots = list(range(min(held, size)))
    for number, row in enumerate(range(held, len(y))):
        if len(slots) < size:
            slots.append(row)
            continue
        at = int(rng.integers(past + number + 1))
        if at < size:
            slots[at] = row
    return np.sort(np.array(slots, dtype=np.int64))


def herding(X: NDArray[Any], y: NDArray[Any], held: int, past: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:  # noqa: ARG001
    """Positions of at most `size` rows: of each class those, one by one, that keep the mean of what is chosen nearest to its own (Rebuffi 2017).

    Classes have equal parts of the memory, as far as they have rows; numbers y are cut into four classes at their quartiles. The arguments are
    those of `reservoir`.
    """
    groups = y if y.dtype.kind in "iu" else np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y)
    names = np.unique(groups)
    chosen: list[int] = []
    left = size
    for done, name in enumerate(sorted(names, key=lambda c: int((groups == c).sum()))):  # small classes first leave their rest to others
        rows = np.flatnonzero(groups == name)
        part = min(len(rows), left // (len(names) - done))
        chosen += rows[nearest_mean(np.asarray(X[rows], dtype=np.float64), part)].tolist()
        left -= part
    return np.sort(np.array(chosen, dtype=np.int64))


def nearest_mean(X: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The order (count,) in which rows X (n, d) are taken, each bringing the mean of those taken nearest to the mean of all."""
    centre, total = X.mean(axis=0), np.zeros(X.shape[1])
    free = np.ones(len(X), dtype=bool)
    order = np.empty(count, dtype=np.int64)
    for k in range(count):
        distance = ((centre - (total + X) / (k + 1)) ** 2).sum(axis=1)
        order[k] = int(np.argmin(np.where(free, distance, np.inf)))
        free[order[k]] = False
        total += X[order[k]]
    return order
