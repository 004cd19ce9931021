"""The page of a diagnosis."""

from __future__ import annotations

import shlex
from typing import Any

from mdshift.report.charts import curves, histograms, intervals, plane, shares
from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.pages import parts
from mdshift.report.text import DASH, clean, interval, number, probability, share

FOUND = {
    "covariate": "the inputs moved (covariate shift)",
    "label": "the classes' shares moved (label shift)",
    "concept": "the relation of the label to the inputs changed (concept shift)",
}
BLAMED = {"covariate": "the inputs, P(X)", "label": "the label, P(Y)", "concept": "their relation, P(Y|X)"}
HYPOTHESES = {"x": "P(X) equal", "y": "P(Y) equal", "x_given_y": "P(X|Y) equal", "y_given_x": "P(Y|X) equal"}
MOST_FEATURES = MOST_CLASSES = 12
MOST_REGIONS, MOST_CAUSES = 2, 3  # a screen, not a list
MOST_SOURCES, MOST_PAIRS = 8, 66


def page(document: Document) -> Page:
    """Verdict, kinds, cost, closeness, features, classes, where, causes, sources, tests, quality, examples."""
    made = (
        kinds(document),
        cost(document),
        closeness(document),
        features(document),
        classes(document),
        where(document),
        causes(document),
        sources(document),
        between(document),
        tests(document),
        quality(document),
        examples(document),
        parts.further_features(document, MOST_FEATURES),
        provenance(document),
    )
    return Page("Diagnosis", verdict(document), tuple(s for s in made if s is not None), (next_command(document),), data_line(document))


def provenance(document: Document) -> Section:
    """The data, their hashes, settings, and the command."""
    data = document.get("data") or {}
    places = [*data.get("sources", ()), *([data["target"]] if data.get("target") else [])]
    return parts.provenance(document, parts.command("diagnose", places, document))


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
    lines = [f"{'; '.join(named)}." if named else _nothing_named(document)]
    lines[0] = lines[0][0].upper() + lines[0][1:]
    lines.extend(_moved_along(document))
    for name in ("untestable", "unclear"):
        kinds = [k for k, s in shifts.items() if s["verdict"] == name]
        if kinds:
            told = "can't be tested with these data" if name == "untestable" else "unclear"
            lines.append(f"{_and(kinds).capitalize()} shift: {told}.")
    performance = document.get("performance") or {}
    expected = performance.get("expected") or {}
    metric = _metric(performance)
    if performance.get("source") is not None:
        told = f"A model trained on the source reaches {metric} {number(_value(performance['source']))} there"
        if performance.get("target") is not None:
            told += f", and {number(_value(performance['target']))} on the target's labels"
        elif expected.get("value") is not None:
            told += f"; on the target expect {interval(expected['value'], expected.get('low'), expected.get('high'))}"
        lines.append(f"{told}.")
    return tuple(lines + _harmless(document) + _sure(document))


def _sure(document: Document) -> list[str]:
    """How often chance alone would show as much, for each kind that is named."""
    told = [f"{k} p {probability(p)}" for k in document["kinds"] if (p := document["shifts"].get(k, {}).get("p_value")) is not None]
    return [f"How sure: {', '.join(told)}; p is how often chance alone shows as much."] if told else []


def _moved_along(document: Document) -> list[str]:
    """P(Y) differs though label shift is not the reading: what a reader of the classes' counts would miss."""
    test, label = (document.get("tests") or {}).get("y"), document["shifts"]["label"]
    alpha = (document.get("settings") or {}).get("alpha", 0.05)
    if (
        not document["kinds"]
        or "label" in document["kinds"]
        or label["verdict"] != "no-shift"
        or test is None
        or test["p_value"] > alpha / 4
    ):
        return []
    how = _brought(document)
    table = document.get("label") or {}
    if table.get("task") == "regression":
        return [f"The label's mean moved from {number(table['source']['mean'])} to {number(table['target']['mean'])}, {how}."]
    return [f"The classes' shares moved by {share(test['effect'])}, {how}."]


def _brought(document: Document) -> str:
    """What brought the change of P(Y), as far as the reading can tell: with P(Y|X) untested the inputs are a guess."""
    within = (document.get("tests") or {}).get("x_given_y")
    if "concept" in document["kinds"] and within is not None and within["p_value"] <= (document.get("settings") or {}).get("alpha", 0.05):
        return "which alone does not explain the rest: inputs of equal labels differ too"
    if "concept" in document["kinds"]:
        return "beside the change named above"
    sure = document["shifts"]["concept"]["verdict"] == "no-shift"
    return "as the inputs' change brings with it" if sure else "perhaps because of the inputs' change"


