"""The page of a diagnosis."""

from __future__ import annotations

import shlex
from typing import Any

from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.text import DASH, clean, interval, number, probability, share

FOUND = {
    "covariate": "the inputs moved (covariate shift)",
    "label": "the classes' shares moved (label shift)",
    "concept": "the relation of the label to the inputs changed (concept shift)",
}
HYPOTHESES = {"x": "P(X) equal", "y": "P(Y) equal", "x_given_y": "P(X|Y) equal", "y_given_x": "P(Y|X) equal"}
MOST_FEATURES = 12
MOST_CLASSES = 12


def page(document: Document) -> Page:
    """Verdict, kinds, tests, features, classes, cost, similarity, quality."""
    made = (kinds(document), tests(document), features(document), classes(document), cost(document), closeness(document), quality(document))
    return Page("Diagnosis", verdict(document), tuple(s for s in made if s is not None), (next_command(document),), data_line(document))


def data_line(document: Document) -> str:
    """Where the data were."""
    data = document.get("data", {})
    sources = ", ".join(clean(s, 60) for s in data.get("sources", ()))
    label = f", label {', '.join(clean(x, 40) for x in data['labels'])}" if data.get("labels") else ""
    return f"source {sources or DASH}; target {clean(data.get('target') or DASH, 60)}{label}; mdshift {document.get('mdshift', '')}"


def verdict(document: Document) -> tuple[str, ...]:
    """The finding and its cost in plain words."""
    shifts = document["shifts"]
    named = [f"{FOUND.get(k, k)}, {shifts[k]['severity']}" for k in document["kinds"] if k in shifts]
    lines = [f"{'; '.join(named)}." if named else "no shift was found."]
    lines[0] = lines[0][0].upper() + lines[0][1:]
    for name in ("untestable", "unclear"):
        kinds = [k for k, s in shifts.items() if s["verdict"] == name]
        if kinds:
            told = "can't be tested with these data" if name == "untestable" else "unclear"
            lines.append(f"{_and(kinds).capitalize()} shift: {told}.")
    performance = document.get("performance") or {}
    expected = performance.get("expected") or {}
    metric = performance.get("metric", "score")
    if performance.get("source") is not None:
        told = f"A model trained on the source reaches {metric} {number(_value(performance['source']))} there"
        if performance.get("target") is not None:
            told += f", and {number(_value(performance['target']))} on the target's labels"
        elif expected.get("value") is not None:
            told += f"; on the target expect {interval(expected['value'], expected.get('low'), expected.get('high'))}"
        lines.append(f"{told}.")
    return tuple(lines)


def _value(score: Any) -> Any:
    return score.get("value") if isinstance(score, dict) else score


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def kinds(document: Document) -> Section:
    """The three readings with their reasons."""
    rows = tuple(
        (name, s["verdict"], s["severity"], interval(s["effect"], s["low"], s["high"]), probability(s["p_value"]))
        for name, s in document["shifts"].items()
    )
    reasons = tuple(f"{name}: {s['reason']}" for name, s in document["shifts"].items() if s.get("reason"))
    return Section("Kinds of shift", reasons, Table(("kind", "verdict", "severity", "effect [interval]", "p"), rows, (4,)))


def tests(document: Document) -> Section:
    """The four raw hypotheses."""
    rows = []
    for key, hypothesis in HYPOTHESES.items():
        test = document["tests"].get(key)
        if test is None:
            rows.append((hypothesis, "can't be tested", DASH, DASH, DASH))
        else:
            sizes = f"{number(test.get('n_source'))} / {number(test.get('n_target'))}"
            effect = interval(test.get("effect"), test.get("low"), test.get("high"))
            rows.append((hypothesis, clean(test.get("method"), 60), effect, probability(test.get("p_value")), sizes))
    return Section("Tests", (), Table(("hypothesis", "method", "effect", "p", "rows"), tuple(rows), (3, 4)))


