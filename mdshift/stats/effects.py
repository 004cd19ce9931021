"""How large a difference is: one scale for all effect sizes, and where its words begin.

The scale is Cohen's (1988) d, a difference of means in standard deviations: .2 small, .5 medium, .8 large. The others are
what a normal shift of that size gives: AUC = Phi(d / sqrt 2); JS = d^2 / (8 ln 2) bits to first order. The same numbers
agree with the population stability index of credit scoring, whose .25 ("significant") is .045 bits.
"""

from __future__ import annotations

from mdshift.types import Severity

AUC_MODERATE, AUC_SEVERE = 0.638, 0.714  # d = .5, .8
JS_MODERATE, JS_SEVERE = 0.045, 0.112


def of_auc(auc: float) -> Severity:
    """The word for the area under the ROC curve of a domain classifier, where there is a shift at all."""
    return "severe" if auc >= AUC_SEVERE else "moderate" if auc >= AUC_MODERATE else "minor"


def of_js(bits: float) -> Severity:
    """The word for a Jensen-Shannon divergence in bits, where there is a shift at all."""
    return "severe" if bits >= JS_SEVERE else "moderate" if bits >= JS_MODERATE else "minor"