def _harmless(document: Document) -> list[str]:
    """A shift may be severe and cost nothing: said where the interval of the drop reaches zero."""
    performance = document.get("performance") or {}
    ends = (performance.get("attribution_intervals") or {}).get("drop")
    if not document["kinds"] or performance.get("target") is None or not ends or None in ends or ends[0] > 0:
        return []
    told = interval(_value(performance["drop"]), *ends)
    return [f"The score did not fall: the drop is {told}." if ends[1] < 0 else f"No fall of the score can be shown: the drop is {told}."]


def _nothing_named(document: Document) -> str:
    """An empty reading has three meanings: nothing moved, something of unknown kind did, or nobody can tell."""
    doubtful = [s for s in document["shifts"].values() if s["verdict"] == "unclear"]
    if not doubtful:
        return "no shift was found."
    alpha = (document.get("settings") or {}).get("alpha", 0.05)
    if any(s["p_value"] is not None and s["p_value"] <= alpha for s in doubtful):
        return "the data changed, but which kind of shift it is can't be told."
    return "whether anything shifted can't be told from these data."


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
    table = Table(("kind", "verdict", "severity", "effect [interval]", "p"), rows, (4,))
    chart = intervals.kinds(document)
    return Section("Kinds of shift", reasons, table, figures=(chart,) if chart else ())


def where(document: Document) -> Section | None:
    """Short rules for the rows that moved, and the classes whose inputs did."""
    found = document.get("where") or {}
    lines = [_stop(r["sentence"]) for r in (found.get("regions") or ())[:MOST_REGIONS]]
    alpha = (document.get("settings") or {}).get("alpha", 0.05)
    moved = [c for c in found.get("classes") or () if c["p_value"] <= alpha]
    if moved:
        told = ", ".join(f"{clean(c['class'], 40)} (AUC {number(c['auc'], 2)})" for c in moved[:MOST_REGIONS])
        alike = len({number(c["auc"], 2) for c in moved}) == 1 < len(moved) == len(found["classes"])
        told = f"all {len(moved)} alike (AUC {number(moved[0]['auc'], 2)})" if alike else told
        lines.append(f"Classes whose inputs moved{'' if alike else ' most'}: {told}.")
    return Section("Where", tuple(lines)) if lines else None


def causes(document: Document) -> Section | None:
    """What probably caused it."""
    found = document.get("causes") or ()
    lines = tuple(_stop(c["sentence"]) for c in found[:MOST_CAUSES])
    more = len(found) - len(lines)
    return Section("Likely causes", lines, remark=f"{more} more in the JSON" if more else "") if lines else None


def _stop(sentence: str) -> str:
    return clean(f"{sentence.rstrip('.')}.", 600)


def sources(document: Document) -> Section | None:
    """Which source is nearest to the target."""
    found = document.get("sources")
    if not found:
        return None
    ranked = found["ranked"]
    rows = tuple(
        (clean(r["name"], 30), number(r["rows"]), interval(r["distance"], r["low"], r["high"]), probability(r["p_value"])) for r in ranked
    )
    table = Table(("source, nearest first", "rows", "distance to the target (MMD)", "p"), rows[:MOST_SOURCES], (1, 3))
    small = found.get("too_small") or ()
    remarks = [f"{len(rows) - MOST_SOURCES} more in the JSON"] if len(rows) > MOST_SOURCES else []
    remarks += [f"too few rows to compare: {', '.join(clean(s, 30) for s in small[:MOST_SOURCES])}"] if small else []
    return Section("Sources", (clean(found["sentence"], 600),), table, "; ".join(remarks))


def between(document: Document) -> Section | None:
    """How far the sources differ from each other."""
    found = (document.get("sources") or {}).get("between")
    if not found:
        return None
    rows = tuple(
        (clean(r["a"], 30), "all others" if r["b"] is None else clean(r["b"], 30), number(r["distance"]), probability(r["p_value"]))
        for r in found[:MOST_PAIRS]
    )
    more = len(found) - len(rows)
    table = Table(("source", "against", "distance (MMD)", "p, adjusted"), rows, (2, 3))
    return Section("Shift between the sources", (), table, f"{more} more in the JSON" if more else "", detail=True)


