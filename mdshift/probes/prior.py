"""P(Y) without target labels: the class shares that explain the target's X, and whether any do.

Assumes: P(X|Y) is the same on both sides; the fit of the mixture tests that.

Helps: The target has no labels and a class became rarer or more frequent.

Hurts: The classes look otherwise, too: the shares then mean nothing, and classes that look alike cannot be told from X.

Cost: 499 permutations over cross-fitted scores; at most 5,000 rows a side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import rows as shared
from mdshift.probes.base import Probe, draws
from mdshift.types import Finding

if TYPE_CHECKING:
    from mdshift.probes.base import View

DRAWS = 499
BOOT = 100


@probe
class Prior(Probe):
    """Estimate the target's class shares from its X alone, and test whether a re-weighting of the classes explains X.

    Expectation maximisation over cross-fitted, calibrated scores (Saerens 2002, Alexandari 2020), with black-box shift estimation
    (Lipton 2018) beside it. p_value: "the class shares are the same", by permuting the sides of the scores within folds; valid where
    P(X|Y) is the same. evidence.fit: "X is a re-weighting of the source's classes" (see `mdshift.stats.mixture`). A number is
    taken in bands.
    """

    name: ClassVar[str] = "prior"
    question: ClassVar[str] = "y"
    cites: ClassVar[str] = "Saerens 2002; Lipton 2018; Alexandari 2020; Hansen 1982"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Estimate P(Y) of the target and test it, on the condition that P(X|Y) has not changed."""
        found = shared.rows(view)
        made = shared.scores(view)
        if found is None or made is None:
            return Finding(self.name, "y", "none", 0, 0, sentence="The source has too few labels to score the target's rows.")
        from mdshift.stats import bank, labelshift, mixture

        y, k, scores = made
        n, m = len(y), len(found.Z_target)
        share = np.bincount(y, minlength=k) / n
        prior = labelshift.em_prior(scores.further, share)
        other = labelshift.bbse(scores.fitted, y, scores.further)
        drawn = labelshift.bootstrap_priors(scores.fitted, y, scores.further, rng, draws=BOOT)
        low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], axis=0)
        moved = 0.5 * np.abs(drawn - share).sum(axis=1)
        side = np.repeat([0, 1], [n, m])
        fold = np.concatenate([scores.fold, scores.fold_further])
        both = np.concatenate([scores.fitted, scores.further])[:, 1:]
        group = bank.Group("scores", np.arange(k - 1))
        test = bank.judge(bank.products(both - both.mean(axis=0), bank.permuted(side, fold, draws(DRAWS, alpha), rng)), (group,))
        fit = mixture.goodness(found.Z_source, y, scores.fitted, found.Z_target, scores.further, rng, draws(DRAWS, alpha))
        effect = 0.5 * float(np.abs(prior - share).sum())
        excess = max(float(moved.mean()) - effect, 0.0)
        lower = max(0.0, float(np.quantile(moved, alpha / 2)) - 2 * excess)
        evidence = {
            "prior": prior.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "bbse": other.tolist(),
            "source": share.tolist(),
            "fit": None if fit is None else {"p_value": fit.p_value, "statistic": fit.statistic},
            "bands": not found.classes,
        }
        upper = min(1.0, float(np.quantile(moved, 1 - alpha / 2)))
        sentence = f"Class shares estimated from X alone are {effect:.1%} from the source's (if P(X|Y) is the same)."
        return Finding(
            self.name, "y", "expectation maximisation", n, m, test.p_value, test.statistic, effect, lower, upper, sentence, evidence
        )
