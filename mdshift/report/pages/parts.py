"""Sections that several pages share: classes before and after, and what a result stands on."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mdshift.report.charts import confusion, curves
from mdshift.report.charts.svg import Colour
from mdshift.report.page import Document, Figure, Page, Section, Table
from mdshift.report.text import DASH, clean, interval, number, probability, share

MOST_CLASSES = 12
MOST_LISTED = 1_000  # features of a report that is not for a screen
FEATURE_HEADS = ("name", "kind", "JS, bits", "p", "what changed")
FLAGS = {"domain_column": "--domain-column", "time": "--time", "encoding": "--encoding", "on_schema": "--on-schema"}
PLAIN = {"on_schema": "intersect", "task": "auto", "goal": "target", "compute": "medium", "device": "auto", "alpha": 0.05, "seed": 0}
PROVENANCE, COMMAND, FILE = "Provenance", "command", "with mdshift.toml"  # a title, and rows of its table
BARE = re.compile(r"[A-Za-z0-9_-]+")  # a key that TOML takes without quotes
Model = tuple[str, Colour, Document]  # its name, its colour, the parts of its scores


def figures(classes: Sequence[str], models: Sequence[Model]) -> tuple[Figure, ...]:
    """Confusion of every model, then ROC and reliability of all of them."""
    found: list[Figure | None] = [
        confusion.figure(
            classes,
            parts.get("confusion") or (),
            f"Confusion, {name}" if len(models) > 1 else "Confusion",
            "In per cent of the rows of each true class.",
            colour,
        )
        for name, colour, parts in models
    ]
    found.append(curves.roc([(name, colour, parts.get("roc") or ()) for name, colour, parts in models]))
    found.append(curves.reliability([(name, colour, parts.get("calibration") or {}) for name, colour, parts in models]))
    return tuple(f for f in found if f is not None)


def comparison(document: Document) -> Section | None:
    """The two models class by class: on target labels, else by what they say."""
    found = document.get("comparison")
    if not found:
        return None
    name = clean(found["strategy"], 40)
    if found["on"] == "predictions":
        return _said(found, name)
    models: list[Model] = [("source-only", "source", found["source_only"])]
    models += [(name, "target", found["adapted"])] if found["adapted"] is not None else []
    lines: tuple[str, ...] = (f"On {number(found['rows'])} target labels, by models that did not see them.",)
    if found["adapted"] is None:
        lines += (f"{name} trains on these labels, so only the source model is shown.",)
    if "classes" not in found:
        charts = tuple(c for n, colour, parts in models if (c := curves.scatter(parts.get("points") or (), n, colour)) is not None)
        return Section("Before and after", lines, figures=charts, detail=True)
    return Section(
        "Before and after, class by class", lines, _classes(models), _more(found), detail=True, figures=figures(found["classes"], models)
    )


def _classes(models: Sequence[Model]) -> Table:
    rows = []
    for i, before in enumerate(models[0][2]["per_class"][:MOST_CLASSES]):
        told = [p["per_class"][i] for _, _, p in models]
        recalls = (interval(c["recall"], c["recall_low"], c["recall_high"]) for c in told)
        rows.append((clean(before["class"], 40), number(before["rows"]), *recalls, *(number(c["f1"]) for c in told)))
    heads = ("class", "rows", *(f"recall, {n}" for n, _, _ in models), *(f"F1, {n}" for n, _, _ in models))
    return Table(heads, tuple(rows), tuple(range(1, len(heads))))


def _said(found: Document, name: str) -> Section:
    """Without target labels: how many rows either model puts into each class, and which rows changed."""
    n = max(found["rows"], 1)
    before, after = found["source_only"]["predicted"], found["adapted"]["predicted"]
    told = list(zip(found["classes"], before, after, strict=True))[:MOST_CLASSES]
    rows = tuple((clean(c, 40), share(a / n), share(b / n)) for c, a, b in told)
    table = Table(("class", "source-only", name), rows, (1, 2))
    lines: tuple[str, ...] = ("Nobody knows the target's labels here: this is what either model says, not what is right.",)
    if found.get("moved"):
        kept = sum(found["moved"][i][i] for i in range(len(before)))
        lines += (f"{share(1 - kept / n)} of {number(found['rows'])} target rows change their class.",)
    chart = confusion.figure(
        found["classes"], found.get("moved") or (), "Classes before and after", f"In per cent of the target rows that source-only puts into a class: where {name} puts them.",
        axes=("source-only", name),
    )  # fmt: skip
    return Section("Predictions before and after", lines, table, _more(found), detail=True, figures=(chart,) if chart else ())


def _more(found: Document) -> str:
    more = len(found["classes"]) - MOST_CLASSES
    return f"{more} more in the JSON" if more > 0 else ""


def feature_rows(found: Sequence[Document]) -> tuple[tuple[str, ...], ...]:
    """A row a feature."""
    return tuple(
        (clean(f["name"], 30), f["kind"], number(f.get("js")), probability(f.get("p_value")), clean(f.get("sentence", ""), 160))
        for f in found
    )


def further_features(document: Document, shown: int) -> Section | None:
    """The features after those that are shown."""
    rows = feature_rows(document["features"][shown : shown + MOST_LISTED])
    more = len(document["features"]) - shown - len(rows)
    table = Table(FEATURE_HEADS, rows, (2, 3))
    return Section("Further features", (), table, f"{more} more in the JSON" if more > 0 else "", detail=True) if rows else None


def provenance(document: Document, command: str) -> Section:
    """What the result stands on: data and their hashes, seed, settings, versions, and the command that makes it again, if there is one."""
    data, settings, environment = (document.get(k) or {} for k in ("data", "settings", "environment"))
    rows = [("mdshift", clean(document.get("mdshift"), 40)), ("document", clean(document.get("schema"), 60))]
    rows += [("source", clean(s, 300)) for s in data.get("sources", ())]
    rows += [(k, clean(data[k], 300)) for k in ("target", "model") if data.get(k)]
    hashes = environment.get("data") or (document.get("quality") or {}).get("digests") or {}
    rows += [(f"hash of the rows, {clean(name, 60)}", clean(value, 64)) for name, value in hashes.items()]
    rows += [("hash of the rows", clean(document["digest"], 64))] if document.get("digest") else []
    rows += [
        (clean(k, 40), clean(", ".join(f"{a}={b}" for a, b in v.items()) if isinstance(v, dict) else v, 200))
        for k, v in settings.items()
        if v not in ({}, None)
    ]
    rows += [(clean(k, 40), clean(environment[k], 100)) for k in ("python", "system", "device", "cores") if k in environment]
    rows += [(clean(k, 40), clean(v, 40)) for k, v in (environment.get("packages") or {}).items()]
    rows += [(COMMAND, command), *_stated(document)] if command else []
    return Section(PROVENANCE, (), Table(("what", "value"), tuple((a, b or DASH) for a, b in rows)), detail=True)


def _stated(document: Document) -> list[tuple[str, str]]:
    """What no flag can say: the file must, for the command to make the document again."""
    given = {"columns": (document.get("data") or {}).get("kinds"), "thresholds": (document.get("settings") or {}).get("thresholds")}
    tables = [f"[{name}] {', '.join(f'{_key(k)} = {json.dumps(v)}' for k, v in found.items())}" for name, found in given.items() if found]
    return [(FILE, clean(" and ".join(tables), 600))] if tables else []


def _key(name: Any) -> str:
    return str(name) if BARE.fullmatch(str(name)) else json.dumps(str(name), ensure_ascii=False)


def in_memory(page: Page, commands: tuple[str, ...]) -> Page:
    """The page of what was made of data in memory: these commands come next, and none on a command line would make it again."""

    def kept(section: Section) -> Section:
        if section.heading != PROVENANCE or section.table is None:
            return section
        return replace(section, table=replace(section.table, rows=tuple(r for r in section.table.rows if r[0] not in (COMMAND, FILE))))

    return replace(page, commands=commands, sections=tuple(map(kept, page.sections)))


def flags(document: Document) -> list[str]:
    """The flags of the command line that data and settings stand for; those at their default are left out."""
    data, settings = document.get("data") or {}, document.get("settings") or {}
    words: list[str] = []
    for label in data.get("labels") or ():
        words += ["--label", str(label)]
    for name in ("text", "drop"):
        for column in data.get(name) or ():
            words += [f"--{name}", str(column)]
    told: dict[str, Any] = {**{k: data.get(k) for k in ("task", *FLAGS)}, **settings}
    for key, value in told.items():
        if value is None or value == PLAIN.get(key) or isinstance(value, dict | list):
            continue
        words += [FLAGS.get(key, f"--{key}"), f"{value:g}" if isinstance(value, float) else str(value)]
    for key, value in (settings.get("set") or {}).items():
        words += ["--set", f"{key}={value}"]
    return words


def command(verb: str, places: Sequence[Any], document: Document, more: Sequence[str] = ()) -> str:
    """The command that made a document, quoted for a shell."""
    return clean(shlex.join(["mdshift", verb, *map(str, places), *flags(document), *more]), 2000)
