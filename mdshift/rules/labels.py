"""Rules that read what labels there are, and which kind of shift was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mdshift.declare import rule
from mdshift.rules.groups import ALIGN, GENERALISE, MAP, REWEIGH, SUPERVISED, UNSUPERVISED, merge, points
from mdshift.rules.similarity import D1, D2, D3


@rule(
    "no-shift",
    sentence="No shift was found: the source model serves.",
    cites="Wald et al. 2021, On calibration and out-of-domain generalization; common sense",
    fires=({"kinds": [], "verdicts": {"covariate": "no-shift", "label": "no-shift", "concept": "untestable"}},),
    silent=({"kinds": ["label"], "verdicts": {"label": "shift"}}, {"kinds": [], "verdicts": {"covariate": "unclear", "label": "no-shift"}}),
)
def no_shift(kinds: Sequence[str], verdicts: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Where nothing moved, every change of the model is noise. An unclear verdict is no such finding.

    Assumes: The tests had power: there were enough rows (the diagnosis says which difference they exclude).

    Helps: Nothing is to be repaired.

    Hurts: With few rows a shift can go unfound; without target labels a concept shift always does.
    """
    return points(4, "source-only") if not kinds and "unclear" not in verdicts.values() else None


@rule(
    "label-shift-prior",
    sentence="The classes' shares changed: correct the prior, without training again.",
    cites="Saerens et al. 2002; Lipton et al. 2018; Alexandari et al. 2020",
    fires=(
        {"kinds": ["label"], "task": "classification", "prior_distance": 0.2, "prior_small": 0.05, "prior_large": 0.25},
        {"kinds": ["covariate"], "task": "classification", "prior_distance": 0.4, "prior_small": 0.05, "prior_large": 0.25},
    ),
    silent=(
        {"kinds": ["covariate"], "task": "classification", "prior_distance": 0.2, "prior_small": 0.05, "prior_large": 0.25},
        {"kinds": ["label"], "task": "regression", "prior_distance": 0.2, "prior_small": 0.05, "prior_large": 0.25},
        {"kinds": ["label"], "task": "classification", "prior_distance": 0.01, "prior_small": 0.05, "prior_large": 0.25},
        {"kinds": [], "task": "classification", "prior_distance": 0.4, "prior_small": 0.05, "prior_large": 0.25},
    ),
)
def label_shift_prior(
    kinds: Sequence[str], task: str, prior_distance: float, prior_small: float, prior_large: float
) -> Mapping[str, Any] | None:
    """Calibrated probabilities turn into those of the new prior by Bayes' rule; expectation maximisation finds that prior.

    Beside another kind of shift, a prior that moved far is worth one try.

    Assumes: P(X|Y) is the same: the classes look as they did.

    Helps: A disease, a fault, a fraud became rarer or more frequent.

    Hurts: The classes look otherwise, too: the estimated prior is then wrong.
    """
    if task != "classification" or not kinds:
        return None
    if "label" in kinds and prior_distance >= prior_small:
        return merge(points(3 if "covariate" not in kinds else 1.5, "label-shift"), points(-1, ALIGN, MAP))
    return points(1, "label-shift") if prior_distance >= prior_large else None


@rule(
    "covariate-overlap",
    sentence="The inputs moved to where the source has data: re-weight the source's rows, with clipped weights.",
    cites="Shimodaira 2000; Sugiyama et al. 2007",
    fires=({"kinds": ["covariate"], "overlap": 0.95, "overlap_enough": 0.8},),
    silent=({"kinds": ["covariate"], "overlap": 0.3, "overlap_enough": 0.8}, {"kinds": ["label"], "overlap": 0.95, "overlap_enough": 0.8}),
)
def covariate_overlap(kinds: Sequence[str], overlap: float, overlap_enough: float) -> Mapping[str, Any] | None:
    """If P(Y|X) holds, the target's risk is the source's risk weighted by the density ratio; that needs rows to be weighted.

    Assumes: P(Y|X) is the same, and the overlap was measured on enough rows.

    Helps: Rows were chosen otherwise, and the model is too simple to be right everywhere.

    Hurts: A flexible model is right in both regions already: weights then only take rows away.
    """
    if "covariate" not in kinds or overlap < overlap_enough:
        return None
    return merge(points(3, "reweight-classifier"), points(2, REWEIGH[1:]))


