"""Values with their intervals, one below the other: the kinds of shift, what it costs, scores before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mdshift.report.charts.axes import WIDTH, Scale, known, uprights
from mdshift.report.charts.svg import SMALL, Canvas, Colour, drawn
from mdshift.report.page import Document, Figure
from mdshift.report.text import interval

ROW, BAR, SIDE = 40.0, 10.0, 12.0
MOST = 12


@dataclass(frozen=True)
class Row:
    """A value, what it is, and its interval; `told` stands in the place of the numbers."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    colour: Colour = "bar"
    told: str = ""

    @property
    def words(self) -> str:
        """The numbers as they stand beside the bar."""
        return self.told or interval(self.value, self.low, self.high)


def figure(rows: Sequence[Row], what: str, caption: str, *, bars: bool, ends: tuple[float, float] | None = None, title: str = "") -> Figure:
    """The chart of rows. bars: from 0 to the value, else a dot. ends: of the scale; it always holds 0 where bars are drawn."""
    numbers = known(*(v for r in rows for v in (r.value, r.low, r.high)), *(ends or ()), *([0.0] if bars else []))
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    room = 0.04 * (high - low) if ends is None else 0.0
    edge = (low - room if low < 0 or not bars else low, high + room)
    height = ROW * len(rows) + 10

    def draw(canvas: Canvas) -> None:
        scale = Scale(*edge, SIDE, WIDTH - SIDE)
        spans = [(ROW * i + 15, ROW * i + 33) for i in range(len(rows))]
        uprights(canvas, scale, spans)
        for i, row in enumerate(rows):
            _row(canvas, scale, row, ROW * i + 11, bars=bars)
        if bars and edge[0] < 0:
            for top, bottom in spans:
                canvas.line([(scale(0), top), (scale(0), bottom)], "muted", 1)

    alt = f"{what}: " + "; ".join(f"{r.name} {r.words}" for r in rows)
    return Figure(lambda: drawn(draw, alt, WIDTH, height), caption, title)


def _row(canvas: Canvas, scale: Scale, row: Row, y: float, *, bars: bool) -> None:
    canvas.text(SIDE, y, row.name, "start", "ink", SMALL, 44)
    canvas.text(WIDTH - SIDE, y, row.words, "end", "ink", SMALL, 40)
    top, middle = y + 8, y + 8 + BAR / 2
    if row.value is not None and bars:
        canvas.rectangle(scale(0), top, scale(row.value), top + BAR, row.colour, 0.75)
    if row.low is not None and row.high is not None:
        a, b = scale(row.low), scale(row.high)
        canvas.line([(a, middle), (b, middle)], "ink", 1.6)
        for x in (a, b):
            canvas.line([(x, middle - 4), (x, middle + 4)], "ink", 1.6)
    if row.value is not None and not bars:
        canvas.marks([(scale(row.value), middle)], row.colour, 9)


def kinds(document: Document) -> Figure | None:
    """The effect of each of the three kinds, with its interval."""
    rows = []
    for name, s in document["shifts"].items():
        verdict = {"shift": s["severity"], "no-shift": "not found", "untestable": "can't be tested"}.get(s["verdict"], s["verdict"])
        because, numbers = _explained(name, document), interval(s["effect"], s["low"], s["high"])
        words = verdict if s["effect"] is None else numbers if because else f"{numbers}, {verdict}"
        rows.append(Row(f"{name} shift{because}", s["effect"], s["low"], s["high"], "target" if s["verdict"] == "shift" else "bar", words))
    if all(r.value is None for r in rows):
        return None
    caption = "Effect of each kind with its interval; 0 is none, and the coloured ones are the reading."
    return figure(rows, "Effects of the kinds of shift", caption, bars=True, ends=(0.0, 1.0))


def _explained(name: str, document: Document) -> str:
    """What explains that a kind is significant and not named; nothing where it was simply not found."""
    s, others = document["shifts"][name], [k for k in document["kinds"] if k in document["shifts"]]
    alpha = (document.get("settings") or {}).get("alpha", 0.05)
    if s["verdict"] != "no-shift" or s["effect"] is None or s["p_value"] is None or s["p_value"] >= alpha or not others:
        return ""
    if len(others) > 1:
        return ", explained by the others"
    sure = (document["shifts"].get("concept") or s)["verdict"] not in (
        "unclear",
        "untestable",
    )  # else part of the change may be of that kind
    return f", explained by {others[0]} shift" if sure else f", {others[0]} shift may explain it"


def cost(document: Document) -> tuple[Figure, ...]:
    """The scores on both sides, and the drop with the parts that the kinds have in it."""
    p = document.get("performance")
    if not p or p.get("source") is None:
        return ()
    expected = p.get("expected") or {}
    rows = [_ended("on the source, cross-validated", p["source"], p.get("source_interval"), "source")]
    if p.get("target") is not None:
        rows.append(_ended("on the target, by its labels", p["target"], p.get("target_interval"), "target"))
    if expected.get("value") is not None:
        rows.append(Row("expected without its labels", expected["value"], expected.get("low"), expected.get("high"), "bar"))
    metric = "R2" if p["metric"] == "r2" else str(p["metric"])
    found = [figure(rows, f"Scores, {metric}", "Scores of a model trained on the source, with their intervals.", bars=False, title=metric)]
    if p.get("drop") is not None:
        ends = p.get("attribution_intervals") or {}
        names = {"covariate": "the inputs, P(X)", "label": "the label, P(Y)", "concept": "their relation, P(Y|X)"}
        parts = [(k, v) for k, v in (p.get("attribution") or {}).items() if v is not None and (v != 0 or any(ends.get(k) or ()))]
        drop = _ended("drop in all", p["drop"], ends.get("drop"), "target")
        split = [drop, *(_ended(f"due to {names.get(k, k)}", v, ends.get(k), "bar") for k, v in parts)]
        caption = "The drop from source to target, and what each kind of shift has of it; to the left of 0 the score rose."
        title = "drop" if p.get("target") is not None else "expected drop"
        found.append(figure(split, "The drop and its parts", caption, bars=True, title=title))
    return tuple(found)


def scores(document: Document) -> Figure | None:
    """The source model's score beside the adapted one's."""
    found = [
        (told, document["scores"].get(k), c) for k, told, c in (("source_only", "source-only", "source"), ("adapted", "adapted", "target"))
    ]
    rows = [_scored(told, s, c) for told, s, c in found if s is not None and s["value"] is not None]
    if len(rows) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    metrics = {s["metric"] for _, s, _ in found if s is not None}
    return figure(rows, "Scores before and after", f"{', '.join(sorted(metrics))} before and after, with intervals.", bars=False)


def candidates(document: Document) -> Figure | None:
    """What each candidate is believed to reach, beside the source model."""
    tried = [c for c in document["candidates"] if c["estimate"] is not None and c["estimate"]["value"] is not None]
    if len(tried) < 3:  # noqa: PLR2004 - before and after say the same
        return None
    first, rest = tried[0], sorted(tried[1:], key=lambda c: -c["estimate"]["value"])
    rows = [_scored(c["strategy"], c["estimate"], "source" if c is first else "target") for c in (first, *rest[: MOST - 1])]
    caption = "What every candidate is believed to reach, the source model first, then the best."
    return figure(rows, "Estimates of the candidates", caption, bars=False)


def _scored(name: str, score: Any, colour: Any) -> Row:
    return Row(name, score["value"], score["low"], score["high"], colour)


def _ended(name: str, value: float, ends: Sequence[float | None] | None, colour: Colour) -> Row:
    low, high = ends or (None, None)
    return Row(name, value, low, high, colour)
