"""Traces in which rows there are: drift in time, and rows chosen otherwise."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes import wording
from mdshift.probes.base import FEW
from mdshift.probes.case import Case, cause, counts_rows, listed, plural, trend
from mdshift.probes.domainclassifier import crossfit
from mdshift.stats.intervals import auc
from mdshift.stats.multiple import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Record = dict[str, Any]

SCORED = 3_000  # rows of a side whose scores are compared within bins
TREND = 0.15  # least rank correlation with time
APART = 0.58  # least AUC that re-weighting is to explain
LEFT, PARTLY, MOSTLY = 0.2, 0.5, 0.7  # share of its excess over .5 that may be left: of a whole, of a partial explanation, of its upper end
BINS, FEWER, THIN = 20, 6, 5  # bins of one column, of one of two; least rows of a side in a bin
CANDIDATES = 4  # columns that are tried as what the rows were chosen by
COVERED = 0.9  # least share of the target in bins that the source fills
BLOCKS = 5  # pieces of the source along time


def drift(case: Case) -> list[Record]:
    """Columns that trend with time within the source and go on in the target.

    Time is the first date column, or else a number that counts the rows of both sides; where there is none, the order of the rows of a single
    source, if the user named a time.
    """
    schema, problem = case.view.problem.schema, case.view.problem
    dates = [c for c in schema.numbers if c.kind == "date"] or [
        c for c in case.numbers if c.name in case.moved and counts_rows(case, c.name)
    ]
    if dates:
        clock = dates[0].name
        when = [d.numbers[:, case.place[clock]] for d in (case.source, case.target)]
    elif problem.spec.time is not None and len(problem.sources) == 1:
        clock = problem.spec.time
        when = [d.index.astype(np.float64) for d in (case.source, case.target)]
    else:
        return []
    first, second = (v[~np.isnan(v)] for v in when)
    if min(len(first), len(second)) < 2 * FEW or (dates and np.quantile(second, 0.25) < np.quantile(first, 0.75)):
        return []  # the target does not follow the source
    names = [c.name for c in case.numbers if c.kind == "number" and c.name != clock]
    tests = [trend(when[0], case.source.numbers[:, case.place[n]]) for n in names]
    adjusted = holm([p for _, p in tests])
    told = []
    for name, (rho, _), p in zip(names, tests, adjusted, strict=True):
        if p > case.level or abs(rho) < TREND or name not in case.moved:
            continue
        if _goes_on(when, [d.numbers[:, case.place[name]] for d in (case.source, case.target)], rho):
            told.append((name, rho, float(p)))
    if not told:
        return []
    told.sort(key=lambda t: -abs(t[1]))
    columns = [n for n, *_ in told]
    by = f"with {wording.short(clock)}" if dates else "along the rows"
    text = (
        f"{listed(columns)} {plural(columns, 'drifts', 'drift')} {by} within the source already (rank correlation {told[0][1]:+.2f}), "
        f"and the target goes on from there: drift in time"
    )
    return [cause("time drift", columns, text, clock=clock, correlation=[r for _, r, _ in told], p_value=max(p for *_, p in told))]


def _goes_on(when: Sequence[Floats], values: Sequence[Floats], rho: float) -> bool:
    """Whether the means of successive pieces of the source rise (or fall) nearly without a break, and the target's start joins their end."""
    both = ~np.isnan(when[0]) & ~np.isnan(values[0])
    order = np.argsort(when[0][both], kind="stable")
    pieces = [float(v.mean()) for v in np.array_split(values[0][both][order], BLOCKS)]
    seen = ~np.isnan(when[1]) & ~np.isnan(values[1])
    after = values[1][seen][np.argsort(when[1][seen], kind="stable")]
    if len(after) < BLOCKS:
        return False
    start, whole = float(after[: max(len(after) // BLOCKS, 1)].mean()), float(after.mean())
    sign = np.sign(rho)
    steps = np.diff(pieces) * sign
    rise = (pieces[-1] - pieces[0]) * sign
    noise = 2 * float(values[0][both].std()) * np.sqrt(2 * BLOCKS / max(int(both.sum()), 1))  # two standard errors of a step
    joins = abs(start - pieces[-1]) <= max(rise, 0) / 2 + noise
    return bool(rise > noise and steps.min() > -0.15 * rise - noise and joins and (whole - np.mean(pieces)) * sign > 0.3 * rise)


def sampling(case: Case, without: set[str]) -> list[Record]:
    """The classes, the column, or the two columns after whose matching the sides are told apart no more."""
    view = case.view
    if not view.X_source.shape[1]:
        return []
    scores = crossfit(view)
    if scores.p_value > case.level or scores.auc < APART:
        return []
    tried: list[tuple[list[str], list[NDArray[np.int64]]]] = []
    some = [np.unique(np.linspace(0, len(r) - 1, min(len(r), SCORED)).astype(np.int64)) for r in (scores.rows_source, scores.rows_target)]
    rows = (scores.rows_source[some[0]], scores.rows_target[some[1]])
    low, high = scores.source[some[0]], scores.target[some[1]]
    y = (view.y_source, view.y_target)
    if (
        view.problem.task == "classification"
        and y[0] is not None
        and y[1] is not None
        and min(int(d.labelled.sum()) for d in (view.source, view.target)) >= FEW
    ):
        tried.append(([], [y[0][rows[0]], y[1][rows[1]]]))
    names = [n for n in case.moved if n in case.place and n not in without][:CANDIDATES]
    tried += [([n], _bins(case, n, rows, BINS)) for n in names]
    tried += [
        ([a, b], [FEWER * 99 * s + t for s, t in zip(_bins(case, a, rows, FEWER), _bins(case, b, rows, FEWER), strict=True)])
        for a, b in combinations(names, 2)
    ]
    best: tuple[int, float, list[str]] | None = None
    by_class = view.y_source is not None and view.problem.task is not None  # until labels say otherwise
    for columns, (one, two) in tried:
        if best is not None and len(columns) > best[0] and best[1] - 0.5 <= LEFT * (scores.auc - 0.5):
            break  # what one column explains needs no second
        left = matched(low, high, one, two, 1 + scores.folds / (scores.folds - 1))
        if left is None:
            continue
        value, spread = left
        excess = scores.auc - 0.5
        if not columns:
            by_class = value - 0.5 <= PARTLY * excess
        if (
            value - 0.5 <= PARTLY * excess
            and value + 1.64 * spread <= 0.5 + MOSTLY * excess
            and (best is None or value < best[1] - LEFT * (best[1] - 0.5))
        ):
            best = (len(columns), value, columns)
    if best is None:
        return []
    size, value, columns = best
    whole = value - 0.5 <= LEFT * (scores.auc - 0.5)
    what = f"matched on {listed(columns)}" if size else "with the classes' shares matched"
    by = plural(columns, "this column", "these columns") if size else "class"
    fits = f"rows chosen otherwise by {by} would look so"
    if size and by_class and _goes_with_label(case, columns):
        fits += ", and so would other shares of the label's values, which go with " + plural(columns, "it", "them")
    text = (
        f"{what[0].upper()}{what[1:]}, the sides are {'hardly told apart' if whole else 'told apart much less'} (AUC {scores.auc:.2f} → {value:.2f}): "
        f"{fits}{'' if whole else ', with some change besides'}"
    )
    return [cause("sampling", columns, text, auc=scores.auc, auc_matched=value, whole=whole, p_value=scores.p_value)]


def _goes_with_label(case: Case, columns: Sequence[str]) -> bool:
    """Whether any of the columns depends on the label in the source, so that other shares of the label's values would move it."""
    from scipy.stats import chi2_contingency

    view = case.view
    y = view.y_source
    if y is None:
        return False
    seen = np.flatnonzero(view.source.labelled)
    if view.problem.task == "regression":
        groups = np.searchsorted(np.quantile(y[seen], np.linspace(0, 1, FEWER + 1)[1:-1]), y[seen])
    else:
        groups = y[seen]
    for name in columns:
        bins = _bins(case, name, (seen, np.arange(0)), FEWER)[0]
        counts = np.zeros((int(bins.max(initial=0)) + 1, int(groups.max(initial=0)) + 1))
        np.add.at(counts, (bins, groups.astype(np.int64)), 1)
        counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
        if min(counts.shape) > 1 and chi2_contingency(counts, correction=False).pvalue <= case.level:
            return True
    return False


def _bins(case: Case, name: str, rows: tuple[Ints, Ints], bins: int) -> list[NDArray[np.int64]]:
    """The bin of every scored row of both sides: pooled quantile bins of a number, levels of a category, a bin for what is missing."""
    view, j = case.view, case.place[name]
    if name in {c.name for c in view.problem.schema.categories}:
        return [d.categories[i, j].astype(np.int64) + 2 for d, i in zip((view.source, view.target), rows, strict=True)]
    sides = [d.numbers[i, j] for d, i in zip((view.source, view.target), rows, strict=True)]
    both = np.concatenate(sides)
    cuts = np.unique(np.quantile(both[~np.isnan(both)], np.linspace(0, 1, bins + 1)[1:-1])) if (~np.isnan(both)).any() else np.zeros(0)
    return [np.where(np.isnan(s), 0, 1 + np.searchsorted(cuts, s, side="left")).astype(np.int64) for s in sides]


def matched(
    source: Floats, target: Floats, bins_source: NDArray[np.int64], bins_target: NDArray[np.int64], inflation: float
) -> tuple[float, float] | None:
    """The AUC of scores within bins, averaged by the target's shares, and its standard error.

    None where the bins that both sides fill hold too little of the target: then no re-weighting reaches it.
    """
    parts = []
    for b in np.unique(bins_target):
        one, two = source[bins_source == b], target[bins_target == b]
        if len(one) >= THIN and len(two) >= THIN:
            value, variance = auc(one, two)
            parts.append((len(two), value, variance))
    covered = sum(k for k, *_ in parts)
    if covered < COVERED * len(target):
        return None
    value = sum(k * v for k, v, _ in parts) / covered
    variance = sum((k / covered) ** 2 * v for k, _, v in parts)
    return float(value), float(np.sqrt(variance * inflation))