@rule(
    "covariate-no-overlap",
    sentence="The inputs moved to where the source has few data: map the source onto the target.",
    cites="Sun et al. 2016; Courty et al. 2017",
    fires=({"kinds": ["covariate"], "overlap": 0.3, "overlap_enough": 0.8},),
    silent=({"kinds": ["covariate"], "overlap": 0.95, "overlap_enough": 0.8}, {"kinds": [], "overlap": 0.3, "overlap_enough": 0.8}),
)
def covariate_no_overlap(kinds: Sequence[str], overlap: float, overlap_enough: float) -> Mapping[str, Any] | None:
    """No weight makes rows where there are none; moving the source's features does, if the shift is such a movement.

    Assumes: The shift is a movement of the source's rows.

    Helps: Another sensor, another scale, a drift of all rows.

    Hurts: The target holds rows of a kind that the source never had: no map makes their labels known.
    """
    if "covariate" not in kinds or overlap >= overlap_enough:
        return None
    return merge(points(3, "coral"), points(2, MAP[1:]), points(-1, REWEIGH))


@rule(
    "unknown-move",
    sentence="The inputs moved, and without target labels nobody can tell how: average models that each suppose another shift.",
    cites="Krogh & Vedelsby 1995; measured on open pairs, docs/worth.md",
    fires=(
        {"kinds": ["covariate"]},
        {"kinds": ["concept", "covariate"]},
    ),
    silent=({"kinds": []}, {"kinds": ["label"]}),
)
def unknown_move(kinds: Sequence[str]) -> Mapping[str, Any] | None:
    """The mean's squared error is its members' mean error less the spread among them, whichever of them is right.

    Assumes: The members err apart, which `ambiguity` shows.

    Helps: The inputs moved, and nobody can tell how.

    Hurts: The classes' shares moved: all members but the source model err together.
    """
    return points(4, "consensus") if "covariate" in kinds else None


@rule(
    "concept-ask-labels",
    sentence="The relation of the label to the inputs changed: nothing unlabelled can repair that, target labels can.",
    cites="Liu et al. 2023, On the need for a language describing distribution shifts (WhyShift)",
    fires=({"kinds": ["concept"], "n_target_labelled": 40}, {"kinds": ["concept", "covariate"], "n_target_labelled": 900}),
    silent=({"kinds": ["covariate"], "n_target_labelled": 40},),
)
def concept_ask_labels(kinds: Sequence[str], n_target_labelled: int) -> Mapping[str, Any] | None:
    """Where P(Y|X) differs the source's labels are wrong in the target; only the target's own say how.

    Assumes: The finding of a concept shift is right: P(Y|X) was compared on labels of both sides.

    Helps: Labels can be bought; `recommend --label-plan` says which.

    Hurts: The column that would explain the change is missing on both sides: then adding it is the cure, and labels are the long way.
    """
    if "concept" not in kinds:
        return None
    advice = "ask for more target labels: see how many a gain of 10 or of 5 points needs" if n_target_labelled else "ask for target labels"
    return {**merge(points(2, SUPERVISED), points(-1.5, UNSUPERVISED)), "advice": advice}


