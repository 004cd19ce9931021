"""Facts: what the rules see of a diagnosis, the goal, and the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mdshift.declare import Cost, every
from mdshift.errors import DataError
from mdshift.rules.thresholds import similarity
from mdshift.types import Problem


def facts_of(document: Mapping[str, Any], goal: str, compute: str, limits: Mapping[str, float]) -> dict[str, Any]:
    """Named facts out of a `mdshift.diagnosis/1` document, the goal, the compute allowed, and the strategies there are.

    A fact that cannot be known is absent. `similarity` is read anew from its numbers, by the thresholds in force. Raises DataError when the document is no diagnosis.
    """
    if document.get("schema") != "mdshift.diagnosis/1":
        raise DataError(
            "a recommendation needs a diagnosis", f"schema {document.get('schema')!r}", "make one with `mdshift diagnose ... --json`"
        )
    stated = document.get("facts")
    if not isinstance(stated, Mapping) or not isinstance(document.get("kinds"), list):
        raise DataError("the diagnosis is not complete", "keys 'facts' and 'kinds'", "make it anew with `mdshift diagnose ... --json`")
    known = {k: v for k, v in stated.items() if v is not None}
    if "js_mean" in known or "auc" in known:
        known["similarity"] = similarity(known.get("js_mean"), known.get("auc"), limits)
    catalogue = every("strategy")
    known["goal"], known["compute"] = goal, compute
    known["cheap"] = [n for n, s in catalogue.items() if s.cost is Cost.LOW and n != "source-only"]
    known["costly"] = [n for n, s in catalogue.items() if s.cost is Cost.HIGH]
    return known


def sources_alone(problem: Problem) -> dict[str, Any]:
    """The facts where there is no target to compare with: what `recommend --goal general` goes by."""
    source = problem.source
    return {
        "n_source": len(source),
        "n_source_labelled": int(source.labelled.sum()),
        "n_sources": len(problem.sources),
        "n_target": 0,
        "n_target_labelled": 0,
        "n_features": len(problem.schema.columns),
        "n_labels": max(len(problem.spec.labels), 1 if problem.label else 0),
        "modality": problem.schema.modality,
        "task": problem.task or "none",
        "has_target": False,
        "has_time": problem.spec.time is not None or any(c.kind == "date" for c in problem.schema.columns),
        "kinds": [],
    }


def machine() -> dict[str, Any]:
    """What this machine can do: cores, memory in GB, and whether there is an NVIDIA device (without loading torch)."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        memory = None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"cores": cores, "memory_gb": None if memory is None else round(memory), "gpu": os.path.exists("/dev/nvidiactl")}  # noqa: PTH110
