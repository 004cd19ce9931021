from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.validators.agreement import against
from mdshift.validators.base import Bench, Gain, Validator

RIDGE = 1e-3  # of the mean square of the predictions: candidates are often nearly alike


@validator
@dataclass(frozen=True)
class Aggregation(Validator):
    """Let the best linear combination of all candidates be the judge.

    The combination of least squared error on the target has the coefficients G^-1 g: G, the products of the candidates' predictions, is
    seen on the target's rows; g, their products with the true labels, is estimated on held-out source rows, weighted by how target-like
    they are (Dinu 2023).

    Assumes: P(Y|X) is the same, and the weighted source rows stand for the target.

    Helps: Candidates that are right about different rows.

    Hurts: As good as the weights: silent where fewer than 30 source rows are left in effect. In `benchmarks/choosing/validators.txt`
    its pick lost .8 points on average.

    Cost: A linear system of as many unknowns as candidates; the candidates' second run on held-out source rows is shared.
    """

    name: ClassVar[str] = "aggregation"
    cites: ClassVar[str] = "Dinu 2023"

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Paired difference of the expected score on the target, were the combination the posterior."""
        if len(bench.crowd) < 3 or bench.held is None or len(bench.crowd_held) != len(bench.crowd):  # noqa: PLR2004
            return "there are no other candidates to combine"
        if bench.by_class:
            return "weights by class do not tell where the candidates' predictions differ"
        why = bench.unweighable()
        if why is not None:
            return why
        w, y = bench.weights[bench.held], bench.prepared.y_source[bench.held]
        truth = np.eye(bench.prepared.n_classes)[y] if bench.prepared.task == "classification" else y[:, None]
        share = coefficients(np.array(bench.crowd), np.array(bench.crowd_held), truth, w)
        judge = np.tensordot(share, np.array(bench.crowd), 1)
        return against(bench, judge, z, f"judged by a combination of {len(bench.crowd)} models")


def coefficients(target: np.ndarray, held: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The coefficients (c,) of the candidates: target (c, m, k) and held (c, h, k) their scores, truth (h, k), weights (h,)."""
    G = np.einsum("amk,bmk->ab", target, target) / target.shape[1]
    g = np.einsum("ahk,hk,h->a", held, truth, weights / weights.sum())
    ridge = RIDGE * np.trace(G) / len(G)
    # towards equal shares, not towards 0
    equal = np.full(len(G), 1 / len(G))
    return np.asarray(equal + np.linalg.solve(G + ridge * np.eye(len(G)), g - G @ equal))