@rule(
    "labels-decide",
    sentence="What target labels there are decides between unsupervised, semi-supervised and supervised adaptation.",
    cites=f"D3 §3.1, {D3}",
    fires=({"n_target_labelled": 0, "n_target": 500}, {"n_target_labelled": 60, "n_target": 500}),
    silent=({"n_target_labelled": 500, "n_target": 500},),
)
def labels_decide(n_target_labelled: int, n_target: int) -> Mapping[str, Any] | None:
    """No labels: unsupervised adaptation. Some: use them and the unlabelled rows beside them.

    Assumes: The labelled target rows are a fair part of the target.

    Helps: Asking whether labels or the unlabelled rows should carry the adaptation.

    Hurts: Labels of hand-picked rows count as if they stood for all.
    """
    if n_target_labelled == 0:
        return points(0.5, UNSUPERVISED)
    return points(1, "finetune", "feature-extraction", "self-training") if n_target_labelled < n_target else None


@rule(
    "small-target",
    sentence="There are few target labels: keep the source's features and learn little from them.",
    cites=f"D1 §3, {D1}",
    fires=({"n_target_labelled": 30, "few_labels": 100},),
    silent=({"n_target_labelled": 0, "few_labels": 100}, {"n_target_labelled": 3000, "few_labels": 100}),
)
def small_target(n_target_labelled: int, few_labels: float) -> Mapping[str, Any] | None:
    """Feature extraction before full fine-tuning, and augmentation.

    Assumes: The source's features serve the target.

    Helps: Under a hundred labels or so.

    Hurts: The source's rule is another one: its features hold the model back.
    """
    if not 0 < n_target_labelled < few_labels:
        return None
    return merge(
        points(1.5, "feature-extraction"),
        points(0.5, "augment", "tradaboost", "self-training"),
        points(-0.5, "finetune"),
        points(-2, "scratch"),
    )


@rule(
    "large-target",
    sentence="There are enough target labels for training on the target alone to be a candidate.",
    cites=f"D1 §3, {D1}",
    fires=({"n_target_labelled": 5000, "many_labels": 2000},),
    silent=({"n_target_labelled": 300, "many_labels": 2000},),
)
def large_target(n_target_labelled: int, many_labels: float) -> Mapping[str, Any] | None:
    """What the source adds shrinks as the target's own labels grow.

    Assumes: The labelled target rows are right and recent.

    Helps: The target has thousands of labels.

    Hurts: The target's labels cover a part of the target alone: what the source knows of the rest is lost.
    """
    return merge(points(2, "scratch"), points(1, "finetune")) if n_target_labelled >= many_labels else None


@rule(
    "few-shots",
    sentence="There is a handful of labels a class: learn to adapt within five gradient steps.",
    cites=f"D2 §3, {D2}",
    fires=({"task": "classification", "min_target_class_count": 5, "few_shots": 10},),
    silent=(
        {"task": "classification", "min_target_class_count": 400, "few_shots": 10},
        {"task": "regression", "min_target_class_count": 5, "few_shots": 10},
    ),
)
def few_shots(task: str, min_target_class_count: int, few_shots: float) -> Mapping[str, Any] | None:
    """Meta-learning finds a start from which a few labelled rows suffice (MAML).

    Assumes: The sources give tasks that resemble the target's.

    Helps: A handful of labels a class and several sources.

    Hurts: With one source that is like the target, plain fine-tuning is as good.
    """
    fits = task == "classification" and 0 < min_target_class_count <= few_shots
    return merge(points(1.5, "maml"), points(1, "feature-extraction")) if fits else None


@rule(
    "hybrid",
    sentence="There are a shift and a few labels at once: align first, then fine-tune.",
    cites=f"D2 §5, {D2}",
    fires=({"kinds": ["covariate"], "n_target_labelled": 50, "many_labels": 2000},),
    silent=(
        {"kinds": [], "n_target_labelled": 50, "many_labels": 2000},
        {"kinds": ["covariate"], "n_target_labelled": 0, "many_labels": 2000},
        {"kinds": ["covariate"], "n_target_labelled": 9000, "many_labels": 2000},
    ),
)
def hybrid(kinds: Sequence[str], n_target_labelled: int, many_labels: float) -> Mapping[str, Any] | None:
    """The networks that align also learn from the target's labelled rows, where there are some.

    Assumes: The shift is one of the inputs, which alignment can take away.

    Helps: Some labels, many unlabelled rows, and features that must be learnt.

    Hurts: The classes' shares moved as well: aligning confuses what the labels then have to mend.
    """
    if "covariate" not in kinds or not 0 < n_target_labelled < many_labels:
        return None
    return merge(points(1, "finetune"), points(0.5, ALIGN))


