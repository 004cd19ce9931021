"""The state of the data: missing, duplicates, constants, outliers, rows on both sides.

Assumes: A value far from the source's median, a row that repeats another, a cell without a value are worth a look.

Helps: Before anything else.

Hurts: Heavy tails are called outliers, and repeated measurements duplicates.

Cost: One pass over the rows held.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View
from mdshift.types import MISSING, Domain, Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

FAR = 6.0  # robust standard deviations from the median of the source: one normal value in half a billion
LEAK = 0.01  # share of target rows found in the source, beyond what the source's own duplicates explain
LISTED = 20  # names of columns listed


@probe
class Quality(Probe):
    """What a user should clean first.

    missing_share of all cells, duplicates_share of rows within a side, outlier_share of rows with a number further than six robust standard
    deviations from the source's median (the worse side of both), constant columns, and leakage_share: the target rows that stand in
    the source too, value for value, beyond what the source's own repetitions explain. Where many rows are alike within the source already (few discrete columns), equal
    rows on both sides are chance, and not called leakage.
    """

    name: ClassVar = "quality"
    question: ClassVar = "quality"
    cites: ClassVar = "D4 §2.1; Kaufman et al. 2012"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: ARG002 - nothing is drawn
        """Count; never tests."""
        source, target, schema = view.source, view.target, view.problem.schema
        here, there = hashes(source), hashes(target)
        shared = float(np.isin(there, here).mean()) if len(there) else 0.0
        own = _repeated(here)
        leak = max(0.0, shared - own)
        missing = [_missing(d) for d in (source, target)]
        outliers = _outliers(source, target)
        doubles = [_duplicates(h) for h in (here, there)]
        warnings = []
        if leak >= LEAK:
            warnings.append(f"{shared:.1%} of the target rows stand in the source too: scores on the target flatter")
        if max(doubles) >= LEAK:
            warnings.append(f"duplicate rows: {doubles[0]:.1%} of the source, {doubles[1]:.1%} of the target")
        if abs(missing[0] - missing[1]) >= 0.05:  # noqa: PLR2004 - a twentieth of all cells
            warnings.append(f"missing cells: {missing[0]:.1%} of the source, {missing[1]:.1%} of the target")
        evidence: dict[str, Any] = {
            "missing_share": (missing[0] * len(source) + missing[1] * len(target)) / max(len(source) + len(target), 1),
            "duplicates_share": max(doubles),
            "outlier_share": max(outliers),
            "leakage_share": leak,
            "source": {"missing": missing[0], "duplicates": doubles[0], "outliers": outliers[0]},
            "target": {"missing": missing[1], "duplicates": doubles[1], "outliers": outliers[1]},
            "shared_share": shared,
            "shared_expected": own,
            "left_out": [{"name": c.name[:200], "kind": c.kind, "note": c.note} for c in schema.left_out[:LISTED]],
            "n_left_out": len(schema.left_out),
            "constant": sum(c.kind in ("constant", "empty") for c in schema.left_out),
            "duplicate_columns": sum(c.kind == "duplicate" for c in schema.left_out),
            "warnings": warnings,
        }
        return Finding(
            probe=self.name,
            question="quality",
            method="counts",
            n_source=len(source),
            n_target=len(target),
            sentence=". ".join(w[0].upper() + w[1:] for w in warnings) + "." if warnings else "Nothing to clean first was found.",
            evidence=evidence,
        )


def hashes(domain: Domain) -> Hashes:
    """A 64-bit hash of every row's inputs, (n,): equal rows have equal ones, in every run."""
    n = len(domain)
    out = np.full(n, 0x9E3779B97F4A7C15, np.uint64)
    for j in range(domain.numbers.shape[1]):
        column = domain.numbers[:, j] + 0.0  # -0.0 becomes 0.0
        out = _mix(out, np.where(np.isnan(column), np.nan, column).view(np.uint64))
    for j in range(domain.categories.shape[1]):
        out = _mix(out, domain.categories[:, j].astype(np.int64).view(np.uint64))
    for j in range(domain.texts.shape[1]):
        out = _mix(out, np.array([_bytes_hash(str(t).encode("utf-8", "surrogatepass")) for t in domain.texts[:, j]], np.uint64))
    if domain.images is not None:
        out = _mix(out, np.array([_bytes_hash(im.tobytes()) for im in domain.images], np.uint64))
    return out


def _bytes_hash(data: bytes) -> int:
    return (zlib.crc32(data) << 32) | zlib.adler32(data)


def _mix(state: Hashes, value: Hashes) -> Hashes:
    """One step of a multiply-and-shift hash (splitmix64, Steele 2014), wrapping around."""
    with np.errstate(over="ignore"):
        x = (state ^ value) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Hashes = x ^ (x >> np.uint64(31))
    return mixed


def _duplicates(rows: Hashes) -> float:
    """Share of rows that repeat an earlier one."""
    return 1 - len(np.unique(rows)) / len(rows) if len(rows) else 0.0


def _repeated(rows: Hashes) -> float:
    """Share of rows that have an equal one beside them."""
    if not len(rows):
        return 0.0
    _, back, counts = np.unique(rows, return_inverse=True, return_counts=True)
    return float((counts[back] > 1).mean())


def _missing(domain: Domain) -> float:
    cells = domain.numbers.size + domain.categories.size + domain.texts.size
    empty = int(np.isnan(domain.numbers).sum()) + int((domain.categories == MISSING).sum())
    return (empty + sum(not str(t).strip() for t in domain.texts.ravel())) / cells if cells else 0.0


def _outliers(source: Domain, target: Domain) -> tuple[float, float]:
    """Share of rows of each side with a number far out of the source's middle."""
    if not source.numbers.size or not len(target):
        return 0.0, 0.0
    flags = []
    with np.errstate(all="ignore"):
        known = np.where(np.isnan(source.numbers).all(axis=0), 0.0, source.numbers)
        low, centre, high = np.nanquantile(known, [0.25, 0.5, 0.75], axis=0)
        reach = FAR * (high / 1.349 - low / 1.349)
        for d in (source, target):
            away = np.abs(d.numbers - centre) > np.where(reach > 0, reach, np.inf)
            flags.append(float(away.any(axis=1).mean()))
    return flags[0], flags[1]
