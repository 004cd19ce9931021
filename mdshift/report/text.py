"""Words and numbers made safe and short for people."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

LONGEST = 200
DASH = "–"
PLAIN, BIG = 1e-5, 1e15  # numbers below and from there on are written by powers of ten


def clean(value: Any, longest: int = LONGEST) -> str:
    """One line of text without control characters (they are shown as escapes), cut to `longest` characters.

    Line breaks, terminal escapes, bidirectional overrides and lone surrogates in a user's names must not act on a terminal.
    """
    text = str(value)
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(c if _harmless(c) else _escape(c) for c in cut)


def _harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # other spaces, such as the unbreakable one


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode() if character != "\n" else "\\n"


def number(value: Any, digits: int = 3) -> str:
    """A number in a table: a dash for None, three decimals below ten, fewer above, more where it would read as zero; a power of ten where none could be read."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        size = abs(value)
        if size != 0 and size < 0.5 * 10**-digits:
            return f"{value:.{math.ceil(-math.log10(size))}f}" if size >= PLAIN else f"{value:.0e}"
        if size >= BIG:
            return f"{value:.3g}"
        return f"{value:,.{digits if size < 10 else 1 if size < 10**4 else 0}f}"  # noqa: PLR2004 - four figures or so
    return clean(value, 40)


def probability(value: Any) -> str:
    """A p-value: never 0, three digits."""
    if value is None:
        return DASH
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")  # noqa: PLR2004 - three digits


def share(value: Any) -> str:
    """A share as a percentage."""
    return DASH if value is None else f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"  # noqa: PLR2004


def interval(value: Any, low: Any, high: Any) -> str:
    """A value with its interval."""
    return number(value) if low is None or high is None else f"{number(value)} [{number(low)}, {number(high)}]"
