"""The rows of both sides in a plane in which they lie as far apart as the domain classifier finds them to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.probes.base import View
    from mdshift.probes.domainclassifier import Scores

    Floats = NDArray[np.float64]

POINTS = 300  # of a side
ROWS = 2_000  # of a side that the second axis is found on
TINY = 1e-9


def plane(view: View, scores: Scores) -> dict[str, Any]:
    """At most POINTS rows a side: {source: {x, y}, target: {x, y}, explained, columns}.

    x: log of the density ratio target/source by the domain classifier. Every row is scored by a model that has not seen it, so that two
    equal laws lie on one another however many columns there are; a projection that is fitted to the rows shown would part them. y: the
    first principal component of what x does not explain linearly, both sides weighted alike, in spreads. explained: its share of the
    variance of all columns; columns: those that weigh most in it, where the columns are the data's own.
    """
    ratio = scores.log_ratio
    rng = view.rng("plane")
    kept = [_some(len(r), ROWS, rng) for r in ratio]
    x = np.concatenate([r[k] for r, k in zip(ratio, kept, strict=True)])
    Z = np.concatenate([view.Z_source[scores.rows_source[kept[0]]], view.Z_target[scores.rows_target[kept[1]]]]).astype(np.float64)
    weights = np.repeat([0.5 / len(k) for k in kept], [len(k) for k in kept])
    y, axis, explained = _second(Z, x, weights)
    shown = [_some(len(k), POINTS, rng) for k in kept]
    at = (shown[0], shown[1] + len(kept[0]))
    sides = ({"x": np.round(x[k], 3).tolist(), "y": np.round(y[k], 3).tolist()} for k in at)
    own = view.Z_source.shape[1] == len(view.names)  # else the columns are components
    heavy = [view.names[i] for i in np.argsort(-np.abs(axis), kind="stable")[:3] if abs(axis[i]) > TINY] if own else []
    return dict(zip(("source", "target"), sides, strict=True)) | {"explained": explained, "columns": heavy}


def _some(n: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most `most` of n positions, sorted."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def _second(Z: Floats, x: Floats, weights: Floats) -> tuple[Floats, Floats, float]:
    """The first weighted principal component of Z (n, d) less its regression on x: scores (n,) of unit spread, axis (d,), share of the variance."""
    centred = Z - weights @ Z
    total = float(weights @ (centred**2).sum(axis=1))
    along = x - weights @ x
    spread = float(weights @ along**2)
    if spread > TINY:
        centred = centred - np.outer(along, (weights * along) @ centred / spread)
    values, axes = np.linalg.eigh((centred * weights[:, None]).T @ centred)
    axis = axes[:, -1]
    axis = axis * (1.0 if axis[np.argmax(np.abs(axis))] >= 0 else -1.0)
    scores = centred @ axis
    sd = float(np.sqrt(max(values[-1], 0.0)))
    return scores / sd if sd > TINY else np.zeros(len(x)), axis, max(float(values[-1]), 0.0) / total if total > TINY else 0.0
