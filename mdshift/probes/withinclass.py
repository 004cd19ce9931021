"""P(X|Y): whether the inputs look the same within classes.

Assumes: Labels on both sides; rows are independent within a class.

Helps: Asking whether the classes still look as they did: label shift is this and moved shares.

Hurts: A class with a handful of target rows says little.

Cost: 499 permutations within classes; at most 5,000 rows a side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import rows as shared
from mdshift.probes.base import FEW, Probe, draws
from mdshift.types import Finding

if TYPE_CHECKING:
    from mdshift.probes.base import View

DRAWS = 499


@probe
class WithinClass(Probe):
    """Compare X of both sides within every class at once.

    The sides are permuted within classes, which is exact under "P(X|Y) is the same"; the statistics are means, single columns,
    kernels at two scales and random trees. For a number y the side is drawn from its propensity given y. effect: how well a domain
    classifier tells the sides apart within classes, 2 AUC - 1, averaged.
    """

    name: ClassVar[str] = "within-class"
    question: ClassVar[str] = "x_given_y"
    cites: ClassVar[str] = "Gretton 2012; Candes 2018"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Test P(X|Y) equal on the labelled rows of both sides."""
        found = shared.rows(view)
        if found is None or found.labelled.sum() < FEW:
            return Finding(self.name, "x_given_y", "none", 0, 0, sentence="Too few labelled rows on one of the sides.")
        from mdshift.stats import conditional

        Z, y, domain = found.pair()
        n, m = int((domain == 0).sum()), int((domain == 1).sum())
        prediction = shared.outcome(view)
        if found.classes:
            out = conditional.within_classes(Z, y, domain, rng, draws(DRAWS, alpha), prediction)
            method = "permutation within classes"
        else:
            out = conditional.given_number(Z, y, domain, rng, draws(DRAWS, alpha), prediction)
            method = "conditional randomisation given y"
        if out is None:
            return Finding(self.name, "x_given_y", method, n, m, sentence="No class, or no range of values, has rows on both sides.")
        effect, low, high = self._effect(view, found, y, domain, alpha)
        within = "classes" if found.classes else "equal values of the label"
        sentence = f"Within {within}, the inputs' difference has p = {out.p_value:.3g} ({n} and {m} rows)."
        return Finding(self.name, "x_given_y", method, n, m, out.p_value, out.statistic, effect, low, high, sentence, {"parts": out.groups})

    def _effect(self, view: View, found: shared.Rows, y: Any, domain: Any, alpha: float) -> tuple[float | None, float | None, float | None]:
        e = shared.propensity(view)
        if e is None:
            return None, None, None
        score = np.concatenate([e[: len(found.Z_source)], e[len(found.Z_source) :][found.labelled]])
        strata = y if found.classes else shared.bands(y)
        return separation(score, strata, domain, alpha)


def separation(score: Any, strata: Any, domain: Any, alpha: float) -> tuple[float, float, float]:
    """Mean 2 AUC - 1 of a score within strata, weighted by rows, with an interval (Hanley & McNeil 1982)."""
    from scipy import stats

    total, value, variance = 0.0, 0.0, 0.0
    for s in np.unique(strata):
        a, b = score[(strata == s) & (domain == 0)], score[(strata == s) & (domain == 1)]
        if not len(a) or not len(b):
            continue
        ranks = stats.rankdata(np.concatenate([a, b]))
        auc = (ranks[len(a) :].sum() - len(b) * (len(b) + 1) / 2) / (len(a) * len(b))
        q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        var = (auc * (1 - auc) + (len(b) - 1) * (q1 - auc**2) + (len(a) - 1) * (q2 - auc**2)) / (len(a) * len(b))
        w = len(a) + len(b)
        total, value, variance = total + w, value + w * (2 * auc - 1), variance + w * w * 4 * max(var, 0.0)
    if not total:
        return 0.0, 0.0, 1.0
    effect, error = value / total, np.sqrt(variance) / total
    z = float(stats.norm.ppf(1 - alpha / 2))
    return max(0.0, float(effect)), float(np.clip(effect - z * error, 0, 1)), float(np.clip(effect + z * error, 0, 1))
