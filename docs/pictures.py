"""Draw the pictures of `kinds.md` from mdshift's own diagnoses of `mdshift samples`: `python docs/pictures.py`."""  # noqa: INP001 - a script

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from mdshift.report.charts import intervals, plane, shares
from mdshift.report.charts.axes import WIDTH
from mdshift.report.charts.svg import COLOURS
from mdshift.report.page import Figure

FOLDER = Path(__file__).parent / "pictures"
GAP, TOP = 20.0, 50.0
ROOMS = 4.0  # from here on the houses of `compound`
Document = Mapping[str, Any]


def drop(document: Document) -> Figure | None:
    """The drop and its parts."""
    return intervals.cost(document)[1]


# name: (folder of the samples, the target's file, what stands beside the effects)
PICTURES: Mapping[str, tuple[str, str, Callable[[Document], Figure | None]]] = {
    "none": ("none", "target.csv", plane.plane),
    "covariate": ("covariate", "target.csv", plane.plane),
    "label": ("label", "target.csv", shares.classes),
    "concept": ("concept", "target.csv", drop),
    "compound": ("concept", "compound.csv", drop),
    "unclear": ("text", "target.csv", plane.plane),
}
HEADS = {
    plane.plane: "rows, told apart by a classifier",
    shares.classes: "shares of the classes",
    drop: "the drop of the accuracy, and its parts",
}


def compound(folder: Path) -> None:
    """Write `concept/compound.csv`: those target rows of `concept` with more than ROOMS rooms, so that the inputs move as well."""
    head, *rows = (folder / "concept" / "target.csv").read_text("utf-8").splitlines()
    kept = [row for row in rows if float(row.split(",")[0]) > ROOMS]
    (folder / "concept" / "compound.csv").write_text("\n".join([head, *kept]) + "\n", "utf-8")


def diagnosed(folder: Path, name: str) -> Document:
    """What mdshift says of a pair, as its JSON document."""
    from mdshift.cli.main import main

    pair, target, _ = PICTURES[name]
    out = folder / f"{name}.json"
    code = main(["diagnose", str(folder / pair / "source.csv"), str(folder / pair / target), "--label", "y", "-q", "-o", str(out)])
    if code:
        sys.exit(code)
    document: Document = json.loads(out.read_text("utf-8"))
    return document


def picture(name: str, document: Document) -> str:
    """The effects of the three kinds, and beside them what shows this kind best, as one SVG that stands by itself."""
    beside = PICTURES[name][2]
    charts = [(f"effects: {name}" if name != "none" else "effects: no shift", intervals.kinds(document)), (HEADS[beside], beside(document))]
    drawn = [(head, figure.draw(), figure.legend) for head, figure in charts if figure is not None]
    heights = [float(re.search(r' height="([\d.]+)"', svg)[1]) for _, svg, _ in drawn]  # type: ignore[index] - every chart has one
    width, height = WIDTH * len(drawn) + GAP * (len(drawn) + 1), TOP + max(heights) + GAP
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" ']
    out += ['font-family="system-ui, sans-serif">', f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>']
    for i, (head, svg, legend) in enumerate(drawn):
        x = GAP + i * (WIDTH + GAP)
        out.append(f'<text x="{x + 12:g}" y="22" font-size="13" font-weight="bold" fill="{COLOURS["ink"]}">{escape(head)}</text>')
        for j, (mark, words) in enumerate(legend):
            colour = {"source": COLOURS["source"], "target": COLOURS["target"]}.get(mark, COLOURS["ink"])
            sign = {"source": "●", "target": "✕"}[mark] if beside is plane.plane else "■"
            out.append(f'<text x="{x + 12 + 130 * j:g}" y="40" font-size="11" fill="{colour}">{sign} {escape(words)}</text>')
        out.append(svg.replace("<svg ", f'<svg x="{x:g}" y="{TOP:g}" ', 1))
    text = "".join([*out, "</svg>\n"])
    return re.sub(r"var\(--(\w+)\)", lambda m: COLOURS[m[1]], text)  # type: ignore[index] - a variable of a chart is a colour's name


def draw(into: Path) -> None:
    """Draw all of them."""
    from mdshift.samples import write

    into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MDSHIFT_RUNS"] = str(folder / "runs.sqlite")
        write(str(folder / "pairs"))
        compound(folder / "pairs")
        for kind in PICTURES:
            (into / f"{kind}.svg").write_text(picture(kind, diagnosed(folder / "pairs", kind)), "utf-8")


if __name__ == "__main__":
    draw(FOLDER)
