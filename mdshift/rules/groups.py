"""Groups of strategies that the rules speak of. A name that no strategy has (yet) is ignored, and the trace says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

REWEIGH = ("reweight-classifier", "kmm", "kliep", "ulsif")
MAP = ("coral", "subspace", "ot-map", "linear-ot")
ALIGN = ("mmd", "deep-coral", "dann", "adversarial-alternating", "deep-jdot")  # networks that match the domains' features
GENERALISE = ("irm", "vrex", "group-dro", "mixup-domains")
SUPERVISED = ("finetune", "feature-extraction", "scratch", "tradaboost", "replay")  # live on target labels
UNSUPERVISED = (*REWEIGH, *MAP, *ALIGN, "label-shift", "adabn", "mcc", "self-training")
DEEP = (
    *ALIGN,
    *GENERALISE,
    "mcc",
    "contrastive",
    "distill",
    "selective",
    "maml",
    "moe",
    "augment",
    "augment-gan",
    "augment-adversarial",
    "self-training",
)


def points(value: float, *groups: Iterable[str] | str) -> dict[str, float]:
    """The same points for all of these strategies."""
    names = [name for g in groups for name in ((g,) if isinstance(g, str) else g)]
    return dict.fromkeys(names, value)


def merge(*parts: Mapping[str, float]) -> dict[str, float]:
    """Add the points of several groups."""
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0.0) + value
    return total
