"""Small pairs with a known shift: to try the commands on, and to see that they find what is there.

Every pair is drawn from a law that is written down in its `truth.json`, so the shift is known by construction.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = dict[str, NDArray[Any]]
    Draw = Callable[[np.random.Generator, int, bool], Table]

ROWS = 600
SIDE = 16  # pixels
SHAPES = ("cross", "disc", "square")
IMAGES = 40  # a class and domain


@dataclass(frozen=True)
class Pair:
    """A sample pair: which kinds of shift it has, and the law of its rows in a sentence."""

    name: str
    kinds: tuple[str, ...]
    how: str
    draw: Draw


def write(folder: str, *, seed: int = 0, force: bool = False) -> list[str]:
    """Write the pairs into folders below `folder` and return these, sorted; the same seed gives the same bytes.

    Tables: `source.csv`, `target.csv` (both with labels in `y`), `target_unlabelled.csv` (the latter without), `new.csv` (fresh
    labelled rows of the target's law, to score a model on). Images: `source/CLASS`, `target/CLASS`, `target_unlabelled`, `new/CLASS`.

    Raises UsageError when the folder is there already and not empty, unless forced (then only what these samples are
    called is overwritten); EnvironmentFault when it cannot be written.
    """
    root = Path(folder)
    if root.exists() and not root.is_dir():
        raise UsageError("not a folder", repr(folder), "name a new folder")
    if root.is_dir() and any(root.iterdir()) and not force:
        raise UsageError("the folder is not empty", repr(folder), "name a new one, or overwrite the samples in it with --force")
    written = set()
    try:
        for path, content in _files(seed):
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            written.add(str(root / path.split("/", 1)[0]))
    except OSError as error:
        raise EnvironmentFault(
            "cannot write the samples", f"{folder}: {error.strerror or error}", "name a folder that can be written"
        ) from None
    return sorted(written)


def _files(seed: int) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for pair in PAIRS:
        parts = {
            part: pair.draw(generator(seed, "samples", pair.name, part), ROWS, part != "source") for part in ("source", "target", "new")
        }
        parts["target_unlabelled"] = {k: v for k, v in parts["target"].items() if k != "y"}
        found += [(f"{pair.name}/{part}.csv", _csv(table)) for part, table in parts.items()]
        found.append((f"{pair.name}/truth.json", _truth(pair.kinds, pair.how)))
    return found + _images(seed)


def _truth(kinds: tuple[str, ...], how: str, label: str = "y") -> bytes:
    truth: Mapping[str, Any] = {"kinds": list(kinds), "label": label, "task": "classification", "how": how}
    return (json.dumps(truth, indent=2) + "\n").encode()


def _csv(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*(c.tolist() for c in table.values()), strict=True))
    return text.getvalue().encode()


def _patients(rng: np.random.Generator, ill: NDArray[np.bool_]) -> Table:
    """P(X|Y) of a screening: two blood markers, age, and a symptom, given who is ill."""
    import numpy as np

    n = len(ill)
    symptom = np.where(rng.random(n) < np.where(ill, 0.6, 0.3), np.where(rng.random(n) < 0.5, "cough", "fever"), "none")  # noqa: PLR2004 - the law
    return {
        "marker_a": (rng.normal(1.0, 1.0, n) + 0.9 * ill).round(3),
        "marker_b": (rng.normal(5.0, 2.0, n) - 1.2 * ill).round(3),
        "age": np.clip(rng.normal(52, 14, n) + 5 * ill, 18, 95).round().astype(np.int64),
        "symptom": symptom,
        "y": np.where(ill, "ill", "healthy"),
    }


def _label(rng: np.random.Generator, n: int, target: bool) -> Table:
    return _patients(rng, rng.random(n) < (0.1 if target else 0.5))


def _houses(rng: np.random.Generator, n: int, *, moved: bool, turned: bool) -> Table:
    """Will a house sell in a month? moved: other houses, the same buyers; turned: the same houses, other buyers."""
    import numpy as np

    rooms = np.clip(rng.normal(6.2 if moved else 4.2, 1.2, n), 1, 12)
    distance = rng.gamma(2.0, 5.0 if moved else 3.0, n)
    year = np.clip(rng.normal(1975, 18, n), 1900, 2024).round()
    garden = rng.random(n) < (0.8 if moved else 0.4)
    # buyers like four to six rooms; turned buyers have come to like distance, and no longer mind age
    score = 1.6 - 0.7 * (rooms - 5.0) ** 2 + (year - 1975) / (200 if turned else 20) + (0.22 if turned else -0.16) * (distance - 6)
    sold = rng.random(n) < 1 / (1 + np.exp(-1.2 * score))
    return {
        "rooms": rooms.round(1),
        "distance_km": distance.round(2),
        "year_built": year.astype(np.int64),
        "garden": np.where(garden, "yes", "no"),
        "y": np.where(sold, "sold", "unsold"),
    }


def _covariate(rng: np.random.Generator, n: int, target: bool) -> Table:
    return _houses(rng, n, moved=target, turned=False)


def _concept(rng: np.random.Generator, n: int, target: bool) -> Table:
    return _houses(rng, n, moved=False, turned=target)


def _none(rng: np.random.Generator, n: int, target: bool) -> Table:  # noqa: ARG001 - there is no difference
    return _houses(rng, n, moved=False, turned=False)


PRAISE = ("wonderful", "excellent", "great", "lovely", "very good", "a joy", "better than expected", "worth every cent")
BLAME = ("terrible", "a disappointment", "poor", "dull", "a waste of money", "worse than expected", "not good", "annoying")
BOOKS = (
    ("the plot", "this novel", "the writing", "the last chapter", "the hero"),
    ("I read it in two evenings", "it came with a paper cover", "the author is new to me", "my sister lent it to me"),
)
KITCHEN = (
    ("the kettle", "this pan", "the handle", "the blender", "the lid"),
    ("I use it every morning", "it came with a spare seal", "the maker is new to me", "my sister has the same one"),
)


def _text(rng: np.random.Generator, n: int, target: bool) -> Table:
    """Reviews: words of praise and blame mean the same everywhere, what is spoken of differs."""
    import numpy as np

    things, asides = KITCHEN if target else BOOKS
    good = rng.random(n) < 0.5  # noqa: PLR2004 - the law
    sentences = []
    for is_good in good:
        words, others = (PRAISE, BLAME) if is_good else (BLAME, PRAISE)
        first, second = rng.choice(words, 2, replace=False)
        mixed = f" Only {rng.choice(things)} was {rng.choice(others)}." if rng.random() < 0.35 else ""  # noqa: PLR2004 - the law
        sentences.append(f"{rng.choice(things).capitalize()} is {first}; {rng.choice(asides)}.{mixed} All in all {second}.")
    return {"text": np.array(sentences), "y": np.where(good, "positive", "negative")}


def _images(seed: int) -> list[tuple[str, bytes]]:
    """Discs, squares and crosses; the target's are dark on light, turned, and noisier."""
    found: list[tuple[str, bytes]] = []
    unlabelled: list[bytes] = []
    for part in ("source", "target", "new"):
        for shape in SHAPES:
            rng = generator(seed, "samples", "images", part, shape)
            for i in range(IMAGES):
                png = _png(_shape(rng, shape, target=part != "source"))
                found.append((f"images/{part}/{shape}/{i:03d}.png", png))
                if part == "target":
                    unlabelled.append(png)
    order = generator(seed, "samples", "images", "order").permutation(len(unlabelled))
    found += [(f"images/target_unlabelled/{i:03d}.png", unlabelled[k]) for i, k in enumerate(order)]
    how = "P(X) differs: the same three shapes, light on dark in the source, dark on light, turned by up to 45 degrees and noisier in the target"
    return [*found, ("images/truth.json", _truth(("covariate",), how, label="label"))]


def _shape(rng: np.random.Generator, shape: str, *, target: bool) -> NDArray[np.uint8]:
    import numpy as np

    centre = (SIDE - 1) / 2 + rng.uniform(-1.5, 1.5, 2)
    size = rng.uniform(3.5, 5.5)
    angle = rng.uniform(-np.pi / 4, np.pi / 4) if target else rng.uniform(-0.1, 0.1)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    a, b = rows - centre[0], columns - centre[1]
    u, v = a * np.cos(angle) + b * np.sin(angle), b * np.cos(angle) - a * np.sin(angle)
    inside = {
        "disc": np.hypot(u, v) < size,
        "square": np.maximum(abs(u), abs(v)) < size * 0.88,
        "cross": (np.minimum(abs(u), abs(v)) < size * 0.35) & (np.maximum(abs(u), abs(v)) < size * 1.15),
    }[shape]
    light = 40 + 170 * inside + rng.normal(0, 24 if target else 10, inside.shape)
    pixels: NDArray[np.uint8] = np.clip(255 - light if target else light, 0, 255).astype(np.uint8)
    return pixels


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", optimize=True)
    return out.getvalue()


PAIRS = (
    Pair("covariate", ("covariate",), "P(X) differs: other houses (larger, farther out); P(Y|X) is the same: the same buyers", _covariate),
    Pair("label", ("label",), "P(Y) differs: 50 % ill in the source, 10 % in the target; P(X|Y) is the same", _label),
    Pair("concept", ("concept",), "P(Y|X) differs: the target's buyers like distance and do not mind age; P(X) is the same", _concept),
    Pair("none", (), "no shift: both sides are drawn from one law", _none),
    Pair("text", ("covariate",), "P(X) differs: reviews of books and of kitchen ware; praise and blame mean the same", _text),
)
