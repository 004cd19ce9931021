"""What probably caused a shift: known patterns, each by its own trace.

Assumes: A cause leaves its own trace: a line of quantiles for a unit, a pile of values for clipping, new levels for a vocabulary.

Helps: A shift was found and nobody knows where it comes from.

Hurts: Two causes that leave one trace are told as the likelier; a cause outside of the list is not told at all.

Cost: At most 5,000 rows a side and the 200 most shifted columns.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View
from mdshift.probes.case import NAMED, ROWS, Case
from mdshift.probes.traces_cells import duplicates, missing, vocabulary
from mdshift.probes.traces_numbers import numbers
from mdshift.probes.traces_rows import drift, sampling
from mdshift.types import Finding

FAMILIES = 7  # families of tests that share the level
MOST = 10  # causes that are told


@probe
class Causes(Probe):
    """Known patterns behind a shift, each told only where both its effect and its test say so.

    Of one number column: another unit, scale or offset (the source's quantiles lie on a line against the target's, and something besides a
    unit's factor says so: correlated columns did not move along, the move is beyond any choice of rows, or the values have the source's
    decimals once they are converted back; a ratio near 1.609 alone is as well that of other rows), clipping
    or saturation, rounding, a placeholder for missing values, values that never meet. Missing: the share of missing values changed. Vocabulary: new or renamed
    levels. Duplicates. Drift: columns that trend with time within the source, and go on so in the target. Sampling: once the source is
    matched on the classes or on one or two columns, the domain classifier's scores tell the sides apart no more, as they would
    had the rows been chosen otherwise by them; a column that goes with the label may stand for other shares of the label's values, which is said.

    Every family of tests has a seventh of alpha, adjusted within (Holm), so that under no shift any cause is told in at most alpha of the cases.
    A cause is a likely one: the data can't tell a changed sensor from a changed world where both leave the same trace.
    """

    name: ClassVar = "causes"
    question: ClassVar = "causes"
    cites: ClassVar = "Wilk & Gnanadesikan 1968; Good 1953; Holm 1979; Rosenbaum & Rubin 1984"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Look for each pattern; evidence["causes"] is empty where none is found, or with fewer than 20 rows on a side."""
        counts = (view.n_source, view.n_target)
        if view.few:
            why = f"too few rows to tell ({counts[0]} against {counts[1]})"
            return Finding(self.name, "causes", "not run", *counts, sentence=f"Causes: {why}.", evidence={"causes": []})
        level = alpha / FAMILIES
        picked = [np.arange(n) if n <= ROWS else np.sort(rng.choice(n, ROWS, replace=False)) for n in counts]
        case = Case(view, picked[0], picked[1], level)
        found = numbers(case)
        found += missing(case)
        found += vocabulary(case)
        found += duplicates(case)
        found += drift(case)
        found += sampling(case, {c for f in found if f["pattern"] in ("unit", "offset") for c in f["columns"]})
        return Finding(
            probe=self.name,
            question="causes",
            method="traces of known patterns, each by effect and test",
            n_source=counts[0],
            n_target=counts[1],
            sentence=" ".join(f"{f['sentence']}." for f in found[:NAMED]) or "No known pattern was found.",
            evidence={"causes": found[:MOST]},
        )
