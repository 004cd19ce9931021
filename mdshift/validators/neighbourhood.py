from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.validators.base import Bench, Gain, Validator, paired

ROWS = 2000  # target rows that are compared with one another
HEAT = 0.05  # temperature of the similarities (Saito 2021)


@validator
@dataclass(frozen=True)
class SoftNeighbourhood(Validator):
    """How dense the neighbourhoods of the target's rows are in the space of a model's predictions.

    A model that separates classes puts each row among many that are alike, so that the entropy of the similarities to the others is
    high (Saito 2021). A model that throws all rows into one heap is dense too: it ranks models of one kind, and never says by how much
    one is better. At most 2,000 rows are looked at.

    Assumes: A right model puts each row among many that are alike.

    Helps: Models of one kind, trained in one way.

    Hurts: A model that throws all rows into one heap is dense too; it has no vote.

    Cost: Similarities among at most 2,000 target rows.
    """

    name: ClassVar[str] = "soft-neighbourhood-density"
    cites: ClassVar[str] = "Saito 2021"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    in_points: ClassVar[bool] = False

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Difference of the mean entropy (nats) of each row's similarities to the others."""
        if len(bench.plain) < 10:  # noqa: PLR2004 - no neighbourhood
            return f"{len(bench.plain)} target rows have no neighbourhoods"
        rows = np.sort(bench.rng("density").permutation(len(bench.plain))[:ROWS])
        here, there = density(bench.plain[rows]), density(bench.adapted[rows])
        return paired(there - here, z, None, f"entropy {here.mean():.2f} before, {there.mean():.2f} after")


def density(scores: np.ndarray) -> np.ndarray:
    """Entropy (m,) in nats of the softmax of each row's cosine similarities to the other rows, over HEAT. scores (m, k)."""
    unit = scores / np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), 1e-12)
    out = np.empty(len(unit))
    for at in range(0, len(unit), 512):
        alike = unit[at : at + 512] @ unit.T / HEAT
        alike[np.arange(len(alike)), at + np.arange(len(alike))] = -np.inf
        alike -= alike.max(axis=1, keepdims=True)
        p = np.exp(alike)
        p /= p.sum(axis=1, keepdims=True)
        out[at : at + 512] = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    return out
