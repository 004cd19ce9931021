"""Traces in the cells: missing values, vocabulary, duplicates."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes import wording
from mdshift.probes.case import NAMED, OTHER, ROWS, Case, cause, listed, plural, two_shares
from mdshift.probes.quality import hashes
from mdshift.stats.multiple import holm
from mdshift.types import MISSING, Domain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Record = dict[str, Any]

GONE = 0.1  # least change of a missing share
NEW = 0.05  # least share of the target in levels that the source lacks
WINDOWS = 3  # of successive rows, in which repeats are counted
DOUBLE = 0.1  # least difference of the duplicates' shares


def missing(case: Case) -> list[Record]:
    """Columns that are missing much more often on one side, those with the same direction together."""
    masks = {c.name: tuple(np.isnan(d.numbers[:, case.place[c.name]]) for d in (case.source, case.target)) for c in case.numbers}
    masks |= {c.name: tuple(d.categories[:, case.place[c.name]] == MISSING for d in (case.source, case.target)) for c in case.categories}
    names = [n for n, (a, b) in masks.items() if a.any() or b.any()]
    adjusted = holm([two_shares(*masks[n]) for n in names])
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
