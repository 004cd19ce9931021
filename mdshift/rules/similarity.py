"""Rules that read how far the domains lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mdshift.declare import rule
from mdshift.rules.groups import ALIGN, GENERALISE, MAP, merge, points

D1 = "Multi-domain training strategies for models that generalise poorly across industries"
D2 = "Domain adaptation and transfer learning for better generalisation"
D3 = "Challenges and opportunities of transfer learning: seven strategies against cross-domain differences"
D4 = "Tuning and data construction when transfer learning underperforms"


@rule(
    "similar-finetune",
    sentence="The domains are similar: fine-tuning, or learning the tasks together, carries over what the source knows.",
    cites=f"D1 §3, {D1}",
    fires=({"similarity": "high"},),
    silent=({"similarity": "low"}, {"similarity": "medium"}),
)
def similar_finetune(similarity: str) -> Mapping[str, Any] | None:
    """Similar data and task: most of a source model is right already, and only its last steps differ.

    Assumes: The similarity of the inputs means a similar rule.

    Helps: Similar domains and some target labels.

    Hurts: P(Y|X) changed while the inputs did not.
    """
    return merge(points(2, "finetune"), points(1, "feature-extraction", "multitask")) if similarity == "high" else None


@rule(
    "different-align",
    sentence="The domains differ much: align their features, or learn what holds in every domain.",
    cites=f"D1 §3, {D1}",
    fires=({"similarity": "low", "n_sources": 1}, {"similarity": "low", "n_sources": 3}),
    silent=({"similarity": "high", "n_sources": 1},),
)
def different_align(similarity: str, n_sources: int) -> Mapping[str, Any] | None:
    """A large difference: domain-adversarial training or, where there are several sources, domain generalisation.

    Assumes: The classes' shares are alike on both sides: aligned features must otherwise confuse classes.

    Helps: Images and other data whose features must be learnt.

    Hurts: Tables: there the aligning networks lost to the source model (docs/strategies.md).
    """
    if similarity != "low":
        return None
    return merge(points(1.5, ALIGN), points(0.5, "dann"), points(1, GENERALISE if n_sources > 1 else ()))


@rule(
    "distances",
    sentence="The features' distributions lie close together: the source model is near to its own domain.",
    cites=f"D3 §2.1, {D3}",
    fires=({"js_mean": 0.005, "auc": 0.55, "js_small": 0.02, "auc_similar": 0.6},),
    silent=(
        {"js_mean": 0.2, "auc": 0.55, "js_small": 0.02, "auc_similar": 0.6},
        {"js_mean": 0.005, "auc": 0.95, "js_small": 0.02, "auc_similar": 0.6},
    ),
)
def distances(js_mean: float, auc: float, js_small: float, auc_similar: float) -> Mapping[str, Any] | None:
    """Small distances of single features (JS) and of the whole rows (a classifier's AUC, which sees what single features hide).

    Assumes: What the label hangs on is among the columns that were compared.

    Helps: Small distances of every column and a classifier that cannot tell the sides.

    Hurts: P(Y|X) can change while no distance does.
    """
    return points(1, "source-only") if js_mean <= js_small and auc <= auc_similar else None


@rule(
    "evaluation-matrix",
    sentence="Distribution similarity and label overlap, read together, say whether the data, the task, or both differ.",
    cites=f"D2 §4, {D2}",
    fires=(
        {"js_mean": 0.3, "label_overlap": 1.0, "js_large": 0.1, "label_overlap_enough": 0.8},
        {"js_mean": 0.01, "label_overlap": 0.3, "js_large": 0.1, "label_overlap_enough": 0.8},
        {"js_mean": 0.3, "label_overlap": 0.3, "js_large": 0.1, "label_overlap_enough": 0.8},
    ),
    silent=({"js_mean": 0.01, "label_overlap": 1.0, "js_large": 0.1, "label_overlap_enough": 0.8},),
)
def evaluation_matrix(js_mean: float, label_overlap: float, js_large: float, label_overlap_enough: float) -> Mapping[str, Any] | None:
    """The same task on other data: align. Another task on like data: keep the features, learn a new head. Both: start over from labels.

    Assumes: Both sides name their classes alike, and the target has labels.

    Helps: Asking whether the data or the task differ.

    Hurts: The same classes under other names look like another task.
    """
    far, other_task = js_mean >= js_large, label_overlap < label_overlap_enough
    if far and not other_task:
        return points(1, ALIGN, MAP)
    if other_task and not far:
        return merge(points(1.5, "feature-extraction"), points(1, "finetune", "multitask"), points(-1, ALIGN))
    if far and other_task:
        return merge(points(1, "finetune", "scratch", "distill"), points(-2, ALIGN, MAP, "label-shift"))
    return None


@rule(
    "normalisation",
    sentence="Batch statistics: the source's where the domains are similar, the target's where they are not.",
    cites=f"D2 §3, {D2}",
    fires=({"similarity": "low", "n_target": 500}, {"similarity": "high", "n_target": 500}),
    silent=({"similarity": "medium", "n_target": 500},),
)
def normalisation(similarity: str, n_target: int) -> Mapping[str, Any] | None:
    """Means and variances inside a network belong to a domain; another domain's shift every layer after them.

    Assumes: The network has batch normalisation, and the classes' shares are alike.

    Helps: Another sensor, other light.

    Hurts: Few target rows, or other shares of the classes: their statistics are not the domain's.
    """
    if similarity == "high":
        return {"params": {"finetune": {"statistics": "source"}, "feature-extraction": {"statistics": "source"}}}
    if similarity == "low":
        settings = {"finetune": {"statistics": "target"}, "feature-extraction": {"statistics": "target"}}
        return {**points(1 if n_target > 1 else 0, "adabn"), "params": settings}
    return None


@rule(
    "how-much-to-thaw",
    sentence="The more the domains differ, the more of the network is trained again.",
    cites=f"D4 §1.4, {D4}",
    fires=({"similarity": "high"}, {"similarity": "medium"}, {"similarity": "low"}),
    silent=({"similarity": "unknown"},),
)
def how_much_to_thaw(similarity: str) -> Mapping[str, Any] | None:
    """Similar: the shallow layers stay frozen; different: all are trained; in between they are thawed step by step.

    Assumes: A network is fine-tuned, and the similarity was read from enough rows.

    Helps: There are labels enough to train what is thawed.

    Hurts: A handful of labels and everything thawed: the network learns them by heart.
    """
    thaw = {"high": "upper", "medium": "gradual", "low": "all"}.get(similarity)
    return {"params": {"finetune": {"thaw": thaw}}} if thaw else None


@rule(
    "progressive",
    sentence="Freeze, train a part, then all, and let the target's validation score allow each stage.",
    cites=f"D2 §4, {D2}",
    fires=({"similarity": "medium", "n_target_labelled": 300, "few_labels": 100},),
    silent=(
        {"similarity": "high", "n_target_labelled": 300, "few_labels": 100},
        {"similarity": "medium", "n_target_labelled": 0, "few_labels": 100},
    ),
)
def progressive(similarity: str, n_target_labelled: int, few_labels: float) -> Mapping[str, Any] | None:
    """Needs enough labels to hold some back for the check of each stage.

    Assumes: There are labels enough to hold some back at each stage.

    Helps: Domains of medium similarity, a few hundred labels.

    Hurts: Each stage costs labels and time; with clearly similar domains it gains nothing.
    """
    if similarity != "medium" or n_target_labelled < few_labels:
        return None
    return {"finetune": 0.5, "params": {"finetune": {"thaw": "gradual"}}}


@rule(
    "learning-rate",
    sentence="The schedule follows similarity, difficulty and size.",
    cites=f"D4 table 1, {D4}",
    fires=(
        {"similarity": "high", "source_score": 0.95, "n_source": 800, "easy_score": 0.9, "large_data": 10000},
        {"similarity": "high", "source_score": 0.6, "n_source": 800, "easy_score": 0.9, "large_data": 10000},
        {"similarity": "low", "source_score": 0.6, "n_source": 800, "easy_score": 0.9, "large_data": 10000},
        {"similarity": "low", "source_score": 0.6, "n_source": 90000, "easy_score": 0.9, "large_data": 10000},
    ),
    silent=({"similarity": "medium", "source_score": 0.6, "n_source": 800, "easy_score": 0.9, "large_data": 10000},),
)
def learning_rate(similarity: str, source_score: float, n_source: int, easy_score: float, large_data: float) -> Mapping[str, Any] | None:
    """Similar and easy: constant. Similar and hard: decay. Different: layer-wise to keep knowledge, warm-up on large data. Else: the adaptive optimiser.

    Assumes: A network is fine-tuned.

    Helps: Its schedule is not known from earlier runs.

    Hurts: It is a rule of thumb; held-back labels know better.
    """
    if similarity == "high":
        return {"params": {"finetune": {"schedule": "constant" if source_score >= easy_score else "decay"}}}
    if similarity == "low":
        return {
            "params": {"finetune": {"schedule": "warmup-cosine"} if n_source >= large_data else {"schedule": "decay", "backbone_rate": 0.1}}
        }
    return None


@rule(
    "bridge-the-gap",
    sentence="Plain augmentation cannot bridge this gap: augment towards the target, and train against adversarial examples.",
    cites=f"D4 §2.2, {D4}",
    fires=({"similarity": "low", "modality": "image"},),
    silent=({"similarity": "high", "modality": "image"}, {"similarity": "low", "modality": "table"}),
)
def bridge_the_gap(similarity: str, modality: str) -> Mapping[str, Any] | None:
    """Compositing and style transfer make source images look like the target's; adversarial examples harden what is learnt.

    Assumes: What separates the domains is style: colour, texture, noise.

    Helps: Images that differ much.

    Hurts: The objects themselves differ: a borrowed style does not bridge that.
    """
    return merge(points(1, "augment"), points(0.5, "augment-adversarial")) if similarity == "low" and modality == "image" else None


@rule(
    "part-transfers",
    sentence="Only some features have shifted: what rests on the others carries over.",
    cites=f"D3 §2.3, {D3}",
    fires=({"shifted_features": 0.3, "modality": "table", "part_low": 0.02, "part_high": 0.6},),
    silent=(
        {"shifted_features": 0.0, "modality": "table", "part_low": 0.02, "part_high": 0.6},
        {"shifted_features": 0.9, "modality": "table", "part_low": 0.02, "part_high": 0.6},
        {"shifted_features": 0.3, "modality": "image", "part_low": 0.02, "part_high": 0.6},
    ),
)
def part_transfers(shifted_features: float, modality: str, part_low: float, part_high: float) -> Mapping[str, Any] | None:
    """Attention over the columns can lean on those that transfer; a pixel is no such unit.

    Assumes: What did not move keeps its relation to the label.

    Helps: A few columns drifted in a table of many.

    Hurts: The columns that moved are those that carry the label.
    """
    return points(1, "selective") if modality in ("table", "array") and part_low <= shifted_features <= part_high else None


@rule(
    "other-modality",
    sentence="Source and target share few features: distil in three stages (features, attention, predictions).",
    cites=f"D2 §3, {D2}",
    fires=({"feature_overlap": 0.2, "feature_overlap_enough": 0.5},),
    silent=({"feature_overlap": 1.0, "feature_overlap_enough": 0.5},),
)
def other_modality(feature_overlap: float, feature_overlap_enough: float) -> Mapping[str, Any] | None:
    """What the two sides share is too little to carry a model; knowledge passes through what the models say instead.

    Assumes: The target's rows can be read by the source model through the columns in common.

    Helps: Another instrument, another set of measurements.

    Hurts: The columns in common do not tell the label: the teacher knows nothing.
    """
    return points(2, "distill") if feature_overlap < feature_overlap_enough else None


@rule(
    "name-the-cause",
    sentence="Say what the data point to: a sensor, a span of time, or a surrounding.",
    cites=f"D3 §2.1, {D3}",
    fires=(
        {"kinds": ["covariate"], "has_time": True, "shifted_features": 0.1, "modality": "table", "part_high": 0.6},
        {"kinds": ["covariate"], "has_time": False, "shifted_features": 0.9, "modality": "image", "part_high": 0.6},
        {"kinds": ["covariate"], "has_time": False, "shifted_features": 0.1, "modality": "table", "part_high": 0.6},
    ),
    silent=({"kinds": [], "has_time": True, "shifted_features": 0.0, "modality": "table", "part_high": 0.6},),
)
def name_the_cause(
    kinds: Sequence[str], has_time: bool, shifted_features: float, modality: str, part_high: float
) -> Mapping[str, Any] | None:
    """A time column points to a span of time; nearly all columns at once to how things were measured; a few to the surroundings.

    Assumes: Causes leave traces of a typical breadth.

    Helps: The shift has just been found and nobody knows why.

    Hurts: It is a direction in which to look, no proof: two causes may leave the same trace.
    """
    if not kinds:
        return None
    if has_time:
        cause = "the rows are ordered in time: look for a change at a date, and adapt again when it moves on"
    elif modality in ("image", "array") or shifted_features >= part_high:
        cause = "nearly everything moved at once: look at how it was measured (sensor, scale, unit, preparation) before modelling it"
    else:
        cause = "a few columns moved: look for what changed in the surroundings that they describe"
    return {"advice": cause}
