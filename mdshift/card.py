"""The card of a model folder: its README.md, for whoever finds the folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdshift import __version__

if TYPE_CHECKING:
    from mdshift.store import Model

LONGEST = 80  # characters of a name


def card(model: Model, report: Mapping[str, Any]) -> str:
    """A model card (Mitchell 2019): what it predicts from what, how it was made, how well it does, and where it should not be trusted."""
    columns = ", ".join(_name(c.name) for c in model.schema.columns[:20]) + (" …" if len(model.schema.columns) > 20 else "")  # noqa: PLR2004 - a line
    wanted = _name(model.label or "") + (f", one of {', '.join(_name(c) for c in model.classes[:30])}" if model.classes else ", a number")
    scores = [
        f"- {name.replace('_', '-')}: {s['metric']} {s['value']:.3f} [{s['low']:.3f}, {s['high']:.3f}], on: {s['on']}"
        for name, s in (report.get("scores") or {}).items()
        if s and None not in (s["value"], s["low"], s["high"])
    ]
    return "\n".join(
        [
            f"# A model for {wanted}",
            "",
            f"Made by mdshift {__version__}: strategy `{model.strategy}`, kept: {report.get('kept', 'unknown')}.",
            _visible(str(report.get("reason", ""))),
            *_built(report),
            "",
            "## Use",
            "",
            "    mdshift predict THIS_FOLDER NEW_DATA -o predictions.csv",
            "",
            f"It reads {len(model.schema.columns)} columns ({model.schema.modality}): {columns or 'the pixels'}.",
            "",
            "## Scores",
            "",
            *(scores or ["- none could be measured or estimated"]),
            "",
            "An estimate without target labels rests on conditions that cannot be tested without labels: in particular that the relation of",
            "the label to the features is the same in the target as in the source. `report.json` holds everything that was tried.",
            "",
        ]
    )


def _built(report: Mapping[str, Any]) -> list[str]:
    """A sentence of how the training data were built, where that was asked for."""
    evidence = [dict(c.get("evidence") or {}) for c in report.get("candidates") or ()]
    found = next((e["construction"] for e in evidence if "construction" in e), None)
    if found is None:
        return []
    parts = [f"split {found['split']}" + (f" by {_name(found['group'])}" if "group" in found else "")]
    parts += [f"class weights {found['class_weight']}"] if found["class_weight"] != "none" else []
    dropped = found.get("dropped", {})
    parts += [f"{rows} source rows left out as {why}" for why, rows in dropped.items() if why != "rows_left"]
    return ["Training data: " + ", ".join(parts) + "."]


def _name(text: str) -> str:
    """A name from the data as code, in which Markdown takes every character literally; 80 of them at most."""
    shown = _visible(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…") or "–"
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _visible(text: str) -> str:
    """The text with what acts on a terminal or on the direction of writing shown as an escape."""
    harmless = (c.isprintable() or unicodedata.category(c) == "Zs" for c in text)
    return "".join(c if fine else c.encode("unicode_escape").decode() for c, fine in zip(text, harmless, strict=True))
