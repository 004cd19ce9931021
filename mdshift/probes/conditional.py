"""P(Y|X): whether the same input still means the same label.

Assumes: Labels on both sides, common support of the inputs, rows that are independent given the side.

Helps: Asking whether the same input still means the same label.

Hurts: A column that matters and is on neither side shows as a changed concept; where too little support is common it is silent.

Cost: 499 draws of the side (more for a small alpha) over cross-fitted models; at most 5,000 rows a side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import rows as shared
from mdshift.probes import wording
from mdshift.probes.base import FEW, Probe, draws
from mdshift.types import Finding

if TYPE_CHECKING:
    from mdshift.probes.base import View

DRAWS = 499


@probe
class Conditional(Probe):
    """Compare the law of Y given X on the support that both sides share.

    Residuals of Y given X are weighed by functions of X (none, the columns, the prediction, kernel waves, a learned contrast) and summed
    against the residual of the side; the side is drawn again from its propensity for the null. Rows outside the common support are left out;
    where too little of it is left the answer is "unclear". effect: total variation of P(Y|X) between the sides, averaged over the
    common support (for a number: difference of the means in residual standard deviations); an estimate from below.
    """

    name: ClassVar[str] = "conditional"
    question: ClassVar[str] = "y_given_x"
    cites: ClassVar[str] = "Shah & Peters 2020; Lundborg 2024; Candes 2018; Nie & Wager 2021"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Test P(Y|X) equal on the labelled rows of both sides."""
        found = shared.rows(view)
        if found is None or found.labelled.sum() < FEW:
            return Finding(self.name, "y_given_x", "none", 0, 0, sentence="Too few labelled rows on one of the sides.")
        from scipy import stats

        from mdshift.stats import conditional

        Z, y, domain = found.pair()
        n, m = int((domain == 0).sum()), int((domain == 1).sum())
        method = "conditional randomisation of weighted residual covariances"
        e = shared.propensity(view) if found.labelled.all() else None
        out = conditional.given_x(Z, y, domain, found.classes, rng, draws(DRAWS, alpha), propensity=e, prediction=shared.outcome(view))
        scale = "total variation" if found.classes else "standard deviations"
        evidence = {"scale": scale, "support": out.support, "support_share": out.support / max(min(n, m), 1), "parts": out.groups}
        if out.p_value is None:
            sentence = f"The sides share too little of X to compare labels there (worth {wording.counted(out.support)} a side)."
            return Finding(self.name, "y_given_x", method, n, m, sentence=sentence, evidence=evidence)
        z = float(stats.norm.ppf(1 - alpha / 2))
        top = 1.0 if found.classes else np.inf
        low, high = (float(np.clip(out.effect + s * z * out.error, 0.0, top)) for s in (-1, 1))
        sentence = f"Given the same inputs, the labels' difference has p = {out.p_value:.3g} (common support worth {wording.counted(min(out.support, n, m))} a side)."
        effect = max(0.0, out.effect)
        return Finding(self.name, "y_given_x", method, n, m, out.p_value, out.statistic, effect, low, high, sentence, evidence)