def examples(document: Document) -> Section | None:
    """The rows that the domain classifier finds most typical of each side."""
    found = (((document.get("tests") or {}).get("x") or {}).get("evidence") or {}).get("classifier", {}).get("examples")
    if not found:
        return None
    rows: list[tuple[str, ...]] = []
    for side in ("target", "source"):
        for e in found.get(side, ()):
            of = f"{side} {clean(e['source'], 30)}" if e.get("source") else side
            rows.append((of, number(e["row"]), number(e["score"]), clean(e.get("text", ""), 90)))
    headers: tuple[str, ...] = ("typical of the", "row, from 0", "score", "text")
    if not any(r[3] for r in rows):
        headers, rows = headers[:3], [r[:3] for r in rows]
    table = Table(headers, tuple(rows), (1, 2))
    return Section("The most telling rows", ("Rows that the domain classifier is surest of, not having seen them.",), table, detail=True)


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
            method = str(test.get("method")).split(" (")[0]  # the brackets' further words stand in the JSON
            rows.append((hypothesis, clean(method, 80), effect, probability(test.get("p_value")), sizes))
    return Section("Tests", (), Table(("hypothesis", "method", "effect", "p", "rows"), tuple(rows), (3, 4)))


def features(document: Document) -> Section | None:
    """The most shifted features."""
    found = document["features"]
    if not found:
        return None
    rows = parts.feature_rows(found[:MOST_FEATURES])
    more = len(found) - len(rows)
    remark = f"{more} more in the JSON" if more else ""
    table = Table(parts.FEATURE_HEADS, rows, (2, 3))
    return Section("Features, most shifted first", (), table, remark, figures=histograms.features(document))


def classes(document: Document) -> Section | None:
    """The shares of the classes on both sides."""
    label = document.get("label")
    if not label or not label.get("classes"):
        return None
    source, target = label.get("source_prior") or [], label.get("target_prior") or []
    names = label["classes"]
    told_of = [_shares([_at(prior, c, i) for i, c in enumerate(names)]) for prior in (source, target)]
    rows = tuple((clean(c, 40), told_of[0][i], told_of[1][i]) for i, c in enumerate(names[:MOST_CLASSES]))
    told = "target (estimated)" if label.get("estimated") else "target"
    table, chart = Table(("class", "source", told), rows, (1, 2)), shares.classes(document)
    remark = f"{len(names) - len(rows)} more in the JSON" if len(names) > len(rows) else ""
    return Section("Classes", _doubt(document), table, remark, figures=(chart,) if chart else ())


def _shares(values: list[Any]) -> list[str]:
    """All shares of a side in percent, with one decimal where the rounded ones would not add up to 100."""
    told = [share(v) for v in values]
    rounded = None not in values and abs(sum(float(t.split()[0]) for t in told) - 100) > 0.05  # noqa: PLR2004 - percent
    return [f"{100 * v:.1f} %" for v in values] if rounded else told


def _doubt(document: Document) -> tuple[str, ...]:
    """On what an estimate of the target's classes stands, and whether the reading speaks against it."""
    if not document["label"].get("estimated"):
        return ()
    told = "The target's shares are estimated from the inputs, which is right only if P(X|Y) stayed the same"
    return (f"{told}; as the reading is another kind of shift, don't rely on them." if "covariate" in document["kinds"] else f"{told}.",)


def _at(prior: Any, name: str, position: int) -> Any:
    if isinstance(prior, dict):
        return prior.get(name)
    return prior[position] if position < len(prior) else None


def cost(document: Document) -> Section | None:
    """What the shift costs, and which kind costs it."""
    p = document.get("performance")
    if not p:
        return None
    expected, known = p.get("expected") or {}, p.get("target") is not None
    rows = [("on the source, cross-validated", _with_ends(p.get("source"), p.get("source_interval")))]
    if known:
        rows.append(("on the target, by its labels", _with_ends(p["target"], p.get("target_interval"))))
    if expected.get("value") is not None:
        what = "expected on the target without its labels" if known else "expected on the target"
        rows.append((what, interval(expected["value"], expected.get("low"), expected.get("high"))))
    ends = p.get("attribution_intervals") or {}
    if p.get("drop") is not None:
        rows.append(("drop" if known else "expected drop", _with_ends(p["drop"], ends.get("drop"))))
        parts = {k: v for k, v in (p.get("attribution") or {}).items() if v is not None and (v != 0 or any(ends.get(k) or ()))}
        rows += [(f"  of it due to {BLAMED.get(k, k)}", _with_ends(v, ends.get(k))) for k, v in parts.items()]
    rows += _errors(p.get("rmse") or {})
    lines: tuple[str, ...] = (f"The expected score is {clean(expected['method'], 400)}.",) if expected.get("method") else ()
    if expected.get("condition") or not known:
        lines += (f"It holds {clean(expected.get('condition') or 'only if P(Y|X) has not changed', 300)}.",)
    table = Table(("what", "value [interval]"), tuple(rows), (1,))
    return Section(f"Cost ({_metric(p)})", lines, table, figures=intervals.cost(document))


