"""The reading: from the p-values of the four hypotheses, and how well a re-weighting fits, to the kinds of shift.

A decision needs a gate and a comparison. The gate: some hypothesis is rejected at alpha over the number of hypotheses asked of the
pair (Bonferroni), so that where nothing changed something is said in at most a share alpha of cases, whatever the dependence. The
comparison: which conditional law stayed the same. Past the gate it is certain that something changed, so a tie is settled at alpha itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from mdshift.probes import wording
from mdshift.types import Finding, Severity, Shift, Verdict

Kind = Literal["covariate", "label", "concept"]
KINDS: tuple[Kind, ...] = ("covariate", "label", "concept")

# Severity is read from the effect and its interval. covariate: 2 AUC - 1 of a domain classifier (.1 = AUC .55, .5 = AUC .75). label,
# concept: total variation, the share of labels that would have to change; five points of accuracy at stake are worth an effort.
STEPS: Mapping[str, tuple[float, float]] = {"covariate": (0.15, 0.5), "label": (0.08, 0.25), "concept": (0.05, 0.15)}

# Kinds whose interval bounds the shift from above; that of concept is an estimate from below, which excludes nothing.
BOUNDED: Mapping[str, str] = {"covariate": "2 AUC - 1, as far as a classifier can see", "label": "total variation of the classes' shares"}

HYPOTHESES = 4  # P(X), P(Y), P(X|Y), P(Y|X): alpha is divided among them
# Labels of a part of the target: the tests of P(Y) and P(Y|X) then see far fewer rows than the test of P(X), which is so much keener that
# every label shift looks like a change of P(X) alone. With under half of the rows labelled the unlabelled ones settle which marginal
# moved, unless the labels are so many (500 tell ten points of a class share) that they settle it themselves.
PARTLY, SETTLED = 0.5, 500
SUPPORT = 0.1  # of the smaller side: "P(Y|X) did not change" found on less of it says nothing of the rest


@dataclass(frozen=True)
class Evidence:
    """What the probes found. fit: p-value of "the target's X is a re-weighting of the source's classes"."""

    x: Finding
    y: Finding | None
    x_given_y: Finding | None
    y_given_x: Finding | None
    prior: Finding | None
    fit: float | None
    has_labels: bool  # the target has labels, enough of them
    has_classes: bool  # the source has labels, enough of them
    few: bool
    some_labels: int = 0  # labelled target rows, also where they are too few
    few_labels: bool = False  # enough for tests, too few to settle which marginal moved


@dataclass(frozen=True)
class Reading:
    """Kinds that are claimed, those that stay unclear, and the reasons."""

    kinds: frozenset[Kind]
    unclear: frozenset[Kind]
    because: str


def p(finding: Finding | None) -> float:
    """The p-value, 1 where there is none: what can't be tested can't be rejected."""
    return 1.0 if finding is None or finding.p_value is None else finding.p_value


def untested(finding: Finding | None) -> bool:
    """Whether a conditional law could not be compared at all, or on too little common support."""
    return finding is None or finding.p_value is None or finding.evidence.get("support_share", 1.0) < SUPPORT


def _law(law: str, finding: Finding | None, otherwise: str) -> str:
    """A half-sentence on a law that was not found to differ: `otherwise`, or that it could not be tested."""
    return f"; whether {law} did could not be tested" if untested(finding) else otherwise


def _by_x(ev: Evidence, otherwise: str) -> str:
    return "P(X) changed" + _law("P(Y|X)", ev.y_given_x, otherwise)


def _by_y(ev: Evidence, otherwise: str) -> str:
    return "P(Y) changed" + _law("P(X|Y)", ev.x_given_y, otherwise)


def read(evidence: Evidence, alpha: float) -> Reading:
    """The kinds of shift at level alpha."""
    if evidence.few:
        return Reading(frozenset(), frozenset(KINDS), "too few rows to tell")
    if evidence.has_labels and evidence.few_labels and evidence.prior is not None and evidence.fit is not None:
        return _with_few_labels(evidence, alpha)
    if evidence.has_labels:
        return _with_labels(evidence, alpha)
    return _without_labels(evidence, alpha)


def _with_labels(ev: Evidence, alpha: float) -> Reading:
    x, y, xy, yx = p(ev.x), p(ev.y), p(ev.x_given_y), p(ev.y_given_x)
    level = alpha / HYPOTHESES
    if min(x, y, xy, yx) >= level:
        asked = ["P(X)", "P(Y)", *(n for n, f in (("P(X|Y)", ev.x_given_y), ("P(Y|X)", ev.y_given_x)) if not untested(f))]
        return Reading(frozenset(), frozenset(), f"none of {', '.join(asked)} was found to differ")
    if xy < level and yx < level:
        return _concept_with(ev, x, y, alpha, level)
    if yx < level:  # P(X|Y) held
        if y < alpha and xy >= level:
            because = _by_y(ev, " while P(X|Y) was not found to: the classes' shares can explain all of it")
            return Reading(frozenset({"label"}), frozenset(), because)
        if x < level:
            unclear = frozenset[Kind]({"covariate", "label", "concept"})
            return Reading(frozenset(), unclear, "P(X) and P(Y|X) differ, yet neither P(Y) nor P(X|Y) does measurably")
        return Reading(frozenset({"concept"}), frozenset(), "P(Y|X) changed while P(X) did not")
    if xy < level:  # P(Y|X) held
        return _covariate_or_not(ev, x, y, yx, alpha)
    return _marginal_only(ev, x, y, xy, yx, alpha)


def _concept_with(ev: Evidence, x: float, y: float, alpha: float, level: float) -> Reading:
    because = "P(Y|X) changed, and neither a label nor a covariate shift explains it"
    if x >= alpha / 2:  # the third hypothesis of four in Holm's order
        return Reading(frozenset({"concept"}), frozenset(), f"{because}; P(X) did not change")
    if y < level and ev.fit is not None and ev.fit >= alpha and p(ev.prior) < alpha:
        return Reading(frozenset({"concept", "label"}), frozenset(), f"{because}; X moved as a re-weighting of the classes would move it")
    return Reading(frozenset({"concept", "covariate"}), frozenset(), f"{because}; P(X) changed too")


def _covariate_or_not(ev: Evidence, x: float, y: float, yx: float, alpha: float) -> Reading:
    blind = untested(ev.y_given_x)
    if alpha / 4 <= x < alpha / 2 and yx < alpha / 2:  # both weak: Holm's order admits the third of four at alpha / 2, and then the last
        because = "P(X) and P(Y|X) both changed, and neither a label nor a covariate shift explains it"
        return Reading(frozenset({"concept", "covariate"}), frozenset(), because)
    if x < alpha and (blind or yx >= alpha or x < alpha / 4):
        unclear = frozenset[Kind]({"concept"}) if blind else frozenset[Kind]()
        return Reading(frozenset({"covariate"}), unclear, _by_x(ev, " while P(Y|X) was not found to: the inputs can explain all of it"))
    if yx < alpha <= x:
        return Reading(frozenset({"concept"}), frozenset(), "P(Y|X) changed while P(X) did not")
    two = frozenset[Kind]({"covariate", "concept"}) if y >= alpha else frozenset[Kind]({"label", "concept"})
    return Reading(frozenset(), two, f"P(X|Y) changed; {' and '.join(sorted(two))} shift fit equally well")


def _marginal_only(ev: Evidence, x: float, y: float, xy: float, yx: float, alpha: float) -> Reading:
    """P(X) or P(Y) changed and neither conditional did, measurably."""
    level = alpha / 4
    if y >= level and x < level:
        if y < alpha and xy >= alpha > yx:
            return Reading(frozenset({"label"}), frozenset(), _by_y(ev, " while P(X|Y) was not found to"))
        return Reading(frozenset({"covariate"}), frozenset(), _by_x(ev, " while P(Y|X) was not found to"))
    if x >= level or xy >= alpha or xy >= yx:
        # both laws given the other held: the reading with one number a class says more than the one with a free law of X
        left, moved = (ev.x_given_y.effect if ev.x_given_y else None), ev.x.effect
        if x < level and left is not None and moved is not None and left > 0.5 * moved and yx >= alpha:
            return Reading(frozenset(), frozenset({"covariate", "label"}), "covariate and label shift fit equally well")
        return Reading(
            frozenset({"label"}), frozenset(), _by_y(ev, " while P(X|Y) was not found to: the classes' shares can explain all of it")
        )
    return Reading(frozenset({"covariate"}), frozenset(), _by_x(ev, " while P(Y|X) was not found to: the inputs can explain all of it"))


def _with_few_labels(ev: Evidence, alpha: float) -> Reading:
    """The unlabelled rows settle covariate against label; the labels veto, or add concept. Three quarters of alpha and one."""
    base = _without_labels(ev, alpha * (HYPOTHESES - 1) / HYPOTHESES)
    level = alpha / HYPOTHESES
    y, xy, yx = p(ev.y), p(ev.x_given_y), p(ev.y_given_x)
    if yx >= level:
        if base.kinds == {"label"} and xy < level:
            two = frozenset[Kind]({"covariate", "label"})
            return Reading(
                frozenset(), two, "X moved as a re-weighting of the classes would move it, yet P(X|Y) differs among the few labels"
            )
        if not base.kinds and not base.unclear and min(y, xy) < level:
            law = "P(Y)" if y <= xy else "P(X|Y)"
            return Reading(frozenset(), frozenset(KINDS), f"{law} differs among the few labels, yet P(X) of all rows was not found to")
        return base
    if not base.kinds and not base.unclear:
        return Reading(frozenset({"concept"}), frozenset(), "P(Y|X) changed while P(X) was not found to")
    if base.kinds == {"covariate"}:
        return Reading(frozenset({"concept", "covariate"}), frozenset(), f"P(Y|X) changed among the labels; {base.because}")
    if base.kinds == {"label"} and xy >= level:
        return base  # other shares of the classes change P(Y|X) by themselves
    if base.kinds == {"label"}:
        return Reading(frozenset({"concept", "label"}), frozenset(), f"P(Y|X) and P(X|Y) changed among the labels; {base.because}")
    if xy >= level and y < alpha:
        return Reading(frozenset({"label"}), frozenset(), _by_y(ev, " among the labels while P(X|Y) did not"))
    return Reading(frozenset(), frozenset(KINDS), f"P(Y|X) changed among the labels; {base.because}")


def _without_labels(ev: Evidence, alpha: float) -> Reading:
    x = p(ev.x)
    if not ev.has_classes or ev.prior is None or ev.prior.p_value is None or ev.fit is None:
        if x < alpha:
            return Reading(frozenset({"covariate"}), frozenset(), "P(X) changed; no labels say whether it follows the classes")
        return Reading(frozenset(), frozenset(), "P(X) was not found to differ")
    prior, level = ev.prior.p_value, alpha / 2
    if min(x, prior) >= level:
        return Reading(frozenset(), frozenset(), "P(X) was not found to differ, nor the classes' shares as estimated from it")
    if ev.fit < level:
        return Reading(frozenset({"covariate"}), frozenset(), "P(X) changed, and no re-weighting of the source's classes explains it")
    if prior < alpha:
        return Reading(frozenset({"label"}), frozenset(), "a re-weighting of the source's classes explains how P(X) changed")
    if ev.fit < alpha:
        return Reading(frozenset({"covariate"}), frozenset(), "P(X) changed while the classes' shares, as estimated, did not")
    return Reading(frozenset(), frozenset({"covariate", "label"}), "P(X) changed; covariate and label shift fit equally well")


# --- verdicts --------------------------------------------------------------------------------------


def shifts(evidence: Evidence, alpha: float) -> tuple[tuple[str, ...], dict[str, Shift]]:
    """The sorted kinds, and the verdict on each kind."""
    reading = read(evidence, alpha)
    few = evidence.few_labels and evidence.prior is not None and evidence.fit is not None
    # few labels settle no label shift, but shares that were counted need no law that stayed: the estimate is told where it is what was read
    counted = evidence.has_labels and not (few and "label" in reading.kinds)
    label = evidence.y if counted else evidence.prior
    findings: dict[Kind, Finding | None] = {"covariate": evidence.x, "label": label, "concept": evidence.y_given_x}
    if evidence.few:  # an effect of a handful of rows is no number to be told
        findings = dict.fromkeys(KINDS)
    found: dict[str, Shift] = {kind: _shift(kind, findings[kind], reading, evidence, alpha) for kind in KINDS}
    return tuple(sorted(reading.kinds)), found


def _thin(finding: Finding | None) -> str:
    if finding is None or "support_share" not in finding.evidence:
        return "whether P(Y|X) changed could not be tested: too few labels, or no common support"
    share, rows = finding.evidence.get("support_share", 0.0), finding.evidence.get("support", 0.0)
    return f"whether P(Y|X) changed could not be tested: the labelled rows share too little of X, worth {wording.counted(rows)} a side, {share:.0%} of the smaller one"


def _shift(kind: Kind, finding: Finding | None, reading: Reading, ev: Evidence, alpha: float) -> Shift:
    verdict: Verdict = "shift" if kind in reading.kinds else "unclear" if kind in reading.unclear else "no-shift"
    reason = reading.because
    if kind == "concept" and not ev.has_labels and not ev.has_classes and not ev.few:
        verdict, reason = "untestable", "concept shift can't be seen without source labels: they are too few, or missing"
    elif kind == "concept" and not ev.has_labels and not ev.some_labels:
        verdict, reason = "untestable", "concept shift can't be seen without target labels: P(Y|X) of the target is unknown"
    elif kind == "concept" and not ev.has_labels:
        verdict, reason = "unclear", f"too few labels to tell: {ev.some_labels} target rows carry one"
    elif kind == "label" and (finding is None or finding.p_value is None) and verdict != "unclear":
        verdict, reason = "untestable", "the source's labels are too few, or missing: nothing says how the classes' shares moved"
    elif kind == "concept" and ev.has_labels and verdict != "shift" and reading.unclear != set(KINDS) and untested(ev.y_given_x):
        verdict, reason = "unclear", _thin(finding)
    elif verdict == "no-shift":
        reason = _denied(finding, reading, ev, alpha)
    sentence = reason[0].upper() + reason[1:].rstrip(".") + "."
    if finding is None or finding.p_value is None:
        return Shift(verdict, None, None, None, None, "none", sentence)
    if finding.sentence and verdict in ("shift", "no-shift"):
        sentence = f"{sentence} {finding.sentence}"
    level = severity(kind, finding) if verdict == "shift" else "none"
    excluded = None
    if verdict == "no-shift" and not reading.kinds and kind in BOUNDED:
        excluded = finding.high
    if excluded is not None:
        sentence = f"{sentence} {_excluded(kind, excluded)}"
    return Shift(verdict, finding.p_value, finding.effect, finding.low, finding.high, level, sentence, excluded)


def _excluded(kind: Kind, bound: float) -> str:
    """Equivalence (Schuirmann 1987): the interval of the effect ends below the bound."""
    small = ", which would be minor" if bound < STEPS[kind][0] else ""
    return f"No shift larger than {bound:.2g} in {BOUNDED[kind]}{small}."


def _denied(finding: Finding | None, reading: Reading, ev: Evidence, alpha: float) -> str:
    if not reading.kinds or finding is None:
        return reading.because
    other = " and ".join(sorted(reading.kinds))
    if p(finding) >= alpha:
        return f"not found, beside {other} shift"
    if "concept" in reading.unclear or (not ev.has_labels and "concept" not in reading.kinds):  # part of the change may be of that kind
        return f"{other} shift may explain what changed, if {'P(Y|X)' if 'covariate' in reading.kinds else 'P(X|Y)'} stayed the same"
    return f"{other} shift {'explain' if len(reading.kinds) > 1 else 'explains'} what changed"


def severity(kind: str, finding: Finding) -> Severity:
    """From the middle between the effect and the low end of its interval: a large effect on few rows is no severe shift yet."""
    if finding.effect is None:
        return "minor"
    sure = finding.effect if finding.low is None else (finding.effect + finding.low) / 2
    if finding.evidence.get("scale") == "standard deviations":  # the total variation of two normal laws that far apart
        sure = 2 * NormalDist().cdf(sure / 2) - 1
    minor, moderate = STEPS[kind]
    return "minor" if sure < minor else "moderate" if sure < moderate else "severe"
