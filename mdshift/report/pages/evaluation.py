"""The page of an evaluation."""

from __future__ import annotations

from typing import Any

from mdshift.report.page import Document, Page, Section, Table
from mdshift.report.text import clean, interval, number

MOST_CLASSES = 12


def page(document: Document) -> Page:
    """Main score, other scores, classes, confusion."""
    score = document["score"]
    verdict = (
        f"{score['metric']} {interval(score['value'], score.get('low'), score.get('high'))} on {number(document.get('rows'))} labelled rows.",
    )
    sections = [others(document), classes(document), confusion(document)]
    return Page("Evaluation", verdict, tuple(s for s in sections if s is not None), (), f"mdshift {document['mdshift']}")


def others(document: Document) -> Section | None:
    """Scores beside the main one."""
    rows = tuple(
        (clean(k.replace("_", " "), 40), number(v))
        for k, v in (document.get("scores") or {}).items()
        if v is None or isinstance(v, int | float)
    )
    return Section("Scores", (), Table(("score", "value"), rows, (1,))) if rows else None


def classes(document: Document) -> Section | None:
    """Precision, recall and F1 of each class."""
    found: list[dict[str, Any]] = document.get("per_class") or []
    if not found:
        return None
    keys = [k for k in found[0] if k != "class" and not isinstance(found[0][k], dict | list)]
    rows = tuple((clean(c["class"], 40), *(number(c[k]) for k in keys)) for c in found)
    return Section("Classes", (), Table(("class", *(k.replace("_", " ") for k in keys)), rows, tuple(range(1, len(keys) + 1))))


def confusion(document: Document) -> Section | None:
    """Rows of the truth, columns of the prediction."""
    found = document.get("confusion")
    names = [c["class"] for c in document.get("per_class") or []]
    if not found or not names or len(names) > MOST_CLASSES:
        return None
    matrix = found["counts"] if isinstance(found, dict) else found
    rows = tuple((clean(n, 20), *(number(v) for v in row)) for n, row in zip(names, matrix, strict=False))
    headers = ("true, predicted:", *(clean(n, 12) for n in names))
    return Section("Confusion", (), Table(headers, rows, tuple(range(1, len(headers)))))
