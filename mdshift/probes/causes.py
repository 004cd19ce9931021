"""What probably caused a shift: known patterns, each by its own trace."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import wording
from mdshift.probes.base import FEW, Probe, View
from mdshift.probes.domainclassifier import crossfit
from mdshift.probes.features import columns_of
from mdshift.probes.quality import hashes
from mdshift.stats import patterns
from mdshift.stats.intervals import auc
from mdshift.stats.multiple import holm
from mdshift.types import MISSING, Domain, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Record = dict[str, Any]
    Side = tuple[str, str, Floats, Floats]

ROWS = 5_000  # rows of a side that are looked at
SCORED = 3_000  # rows of a side whose scores are compared within bins
COLUMNS = 200  # columns that are looked at, the most shifted first
FAMILIES = 7  # families of tests that share the level
EXPECTED = 5.0  # least expected count of a level that stands for itself
GONE = 0.1  # least change of a missing share
NEW = 0.05  # least share of the target in levels that the source lacks
WINDOWS = 3  # of successive rows, in which repeats are counted
DOUBLE = 0.1  # least difference of the duplicates' shares
TREND = 0.15  # least rank correlation with time
COUNTER = 0.98  # rank correlation with the row number from which a column counts rows
COMPANION = 0.3  # least rank correlation of a column that should have moved along
STAYED, ALONG = 0.3, 0.6  # of the move that the correlation foretells: below a companion stayed, above it moved along
FAR, WIDER = 3.0, 3.0  # standard deviations, ratio of spreads: moves that no change of the rows explains
APART = 0.58  # least AUC that re-weighting is to explain
LEFT, PARTLY, MOSTLY = 0.2, 0.5, 0.7  # share of its excess over .5 that may be left: of a whole, of a partial explanation, of its upper end
BINS, FEWER, THIN = 20, 6, 5  # bins of one column, of one of two; least rows of a side in a bin
CANDIDATES = 4  # columns that are tried as what the rows were chosen by
COVERED = 0.9  # least share of the target in bins that the source fills
DISTINCT = 10  # values that a column must have on a side for its range to say something
BLOCKS = 5  # pieces of the source along time
NAMED = 3  # columns named in a sentence
MOST = 10  # causes that are told
OTHER = {"target": "source", "source": "target"}


@probe
class Causes(Probe):
    """Known patterns behind a shift, each told only where both its effect and its test say so.

    Of one number column: another unit, scale or offset (the source's quantiles lie on a line against the target's, with a unit's
    factor; without a known unit only where correlated columns did not move along, or the move is beyond any choice of rows), clipping
    or saturation, rounding, a placeholder for missing values, values that never meet. Missing: the share of missing values changed. Vocabulary: new or renamed
    levels. Duplicates. Drift: columns that trend with time within the source, and go on so in the target. Sampling: once the source is
    matched on the classes or on one or two columns, the domain classifier's scores tell the sides apart no more, so that the rows were chosen otherwise and
    the rest stayed.

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


class Case:
    """The rows that are looked at, and the columns that moved.

    source, target: the raw rows. level: of each family of tests. moved: the records of the columns whose adjusted p is at most level,
    by name, most shifted first. place: positions of the columns among the numbers or the categories.
    """

    def __init__(self, view: View, rows_source: Ints, rows_target: Ints, level: float) -> None:
        self.view = view
        self.rows = (rows_source, rows_target)
        self.source, self.target = view.source.take(rows_source), view.target.take(rows_target)
        self.level = level
        records = columns_of(view)
        self.order = [r["name"] for r in records]
        schema = view.problem.schema
        self.place = {c.name: j for j, c in enumerate(schema.numbers)} | {c.name: j for j, c in enumerate(schema.categories)}
        categories = {c.name for c in schema.categories}
        self.moved: dict[str, Record] = {}
        for record in records[:COLUMNS]:
            p = self._merged(record["name"]) * len(records) if record["name"] in categories else record["p_value"]
            if p is not None and p <= level:
                self.moved[record["name"]] = record | {"p_value": p}
        self.numbers = [c for c in schema.numbers if c.name in set(self.order[:COLUMNS])]
        self.categories = [c for c in schema.categories if c.name in set(self.order[:COLUMNS])]

    def _merged(self, name: str) -> float:
        """Chi-square p of a category whose rare levels are one: permutations can't reach a seventh of the level over many columns."""
        from scipy.stats import chi2_contingency

        sides = [d.categories[:, self.place[name]].astype(np.int64) + 2 for d in (self.source, self.target)]
        k = max(int(v.max(initial=0)) for v in sides) + 1
        table = np.array([np.bincount(v, minlength=k) for v in sides])
        rare = table.sum(axis=0) * min(len(v) for v in sides) / sum(len(v) for v in sides) < EXPECTED
        table = np.concatenate([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)], axis=1)
        table = table[:, table.sum(axis=0) > 0]
        return float(max(chi2_contingency(table, correction=False).pvalue, 1e-300)) if table.shape[1] > 1 else 1.0

    def known(self, name: str) -> tuple[Floats, Floats]:
        """The known values of a number column on both sides."""
        one, two = (d.numbers[:, self.place[name]] for d in (self.source, self.target))
        return one[~np.isnan(one)], two[~np.isnan(two)]


