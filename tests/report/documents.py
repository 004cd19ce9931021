"""Documents made by hand, as large as wanted, with every block that a chart stands on."""

CLASSES = ("a", "b", "c")


def feature(i, name=None, kind="number"):
    record = {"name": name or f"x{i}", "kind": kind, "js": 1 / (i + 1), "p_value": 0.01, "sentence": f"mean {i} → {i + 1}"}
    if kind == "text":
        return record | {"terms": [["word", 0.5, 0.1], ["term", 0.1, 0.4]]}
    if i >= 24:
        return record
    if kind == "category":
        return record | {"histogram": {"levels": [f"{name}1", f"{name}2"], "source": [5, 5], "target": [1, 7], "others": [2, 0]}}
    return record | {"histogram": {"edges": [0.0, 0.5, 1.0, 1.5], "source": [4, 5, 1], "target": [1, 5, 4]}}


def diagnosis(features=3, name=None, classes=CLASSES):
    shift = {"verdict": "shift", "p_value": 0.001, "effect": 0.5, "low": 0.4, "high": 0.6, "severity": "moderate", "reason": "Moved."}
    quiet = shift | {"verdict": "no-shift", "severity": "none", "effect": 0.02, "low": 0.0, "high": 0.1, "p_value": 0.4}
    x = {"p_value": 0.001, "method": "kernels", "effect": 0.5, "low": 0.4, "high": 0.6, "n_source": 9, "n_target": 9, "sentence": "Moved."}
    x["evidence"] = {"classifier": {"auc": 0.8, "low": 0.7, "high": 0.9, "roc": [[0.0, 0.0], [0.2, 0.7], [1.0, 1.0]]}}
    kinds = ("number", "category", "text")
    named = [feature(i, name and f"{name}{i}", kinds[i % 3] if name else "number") for i in range(features)]
    k = len(classes)
    return {
        "schema": "mdshift.diagnosis/1",
        "mdshift": "0",
        "data": {"sources": [name or "s.csv"], "target": name or "t.csv", "labels": [name or "y"]},
        "settings": {"alpha": 0.05, "seed": 3},
        "kinds": ["covariate"],
        "shifts": {"covariate": shift, "label": quiet, "concept": quiet},
        "tests": {"x": x, "y": None, "x_given_y": None, "y_given_x": None},
        "features": named,
        "label": {"classes": list(classes), "source_prior": [1 / k] * k, "target_prior": [1 / k] * k, "estimated": False, "overlap": 1.0},
        "performance": {
            "metric": "accuracy",
            "source": 0.9,
            "source_interval": [0.85, 0.95],
            "target": 0.7,
            "target_interval": [0.6, 0.8],
            "expected": {"value": 0.75, "low": 0.6, "high": 0.9, "method": "weighted"},
            "drop": 0.2,
            "attribution": {"covariate": 0.2, "label": 0.0, "concept": 0.0},
            "attribution_intervals": {"drop": [0.1, 0.3], "covariate": [0.05, 0.3], "label": [0.0, 0.0], "concept": [-0.1, 0.1]},
        },
        "overlap": {
            "value": 0.8,
            "low": 0.7,
            "high": 0.9,
            "plane": {
                "source": {"x": [-1.0, -2.0, -0.5], "y": [0.0, 1.0, -1.0]},
                "target": {"x": [1.0, 3.5], "y": [0.5, -9.0]},
                "explained": 0.3,
                "columns": [name or "x1"],
            },
        },
        "relatedness": {"label_overlap": 1.0, "feature_overlap": 1.0},
        "quality": {"digests": {name or "s": "00ff", "target": "ff00"}},
        "similarity": {"level": "medium", "js_mean": 0.1, "auc": 0.8, "mmd": 0.2, "overlap": 0.8},
        "facts": {},
        "notes": [],
        "seconds": {"total": 1.0},
    }


def parts(classes=CLASSES):
    """What `engine/breakdown.py` makes of a model."""
    k = len(classes)
    about = {"rows": 10, "predicted": 10, "precision": 0.8, "recall": 0.8, "recall_low": 0.5, "recall_high": 0.9, "f1": 0.8}
    bins = [{"low": 0.5, "high": 0.6, "rows": 90, "confidence": 0.55, "accuracy": 0.5}]
    bins += [{"low": 0.9, "high": 1.0, "rows": 210, "confidence": 0.95, "accuracy": 0.9}]
    return {
        "per_class": [about | {"class": c} for c in classes],
        "confusion": [[8 if i == j else 2 for j in range(k)] for i in range(k)],
        "roc": [{"class": c, "auc": 0.8, "standard_error": 0.1, "points": [[0.0, 0.0], [0.2, 0.7], [1.0, 1.0]]} for c in classes],
        "calibration": {"ece": 0.05, "bins": bins},
    }


def score(value):
    return {"metric": "accuracy", "value": value, "low": value - 0.1, "high": value + 0.1, "on": "target labels"}


def adaptation(name=None, classes=CLASSES, **changes):
    tried = [("source-only", 0.7), ("coral", 0.75), ("ot-map", 0.6)]
    compared = {"on": "target labels", "strategy": "coral", "rows": 30, "classes": list(classes)}
    compared |= {"source_only": parts(classes), "adapted": parts(classes)}
    return {
        "schema": "mdshift.adaptation/1",
        "mdshift": "0",
        "data": {"sources": [name or "s.csv"], "target": name or "t.csv", "labels": [name or "y"]},
        "settings": {"seed": 3, "strategy": "auto", "set": {}},
        "strategy": "coral",
        "kept": "adapted",
        "reason": name or "the gain is surely above 0",
        "model": name or "m",
        "scores": {"source_only": score(0.7), "adapted": score(0.75)},
        "candidates": [
            {"strategy": s, "params": {}, "estimate": score(v), "verdict": name or "better", "seconds": 1.0, "evidence": {}}
            for s, v in tried
        ],
        "validator": "target labels, held back",
        "history": [],
        "environment": {"python": "3", "packages": {"numpy": "2"}, "data": {"target": "ff00"}},
        "notes": [],
        "seconds": {"total": 1.0},
        "comparison": compared,
    } | changes


def predicted(classes=CLASSES):
    """A comparison without target labels."""
    k = len(classes)
    moved = [[9 if i == j else 1 for j in range(k)] for i in range(k)]
    told = {"predicted": [9 + k - 1] * k}
    both = {"source_only": told, "adapted": told}
    return {"on": "predictions", "strategy": "coral", "rows": (9 + k - 1) * k, "classes": list(classes), "moved": moved} | both


def evaluation(name=None, classes=CLASSES):
    return {
        "schema": "mdshift.evaluation/1",
        "mdshift": "0",
        "data": {"target": name or "l.csv", "model": name or "m", "labels": [name or "y"]},
        "settings": {"seed": 3},
        "task": "classification",
        "strategy": "coral",
        "rows": 30,
        "unlabelled": 0,
        "metric": "accuracy",
        "scores": [score(0.8)],
        "classes": list(classes),
        "unknown": 0,
        "seconds": {"total": 1.0},
        "digest": "ff00",
    } | parts(classes)
