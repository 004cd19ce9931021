"""The most shifted features, each with its values on both sides."""

from __future__ import annotations

import datetime as dt
from typing import Any

from mdshift.report.charts import shares
from mdshift.report.charts.axes import Scale, known, ticks, told
from mdshift.report.charts.svg import Canvas, Colour, drawn
from mdshift.report.page import Document, Figure
from mdshift.report.text import clean, number, share

MOST = 12  # charts; the table holds the others
NAMES = 6  # levels, words of one; what other levels hold is one bar more
WIDTH, HEIGHT, SIDE, FOOT, TOP = 300.0, 120.0, 12.0, 18.0, 6.0
COLOURS: tuple[Colour, Colour] = ("source", "target")
LEGEND = (("source", "source, filled"), ("target", "target, outlined"))


def features(document: Document) -> tuple[Figure, ...]:
    """A chart for each of the most shifted features of which enough is known."""
    found = (feature(f) for f in document["features"][:MOST])
    return tuple(f for f in found if f is not None)


def feature(record: Document) -> Figure | None:
    """Bins, levels or words of one feature."""
    held = record.get("histogram")
    title, what = clean(record["name"], 60), clean(record["name"], 100)
    if record["kind"] == "text" and record.get("terms"):
        pairs = [(str(t), float(a), float(b)) for t, a, b in record["terms"][:NAMES]]
        return shares.figure(
            pairs, f"Texts of {what} that hold a word", "Share of the texts that hold a word.", title=title, small=True, width=WIDTH
        )
    if not held or not sum(held["source"]) or not sum(held["target"]):
        return None
    laws = tuple([v / (sum(held[side]) + held.get("others", (0, 0))[i]) for v in held[side]] for i, side in enumerate(("source", "target")))
    if "edges" in held:
        return _bins(held["edges"], laws, title, what, record)
    if record["kind"] != "category":
        return _values(_labels(held["levels"], record["kind"]), laws, title, what)
    pairs = [(clean(n, 40), a, b) for n, a, b in zip(held["levels"], *laws, strict=True)][:NAMES]
    drawn_levels, others = len(pairs), held.get("others", (0, 0))
    left = [(sum(held[side][drawn_levels:]) + others[i]) / (sum(held[side]) + others[i]) for i, side in enumerate(("source", "target"))]
    pairs += [("all others", left[0], left[1])] if any(left) else []
    return shares.figure(pairs, f"Values of {what}", title=title, small=True, width=WIDTH)


def _values(names: list[str], laws: tuple[list[float], ...], title: str, what: str) -> Figure:
    """Upright bars, one pair a value; of long names as many as fit."""
    top, room = max(max(law) for law in laws), (WIDTH - 2 * SIDE) / len(names)
    every = next(n for n in range(1, len(names) + 1) if n == len(names) or max(map(len, names)) * 7 < n * room)

    def draw(canvas: Canvas) -> None:
        up = Scale(0.0, top, HEIGHT - FOOT, TOP)
        for i, name in enumerate(names):
            left = SIDE + room * i
            for k, (law, colour) in enumerate(zip(laws, COLOURS, strict=True)):
                x = left + room * (0.1 + 0.4 * k)
                canvas.rectangle(x, up(0), x + 0.36 * room, up(law[i]), colour)
            if i % every == 0:
                canvas.text(left + room / 2, HEIGHT - 4, name, "middle", longest=14)
        canvas.line([(SIDE, up(0)), (WIDTH - SIDE, up(0))], "muted", 0.8)

    told_all = "; ".join(f"{clean(n, 20)} {share(a)} and {share(b)}" for n, a, b in zip(names, *laws, strict=True))
    legend = (("source", "source, left"), ("target", "target, right"))
    return Figure(lambda: drawn(draw, f"Values of {what}, source and target: {told_all}", WIDTH, HEIGHT), "", title, legend, small=True)


def _labels(values: list[Any], kind: str) -> list[str]:
    """Days, or numbers with as many figures as telling them apart takes."""
    if len(known(*values)) < len(values):
        return [clean(v, 40) for v in values]
    return [_day(v) for v in values] if kind == "date" else told(values)


def _day(value: float) -> str:
    try:
        return (dt.date(1970, 1, 1) + dt.timedelta(days=round(value))).isoformat()
    except OverflowError:
        return f"{value:g}"


def _bins(edges: list[float], laws: tuple[list[float], ...], title: str, what: str, record: Document) -> Figure:
    top = max(max(law) for law in laws)
    low, high = edges[0], edges[-1]

    def draw(canvas: Canvas) -> None:
        across, up = Scale(low, high, SIDE, WIDTH - SIDE), Scale(0.0, top, HEIGHT - FOOT, TOP)
        base = up(0)
        for j, v in enumerate(laws[0]):
            if v:
                canvas.rectangle(across(edges[j]), base, across(edges[j + 1]), up(v), "source", 0.55)
        steps = [(across(edges[0]), base)]
        for j, v in enumerate(laws[1]):
            steps += [(across(edges[j]), up(v)), (across(edges[j + 1]), up(v))]
        canvas.line([*steps, (across(edges[-1]), base)], "target", 2)
        canvas.line([(SIDE, base), (WIDTH - SIDE, base)], "muted", 0.8)
        day = record["kind"] == "date"
        places = [low, high] if day else ticks(low, high, 4)
        for k, (value, words) in enumerate(zip(places, map(_day, places) if day else told(places), strict=True)):
            canvas.text(across(value), HEIGHT - 4, words, ("start", "end")[k] if day else "middle")

    most = tuple(law.index(max(law)) for law in laws)
    words = [
        f"{side} most often between {_end(edges[m], record)} and {_end(edges[m + 1], record)} ({share(law[m])})"
        for side, law, m in zip(("source", "target"), laws, most, strict=True)
    ]
    return Figure(lambda: drawn(draw, f"Histogram of {what}: {'; '.join(words)}", WIDTH, HEIGHT), "", title, LEGEND, small=True)


def _end(value: float, record: Document) -> str:
    return _day(value) if record["kind"] == "date" else number(float(value))
