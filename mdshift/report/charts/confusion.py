"""Which classes are taken for which, as a matrix of shares."""

from __future__ import annotations

from collections.abc import Sequence

from mdshift.report.charts.svg import Canvas, Colour, drawn
from mdshift.report.page import Figure
from mdshift.report.text import clean, share

WIDTH, TOP, LEFT, RIGHT = 380.0, 40.0, 84.0, 6.0
MOST = 12  # classes that are told apart on a phone


def figure(
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    title: str,
    caption: str,
    colour: Colour = "bar",
    axes: tuple[str, str] = ("true", "predicted"),
) -> Figure | None:
    """The matrix, every row in per cent of itself; None where there are too many classes, or no counts."""
    k = len(names)
    if not 1 < k <= MOST or len(counts) != k or not any(map(sum, counts)):
        return None
    cell = (WIDTH - LEFT - RIGHT) / k
    tall = min(cell, 44.0)
    height = TOP + tall * k + 6

    def draw(canvas: Canvas) -> None:
        letters = max(3, int(cell / 7))
        canvas.text(LEFT - 6, TOP - 8, f"{axes[0]} ↓", "end")
        canvas.text(LEFT, 13, f"{axes[1]} →")
        for i, name in enumerate(names):
            middle = LEFT + cell * (i + 0.5)
            canvas.text(middle, TOP - 8, name, "middle", "ink", longest=letters)
            canvas.text(LEFT - 6, TOP + tall * (i + 0.5) + 4, name, "end", "ink", longest=12)
            total = sum(counts[i]) or 1
            for j, count in enumerate(counts[i]):
                x, y = LEFT + cell * j, TOP + tall * i
                canvas.rectangle(x + 1, y + 1, x + cell - 1, y + tall - 1, "grid", 0.35)
                canvas.rectangle(x + 1, y + 1, x + cell - 1, y + tall - 1, colour, 0.75 * count / total)
                if count:
                    canvas.text(x + cell / 2, y + tall / 2 + 4, f"{100 * count / total:.0f}", "middle", "ink", 10)

    total = sum(map(sum, counts)) or 1
    same = sum(counts[i][i] for i in range(k)) / total
    alt = f"{title}: {share(same)} of the rows on the diagonal; classes {', '.join(clean(n, 20) for n in names)}"
    return Figure(lambda: drawn(draw, alt, WIDTH, height), caption, title)
