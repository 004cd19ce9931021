"""From findings to the parts of a diagnosis: tests, label, performance, similarity, facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.engine.digest import digests
from mdshift.rules import thresholds
from mdshift.types import Finding, Note, Problem

if TYPE_CHECKING:
    from mdshift.probes.base import View


def tested(finding: Finding | None) -> dict[str, Any] | None:
    """A raw test for `Diagnosis.tests`; None where it could not be made."""
    if finding is None or finding.p_value is None:
        return None
    return {
        "p_value": finding.p_value,
        "method": finding.method,
        "statistic": finding.statistic,
        "effect": finding.effect,
        "low": finding.low,
        "high": finding.high,
        "n_source": finding.n_source,
        "n_target": finding.n_target,
        "sentence": finding.sentence,
        "evidence": dict(finding.evidence),
    }


def label(problem: Problem, prior: Finding | None, has_labels: bool) -> dict[str, Any] | None:
    """Classes and their shares in source and target; for numbers the means and spreads."""
    source, target = problem.source, problem.target
    if problem.task is None or source.y is None or target is None or not source.labelled.any():
        return None
    known = source.y[source.labelled]
    seen = target.y[target.labelled] if target.y is not None else None
    if problem.task == "regression":
        both = [None if v is None or not len(v) else {"mean": float(v.mean()), "sd": float(v.std())} for v in (known, seen)]
        overlap = None
        if seen is not None and len(seen):
            overlap = float(np.mean((seen >= known.min()) & (seen <= known.max())))
        return {"task": "regression", "source": both[0], "target": both[1], "estimated": False, "overlap": overlap}
    k = len(problem.classes)
    share = np.bincount(known, minlength=k) / len(known)
    found: dict[str, Any] = {"task": "classification", "classes": list(problem.classes), "source_prior": share.tolist()}
    if seen is not None and len(seen) and (has_labels or len(seen) == len(target)):  # counted, where that can be
        found |= {"target_prior": (np.bincount(seen, minlength=k) / len(seen)).tolist(), "estimated": False}
    elif prior is not None and prior.p_value is not None:
        e = prior.evidence
        found |= {
            "target_prior": e["prior"],
            "estimated": True,
            "low": e["low"],
            "high": e["high"],
            "bbse": e["bbse"],
            "method": prior.method,
        }
    else:
        found |= {"target_prior": None, "estimated": False}
    from mdshift.probes.relatedness import label_overlap

    return found | {"overlap": label_overlap(problem)}


def performance(
    finding: Finding, kinds: tuple[str, ...], overlap: float | None = None, unclear: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """Scores, the expected score, and the drop split into parts that add up to it.

    overlap: share of the target that lies where the source has data. Of the rest nothing is known: the low end of the interval counts it
    with the score of a blind guess. unclear: kinds that may have moved; where it is unclear which marginal did, the intervals hold for
    either reading.
    """
    from mdshift.probes.base import FEW
    from mdshift.probes.overlap import FAR

    e = finding.evidence
    if "spans" not in e:
        return None
    # the marginal that the reading names is moved first; without a word from it, X is
    named = "label" if "label" in kinds and "label" in e["spans"] else "covariate"
    other = "label" if named == "covariate" else "covariate"
    used = [named] + [other] * (other in unclear and named not in kinds and other in e["spans"])
    spans = {u: e["spans"][u] for u in used}
    if overlap is not None and "covariate" in spans:
        out = max(0.0, FAR - overlap)  # as far out as rows of the source's own law are from one another, 1 - FAR of them are
        value, low, high = spans["covariate"]
        spans["covariate"] = (value, min(low, (1 - out) * low + out * e["blind"]), high)
    discrete = e["metric"] == "accuracy"
    methods = {
        "covariate": f"the source model's {'mean confidence on the target' if discrete else 'error at inputs like those of the target'}, "
        "corrected by its scores on source rows weighted to resemble the target",
        "label": f"the source model's score on source rows weighted to the target's {'class shares' if discrete else 'values'}, "
        "as its inputs suggest them",
    }
    conditions = {
        "covariate": "the label depends on the inputs as in the source: P(Y|X) has not changed",
        "label": "the inputs depend on the label as in the source: P(X|Y) has not changed",
    }
    source, target = e["source"], e["target"]
    value = float(np.mean([v[0] for v in spans.values()]))
    found: dict[str, Any] = {
        "metric": e["metric"],
        "source": source[0],
        "source_interval": list(source[1:]),
        "target": None if target is None else target[0],
        "target_interval": None if target is None else list(target[1:]),
        "expected": {
            "value": value,
            "low": max(min(v[1] for v in spans.values()), 0.0 if discrete else min(e["blind"], value)),
            "high": min(max(v[2] for v in spans.values()), 1.0),
            "method": ", or ".join(methods[u] for u in used),
            "condition": "only if " + ", or ".join(conditions[u] for u in used),
        },
    }
    if "rmse" in e:
        spread = [e["rmse"][u] for u in used]
        near = {
            "value": float(np.mean([v[0] for v in spread])),
            "low": max(min(v[1] for v in spread), 0.0),
            "high": max(v[2] for v in spread),
        }
        found["rmse"] = {"source": e["rmse"]["source"], "target": e["rmse"]["target"], "expected": near}
    if target is None:
        return found | {"drop": source[0] - value, "attribution": None}
    drop = e["drop"]
    parts = {"covariate": 0.0, "label": 0.0, "concept": e["parts"][named]["concept"][0]}
    parts[named] = drop[0] - parts["concept"]
    intervals: dict[str, list[float]] = {"drop": list(drop[1:])}
    for kind in parts:
        read = [e["parts"][u] for u in used]
        held = [r["concept"] if kind == "concept" else r["marginal"] for u, r in zip(used, read, strict=True) if kind in ("concept", u)]
        ends = [v for h in held for v in h[1:]]
        if held and any(r["rows"] < FEW for r in read):  # too little in common to tell which took it
            ends += [0.0, *drop[1:]]
        if kind != "concept" and len(held) < len(used):
            ends += [0.0]
        intervals[kind] = [min(ends), max(ends)]
    return found | {"drop": drop[0], "attribution": parts, "attribution_intervals": intervals}


def similarity(js_mean: float | None, auc: float | None, mmd: float | None, overlap: float | None) -> dict[str, Any]:
    """`high`, `medium` or `low`, with the numbers that it was read from."""
    return {"level": thresholds.similarity(js_mean, auc), "js_mean": js_mean, "auc": auc, "mmd": mmd, "overlap": overlap}


def facts(problem: Problem, view: View) -> dict[str, Any]:
    """Sizes and what the data are; the shifts, relations, quality and cost are added by the engine."""
    source, target, schema = problem.source, view.target, problem.schema
    found: dict[str, Any] = {
        "n_source": len(source),
        "n_target": len(target),
        "rows_source": sum(s.rows for s in problem.sources),
        "rows_target": target.rows,
        "n_source_labelled": int(source.labelled.sum()),
        "n_target_labelled": int(target.labelled.sum()),
        "n_sources": len(problem.sources),
        "n_features": len(schema.columns) if schema.image_shape is None else int(np.prod(schema.image_shape)),
        "n_numbers": len(schema.numbers),
        "n_categories": len(schema.categories),
        "n_texts": len(schema.texts),
        "n_labels": max(len(problem.spec.labels), 1 if problem.label else 0),
        "modality": schema.modality,
        "task": problem.task or "none",
        "has_target": True,
        "has_time": problem.spec.time is not None or any(c.kind == "date" for c in schema.columns),
        "has_text": bool(schema.texts),
    }
    if problem.task == "classification" and source.y is not None and source.labelled.any():
        counts = np.bincount(source.y[source.labelled], minlength=len(problem.classes))
        counts = counts[counts > 0]
        found |= {"n_classes": len(counts), "min_class_count": int(counts.min()), "imbalance": float(counts.max() / counts.min())}
        if target.y is not None and target.labelled.any():
            there = np.bincount(target.y[target.labelled])
            found["min_target_class_count"] = int(there[there > 0].min())
    return found


def number(mapping: Mapping[str, Any] | None, *path: str) -> float | None:
    """The finite number at a path of keys, or None."""
    at: Any = mapping
    for key in path:
        if not isinstance(at, Mapping) or key not in at:
            return None
        at = at[key]
    return float(at) if isinstance(at, int | float) and np.isfinite(at) else None


def places(problem: Problem, found: Mapping[str, Finding]) -> dict[str, Any]:
    """Where, why and how near: features, regions, causes, sources, overlap, relatedness, quality, similarity."""
    by = {f.question: f for name, f in found.items() if name != "marginal"}
    x = found["marginal"].evidence
    features = list(by["features"].evidence.get("features", ())) if "features" in by else []
    overlap = dict(by["overlap"].evidence) if "overlap" in by else {}
    if "overlap" in by:
        overlap |= {"value": by["overlap"].effect, "low": by["overlap"].low, "high": by["overlap"].high, "sentence": by["overlap"].sentence}
    js = [f["js"] for f in features if isinstance(f.get("js"), int | float)]
    js_mean = number(x, "js", "mean") if number(x, "js", "mean") is not None else float(np.mean(js)) if js else None
    auc, squared = number(x, "classifier", "auc"), number(x, "mmd", "squared")
    numbers = {
        "js_mean": js_mean,
        "js_max": float(max(js)) if js else None,
        "auc": auc,
        "mmd": None if squared is None else float(np.sqrt(max(squared, 0.0))),
        "overlap": number(overlap, "value"),
    }
    related = by["relatedness"].evidence if "relatedness" in by else {}
    relatedness = {k: related.get(k) for k in ("label_overlap", "feature_overlap", "joint_similarity")}
    relatedness["similarity"] = None if js_mean is None else float(np.clip(1 - js_mean, 0, 1))
    near = similarity(js_mean, auc, numbers["mmd"], numbers["overlap"])
    quality = {**problem.quality, **(dict(by["quality"].evidence) if "quality" in by else {}), "digests": digests(problem)}
    return {
        "features": features,
        "overlap": overlap,
        "relatedness": relatedness,
        "similarity": near,
        "quality": quality,
        "numbers": numbers,
        "where": dict(by["region"].evidence) if "region" in by else {},
        "causes": list(by["causes"].evidence["causes"]) if "causes" in by else [],
        "sources": (dict(by["sources"].evidence) or None) if "sources" in by else None,
    }


def shift_facts(
    kinds: tuple[str, ...],
    shifts: Mapping[str, Any],
    where: Mapping[str, Any],
    cost: Mapping[str, Any] | None,
    labels: Mapping[str, Any] | None,
    alpha: float,
) -> dict[str, Any]:
    """Facts that come from the reading and from the places; None where unknown."""
    features, quality = where["features"], where["quality"]
    moved = [f for f in features if f.get("p_value") is not None and f["p_value"] < alpha]
    prior = shifts["label"].effect if labels is not None and labels.get("task") == "classification" else None
    return {
        "kinds": list(kinds),
        "verdicts": {k: s.verdict for k, s in shifts.items()},
        "severities": {k: s.severity for k, s in shifts.items()},
        "similarity": where["similarity"]["level"],
        **where["numbers"],
        "prior_distance": prior,
        "shifted_features": len(moved) / len(features) if features else None,
        "label_overlap": where["relatedness"]["label_overlap"],
        "feature_overlap": where["relatedness"]["feature_overlap"],
        **{k: number(quality, k) for k in ("missing_share", "duplicates_share", "outlier_share", "leakage_share")},
        "metric": None if cost is None else cost["metric"],
        "source_score": None if cost is None else cost["source"],
        "expected_score": None if cost is None else cost["expected"]["value"],
        "expected_low": None if cost is None else cost["expected"]["low"],
        "expected_high": None if cost is None else cost["expected"]["high"],
        "target_score": None if cost is None else cost["target"],
        "drop": None if cost is None else cost["drop"],
    }


def notes(view: View, sampled: bool, where: Mapping[str, Any]) -> list[Note]:
    """What the user should know of how the answers came about."""
    from mdshift.probes.base import FEW

    found = []
    if view.few:
        found.append(
            Note(
                "warning", f"too few rows to tell: {view.n_source} source and {view.n_target} target rows, at least {FEW} a side are needed"
            )
        )
    if sampled:
        found.append(Note("info", "the tests of labels and the expected score use a random sample of the rows"))
    overlap = number(where["overlap"], "value")
    if overlap is not None and overlap < 0.5:  # noqa: PLR2004 - most of the target lies elsewhere
        told = f"only {overlap:.0%}" if overlap >= 0.005 else "hardly anything"  # noqa: PLR2004 - what is rounded to 0 %
        found.append(Note("warning", f"{told} of the target lies where the source has data: expected scores say little of the rest"))
    return found
