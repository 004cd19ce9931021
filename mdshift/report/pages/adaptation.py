"""The pages of an adaptation and of its rehearsal."""

from __future__ import annotations

import shlex
from typing import Any

from mdshift.report.charts import intervals
from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.pages import parts
from mdshift.report.pages.diagnosis import data_line
from mdshift.report.text import DASH, clean, interval, number

MOST_GAINS = 6


def page(document: Document) -> Page:
    """What was kept and why, the two scores, the candidates."""
    kept = document["kept"]
    lines = [f"The source model was kept ({document['strategy']})." if kept == "source-only" else f"{document['strategy']} was kept."]
    if document.get("reason"):
        lines.append(clean(document["reason"], 400))
    rows = []
    for name, told in (("source_only", "source-only"), ("adapted", "adapted")):
        score = document["scores"].get(name)
        if score is not None:
            rows.append((told, score["metric"], interval(score["value"], score["low"], score["high"]), score["on"]))
    before = intervals.scores(document)
    table = Table(("model", "metric", "value [interval]", "measured on"), tuple(rows), (2,))
    scores = Section("Scores", _gains(document), table, figures=(before,) if before else ())
    tried = tuple((_named(c), _estimate(c["estimate"]), f"{c['seconds']:.0f}", clean(c["verdict"], 200)) for c in document["candidates"])
    chart = intervals.candidates(document)
    candidates = Section(
        f"Candidates, judged by {document['validator']}",
        (),
        Table(("strategy", "estimate", "s", "verdict"), tried, (1, 2)),
        figures=(chart,) if chart else (),
    )
    compared = parts.comparison(document)
    sections = [scores, *([compared] if compared else []), *([candidates] if tried else [])]
    sections += [_training(c) for c in document["candidates"] if (c.get("evidence") or {}).get("trained", {}).get("plan")][:1]
    if document.get("labels"):
        heads = ("label", "predicted by", "metric", "source, cross-validated", "source-only on target labels")
        sections.append(Section("Further labels", (), Table(heads, tuple(_label(told) for told in document["labels"]), (3, 4))))
    model = document["model"]
    sections.append(parts.provenance(document, made(document)))
    commands = (
        shlex.join(["mdshift", "predict", model, "NEW_DATA", "-o", "predicted.csv"]),
        shlex.join(["mdshift", "evaluate", model, "LABELLED_DATA"]),
    )
    footer = f"model {clean(model, 120)}, report {clean(model, 120)}/report.json; {data_line(document)}"
    return Page("Adaptation", tuple(lines), tuple(sections), tuple(clean(c, 400) for c in commands), footer)


def _named(candidate: Any) -> str:
    """A candidate by its name, and the settings that are not the defaults."""
    settings = ", ".join(f"{k}={v}" for k, v in (candidate.get("params") or {}).items())
    return clean(f"{candidate['strategy']} ({settings})" if settings else candidate["strategy"], 80)


def _gains(document: Document) -> tuple[str, ...]:
    """By how much target labels show a candidate to differ: the two scores' intervals overlap long before the paired difference is in doubt."""
    found = [(_named(c), (c.get("evidence") or {}).get("gain")) for c in document["candidates"]]
    told = [(name, gain) for name, gain in found if gain and gain.get("value") is not None]
    return tuple(
        f"{name} against source-only, row by row: {interval(g['value'], g['low'], g['high'])} ({clean(g.get('sentence') or '', 80)})."
        for name, g in told[:MOST_GAINS]
    )


def made(document: Document) -> str:
    """The command that made the document; nothing where the model was never written, which no command does."""
    if not document["model"]:
        return ""
    data = document.get("data") or {}
    places = [*data.get("sources", ()), *([data["target"]] if data.get("target") else [])]
    return parts.command("adapt", places, document, ("--out", str(document["model"])))


def _training(candidate: Any) -> Section:
    """How a network was trained, phase by phase."""
    heads = ("phase", "trains", "steps x rows", "rate, backbone's, schedule", "L2", "statistics")
    rows = []
    for phase in candidate["evidence"]["trained"]["plan"]:
        rate = f"{phase['rate']:g}, {phase['backbone_rate']:g}, {phase['schedule']}"
        size = f"{phase['steps']:,} x {phase['batch']}"
        name = clean(phase["name"], 20) + (", undone" if phase["undone"] else "")
        rows.append((name, phase["trains"], size, rate, f"{phase['l2']:g}", phase["statistics"]))
    return Section(f"Training of {candidate['strategy']}", (), Table(heads, tuple(rows), (2, 4)))


def _label(told: Any) -> tuple[str, ...]:
    scores = (told["source_cross_validated"], told["source_only_on_target_labels"])
    return (clean(told["label"], 60), told["strategy"], told["metric"], *(DASH if s is None else f"{s:.3f}" for s in scores))


def _estimate(score: Any) -> str:
    return DASH if score is None else interval(score["value"], score["low"], score["high"])


def rehearsal(document: Document) -> Page:
    """What would run."""
    rows = [(clean(name, 60), number(rows)) for name, rows in document["rows"]["sources"].items()]
    rows.append(("target", number(document["rows"]["target"])))
    lines = (
        f"Strategy {document['strategy']}; candidates {', '.join(document['candidates']) or 'as the diagnosis will recommend'}.",
        f"Task {document['task'] or DASH}, label {clean(document['label'] or DASH, 60)}.",
        f"The model would be written to {clean(document['model'], 200)}.",
    )
    return Page(
        "Dry run: nothing was trained or written",
        lines,
        (Section("Data", (), Table(("domain", "rows"), tuple(rows), (1,))),),
        (),
        data_line(document),
    )
