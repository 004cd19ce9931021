"""A candidate by its name, and what a strategy told by position, told by name: columns and sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BY_COLUMN = ("attention", "discrepancy")
BY_SOURCE = ("gate_shares", "forgetting")
MOST = 50  # columns: the largest tell enough


def named(evidence: Mapping[str, Any], columns: Sequence[str], sources: Sequence[str]) -> dict[str, Any]:
    """The evidence with its lists by column (the largest first, MOST at most) and by source as mappings of names to numbers."""
    out = dict(evidence)
    for key, value in evidence.items():
        if key in BY_COLUMN and len(value) == len(columns):
            order = sorted(range(len(value)), key=lambda j: -abs(value[j]))
            out[key] = {columns[j]: value[j] for j in order[:MOST]}
        elif key in BY_SOURCE and len(value) == len(sources):
            out[key] = dict(zip(sources, value, strict=True))
    return out


def titled(name: str, params: Mapping[str, Any]) -> str:
    """A candidate by its name and the settings that are not the defaults."""
    return f"{name} ({', '.join(f'{k}={v}' for k, v in params.items())})" if params else name
