"""Rules that read what the data are: their kind, number, order and quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdshift.declare import rule
from mdshift.rules.groups import ALIGN, DEEP, GENERALISE, MAP, REWEIGH, merge, points
from mdshift.rules.similarity import D1, D2, D3, D4


@rule(
    "trees-for-tables",
    sentence="These are tables: re-weighting and mapping under trees before deep alignment.",
    cites="Gardner et al. 2023, Benchmarking distribution shift in tabular data (TableShift)",
    fires=({"modality": "table"},),
    silent=({"modality": "image"}, {"modality": "text"}),
)
def trees_for_tables(modality: str) -> Mapping[str, Any] | None:
    """On tables boosted trees lead, and methods that work with every learner keep that lead.

    Assumes: Columns mean different things and are not positions of one signal.

    Helps: Tables of some hundred to some hundred thousand rows.

    Hurts: Wide arrays of one kind (embeddings, spectra), where maps and networks have their place.
    """
    return merge(points(0.5, "source-only", REWEIGH, MAP, "label-shift", "ensemble"), points(-1, DEEP)) if modality == "table" else None


@rule(
    "right-architecture",
    sentence="The architecture follows the data: convolutions for images, a transformer or term weights for text, trees for tables.",
    cites=f"D1 §3, {D1}",
    fires=({"modality": "image"}, {"modality": "text"}, {"modality": "table"}),
    silent=({"modality": "unknown"},),
)
def right_architecture(modality: str) -> Mapping[str, Any] | None:
    """Networks come first where features must be learnt, which is so for images.

    Assumes: The kind of the data was recognised.

    Helps: Asking which model to begin with.

    Hurts: Numbers that are pixels or signals in disguise are taken for a table.
    """
    if modality == "image":
        return {**points(1, ALIGN, "finetune", "adabn"), "advice": "images are read by a small convolutional network"}
    if modality == "text":
        return {"advice": "text is read as hashed or weighted terms; local transformer weights are the extra mdshift[hf]"}
    if modality in ("table", "array"):
        return {
            "advice": "the learner is chosen by cross-validation among linear models, boosted trees, both together and, of classes, a small network"
        }
    return None


@rule(
    "augment-by-domain",
    sentence="Augmentation follows the domain: elastic deformation and noise for images, synonyms and reordering for text, generated rows where data are few.",
    cites=f"D1 §2, {D1}",
    fires=(
        {"modality": "image", "n_source": 5000, "small_source": 500},
        {"modality": "text", "n_source": 5000, "small_source": 500},
        {"modality": "table", "n_source": 100, "small_source": 500},
    ),
    silent=({"modality": "table", "n_source": 5000, "small_source": 500},),
)
def augment_by_domain(modality: str, n_source: int, small_source: float) -> Mapping[str, Any] | None:
    """What may change without changing the label is known for images and text; for tables only where rows are few is it worth the risk.

    Assumes: What may change in an image or a text without changing its label is known.

    Helps: Labelled rows are few, or images and texts come in other styles.

    Hurts: A label hangs on what is changed (a mirrored digit); made-up rows of a table invent what was not measured.
    """
    known = modality in ("image", "text")
    few = n_source < small_source
    if not (known or few):
        return None
    return merge(points(1, "augment") if known else {}, points(0.5, "augment", "augment-gan") if few else {})


@rule(
    "many-sources",
    sentence="There are several source domains: an expert for each, with a gate, or an ensemble.",
    cites=f"D2 §4, {D2}",
    fires=({"n_sources": 3},),
    silent=({"n_sources": 1},),
)
def many_sources(n_sources: int) -> Mapping[str, Any] | None:
    """The target may be like one source and unlike another; a pooled model cannot say which.

    Assumes: The sources differ in what they teach.

    Helps: The target resembles some of the sources and not others.

    Hurts: Sources of one rule: a model of all of them knows more than each.
    """
    return merge(points(1.5, "moe", "ensemble"), points(0.5, GENERALISE)) if n_sources > 1 else None


@rule(
    "sequence-of-domains",
    sentence="The domains follow each other in time: replay a memory of the old ones, so that they are not forgotten.",
    cites=f"D2 §4, {D2}",
    fires=({"has_time": True, "n_sources": 4},),
    silent=({"has_time": False, "n_sources": 4}, {"has_time": True, "n_sources": 1}),
)
def sequence_of_domains(has_time: bool, n_sources: int) -> Mapping[str, Any] | None:
    """Continual learning: what is trained on the newest domain alone forgets the others.

    Assumes: The order of the sources is that of time, and old domains still matter.

    Helps: A model that is carried on from month to month.

    Hurts: Only the newest domain matters: the memory holds the model back.
    """
    return points(1.5, "replay") if has_time and n_sources > 1 else None


@rule(
    "clean-first",
    sentence="Clean before anything else: missing values, duplicates, outliers.",
    cites=f"D4 §2.1, {D4}",
    fires=(
        {"missing_share": 0.2, "duplicates_share": 0.0, "missing_much": 0.05, "duplicates_much": 0.01, "outliers_much": 0.01},
        {"missing_share": 0.0, "duplicates_share": 0.3, "missing_much": 0.05, "duplicates_much": 0.01, "outliers_much": 0.01},
    ),
    silent=({"missing_share": 0.0, "duplicates_share": 0.0, "missing_much": 0.05, "duplicates_much": 0.01, "outliers_much": 0.01},),
)
def clean_first(
    missing_share: float,
    duplicates_share: float,
    missing_much: float,
    duplicates_much: float,
    outliers_much: float,
    outlier_share: float = 0.0,
) -> Mapping[str, Any] | None:
    """A shift of the noise looks like a shift of the data; no strategy should be spent on it.

    Assumes: Missing values, duplicates and far-off values are faults, not the matter.

    Helps: One side was recorded with less care than the other.

    Hurts: Being missing or far out is itself the signal (fraud, failure): cleaning takes it away.
    """
    found = {
        f"{missing_share:.0%} of the cells are missing": missing_share > missing_much,
        f"{duplicates_share:.0%} of the rows are duplicates": duplicates_share > duplicates_much,
        f"{outlier_share:.0%} of the rows lie far outside": outlier_share > outliers_much,
    }
    told = [text for text, much in found.items() if much]
    return {"advice": f"clean first: {', '.join(told)}"} if told else None


@rule(
    "leakage",
    sentence="Rows stand in both sides: what is measured on the target flatters.",
    cites=f"D4 §2.1, {D4}",
    fires=({"leakage_share": 0.2, "leakage_much": 0.01},),
    silent=({"leakage_share": 0.0, "leakage_much": 0.01},),
)
def leakage(leakage_share: float, leakage_much: float) -> Mapping[str, Any] | None:
    """A row that was trained on is predicted from memory.

    Assumes: Rows that are equal value for value are the same rows.

    Helps: The target was drawn from what the source was drawn from.

    Hurts: Few discrete columns: equal rows may be chance (the probe `quality` allows for those that repeat within the source).
    """
    return (
        {"advice": f"{leakage_share:.0%} of the target's rows stand in the source too: take them out of one side"}
        if leakage_share > leakage_much
        else None
    )


@rule(
    "batch-size",
    sentence="Small data: small batches.",
    cites=f"D4 §1.2, {D4}",
    fires=({"n_source": 300, "small_batch": 1000},),
    silent=({"n_source": 30000, "small_batch": 1000},),
)
def batch_size(n_source: int, small_batch: float) -> Mapping[str, Any] | None:
    """The noise of small batches regularises, and few rows give too few steps otherwise.

    Assumes: The networks are trained by stochastic gradients.

    Helps: A few hundred training rows: large batches would give too few steps.

    Hurts: It costs time and gains nothing where the model is not a network.
    """
    return {"params": {name: {"batch": 32} for name in (*ALIGN, "finetune", "feature-extraction")}} if n_source < small_batch else None


@rule(
    "split",
    sentence="The split follows the data: random where large and balanced, stratified where small or unbalanced, chronological where there is time.",
    cites=f"D4 table 2, {D4}",
    fires=(
        {"has_time": True, "n_source": 9000, "imbalance_strong": 3.0, "small_split": 1000},
        {"has_time": False, "n_source": 200, "imbalance_strong": 3.0, "small_split": 1000},
        {"has_time": False, "n_source": 9000, "imbalance": 8.0, "imbalance_strong": 3.0, "small_split": 1000},
    ),
    silent=({"has_time": False, "n_source": 9000, "imbalance": 1.1, "imbalance_strong": 3.0, "small_split": 1000},),
)
def split(has_time: bool, n_source: int, imbalance_strong: float, small_split: float, imbalance: float = 1.0) -> Mapping[str, Any] | None:
    """How the parts are drawn decides what the validation score means.

    Assumes: New rows will differ from old ones as the parts of the split do.

    Helps: There is time in the data, or classes are rare.

    Hurts: A random split of rows that belong together flatters; use `--set split=grouped`.
    """
    if has_time:
        return {"advice": "split in order of time: a random split lets the future speak of the past"}
    if n_source < small_split or imbalance >= imbalance_strong:
        return {"advice": "split stratified by class: the data are small or unbalanced"}
    return None


@rule(
    "variance",
    sentence="The source is small: average models, cross-validate, regularise.",
    cites=f"D3 §2.2, {D3}",
    fires=({"n_source": 200, "small_source": 500},),
    silent=({"n_source": 20000, "small_source": 500},),
)
def variance(n_source: int, small_source: float) -> Mapping[str, Any] | None:
    """Against overfitting averages help whatever the shift is; networks that align add variance of their own.

    Assumes: The models vary because rows are few, not because they are wrong.

    Helps: Some hundred source rows.

    Hurts: All members share one bias: their mean keeps it.
    """
    return merge(points(0.5, "ensemble", "source-only"), points(-0.5, ALIGN)) if n_source < small_source else None
