"""Traces in single numbers: units, offsets, clipping, rounding, placeholders, ranges that never meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes import wording
from mdshift.probes.base import FEW
from mdshift.probes.case import NAMED, OTHER, Case, cause, counts_rows, listed, plural, two_shares
from mdshift.stats import patterns
from mdshift.stats.intervals import auc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Record = dict[str, Any]
    Side = tuple[str, str, Floats, Floats]

COMPANION = 0.3  # least rank correlation of a column that should have moved along
STAYED, ALONG = 0.3, 0.6  # of the move that the correlation foretells: below a companion stayed, above it moved along
SURE = 3.5  # standard errors that a move must be foretold to be, lest noise read as having stayed
FAR, WIDER = 3.0, 3.0  # standard deviations, ratio of spreads: moves that no change of the rows explains
SAME = 0.3  # standard deviations: below it the middle is the same
LARGE = 10.0  # factors that no other rows have and a unit does
STILL = "while the columns that go with it did not move along"
BEYOND = "farther than another choice of rows explains"
DISTINCT = 10  # values that a column must have on a side for its range to say something


def numbers(case: Case) -> list[Record]:
    """Units, offsets, clipping, rounding and placeholders."""
    found, explained = _lines(case)
    names = [c.name for c in case.numbers if c.kind == "number" and c.name not in explained]
    sides = []  # name, side, the values that may be spoilt, and those of the other side
    for name in names:
        one, two = case.known(name)
        sides += [(name, "target", two, one), (name, "source", one, two)]
    tested = 2 * max(len(sides), 1)  # both ends, or many decimals of which most can't differ
    return [*found, *_clipped(case, sides, tested), *_rounded(case, sides, tested), *_standing(case, sides), *_apart(case, names)]


def _apart(case: Case, names: list[str]) -> list[Record]:
    """Columns whose values never meet: a counter, a date or a sensor, which any model of the domain would look at alone."""
    found = []
    for name in names:
        one, two = case.known(name)
        if name not in case.moved or min(len(one), len(two)) < FEW or max(len(np.unique(one)), len(np.unique(two))) < DISTINCT:
            continue
        if not (one.max() < two.min() or two.max() < one.min()):
            continue
        low, high = (wording.figure(float(v)) for v in ((one.max(), two.min()) if one.max() < two.min() else (two.max(), one.min())))
        text = (
            f"{wording.short(name)} alone tells the sides apart (one ends at {low}, the other begins at {high}): if it counts rows or time it is "
            f"no feature, and --drop leaves it out"
        )
        found.append(cause("apart", [name], text, p_value=case.moved[name]["p_value"]))
    return found


def _clipped(case: Case, sides: list[Side], tested: int) -> list[Record]:
    found = []
    for name, side, here, there in sides:
        b = patterns.bound(here, there)
        if b is None or b.p_value * tested > case.level:
            continue
        other, end = OTHER[side], "largest" if b.upper else "smallest"
        text = (
            f"{wording.short(name)} stops at {b.value:.4g} in the {side}: {b.pile:.0%} of its rows stand at this {end} value, which {b.beyond:.0%} "
            f"of the {other} pass: clipped or saturated"
        )
        p = min(1.0, b.p_value * tested)
        found.append(cause("clipping", [name], text, side=side, bound=b.value, pile=b.pile, beyond=b.beyond, p_value=p))
    return found


def _rounded(case: Case, sides: list[Side], tested: int) -> list[Record]:
    groups: dict[tuple[str, int], list[str]] = {}
    for name, side, here, there in sides:
        k = patterns.rounding(here, there)
        if k is not None and two_shares(patterns.decimals(here) <= k, patterns.decimals(there) <= k) * tested <= case.level:
            groups.setdefault((side, k), []).append(name)
    found = []
    for (side, k), names in groups.items():
        to = "multiples of ten" if k < 0 else "whole numbers" if k == 0 else f"{k} decimal{'s' if k > 1 else ''}"
        text = f"{listed(names)} {plural(names, 'is', 'are')} rounded to {to} in the {side} only: another resolution or export"
        found.append(cause("rounding", names, text, side=side, decimals=k))
    return found


def _standing(case: Case, sides: list[Side]) -> list[Record]:
    found = []
    for name, side, here, there in sides:
        seen = patterns.placeholder(here, there) if name in case.moved else None
        if seen is None:
            continue
        value, share = seen
        text = (
            f"{wording.short(name)} is {value:.6g} in {share:.0%} of the {side}, far from all other values: "
            "probably a placeholder for missing values"
        )
        found.append(cause("placeholder", [name], text, side=side, value=value, share=share, p_value=case.moved[name]["p_value"]))
    return found


def _lines(case: Case) -> tuple[list[Record], set[str]]:
    groups: dict[tuple[str, str], list[tuple[str, patterns.Line]]] = {}
    lines: dict[str, patterns.Line] = {}
    for name in case.moved:
        if name not in case.place or case.moved[name]["kind"] != "number" or counts_rows(case, name):
            continue
        line = patterns.line(*case.known(name))
        if line is not None:
            lines[name] = line
    undone: dict[str, patterns.Line] = {}
    for last in (False, True):  # a column that was converted itself says whether others moved once it is converted back
        for name, line in lines.items():
            why = _converted(case, name, line, undone if last else {}) if line.unit is not None and name not in undone else None
            if why is not None and line.unit is not None:
                groups.setdefault((line.unit.name, why), []).append((name, line))
        undone = {n: one for members in groups.values() for n, one in members}
    found = []
    for (unit, why), members in groups.items():
        names = [n for n, _ in members]
        first = members[0][1]
        text = (
            f"{listed(names)} {plural(names, 'looks', 'look')} converted: target = {_formula(first)} ({unit}) makes the quantiles agree, "
            f"{why}"
        )
        found.append(cause("unit", names, text, **_line(first), unit=unit, p_value=max(case.moved[n]["p_value"] for n in names)))
    told = 0
    for name, line in lines.items():
        companions = followed(case, name, undone)
        if line.unit is not None or told == NAMED or not _beyond_choice(case, name, companions):
            continue
        told += 1
        why = STILL if companions is not None and companions.stayed else BEYOND
        text = f"{wording.short(name)}: target ≈ {_formula(line)} fits all quantiles, {why}: scale or offset of the measurement changed"
        farthest = None if companions is None else companions.farthest
        found.append(cause("offset", [name], text, **_line(line), companions=farthest, p_value=case.moved[name]["p_value"]))
    return found, {c for f in found for c in f["columns"]}


def _converted(case: Case, name: str, line: patterns.Line, undone: dict[str, patterns.Line]) -> str | None:
    """What speaks for a unit beside a factor near its own, which other rows may have by chance; None: nothing does."""
    one, two = case.known(name)
    assert line.unit is not None
    if patterns.on_grid(one, two, line.unit):
        return "and its values have the source's decimals once they are converted back"
    companions = followed(case, name, undone)
    if line.factor >= LARGE or line.factor <= 1 / LARGE:
        return BEYOND
    if companions is not None and companions.stayed:
        return STILL
    if companions is not None and companions.along > ALONG:
        return None
    return BEYOND if _far(one, two) else None


def _beyond_choice(case: Case, name: str, companions: Companions | None) -> bool:
    return companions.stayed if companions is not None else _far(*case.known(name))


def _far(source: Floats, target: Floats) -> bool:
    """Whether no choice of the source's rows gives the target: hardly a row in common, or a spread of another order about one middle.

    By ranks: the standard deviation of a skewed law grows with its middle, so that its ratio says little.
    """
    away = abs(_move(source, target))
    ratio = float(np.subtract(*np.quantile(target, [0.9, 0.1])) / max(float(np.subtract(*np.quantile(source, [0.9, 0.1]))), 1e-300))
    return away >= FAR or (away < SAME and not 1 / WIDER <= ratio <= WIDER)


def _formula(line: patterns.Line) -> str:
    factor, offset = f"{line.factor:.4g}", f"{abs(line.offset):.4g}"
    head = "source" if factor == "1" else f"{factor} × source"
    return head if not line.offset else f"{head} {'+' if line.offset > 0 else '−'} {offset}"


def _line(line: patterns.Line) -> Record:
    return {"factor": line.factor, "offset": line.offset, "distance_before": line.before, "distance_after": line.after, "r2": line.r2}


@dataclass(frozen=True)
class Companions:
    """How the columns that go with one moved, as a share of what another choice of rows would have moved them: 0 they stayed, 1 they went along.

    along: the median. farthest: the upper quarter of the absolute values, since a column that went elsewhere has not stayed.
    """

    along: float
    farthest: float

    @property
    def stayed(self) -> bool:
        """Whether none of them moved as other rows would have moved it."""
        return self.farthest < STAYED


def followed(case: Case, name: str, undone: Mapping[str, patterns.Line]) -> Companions | None:
    """How the correlated number columns moved; None where none is correlated enough for its errors.

    Where the column's middle moved, a choice of rows moves the others' by its correlation; where its spread alone did, the choice
    changes the correlations themselves (restriction of range: Thorndike 1949). All by ranks, so that no unit matters. undone: columns
    that were converted, which are converted back first.
    """
    from scipy.stats import rankdata

    X, Y = _filled(case.source.numbers), _filled(case.target.numbers)
    for other, line in undone.items():
        if other != name:
            Y[:, case.place[other]] = (Y[:, case.place[other]] - line.offset) / line.factor
    j = case.place[name]
    before, after = (_correlations(rankdata(v, axis=0), j) for v in (X, Y))
    error = np.sqrt(1 / len(X) + 1 / len(Y))
    own = _move(X[:, j], Y[:, j])
    others = [k for k in np.flatnonzero(np.abs(before) >= COMPANION) if k != j][:20]
    if abs(own) >= SAME:
        moves = [(_move(X[:, k], Y[:, k]), float(before[k] * own)) for k in others]
    else:
        f = float(np.subtract(*np.quantile(Y[:, j], [0.75, 0.25])) / max(float(np.subtract(*np.quantile(X[:, j], [0.75, 0.25]))), 1e-300))
        r = before[others]
        new = r * f / np.sqrt(1 - r**2 + (r * f) ** 2)
        moves = [
            (float(a), float(b)) for a, b in zip(np.arctanh(after[others]) - np.arctanh(r), np.arctanh(new) - np.arctanh(r), strict=True)
        ]
    shares = np.array([moved / foretold for moved, foretold in moves if abs(foretold) >= SURE * error])
    return Companions(float(np.median(shares)), float(np.quantile(np.abs(shares), 0.75))) if len(shares) else None


def _correlations(ranks: Floats, j: int) -> Floats:
    """Correlations of all columns with column j, short of 1."""
    centred = ranks - ranks.mean(axis=0)
    sd = np.sqrt((centred**2).sum(axis=0))
    found: Floats = np.clip(centred.T @ centred[:, j] / np.maximum(sd * sd[j], 1e-12), -0.999, 0.999)
    return found


def _filled(values: Floats) -> Floats:
    middle = np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else 0.0 for c in values.T])
    return np.asarray(np.where(np.isnan(values), middle[None, :] if values.shape[1] else 0.0, values))


def _move(x: Floats, y: Floats) -> float:
    """The distance in standard deviations of two normal laws of equal spread that are told apart as well."""
    from scipy.special import ndtri

    return float(np.sqrt(2) * ndtri(np.clip(auc(x, y)[0], 0.01, 0.99)))