@rule(
    "discriminative-rates",
    sentence="The backbone learns at a tenth of the head's rate.",
    cites=f"D2 §3, {D2}",
    fires=({"n_target_labelled": 50},),
    silent=({"n_target_labelled": 0},),
)
def discriminative_rates(n_target_labelled: int) -> Mapping[str, Any] | None:
    """What the source taught the backbone is general and should move little; the head is the domain's own.

    Assumes: There is a backbone that learnt something general.

    Helps: A network is fine-tuned on few labels.

    Hurts: The source's features are wrong for the target: they then change too slowly.
    """
    return {"params": {"finetune": {"backbone_rate": 0.1}}} if n_target_labelled > 0 else None


@rule(
    "regularise-when-small",
    sentence="The target is small and special: stronger weight decay (1e-3 rather than 1e-4).",
    cites=f"D2 §3, {D2}",
    fires=({"n_target_labelled": 50, "few_labels": 100}, {"n_target_labelled": 3000, "few_labels": 100}),
    silent=({"n_target_labelled": 0, "few_labels": 100},),
)
def regularise_when_small(n_target_labelled: int, few_labels: float) -> Mapping[str, Any] | None:
    """Few rows are learnt by heart; a penalty on the weights keeps the model simple.

    Assumes: The target's model should stay near to a simple one.

    Helps: Under a hundred labels or so.

    Hurts: Too strong a penalty keeps what the labels say from being learnt.
    """
    return {"params": {"finetune": {"l2": 1e-3 if n_target_labelled < few_labels else 1e-4}}} if n_target_labelled > 0 else None


@rule(
    "unlabelled-plenty",
    sentence="There are many unlabelled target rows: learn features from them by contrast, before the labels.",
    cites=f"D2 §2, {D2}",
    fires=({"n_target": 20000, "n_target_labelled": 0, "plenty_unlabelled": 5000},),
    silent=({"n_target": 300, "n_target_labelled": 0, "plenty_unlabelled": 5000},),
)
def unlabelled_plenty(n_target: int, n_target_labelled: int, plenty_unlabelled: float) -> Mapping[str, Any] | None:
    """Strong augmentations, a temperature and large batches; worth it only where there are many rows.

    Assumes: The classes show in how the columns go together.

    Helps: Thousands of unlabelled rows and few labels.

    Hurts: Many source labels are there: little is gained for much time.
    """
    return points(1, "contrastive") if n_target - n_target_labelled >= plenty_unlabelled else None


@rule(
    "related-labels",
    sentence="There are several label columns: learn them together, and share what they have in common.",
    cites=f"D1 §2, {D1}",
    fires=({"n_labels": 3},),
    silent=({"n_labels": 1},),
)
def related_labels(n_labels: int) -> Mapping[str, Any] | None:
    """A shared encoder with a head a task.

    Assumes: The labels hang on the same things in the rows.

    Helps: One label has few rows or much noise.

    Hurts: Unrelated labels compete for one encoder.
    """
    return points(3, "multitask") if n_labels > 1 else None


@rule(
    "no-target-data",
    sentence="There are no target data: learn what holds in every source (invariant features, meta-learning, ensembles).",
    cites=f"D1 §2, {D1}",
    fires=({"has_target": False},),
    silent=({"has_target": True},),
)
def no_target_data(has_target: bool) -> Mapping[str, Any] | None:
    """Nothing can be aligned with what is not there.

    Assumes: The sources differ from one another as an unknown target will.

    Helps: There are several sources.

    Hurts: There is one source: nothing in it shows what may vary.
    """
    return merge(points(2, GENERALISE), points(1, "maml", "ensemble", "moe")) if not has_target else None
