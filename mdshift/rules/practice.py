"""Rules of good practice: goal, cost, and what competes with every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mdshift.declare import rule
from mdshift.rules.groups import ALIGN, GENERALISE, MAP, REWEIGH, UNSUPERVISED, merge, points
from mdshift.rules.similarity import D1, D4


@rule(
    "doing-nothing-competes",
    sentence="The tuned source model is always a candidate: most published methods lose to it on real tables.",
    cites="Lalou et al. 2024 (skada-bench); Gardner et al. 2023 (TableShift); Gulrajani & Lopez-Paz 2021 (DomainBed)",
    fires=({"n_source": 100},),
    silent=({"n_source": 0},),
)
def doing_nothing_competes(n_source: int) -> Mapping[str, Any] | None:
    """Of 152 pairs of method and data set in skada-bench 23 beat the source model, and 118 lose to it.

    Assumes: The source model was chosen by cross-validation.

    Helps: Always: it keeps a method that does not help from being taken for one that does.

    Hurts: It leans towards no change where few facts speak.
    """
    return points(2, "source-only") if n_source > 0 else None


@rule(
    "nothing-to-win",
    sentence="The shift costs next to nothing: there is nothing to win back.",
    cites=f"D1 §3, {D1}",
    fires=({"drop": 0.001, "drop_small": 0.01},),
    silent=({"drop": 0.2, "drop_small": 0.01},),
)
def nothing_to_win(drop: float, drop_small: float) -> Mapping[str, Any] | None:
    """A shift in what the label does not depend on harms nobody; the expected score on the target says so.

    Assumes: The expected score holds: P(Y|X) has not changed, or labels say so.

    Helps: The shift is in columns that the label does not depend on.

    Hurts: One mean score may hide a loss in one class.
    """
    return points(1.5, "source-only") if drop <= drop_small else None


@rule(
    "start-simple",
    sentence="Try the cheap before the complex; go up only when validation says so.",
    cites=f"D1 §3, {D1}",
    fires=({"cheap": ["coral"], "costly": ["dann"]},),
    silent=({"cheap": [], "costly": []},),
)
def start_simple(cheap: Sequence[str], costly: Sequence[str]) -> Mapping[str, Any] | None:
    """Half a point for what costs little, half a point less for what costs much.

    Assumes: What is cheap is tried first and can be judged.

    Helps: Always, as a tie-break of half a point.

    Hurts: Where only the dear method can gain (images), it ranks the cheap one first.
    """
    return merge(points(0.5, cheap), points(-0.5, costly)) or None


@rule(
    "scarce-compute",
    sentence="Compute is scarce: adversarial and generalisation methods cost more than it allows.",
    cites=f"D1 §3, {D1}",
    fires=({"compute": "low", "costly": ["dann"]},),
    silent=({"compute": "high", "costly": ["dann"]}, {"compute": "low", "costly": []}),
)
def scarce_compute(compute: str, costly: Sequence[str]) -> Mapping[str, Any] | None:
    """They are ruled out, not only ranked down: a run that cannot end helps nobody.

    Assumes: `--compute low` is meant.

    Helps: No accelerator, or a limit of time.

    Hurts: On images the dear methods are those that gain most (docs/strategies.md).
    """
    because = "it costs more than --compute low allows"
    return {"exclude": dict.fromkeys(costly, because)} if compute == "low" and costly else None


@rule(
    "goal",
    sentence="One known target: adapt to it. Unknown future domains: generalise.",
    cites=f"D1 §3, {D1}",
    fires=({"goal": "general"}, {"goal": "target"}),
    silent=({"goal": "unknown"},),
)
def goal(goal: str) -> Mapping[str, Any] | None:
    """What is fitted to one target may serve the next one worse than what was fitted to none.

    Assumes: `--goal` says what the model is for.

    Helps: Asking whether one target is served, or whatever comes.

    Hurts: Methods that generalise give up some of the score on the target at hand.
    """
    if goal == "general":
        return merge(points(2, GENERALISE), points(1, "ensemble", "moe", "augment"), points(-1.5, UNSUPERVISED))
    return points(0.5, REWEIGH, MAP, ALIGN, "label-shift", "adabn") if goal == "target" else None


@rule(
    "validate",
    sentence="The validation set chooses between strategies, not taste.",
    cites=f"D1 §3, {D1}",
    fires=({"n_target_labelled": 0}, {"n_target_labelled": 300}),
    silent=({"n_target_labelled": -1},),
)
def validate(n_target_labelled: int) -> Mapping[str, Any] | None:
    """With target labels they decide; without, an estimate does, and doubt goes to the source model.

    Assumes: The held-back labels are a fair part of the target.

    Helps: There are target labels to hold back.

    Hurts: With a few labels the interval is wide, and no gain can be shown that is smaller.
    """
    if n_target_labelled < 0:
        return None
    how = (
        "held-back target labels choose"
        if n_target_labelled
        else "without target labels an estimate chooses, and in doubt the source model is kept"
    )
    return {"advice": f"run `mdshift adapt --strategy auto`: {how}"}


@rule(
    "analyse",
    sentence="Look at errors by class, the confusion matrix and ROC, not at one number.",
    cites=f"D4 §3.2, {D4}",
    fires=({"n_classes": 4, "n_target_labelled": 200},),
    silent=({"n_classes": 4, "n_target_labelled": 0},),
)
def analyse(n_classes: int, n_target_labelled: int) -> Mapping[str, Any] | None:
    """`mdshift evaluate` prints them for labelled data.

    Assumes: The evaluated rows are like those that the model will meet.

    Helps: One class, or one region of the scores, carries the error.

    Hurts: With few rows of a class its figures are chance: read their intervals.
    """
    return (
        {"advice": f"look at the errors of each of the {n_classes} classes: mdshift evaluate MODEL DATA"} if n_target_labelled > 0 else None
    )


@rule(
    "record",
    sentence="Record purpose, object, variables, steps and results of every experiment.",
    cites=f"D4 §3.1, {D4}",
    fires=({"n_source": 100},),
    silent=({"n_source": 0},),
)
def record(n_source: int) -> Mapping[str, Any] | None:
    """Every `adapt` is recorded with its data, settings, candidates and scores.

    Assumes: Somebody will ask later.

    Helps: More than one run, or more than one person.

    Hurts: Nothing; the record is a local file (`mdshift runs`).
    """
    return {"advice": "every adapt is recorded: `mdshift runs` lists them, `mdshift runs A B` compares two"} if n_source > 0 else None
