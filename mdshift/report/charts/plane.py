"""The rows of both sides in a plane."""

from __future__ import annotations

import math

from mdshift.report.charts.axes import WIDTH, Scale, known
from mdshift.report.charts.svg import Canvas, drawn
from mdshift.report.page import Document, Figure
from mdshift.report.text import clean, number, share

HEIGHT, SIDE, FOOT, TOP = 300.0, 14.0, 36.0, 20.0
RATIO = 20.0  # times as dense as the source: from here on the target's rows count as not covered
FAR = 3.5  # spreads of the second axis that are shown


def plane(document: Document) -> Figure | None:
    """Some rows of source and target by the domain classifier's density ratio and the first component of the rest."""
    found = (document.get("overlap") or {}).get("plane")
    if not found or not found["source"]["x"] or not found["target"]["x"]:
        return None
    source, target = (list(zip(found[s]["x"], found[s]["y"], strict=True)) for s in ("source", "target"))
    xs, ys = known(*(x for x, _ in source + target)), known(*(y for _, y in source + target))
    edge = math.log(RATIO)
    ends = min(*xs, -1.0), max(*xs, edge + 0.5)
    tall = max(-FAR, min(ys)), min(FAR, max(ys))

    def draw(canvas: Canvas) -> None:
        across, up = Scale(*ends, SIDE, WIDTH - SIDE), Scale(tall[0], tall[1], HEIGHT - FOOT, TOP)
        for value, words in ((0.0, "as dense"), (edge, f"{RATIO:.0f} times")):
            canvas.line(
                [(across(value), TOP - 6), (across(value), HEIGHT - FOOT + 4)], "grid" if not value else "muted", 1, dashed=bool(value)
            )
            canvas.text(across(value), HEIGHT - FOOT + 16, words, "middle")
        canvas.marks([(across(x), up(y)) for x, y in source], "source", 4.5, opacity=0.6)
        canvas.marks([(across(x), up(y)) for x, y in target], "target", 5, crosses=True, opacity=0.85)
        canvas.text(SIDE, HEIGHT - 5, "← typical of the source")
        canvas.text(WIDTH - SIDE, HEIGHT - 5, "typical of the target →", "end")

    columns = ", ".join(clean(c, 40) for c in found.get("columns") or ())
    heavy = f", mostly {columns}" if columns else ""
    axes = (
        "Across: how much denser the target is than the source at a row, by a domain classifier that has not seen the row (on a logarithmic scale). "
        f"Upwards: the first principal component of what that leaves, {share(found['explained'])} of the variance{heavy}. "
        f"Right of the dashed line the source has hardly any data. {number(len(source))} source and {number(len(target))} target rows."
    )
    beyond = sum(x > edge for x, _ in target) / len(target)
    alt = f"Rows of source and target in a plane: {share(beyond)} of the target's rows shown lie where it is more than {RATIO:.0f} times as dense"
    legend = (("source", "source"), ("target", "target"))
    return Figure(lambda: drawn(draw, alt, WIDTH, HEIGHT), axes, "Overlap in the plane", legend)
