"""The pages of the record, the doctor, and the manual."""

from __future__ import annotations

import json
import time
from typing import Any

from mdshift.errors import EnvironmentFault
from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.text import DASH, clean, interval, number


def runs(document: Document) -> Page:
    """The list of runs, one run, or two side by side."""
    found, wanted = document["runs"], document["settings"]["ids"]
    if not found:
        none = "No run was recorded yet, or none meets the conditions."
        return Page("Runs", (none,), (), ("mdshift adapt SOURCE... TARGET --out mdshift-model",))
    rows = tuple(_run(r) for r in found)
    table = Table(("id", "started", "seconds", "strategy", "source", "adapted", "model"), rows, (0, 2))
    sections = [Section("Runs", (), table)]
    if "differences" in document:
        changed = tuple((clean(d["key"], 40), _value(d["a"], 40), _value(d["b"], 40)) for d in document["differences"])
        lines = () if changed else ("They do not differ in data, settings or results.",)
        sections.append(Section("Differences", lines, Table(("key", str(wanted[0]), str(wanted[1])), changed) if changed else None))
    elif wanted:
        report = found[0].get("report")
        if report:
            sections.extend(_reported(found[0]["id"], report))
        settings = tuple((k, _value(v, 60)) for k, v in found[0]["settings"].items())
        data = tuple((clean(path, 40), clean(found_hash or DASH, 64)) for path, found_hash in (found[0].get("hashes") or {}).items())
        sections.append(Section("Purpose", (clean(found[0].get("purpose") or DASH),)))
        if data:
            sections.append(Section("Data", (), Table(("path", "SHA-256"), data)))
        sections.append(Section("Settings", (), Table(("setting", "value"), settings)))
    return Page("Record", (), tuple(sections))


def _reported(run: object, report: Document) -> tuple[Section, ...]:
    """What the page of the run's own report says.

    Raises EnvironmentFault where it is not as it was written.
    """
    from mdshift.report.pages import adaptation

    try:
        return adaptation.page(report).sections
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as e:
        seen = f"its report: {type(e).__name__} {clean(e, 60)}"
        raise EnvironmentFault(f"the record of run {run} is damaged", seen, "`mdshift runs` lists the others") from None


def _value(value: Any, longest: int) -> str:
    """A value that was recorded, in a table: what has parts as JSON."""
    if value is None:
        return DASH
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), longest)


def _run(r: dict[str, Any]) -> tuple[str, ...]:
    scores = r.get("scores") or {}
    when = time.strftime("%Y-%m-%d\u00a0%H:%M", time.localtime(r["seconds"]["started"]))  # one word: it is not broken
    strategy = r.get("strategy") or DASH
    if r["status"] != "done":  # most are: no column for it
        strategy = r["status"] if strategy == DASH else f"{strategy} ({r['status']})"
    elif r.get("kept") == "source-only" and strategy != "source-only":
        strategy += " (not kept)"
    took = r["seconds"]["total"]
    told = [_score(scores.get(k)) for k in ("source_only", "adapted")]
    return (str(r["id"]), when, DASH if took is None else f"{took:,.1f}", strategy, *told, clean(r["model"].rsplit("/", 1)[-1], 30))


def _score(score: dict[str, Any] | None) -> str:
    return DASH if not score else interval(score["value"], None, None)


def doctor(document: Document) -> Page:
    """Versions, device, extras, checks."""
    verdict = ("Everything that mdshift needs is here.",) if document["healthy"] else ("Something is wrong: see the checks.",)
    versions = tuple((k, v or "missing") for k, v in document["versions"].items())
    device = tuple((k.replace("_", " "), number(v) if not isinstance(v, str) else v) for k, v in document["device"].items())
    extras = tuple(
        (k, "installed" if e["installed"] else "not installed", e["for"] if e["installed"] else e["install"])
        for k, e in document["extras"].items()
    )
    checks = tuple((c["check"], "ok" if c["ok"] else "FAILED", clean(c["seen"])) for c in document["checks"])
    return Page(
        "Doctor",
        verdict,
        (
            Section("Versions", (), Table(("package", "version"), versions)),
            Section("Device", (), Table(("what", "value"), device)),
            Section("Extras", (), Table(("extra", "state", ""), extras)),
            Section("Checks", (), Table(("check", "state", "seen"), checks)),
        ),
    )


def manual(document: Document) -> Page:
    """The index, or the manual page of one thing."""
    if "index" in document:
        sections = [
            Section(kind.capitalize(), (), Table(("name", "what"), tuple((e["name"], clean(e["summary"])) for e in entries)))
            for kind, entries in document["index"].items()
        ]
        return Page("Manual", (), tuple(sections), ("mdshift explain NAME",))
    sections = [Section("", tuple(document["text"]))]
    if document["facts"]:
        sections.append(Section("Facts", (), Table(("what", "value"), tuple((k, clean(v)) for k, v in document["facts"].items()))))
    if document["parameters"]:
        rows = tuple((p["name"], str(p["default"]), p["range"], p["help"]) for p in document["parameters"])
        sections.append(Section("Parameters (--set NAME=VALUE)", (), Table(("name", "default", "range", "what"), rows)))
    sections += [Section(name, tuple(lines)) for name, lines in document["examples"].items() if lines]
    return Page(f"{document['name']} ({document['kind']})", (document["summary"],), tuple(sections), tuple(document["commands"]))
