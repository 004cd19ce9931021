"""Coherence: how far rows that lie together are given the same class."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS = 10
COMPONENTS = 10  # leading ones: in all columns of a picture or a bag of words everything lies equally far away
ROWS = 1500  # of the target at most, evenly spaced


class Coherence(NamedTuple):
    """agreement: the share of neighbours of the same class, in [0, 1]; kappa: the same beyond chance, at most 1."""

    agreement: float
    kappa: float


def coherence(X: NDArray[np.floating], *labels: NDArray[np.int64]) -> list[Coherence]:
    """For each classing (m,) of the rows X (m, d): how often a row has the class of its 10 nearest ones.

    kappa: (p - c) / (1 - c) with p the agreement and c the share of all pairs of rows with one class, as Cohen's kappa takes chance out: 1 where rows
    that lie together always share a class, 0 where classes are as if drawn. A classing into one class has 1, which says nothing for it. Kappa is kinder to classes of
    like shares, the agreement to those of unlike ones. Neighbours are those in the 10 leading principal components; of more than 1,500 rows evenly
    spaced ones are looked at. What is right seldom cuts through where rows are dense (the cluster assumption: Chapelle & Zien 2005; as a
    score of models without labels: Saito et al. 2021).

    Raises ValueError with fewer than two rows.
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils.extmath import randomized_svd

    if len(X) < 2:  # noqa: PLR2004 - nobody has a neighbour
        raise ValueError("coherence needs two rows or more")
    seen = np.unique(np.linspace(0, len(X) - 1, min(len(X), ROWS)).astype(np.int64))
    rows = np.asarray(X[seen], dtype=np.float64)
    if rows.shape[1] > COMPONENTS:
        axes, lengths, _ = randomized_svd(rows - rows.mean(axis=0), min(COMPONENTS, len(rows)), random_state=0)
        rows = axes * lengths
    count = min(NEIGHBOURS, len(rows) - 1)
    near = NearestNeighbors(n_neighbors=count).fit(rows).kneighbors(return_distance=False)
    found = []
    for every in labels:
        own = every[seen]
        chance = float(((np.bincount(own) / len(own)) ** 2).sum())
        same = float((own[near] == own[:, None]).mean())
        found.append(Coherence(same, 1.0 if chance >= 1 - 1e-12 else (same - chance) / (1 - chance)))
    return found
