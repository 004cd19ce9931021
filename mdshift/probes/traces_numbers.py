"""Traces in single numbers: units, offsets, clipping, rounding, placeholders, ranges that never meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes import wording
from mdshift.probes.base import FEW
from mdshift.probes.case import NAMED, OTHER, Case, cause, counts_rows, listed, plural, two_shares
from mdshift.stats import patterns
from mdshift.stats.intervals import auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Record = dict[str, Any]
    Side = tuple[str, str, Floats, Floats]

COMPANION = 0.3  # least rank correlation of a column that should have moved along
STAYED, ALONG = 0.3, 0.6  # of the move that the correlation foretells: below a companion stayed, above it moved along
FAR, WIDER = 3.0, 3.0  # standard deviations, ratio of spreads: moves that no change of the rows explains
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
    groups: dict[str, list[tuple[str, patterns.Line]]] = {}
    singles = []
    for name in case.moved:
        if name not in case.place or case.moved[name]["kind"] != "number":
            continue
        one, two = case.known(name)
        line = patterns.line(one, two)
        if line is None or counts_rows(case, name):
            continue
        companions = followed(case, name)
        if line.unit is not None:
            modest = 0.1 < line.factor < 10 and abs(line.offset) < two.std()  # noqa: PLR2004
            if not (modest and companions is not None and companions > ALONG):
                groups.setdefault(line.unit.name, []).append((name, line))
                continue
        if _beyond_choice(line, one, companions):
            singles.append((name, line, companions))
    found = []
    for unit, members in groups.items():
        names = [n for n, _ in members]
        first = members[0][1]
        text = (
            f"{listed(names)} {plural(names, 'looks', 'look')} converted: target = {_formula(first)} ({unit}); after it the quantiles agree"
        )
        found.append(cause("unit", names, text, **_line(first), unit=unit, p_value=max(case.moved[n]["p_value"] for n in names)))
    for name, line, companions in singles[:NAMED]:
        stayed = companions is not None and companions < STAYED
        why = "while the columns that go with it did not move along" if stayed else "more than another choice of rows explains"
        text = f"{wording.short(name)}: target ≈ {_formula(line)} fits all quantiles, {why}: scale or offset of the measurement changed"
        found.append(cause("offset", [name], text, **_line(line), companions=companions, p_value=case.moved[name]["p_value"]))
    return found, {c for f in found for c in f["columns"]}


def _beyond_choice(line: patterns.Line, source: Floats, companions: float | None) -> bool:
    if companions is not None:
        return companions < STAYED
    sd = float(source.std())
    away = abs((line.factor - 1) * float(source.mean()) + line.offset) / sd
    return away >= FAR or not 1 / WIDER <= line.factor <= WIDER


def _formula(line: patterns.Line) -> str:
    factor, offset = f"{line.factor:.4g}", f"{abs(line.offset):.4g}"
    head = "source" if factor == "1" else f"{factor} × source"
    return head if not line.offset else f"{head} {'+' if line.offset > 0 else '−'} {offset}"


def _line(line: patterns.Line) -> Record:
    return {"factor": line.factor, "offset": line.offset, "distance_before": line.before, "distance_after": line.after, "r2": line.r2}


def followed(case: Case, name: str) -> float | None:
    """How far the correlated number columns moved, over the move that the correlation foretells: near 0 they stayed, near 1 they went along.

    All by ranks, so that no unit matters. None where no column is correlated or the column's middle did not move.
    """
    from scipy.stats import rankdata

    X = _filled(case.source.numbers)
    Y = _filled(case.target.numbers)
    j = case.place[name]
    ranks = rankdata(X, axis=0)
    centred = ranks - ranks.mean(axis=0)
    sd = np.sqrt((centred**2).sum(axis=0))
    r = centred.T @ centred[:, j] / np.maximum(sd * sd[j], 1e-12)
    others = [k for k in np.flatnonzero(np.abs(r) >= COMPANION) if k != j][:20]
    own = _move(X[:, j], Y[:, j])
    if not others or abs(own) < 0.3:  # noqa: PLR2004 - the spread alone changed: nothing is foretold
        return None
    moves = np.array([_move(X[:, k], Y[:, k]) / (r[k] * own) for k in others])
    # a companion that went elsewhere has not stayed: the farthest quarter speaks
    return float(np.quantile(np.abs(moves), 0.75)) if np.median(moves) < ALONG else float(np.median(moves))


def _filled(values: Floats) -> Floats:
    middle = np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else 0.0 for c in values.T])
    return np.asarray(np.where(np.isnan(values), middle[None, :] if values.shape[1] else 0.0, values))


def _move(x: Floats, y: Floats) -> float:
    """The distance in standard deviations of two normal laws of equal spread that are told apart as well."""
    from scipy.special import ndtri

    return float(np.sqrt(2) * ndtri(np.clip(auc(x, y)[0], 0.01, 0.99)))
