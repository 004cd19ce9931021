"""Every threshold of the rules, in one place, with its reason.

They are printed with every recommendation and can be overridden in `[thresholds]` of `mdshift.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A number that a rule compares a fact with, and why it is this number."""

    value: float
    reason: str


THRESHOLDS: Mapping[str, Threshold] = {}
