"""Shares on both sides, two bars a row: classes, levels of a category, words of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mdshift.report.charts.axes import WIDTH, Scale, uprights
from mdshift.report.charts.svg import SMALL, Canvas, drawn
from mdshift.report.page import Document, Figure
from mdshift.report.text import clean, share

Pair = tuple[str, float, float]
ROW, BAR, SIDE = 36.0, 8.0, 12.0
MOST = 12


def figure(pairs: Sequence[Pair], what: str, caption: str = "", *, title: str = "", small: bool = False, width: float = WIDTH) -> Figure:
    """The chart of (name, share in the source, share in the target)."""
    top = max((max(a, b) for _, a, b in pairs), default=0.0) or 1.0
    height = ROW * len(pairs) + 20

    def draw(canvas: Canvas) -> None:
        scale = Scale(0.0, top, SIDE, width - SIDE)
        spans = [(ROW * i + 15, ROW * i + 34) for i in range(len(pairs))] or [(0.0, 4.0)]
        uprights(canvas, scale, spans, 4, 100, " %")
        for i, (name, source, target) in enumerate(pairs):
            y = ROW * i + 12
            canvas.text(SIDE, y, name, "start", "ink", SMALL, 24 if small else 36)
            canvas.text(width - SIDE, y, f"{share(source)} → {share(target)}", "end", "ink", SMALL)
            canvas.rectangle(scale(0), y + 4, scale(source), y + 4 + BAR, "source")
            canvas.rectangle(scale(0), y + 5 + BAR, scale(target), y + 5 + 2 * BAR, "target")

    alt = f"{clean(what)}, source and target: " + "; ".join(f"{clean(n, 30)} {share(a)} and {share(b)}" for n, a, b in pairs)
    return Figure(
        lambda: drawn(draw, alt, width, height), caption, title, (("source", "source, above"), ("target", "target, below")), small
    )


def classes(document: Document) -> Figure | None:
    """The classes' shares on both sides."""
    label = document.get("label") or {}
    source, target = label.get("source_prior"), label.get("target_prior")
    if not label.get("classes") or not source or not target:
        return None
    pairs = [(str(n), float(a), float(b)) for n, a, b in zip(label["classes"], _listed(source, label), _listed(target, label), strict=True)]
    pairs = sorted(pairs, key=lambda p: -max(p[1], p[2]))[:MOST] if len(pairs) > MOST else pairs
    caption = "Share of each class on both sides" + (", the target's estimated." if label.get("estimated") else ".")
    return figure(pairs, "Shares of the classes", caption)


def _listed(prior: Any, label: Document) -> list[float]:
    return [prior.get(c) or 0.0 for c in label["classes"]] if isinstance(prior, dict) else list(prior)
