"""The page of a recommendation."""

from __future__ import annotations

from mdshift.pace import about
from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.pages.diagnosis import data_line
from mdshift.report.text import clean, number


def page(document: Document) -> Page:
    """The ranking, why the first ones lead, what is ruled out, how many labels would settle it."""
    ranked = document["ranked"]
    first = ranked[0] if ranked else None
    if first is None:
        verdict: tuple[str, ...] = ("No strategy fits these data.",)
    elif first["strategy"] == "source-only":
        verdict = ("Keep the source model: nothing speaks louder than doing nothing.",)
    else:
        verdict = (f"Try {first['strategy']} first.", *(why["sentence"] for why in first["why"][:2]))
    sections = [ranking(document), reasons(document), excluded(document), labels(document), advice(document)]
    commands = tuple(clean(r["command"], 600) for r in ranked[:1])
    return Page("Recommendation", verdict, tuple(s for s in sections if s is not None), commands, data_line(document))


def ranking(document: Document) -> Section:
    """Every strategy that fits, by its points."""
    rows = tuple((str(i), r["strategy"], number(r["score"]), _cost(r), _settings(r["params"])) for i, r in enumerate(document["ranked"], 1))
    return Section("Ranking", (), Table(("", "strategy", "points", "cost", "settings"), rows, (0, 2)))


def _cost(ranked: Document) -> str:
    """The declared cost, and how long one run takes where that was measured."""
    return str(ranked["cost"]) if ranked.get("seconds") is None else f"{ranked['cost']}, {about(ranked['seconds'])}"


def _settings(params: Document) -> str:
    return clean(" ".join(f"{k}={v}" for k, v in params.items()), 80)


def reasons(document: Document) -> Section | None:
    """The rules that spoke for the first three; the four documents are named in full once, below."""
    found = [(r["strategy"], why) for r in document["ranked"][:3] for why in r["why"]]
    lines = tuple(f"{name}: {why['sentence']} [{why['rule']}; {_short(why['cites'])}]" for name, why in found)
    titles = sorted({f"{c[:2]} {c.partition(', ')[2]}" for _, why in found if _is_document(c := why["cites"])})
    return Section("Why", lines, None, "; ".join(titles)) if lines else None


def _is_document(cites: str) -> bool:
    """Whether a source is one of the four documents, such as `D1 §3, Multi-domain training ...`."""
    return cites[:1] == "D" and cites[1:2].isdigit()


def _short(cites: str) -> str:
    return cites.partition(", ")[0] if _is_document(cites) else cites


def excluded(document: Document) -> Section | None:
    """What is ruled out."""
    rows = tuple((e["strategy"], clean(e["because"])) for e in document["excluded"])
    return Section("Ruled out", (), Table(("strategy", "because"), rows)) if rows else None


def labels(document: Document) -> Section:
    """How many labels would settle it."""
    needed, plan = document["labels_needed"], document.get("label_plan")
    told = (needed["sentence"], needed["buys"]) if plan is None else (needed["sentence"], f"{clean(plan['file'])}: {plan['sentence']}")
    return Section("Labels", tuple(f"{line}." for line in told))


def advice(document: Document) -> Section | None:
    """What the rules advise beside strategies."""
    told = tuple(f"{t['advice']} [{t['rule']}]" for t in document.get("trace", ()) if t.get("advice"))
    return Section("Advice", told) if told else None