def features(document: Document) -> Section | None:
    """The most shifted features."""
    found = document["features"]
    if not found:
        return None
    rows = tuple(
        (clean(f["name"], 30), f["kind"], number(f.get("js")), probability(f.get("p_value")), clean(f.get("sentence", ""), 160))
        for f in found[:MOST_FEATURES]
    )
    more = len(found) - len(rows)
    remark = f"{more} more in the JSON" if more else ""
    return Section("Features, most shifted first", (), Table(("name", "kind", "JS, bits", "p", "what changed"), rows, (2, 3)), remark)


def classes(document: Document) -> Section | None:
    """The shares of the classes on both sides."""
    label = document.get("label")
    if not label or not label.get("classes"):
        return None
    source, target = label.get("source_prior") or [], label.get("target_prior") or []
    names = label["classes"]
    rows = tuple((clean(c, 40), share(_at(source, c, i)), share(_at(target, c, i))) for i, c in enumerate(names[:MOST_CLASSES]))
    told = "target (estimated)" if label.get("estimated") else "target"
    more = len(names) - len(rows)
    return Section("Classes", (), Table(("class", "source", told), rows, (1, 2)), f"{more} more in the JSON" if more else "")


def _at(prior: Any, name: str, position: int) -> Any:
    if isinstance(prior, dict):
        return prior.get(name)
    return prior[position] if position < len(prior) else None


def cost(document: Document) -> Section | None:
    """What the shift costs, and which kind costs it."""
    p = document.get("performance")
    if not p:
        return None
    expected = p.get("expected") or {}
    rows = [("on the source, cross-validated", number(_value(p.get("source"))))]
    if p.get("target") is not None:
        rows.append(("on the target's labels", number(_value(p["target"]))))
    if expected.get("value") is not None:
        rows.append(
            (
                f"expected on the target ({expected.get('method', '')})",
                interval(expected["value"], expected.get("low"), expected.get("high")),
            )
        )
    if p.get("drop") is not None:
        rows.append(("drop", number(_value(p["drop"]))))
        rows += [(f"  of it by {k}", number(_value(v))) for k, v in (p.get("attribution") or {}).items() if v is not None]
    lines: tuple[str, ...] = (f"Expected by the {expected['method']}.",) if expected.get("method") else ()
    if p.get("target") is None:
        lines += ("The expectation holds on the condition that P(Y|X) has not changed.",)
    return Section(f"Cost ({p.get('metric', 'score')})", lines, Table(("what", "score"), tuple(rows), (1,)))


def closeness(document: Document) -> Section:
    """Similarity and overlap in numbers."""
    similarity = document["similarity"]
    rows = [("read as", clean(similarity.get("level", similarity.get("similarity", DASH)), 20))]
    rows += [(k.replace("_", " "), number(v)) for k, v in similarity.items() if isinstance(v, int | float) and not isinstance(v, bool)]
    for key in ("overlap", "relatedness"):
        rows += [
            (k.replace("_", " "), number(v)) for k, v in document[key].items() if isinstance(v, int | float) and not isinstance(v, bool)
        ]
    unique = tuple(dict(rows).items())
    return Section("How close the two lie", (), Table(("measure", "value"), unique, (1,)))


def quality(document: Document) -> Section | None:
    """Counts of what is wrong with the data; zeros are left out."""
    rows = tuple((clean(k.replace("_", " "), 40), number(v)) for k, v in _flat(document["quality"]) if v not in (0, None, False, ""))
    return Section("Quality", (), Table(("what", "value"), rows[:20], (1,))) if rows else None


def _flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in _flat(v, f"{path} {k}".strip())]
    if isinstance(value, list):
        return [(path, ", ".join(str(v) for v in value[:5]) + (" …" if len(value) > 5 else ""))] if value else []  # noqa: PLR2004
    return [(path, value)]


def next_command(document: Document) -> str:
    """The command that goes on from here."""
    data = document.get("data", {})
    words = ["mdshift", "recommend", *data.get("sources", ()), *([data["target"]] if data.get("target") else [])]
    for name in data.get("labels", ()):
        words += ["--label", name]
    return clean(shlex.join(words), 400)