def cause(pattern: str, columns: Sequence[str], sentence: str, **evidence: Any) -> Record:
    """A likely cause as it stands in the document."""
    return {"pattern": pattern, "columns": list(columns), "sentence": sentence, "evidence": evidence}


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    shown = [wording.short(n) for n in names[:NAMED]]
    more = len(names) - len(shown)
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def plural(names: Sequence[str], one: str, several: str) -> str:
    """The verb for so many columns."""
    return one if len(names) == 1 else several


# --- numbers ------------------------------------------------------------------------------------


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
        if k is not None and _two_shares(patterns.decimals(here) <= k, patterns.decimals(there) <= k) * tested <= case.level:
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


def _two_shares(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    from scipy.stats import fisher_exact

    a, b = int(one.sum()), int(two.sum())
    return float(fisher_exact([[a, len(one) - a], [b, len(two) - b]]).pvalue)


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


def counts_rows(case: Case, name: str) -> bool:
    """Whether a column grows with the rows of both sides, as an index or a time does."""
    j = case.place[name]
    return all(_trend(d.index.astype(np.float64), d.numbers[:, j])[0] >= COUNTER for d in (case.source, case.target))


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


# --- missing values, categories, duplicates -----------------------------------------------------


def missing(case: Case) -> list[Record]:
    """Columns that are missing much more often on one side, those with the same direction together."""
    masks = {c.name: tuple(np.isnan(d.numbers[:, case.place[c.name]]) for d in (case.source, case.target)) for c in case.numbers}
    masks |= {c.name: tuple(d.categories[:, case.place[c.name]] == MISSING for d in (case.source, case.target)) for c in case.categories}
    names = [n for n, (a, b) in masks.items() if a.any() or b.any()]
    adjusted = holm([_two_shares(*masks[n]) for n in names])
    found = []
    for word, sign in (("more", 1.0), ("less", -1.0)):
        moves = {n: float(masks[n][1].mean() - masks[n][0].mean()) for n in names}
        some = [n for n, p in zip(names, adjusted, strict=True) if p <= case.level and sign * moves[n] >= GONE]
        some.sort(key=lambda n: -abs(moves[n]))
        if not some:
            continue
        shares = [(float(masks[n][0].mean()), float(masks[n][1].mean())) for n in some]
        together = _together([masks[n][1 if sign > 0 else 0] for n in some])
        same = ", mostly in the same rows" if together is not None and together >= 0.7 else ""  # noqa: PLR2004
        first = f"{wording.portion(shares[0][0])} → {wording.portion(shares[0][1])}"
        text = (
            f"{listed(some)} {plural(some, 'is', 'are')} missing {word} often in the target "
            f"({first if len(some) == 1 else f'{wording.short(some[0])} {first}'}{same}): what is recorded changed"
        )
        found.append(cause("missing", some, text, source=[s for s, _ in shares], target=[t for _, t in shares], together=together))
    return found


def _together(masks: list[NDArray[np.bool_]]) -> float | None:
    """Mean overlap (Jaccard) of the missing rows of pairs of columns."""
    if len(masks) < 2:  # noqa: PLR2004
        return None
    pairs = list(combinations(masks[:8], 2))
    return float(np.mean([(a & b).sum() / max((a | b).sum(), 1) for a, b in pairs]))


def vocabulary(case: Case) -> list[Record]:
    """Categories with levels that the source lacks, beyond what its own rare levels foretell; levels spelled otherwise."""
    found: list[Record] = []
    fresh: list[tuple[str, Record]] = []
    for column in case.categories:
        if column.name not in case.moved:
            continue
        j, k = case.place[column.name], len(column.levels)
        here, there = (np.bincount(d.categories[:, j][d.categories[:, j] >= 0], minlength=k) for d in (case.source, case.target))
        n, m = max(int(here.sum()), 1), max(int(there.sum()), 1)
        new = np.flatnonzero((here == 0) & (there > 0))
        share = float(there[new].sum() / m)
        rare = float((here == 1).sum() / n)  # Good (1953): what the next row's chance of a new level is
        if share < NEW + 2 * rare:
            continue
        gone = np.flatnonzero((here > 0) & (there < here / n * m / 4))
        renamed = _renamed([column.levels[i] for i in gone], [column.levels[i] for i in new])
        evidence: Record = {
            "new": [column.levels[i] for i in new[np.argsort(-there[new], kind="stable")]][:20],
            "share": share,
            "expected": rare,
        }
        name = wording.short(column.name)
        if renamed:
            pairs = ", ".join(f"{wording.short(a)!r} → {wording.short(b)!r}" for a, b in renamed[:NAMED])
            text = (
                f"{name}: levels are spelled otherwise in the target ({pairs}{' …' if len(renamed) > NAMED else ''}): the code list changed"
            )
            found.append(cause("vocabulary", [column.name], text, **evidence, renamed=[list(r) for r in renamed]))
        else:
            fresh.append((column.name, evidence))
    if fresh:
        fresh.sort(key=lambda f: -f[1]["share"])
        names, first = [n for n, _ in fresh], fresh[0][1]
        levels = ", ".join(wording.short(v) for v in first["new"][:NAMED]) + (" …" if len(first["new"]) > NAMED else "")
        of = "" if len(fresh) == 1 else f" of {wording.short(names[0])}"
        text = (
            f"{listed(names)} {plural(names, 'has', 'have')} levels in the target that the source lacks ({levels} in {first['share']:.0%} "
            f"of the rows{of}): new categories"
        )
        found.append(cause("vocabulary", names, text, levels=[e for _, e in fresh]))
    return found


def _renamed(gone: list[str], new: list[str]) -> list[tuple[str, str]]:
    """Pairs of levels that differ in case, spaces, accents or punctuation, or of which one abbreviates the other."""
    plain = {g: _plain(g) for g in gone}
    out = []
    for level in new:
        key = _plain(level)
        same = [g for g, p in plain.items() if key and p == key]
        close = [g for g, p in plain.items() if key and p and (p.startswith(key) or key.startswith(p)) and not key.isdigit()]
        match = same[:1] or (close if len(close) == 1 else [])
        if match:
            out.append((match[0], level))
            del plain[match[0]]
    return out


def _plain(text: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "", bare.casefold())


def duplicates(case: Case) -> list[Record]:
    """Rows repeated within one side much more often, at equal sizes: chance repeats of discrete rows grow with the size."""
    whole = (case.view.source, case.view.target)  # rows drawn at random would have lost their twins
    n = min(*(len(d) for d in whole), ROWS)
    read = [_repeats(d, n) for d in whole]
    # of the windows of the larger side the one most like the smaller: repeats come in bursts
    (one, v), (two, w) = min(((a, b) for a in read[0] for b in read[1]), key=lambda pair: abs(pair[0][0] - pair[1][0]))
    from scipy.special import ndtr

    p = float(2 * ndtr(-abs(one - two) / np.sqrt(max(v + w, 1 / n**2))))
    if p > case.level or abs(one - two) < DOUBLE or max(one, two) < 2 * min(one, two):
        return []
    side = "target" if two > one else "source"
    text = f"{wording.portion(max(one, two))} of the {side} are repeated rows, against {wording.portion(min(one, two))} of as many rows of the {OTHER[side]}: duplicated records"
    return [cause("duplicates", [], text, side=side, source=one, target=two, p_value=max(p, 1e-300))]


def _repeats(domain: Domain, n: int) -> list[tuple[float, float]]:
    """Share of repeated rows and its variance: of n rows spread evenly, and of windows of n successive ones, as repeats stand together."""
    if len(domain) <= n:
        chosen = [np.arange(n)]
    else:
        starts = np.linspace(0, len(domain) - n, WINDOWS).astype(np.int64)
        chosen = [np.linspace(0, len(domain) - 1, n).astype(np.int64), *(s + np.arange(n) for s in starts)]
    found = []
    for some in chosen:
        _, counts = np.unique(hashes(domain.take(some)), return_counts=True)
        extra = counts - 1
        # groups of equal rows are what varies: a group of g + 1 adds g, its variance is about g squared
        found.append((float(extra.sum() / n), float((extra.astype(np.float64) ** 2).sum() / n**2)))
    return found


# --- time ---------------------------------------------------------------------------------------


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
    tests = [_trend(when[0], case.source.numbers[:, case.place[n]]) for n in names]
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


def _trend(when: Floats, values: Floats) -> tuple[float, float]:
    from scipy.stats import spearmanr

    both = ~np.isnan(when) & ~np.isnan(values)
    if both.sum() < 2 * FEW or len(np.unique(values[both])) < 2 or len(np.unique(when[both])) < 2:  # noqa: PLR2004 - constant
        return 0.0, 1.0
    found = spearmanr(when[both], values[both])
    return float(found.statistic), float(max(found.pvalue, 1e-300))


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


# --- sampling -----------------------------------------------------------------------------------


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
    for columns, (one, two) in tried:
        if best is not None and len(columns) > best[0] and best[1] - 0.5 <= LEFT * (scores.auc - 0.5):
            break  # what one column explains needs no second
        left = matched(low, high, one, two, 1 + scores.folds / (scores.folds - 1))
        if left is None:
            continue
        value, spread = left
        excess = scores.auc - 0.5
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
    text = (
        f"{what[0].upper()}{what[1:]}, the sides are {'hardly told apart' if whole else 'told apart much less'} (AUC {scores.auc:.2f} → {value:.2f}): rows were "
        f"chosen otherwise by {by}, {'and the rest stayed the same' if whole else 'with some change besides'}"
    )
    return [cause("sampling", columns, text, auc=scores.auc, auc_matched=value, whole=whole, p_value=scores.p_value)]


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