def _metric(performance: Document) -> str:
    name = str(performance.get("metric", "score"))
    return "R2" if name == "r2" else clean(name, 40)


def _with_ends(score: Any, ends: Any) -> str:
    return interval(_value(score), *ends) if ends else number(_value(score))


def _errors(rmse: Document) -> list[tuple[str, str]]:
    """Rows on the size of errors in the label's unit: R2 may fall because the target's labels are less spread."""
    names = {"source": "RMSE on the source", "target": "RMSE on the target, by its labels"}
    rows = [(told, number(rmse[k])) for k, told in names.items() if rmse.get(k) is not None]
    expected = rmse.get("expected") or {}
    if expected.get("value") is not None:
        what = "RMSE expected on the target" + ("" if rmse.get("target") is None else " without its labels")
        rows.append((what, interval(expected["value"], expected.get("low"), expected.get("high"))))
    return rows


def closeness(document: Document) -> Section:
    """Similarity, overlap and relatedness in numbers."""
    near, over, related = document["similarity"], document["overlap"], document["relatedness"]
    found = [
        ("similarity, read from JS and AUC", clean(near["level"], 20)),
        ("JS, mean over the features, bits", _told(near.get("js_mean"))),
        ("AUC of the domain classifier", _told(near.get("auc"))),
        ("MMD", _told(near.get("mmd"))),
        (
            "share of the target where the source has data",
            _share_with_ends(over["value"], over.get("low"), over.get("high")) if over.get("value") is not None else DASH,
        ),
        ("effective source rows once weighted to the target", _whole(over.get("effective_rows"))),
        ("columns in common", share(related.get("feature_overlap"))),
        ("classes in common", share(related.get("label_overlap"))),
    ]
    rows = tuple((what, value) for what, value in found if value != DASH)
    charts = tuple(c for c in (plane.plane(document), curves.domains(document)) if c is not None)
    return Section("How close the two lie", (), Table(("measure", "value"), rows, (1,)), figures=charts)


def _share_with_ends(value: Any, low: Any, high: Any) -> str:
    return share(value) if low is None or high is None else f"{share(value)} [{share(low)}, {share(high)}]"


def _whole(value: Any) -> str:
    return DASH if value is None else f"{value:,.0f}"


def _told(value: Any) -> str:
    return number(None if value is None else float(value))


def quality(document: Document) -> Section:
    """Rows, missing cells, duplicates and outliers of both sides, and what to be warned of."""
    found = document["quality"]
    source, target = found.get("source") or {}, found.get("target") or {}
    rows = tuple((k.replace("_", " "), share(source.get(k)), share(target.get(k))) for k in source)
    sizes = ", ".join(f"{clean(name, 40)} {number(n)}" for name, n in list((found.get("rows") or {}).items())[:8])
    told = [f"Rows: {sizes}."] if sizes else []
    told += [f"{w[:1].upper()}{w[1:]}." for w in found.get("warnings", ())]
    if found.get("leakage_share"):
        told.append(f"{share(found['leakage_share'])} of the target's rows stand in the source too, beyond chance.")
    if found.get("left_out"):
        names = [clean(c.get("name", c) if isinstance(c, dict) else c, 40) for c in found["left_out"][:8]]
        more = found.get("n_left_out", len(names)) - len(names)
        told.append(f"Columns left out: {', '.join(names)}{f' and {more} more' if more > 0 else ''}.")
    return Section("Quality", tuple(told), Table(("share of", "source", "target"), rows, (1, 2)) if rows else None)


def next_command(document: Document) -> str:
    """The command that goes on from here."""
    data = document.get("data", {})
    words = ["mdshift", "recommend", *data.get("sources", ()), *([data["target"]] if data.get("target") else [])]
    for name in data.get("labels", ()):
        words += ["--label", name]
    return clean(shlex.join(words), 400)
