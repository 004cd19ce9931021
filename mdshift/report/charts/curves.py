"""Curves in the unit square: ROC and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mdshift.report.charts.axes import Scale, levels, uprights
from mdshift.report.charts.svg import Canvas, Colour, drawn
from mdshift.report.page import Document, Figure
from mdshift.report.text import clean, interval, number

WIDTH, HEIGHT = 380.0, 350.0
LEFT, RIGHT, TOP, FOOT = 36.0, 14.0, 26.0, 40.0
FEWEST, FEWEST_IN_BIN = 100, 5  # labelled rows, and rows of a bin, from which a calibration error is more than the bins' own noise
Curve = tuple[str, Colour, list[tuple[float, float]]]  # what it is, its colour, its points


def figure(
    curves: Sequence[Curve], names: tuple[str, str], alt: str, caption: str, title: str, *, marks: bool = False, thin: Sequence[Curve] = ()
) -> Figure:
    """Curves above the diagonal's dashed line. names: of the axes. marks: points are marked too. thin: further curves, behind."""

    def draw(canvas: Canvas) -> None:
        across, up = Scale(0, 1, LEFT, WIDTH - RIGHT), Scale(0, 1, HEIGHT - FOOT, TOP)
        uprights(canvas, across, [(TOP, HEIGHT - FOOT)])
        levels(canvas, up, LEFT, WIDTH - RIGHT)
        canvas.line([(across(0), up(0)), (across(1), up(1))], "muted", 1, dashed=True)
        for width, some in ((1.0, thin), (2.2, curves)):
            for _, colour, points in some:
                canvas.line([(across(x), up(y)) for x, y in points], colour, width, opacity=0.3 if width == 1 else 1.0)
        for k, (_, colour, points) in enumerate(curves if marks else ()):
            canvas.marks([(across(x), up(y)) for x, y in points], colour, 6 + k, crosses=colour == "target")
        canvas.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, f"{names[0]} →", "middle")
        canvas.text(LEFT - 22, TOP - 13, f"↑ {names[1]}")

    legend = tuple((colour, name) for name, colour, _ in curves) if len(curves) > 1 else ()
    return Figure(lambda: drawn(draw, alt, WIDTH, HEIGHT), caption, title, legend)


def domains(document: Document) -> Figure | None:
    """How well the domain classifier tells the sides apart."""
    test = (document.get("tests") or {}).get("x") or {}
    found = (test.get("evidence") or {}).get("classifier") or {}
    if not found.get("roc"):
        return None
    area = interval(found["auc"], found.get("low"), found.get("high"))
    caption = (
        f"ROC of a classifier that tells target rows from source rows without having seen them: area {area}, the mean over the folds; "
        ".5 is chance. The curve is of all folds together."
    )
    alt = f"ROC curve of the domain classifier, area {area}"
    return figure(
        [("", "ink", _points(found["roc"]))],
        ("source rows taken for target rows", "target rows found"),
        alt,
        caption,
        "Telling the two apart",
    )


def roc(found: Sequence[tuple[str, Colour, Sequence[Document]]]) -> Figure | None:
    """One class against the rest, for one model or for several: (model, colour, its curves). With two classes one curve says all.

    The area that is told is of every class; of many classes the document has the points of the first ones alone.
    """
    measured = [(name, colour, [c for c in curves if c.get("auc") is not None]) for name, colour, curves in found]
    drawn_ones = [(name, colour, [c for c in curves if c.get("points")], [c["auc"] for c in curves]) for name, colour, curves in measured]
    drawn_ones = [d for d in drawn_ones if d[2]]
    if not drawn_ones:
        return None
    two = all(len(areas) <= 2 for *_, areas in drawn_ones)  # noqa: PLR2004 - the other class has the same curve, mirrored
    main: list[Curve] = []
    thin: list[Curve] = []
    told = []
    for name, colour, curves, areas in drawn_ones:
        if two:
            main.append((name, colour, _points(curves[-1]["points"])))
        else:
            thin += [("", colour, _points(c["points"])) for c in curves if len(drawn_ones) == 1]  # of two models they would hide the means
            main.append((f"{name} (mean)", colour, _mean([_points(c["points"]) for c in curves])))
        told.append(f"{name} {number(areas[-1] if two else sum(areas) / len(areas))}")
    of = (
        f"Class {clean(drawn_ones[0][2][-1]['class'], 40)} against the rest"
        if two
        else "Each class against the rest, and the mean over the classes"
    )
    shown, every = (max(len(d[k]) for d in drawn_ones) for k in (2, 3))
    some = f"; curves of {shown} of {every} classes, area of all:" if shown < every else "; area"
    caption = f"{of}{some} {', '.join(told)}."
    return figure(main, ("others taken for the class", "rows of the class found"), f"ROC curves. {caption}", caption, "ROC", thin=thin)


def _mean(curves: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """The mean height of curves at common places (macro average)."""
    import numpy as np

    grid = np.linspace(0, 1, 41)
    heights = [np.interp(grid, [x for x, _ in c], [y for _, y in c]) for c in curves]
    return [(0.0, 0.0), *((float(x), float(y)) for x, y in zip(grid, np.mean(heights, axis=0), strict=True))]


def _points(points: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


def reliability(found: Sequence[tuple[str, Colour, Document]]) -> Figure | None:
    """How often the model is right at each confidence, for one model or for several: (model, colour, its calibration).

    None below FEWEST labelled rows, where a perfectly calibrated model shows an error, too; a bin of fewer than FEWEST_IN_BIN rows is not drawn.
    """
    curves: list[Curve] = []
    told = []
    for name, colour, calibration in found:
        bins = [b for b in calibration.get("bins") or () if b["rows"] >= FEWEST_IN_BIN]
        if bins and calibrated(calibration):
            curves.append((name, colour, [(float(b["confidence"]), float(b["accuracy"])) for b in bins]))
            told.append(f"{name} {number(calibration.get('ece'))}")
    if not curves:
        return None
    caption = f"On the dashed line the model is right as often as it believes; calibration error {', '.join(told)}."
    return figure(curves, ("confidence", "share that is right"), f"Reliability. {caption}", caption, "Reliability", marks=True)


def calibrated(calibration: Document) -> bool:
    """Whether a calibration error stands on as many rows as it takes."""
    return bool(sum(b["rows"] for b in calibration.get("bins") or ()) >= FEWEST)


def scatter(points: Sequence[Sequence[float]], name: str, colour: Colour) -> Figure | None:
    """True against predicted values of some rows."""
    if not points:
        return None
    values = [v for p in points for v in p]
    low, high = min(values), max(values)

    def draw(canvas: Canvas) -> None:
        across, up = Scale(low, high, LEFT + 16, WIDTH - RIGHT), Scale(low, high, HEIGHT - FOOT, TOP)
        uprights(canvas, across, [(TOP, HEIGHT - FOOT)], 4)
        levels(canvas, up, LEFT + 16, WIDTH - RIGHT)
        canvas.line([(across(low), up(low)), (across(high), up(high))], "muted", 1, dashed=True)
        canvas.marks([(across(x), up(y)) for x, y in points], colour, 4, opacity=0.6)
        canvas.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "true →", "middle")
        canvas.text(LEFT - 22, TOP - 13, "↑ predicted")

    caption = f"Predicted against true values of {number(len(points))} rows; on the dashed line they agree."
    return Figure(lambda: drawn(draw, f"{name}: {caption}", WIDTH, HEIGHT), caption, clean(name, 60))
