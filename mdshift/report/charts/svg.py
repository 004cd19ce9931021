"""A drawing as inline SVG: colours through the page's variables, text as text, no identifiers, the same bytes for the same content.

What matplotlib writes is not taken as it stands: paths and texts are copied with the few attributes named here, and every text is escaped
again. Axes are drawn by hand, since matplotlib's own take ten times as long and a page has some twenty charts.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Literal

from mdshift.report.text import clean

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    Point = tuple[float, float]

Colour = Literal["ink", "muted", "grid", "source", "target", "bar"]
# of the light page; each stands for a variable of the page, which is another colour in the dark. Source and target are told apart by
# people who don't see all colours (Okabe & Ito 2008), and never by colour alone.
COLOURS: dict[Colour, str] = {
    "ink": "#1a1a1a",
    "muted": "#6e6e6e",
    "grid": "#dadada",
    "source": "#0072b2",
    "target": "#d55e00",
    "bar": "#66788a",
}
VARIABLES = {value: f"var(--{name})" for name, value in COLOURS.items()}
SMALL, FONT = 11.0, 12.0  # pixels
KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "text-anchor")
DROPPED = ("defs", "metadata", "style")
NUMBER = re.compile(r"-?\d+\.\d+")


class Canvas:
    """A sheet of `width` by `height` CSS pixels; x from the left, y from the top."""

    def __init__(self, width: float, height: float, figure: Figure) -> None:
        self.width, self.height, self._figure = width, height, figure

    def rectangle(self, x: float, y: float, to_x: float, to_y: float, colour: Colour, opacity: float = 1.0) -> None:
        """A filled rectangle between two corners."""
        from matplotlib.patches import Rectangle

        low, high = min(y, to_y), max(y, to_y)
        corner = (min(x, to_x), self.height - high)
        self._add(Rectangle(corner, abs(to_x - x), high - low, facecolor=COLOURS[colour], edgecolor="none", alpha=opacity))

    def line(self, points: Iterable[Point], colour: Colour, width: float = 1.5, *, dashed: bool = False, opacity: float = 1.0) -> None:
        """A line through points."""
        from matplotlib.lines import Line2D

        xs, ys = zip(*points, strict=True)
        style: Any = (0, (4, 3)) if dashed else "solid"
        line = Line2D(xs, [self.height - y for y in ys], color=COLOURS[colour], linewidth=width, linestyle=style, alpha=opacity)
        line.set_solid_capstyle("butt")
        self._add(line)

    def marks(self, points: Sequence[Point], colour: Colour, size: float = 3.0, *, crosses: bool = False, opacity: float = 1.0) -> None:
        """A dot or a cross at every point, all in one path."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        half = size / 2
        strokes = ((-half, -half), (half, half)), ((-half, half), (half, -half))
        vertices: list[Point] = []
        for x, y in points:
            if crosses:
                vertices += [(x + dx, self.height - y + dy) for pair in strokes for dx, dy in pair]
            else:  # a line of next to no length with a round cap
                vertices += [(x, self.height - y), (x + 0.1, self.height - y)]
        if not vertices:
            return
        path = Path(vertices, [Path.MOVETO, Path.LINETO] * (len(vertices) // 2))
        width = 1.2 if crosses else size
        self._add(PathPatch(path, fill=False, edgecolor=COLOURS[colour], linewidth=width, capstyle="round", alpha=opacity))

    def text(
        self, x: float, y: float, words: Any, anchor: str = "start", colour: Colour = "muted", size: float = SMALL, longest: int = 60
    ) -> None:
        """Words whose base line begins, has its middle or ends ("start", "middle", "end") at a point."""
        from matplotlib.text import Text

        side: Any = {"start": "left", "middle": "center", "end": "right"}[anchor]
        text = clean(words, longest)
        self._add(Text(x, self.height - y, text, color=COLOURS[colour], size=size, ha=side, va="baseline", parse_math=False))

    def _add(self, artist: Artist) -> None:
        from matplotlib.transforms import IdentityTransform

        artist.set_transform(IdentityTransform())
        artist.set_clip_on(False)
        artist.set_zorder(len(self._figure.get_children()))  # in the order in which it is drawn
        self._figure.add_artist(artist)


def drawn(draw: Callable[[Canvas], None], alt: str, width: float, height: float) -> str:
    """The SVG of what `draw` puts on a canvas of this size. alt: the same in words, for who can't see it.

    The figure is made without pyplot and under matplotlib's own defaults, whatever the user's settings are; these come back afterwards.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the measuring font lacks is the reader's font's matter
        mpl.rcdefaults()
        settings: Any = {"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "mdshift", "path.simplify": False}
        mpl.rcParams.update(settings)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        figure.patch.set_visible(False)
        draw(Canvas(width, height, figure))
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    reader = _Reader()
    reader.feed(stream.getvalue())
    reader.close()
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg role="img" aria-label="{escape(clean(alt, 1000))}" {size}>{"".join(reader.out)}</svg>'


class _Reader(HTMLParser):
    """Copies what is drawn: paths and texts, without groups, clips, definitions, comments and identifiers."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.dropped = 0  # open elements whose content is no drawing
        self.in_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED:
            self.dropped += 1
        elif tag in {"path", "text"} and not self.dropped:
            self.in_text = tag == "text"
            self.out.append(f"<{tag}{_attributes({k: v or '' for k, v in attrs})}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED:
            self.dropped -= 1
        elif tag in {"path", "text"} and not self.dropped:
            self.in_text = False
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self.in_text and not self.dropped:
            self.out.append(escape(data))


def _attributes(given: dict[str, str]) -> str:
    """Where it stands, and its style with the page's variables for colours."""
    style = dict(part.strip().split(": ", 1) for part in given.get("style", "").split(";") if ": " in part)
    kept = {k: VARIABLES.get(style[k], style[k]) for k in KEPT if k in style}
    font = re.search(r"([\d.]+)px", style.get("font", "") or style.get("font-size", ""))
    if font is not None:
        kept["font-size"] = font.group()
    told = "".join(f' {k}="{escape(_short(given[k]))}"' for k in ("d", "x", "y") if k in given)
    return f'{told} style="{escape(";".join(f"{k}:{v}" for k, v in kept.items()))}"'


def _short(value: str) -> str:
    """Coordinates to a tenth of a pixel, on one line."""
    return NUMBER.sub(lambda m: f"{round(float(m.group()), 1):g}", " ".join(value.split()))
