"""Where the shift lies: short readable rules, and the classes whose inputs moved.

Assumes: What moved can be said in at most three conditions on columns.

Helps: A shift has to be acted upon: where it is, in words.

Hurts: A shift of all rows at once has no region; with a few hundred rows only large ratios are told.

Cost: A beam search on half of at most 5,000 rows a side, the other half to measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import FEW, Probe, View
from mdshift.probes.region_classes import classes
from mdshift.probes.region_words import sentence, text
from mdshift.types import Domain, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Ints = NDArray[np.int64]

ROWS = 5_000  # rows of a side that are looked at, half of them to find the rules
CELLS = 1_500_000  # cells of the finding half, as wide data take fewer rows
RULES, CONDITIONS, BEAM = 3, 3, 6
LITERALS = 400  # conditions that are combined; the most telling ones of wide data
CUTS = 9  # quantiles at which a number is cut
LEVELS = 12  # levels of a category that make conditions
SUPPORT = 0.03  # least share of the pooled rows that a rule covers
GAIN = 1.15  # a further condition must raise the evidence by so much: short rules are read, long ones are not
WORTH = 1.25  # a ratio nearer to 1 is not worth telling
TERMS = 0.02, 0.6  # share of texts that hold a term


@dataclass(frozen=True, eq=False)
class Literal:
    """One condition: on `column`, an upper and a lower bound, a level, a missing value, or a term; `holds` is its mask on the finding rows."""

    column: str
    kind: str  # "number", "date", "category", "missing", "text"
    place: int  # position in numbers, categories, looks or the encoded columns
    negated: bool = False
    value: Any = None
    above: bool = False
    level: str = ""

    def holds(self, rows: Rows) -> Mask:
        """Mask of the rows where it is true; a missing number fulfils no bound."""
        if self.kind in ("number", "date"):
            x = rows.numbers[:, self.place]
            with np.errstate(invalid="ignore"):
                return np.asarray(x > self.value if self.above else x <= self.value)
        if self.kind == "missing":
            found = np.isnan(rows.numbers[:, self.place])
        elif self.kind == "category":
            found = rows.categories[:, self.place] == self.value
        else:
            found = rows.terms[:, self.place] > 0
        return np.asarray(~found if self.negated else found)


@dataclass(frozen=True, eq=False)
class Rows:
    """What conditions are asked of: numbers (n, p), category codes (n, q), term weights (n, t), and the side (n,), 1 the target."""

    numbers: Floats
    categories: NDArray[np.int32]
    terms: NDArray[np.float32]
    target: Mask

    def take(self, rows: Ints) -> Rows:
        """These rows."""
        return Rows(self.numbers[rows], self.categories[rows], self.terms[rows], self.target[rows])


@probe
class Region(Probe):
    """Short rules for the rows that the target has more or fewer of.

    A rule has at most three conditions on the input columns: bounds at readable numbers near quantiles, levels, missing values, terms of a
    text, brightness and contrast of images. A beam search on one half of the rows finds at most three, each among the rows that the earlier ones
    leave (sequential covering); their frequencies are measured on the other half, so that the search cannot flatter them. A rule is told
    where Fisher's exact test and the interval of the ratio of frequencies (Katz 1978), both at alpha shared among the rules found
    (Bonferroni), say that it differs, and the ratio is at least 1.25 or at most 0.8.

    classes: with labels of both sides, the AUC of the domain classifier among the rows of one class, with a Holm-adjusted p-value: how
    far P(X|Y) moved for that class. The variance allows for the folds' common training rows.
    """

    name: ClassVar = "region"
    question: ClassVar = "region"
    cites: ClassVar = "Friedman & Fisher 1999; Lavrac 2004; Katz et al. 1978; Fisher 1935"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Search and measure; evidence["regions"] is empty where nothing was found, or with fewer than 42 rows on a side."""
        counts = (view.n_source, view.n_target)
        moved = classes(view, alpha)
        if min(counts) < 2 * FEW:
            evidence: dict[str, Any] = {"regions": [], "classes": moved}
            why = f"too few rows to tell ({counts[0]} against {counts[1]})"
            return Finding(self.name, "region", "not run", *counts, sentence=f"Regions: {why}.", evidence=evidence)
        rows, names = gathered(view, rng)
        first, second = _halves(rows.target, rng)
        found = search(rows.take(first), names)
        told = measured(found, rows, second, alpha)
        p = min((r["p_value"] for r in told), default=1.0)
        return Finding(
            probe=self.name,
            question="region",
            method="beam search on one half of the rows, Fisher's exact test and ratio of frequencies on the other",
            n_source=counts[0],
            n_target=counts[1],
            p_value=p,
            effect=told[0]["ratio"] if told else None,
            low=told[0]["low"] if told else None,
            high=told[0]["high"] if told else None,
            sentence=f"{told[0]['sentence']}." if told else "No short rule tells where the rows of the two sides differ in number.",
            evidence={"regions": told, "classes": moved, "rows_found_on": len(first), "rows_measured_on": len(second)},
        )


# --- rows and conditions ------------------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """Names and kinds of the columns of `Rows`; levels of the categories."""

    numbers: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...]
    terms: tuple[tuple[str, str], ...]


def gathered(view: View, rng: np.random.Generator) -> tuple[Rows, Names]:
    """At most ROWS rows of each side, as conditions see them."""
    schema = view.problem.schema
    picked = [np.arange(n) if n <= ROWS else np.sort(rng.choice(n, ROWS, replace=False)) for n in (view.n_source, view.n_target)]
    numbers = [d.numbers[i] for d, i in zip((view.source, view.target), picked, strict=True)]
    kinds = [(c.name, c.kind) for c in schema.numbers]
    if view.source.images is not None and view.target.images is not None:
        looks = [_looks(d, i) for d, i in zip((view.source, view.target), picked, strict=True)]
        numbers = [np.concatenate([a, b], axis=1) for a, b in zip(numbers, looks, strict=True)]
        kinds += [("image brightness", "number"), ("image contrast", "number")]
    text = np.flatnonzero(view.kinds == "text")
    rows = Rows(
        np.concatenate(numbers),
        np.concatenate([d.categories[i] for d, i in zip((view.source, view.target), picked, strict=True)]),
        np.concatenate([X[np.ix_(i, text)] for X, i in zip((view.X_source, view.X_target), picked, strict=True)]),
        np.repeat([False, True], [len(i) for i in picked]),
    )
    several = len(schema.texts) > 1
    terms = []
    for j in text:
        column, _, term = view.names[j].partition(": ")
        terms.append((column if several else "text", term))
    return rows, Names(tuple(kinds), tuple((c.name, c.levels) for c in schema.categories), tuple(terms))


def _looks(domain: Domain, rows: Ints) -> Floats:
    """Mean and standard deviation of the pixels of these images, (n, 2)."""
    assert domain.images is not None
    out = np.empty((len(rows), 2))
    for start in range(0, len(rows), 256):
        block = domain.images[rows[start : start + 256]].reshape(len(rows[start : start + 256]), -1).astype(np.float32)
        out[start : start + 256, 0], out[start : start + 256, 1] = block.mean(axis=1), block.std(axis=1)
    return out


def _halves(target: Mask, rng: np.random.Generator) -> tuple[Ints, Ints]:
    first = []
    for side in (False, True):
        rows = rng.permutation(np.flatnonzero(target == side))
        first.append(rows[: len(rows) // 2])
    one = np.sort(np.concatenate(first))
    return one, np.setdiff1d(np.arange(len(target)), one)


def _conditions(rows: Rows, names: Names) -> Iterator[tuple[Literal, Mask]]:
    """Every single condition that some rows fulfil, with its mask."""
    for j, (name, kind) in enumerate(names.numbers):
        x = rows.numbers[:, j]
        known = x[~np.isnan(x)]
        if len(known) < len(x):
            for negated in (False, True):
                made = Literal(name, "missing", j, negated)
                yield made, made.holds(rows)
        for cut in cuts(known, kind):
            for above in (False, True):
                made = Literal(name, kind, j, value=cut, above=above)
                yield made, made.holds(rows)
    for j, (name, levels) in enumerate(names.categories):
        codes, counts = np.unique(rows.categories[:, j], return_counts=True)
        some: list[int] = codes[np.argsort(-counts, kind="stable")[:LEVELS]].tolist()
        for code in some:
            for negated in (False, True):
                if not (negated and len(levels) <= 2 and code >= 0):  # noqa: PLR2004 - "not a" of two levels is better said as "b"
                    made = Literal(name, "category", j, negated, code, level=levels[code] if code >= 0 else "")
                    yield made, made.holds(rows)
    share = (rows.terms > 0).mean(axis=0) if rows.terms.size else np.zeros(0)
    for t in np.flatnonzero((share >= TERMS[0]) & (share <= TERMS[1])).tolist():
        made = Literal(names.terms[t][0], "text", t, value=names.terms[t][1])
        yield made, made.holds(rows)


def cuts(known: Floats, kind: str) -> list[float]:
    """Readable numbers near the quantiles of the known values: as few digits as keep the rows between two quantiles apart."""
    if not len(known):
        return []
    ordered = np.sort(known)
    grid = np.unique(np.quantile(ordered, np.linspace(0, 1, CUTS + 2)[1:-1], method="lower"))
    if ordered[0] < ordered[-1]:
        grid = np.unique(np.append(grid, ordered[0]))  # a floor that many rows share
    if kind == "date" or len(np.unique(ordered[:: max(1, len(ordered) // 500)])) <= CUTS:
        return [float(v) for v in grid if v < ordered[-1]]
    found = []
    for value in grid:
        here = np.searchsorted(ordered, value, side="right")
        # room to round: a fiftieth of the rows to either side
        reach = max(1, len(ordered) // 50)
        low, high = ordered[max(0, here - reach)], ordered[min(len(ordered) - 1, here + reach)]
        found.append(readable(float(value), float(low), float(high)))
    return sorted({v for v in found if ordered[0] <= v < ordered[-1]})


def readable(value: float, low: float, high: float) -> float:
    """The number with the fewest significant digits within [low, high] that rounds `value`; `value` itself where there is none."""
    for digits in range(1, 12):
        rounded = float(f"{value:.{digits}g}")
        if low <= rounded <= high:
            return rounded
    return value


# --- search -------------------------------------------------------------------------------------


def search(rows: Rows, names: Names) -> list[tuple[Literal, ...]]:
    """At most RULES rules, each found among the rows that the earlier ones leave."""
    wide = rows.numbers.shape[1] + rows.categories.shape[1] + rows.terms.shape[1]
    most = int(np.clip(CELLS // max(wide, 1), 400, len(rows.target)))
    if most < len(rows.target):
        rows = rows.take(np.unique(np.linspace(0, len(rows.target) - 1, most).astype(np.int64)))
    literals, masks = [], []
    for literal, mask in _conditions(rows, names):
        literals.append(literal)
        masks.append(mask)
    if not literals:
        return []
    M = np.array(masks, dtype=np.float32)
    sides = _weights(rows.target)
    if len(literals) > LITERALS:
        kept = np.sort(np.argsort(-_evidence(M @ sides, sides.sum(axis=0)), kind="stable")[:LITERALS])
        literals, M = [literals[i] for i in kept], M[kept]
    left = np.ones(len(rows.target), np.float32)
    found: list[tuple[Literal, ...]] = []
    for _ in range(RULES):
        sides = _weights(rows.target) * left[:, None]
        if min(sides.sum(axis=0)) < FEW:
            break
        best = _beam(M, sides, literals)
        if best is None:
            break
        found.append(tuple(literals[i] for i in best))
        left = left * (1 - M[list(best)].min(axis=0))
    return found


def _weights(target: Mask) -> NDArray[np.float32]:
    return np.stack([~target, target], axis=1).astype(np.float32)


def _evidence(counts: NDArray[Any], totals: NDArray[Any]) -> Floats:
    """The G statistic of inside against outside, for counts (k, 2), less for broad rules; 0 where too few rows are covered or left."""
    k = np.asarray(counts, np.float64)
    n = np.asarray(totals, np.float64)
    inside, outside = k, n - k
    size = n.sum()
    out = np.zeros(len(k))
    for cells in (inside, outside):
        total = cells.sum(axis=1, keepdims=True)
        expected = total * n / size
        with np.errstate(divide="ignore", invalid="ignore"):
            out += np.where(cells > 0, cells * np.log(cells / np.where(expected > 0, expected, 1)), 0).sum(axis=1)
    covered = inside.sum(axis=1)
    least = max(SUPPORT * size, 10)
    # a rule that holds nearly everywhere says little: of two that tell the same, the one for fewer rows is preferred
    narrow = 1 - (inside / np.maximum(n, 1)).mean(axis=1) / 2
    return np.where((covered >= least) & (size - covered >= least), 2 * out * narrow, 0.0)


def _beam(M: NDArray[np.float32], sides: NDArray[np.float32], literals: list[Literal]) -> tuple[int, ...] | None:
    """Positions of the conditions of the best rule; each further condition must pay."""
    totals = sides.sum(axis=0)
    scores = _evidence(M @ sides, totals)
    beam: list[tuple[tuple[int, ...], float]] = [((int(i),), float(scores[i])) for i in np.argsort(-scores, kind="stable")[:BEAM]]
    if not beam or beam[0][1] <= 0:
        return None
    best = beam[0]
    for _ in range(CONDITIONS - 1):
        grown: dict[tuple[int, ...], float] = {}
        for rule, _score in beam:
            inside = M[list(rule)].min(axis=0)[:, None] * sides
            scores = _evidence(M @ inside, totals)
            for i in np.argsort(-scores, kind="stable")[: 2 * BEAM]:
                if not _repeats(literals, rule, int(i)) and scores[i] > 0:
                    grown[tuple(sorted((*rule, int(i))))] = float(scores[i])
        beam = sorted(grown.items(), key=lambda g: (-g[1], g[0]))[:BEAM]
        if not beam or beam[0][1] < best[1] * GAIN:
            break
        best = beam[0]
    return best[0]


def _repeats(literals: list[Literal], rule: tuple[int, ...], new: int) -> bool:
    """Whether a condition says of a column what the rule bounds already (two bounds make an interval; two levels say nothing)."""
    for i in rule:
        a, b = literals[i], literals[new]
        same = a.column == b.column and a.place == b.place
        if same and (a.kind in ("category", "text") or a.kind != b.kind or a.above == b.above):
            return True
    return False


# --- measuring ----------------------------------------------------------------------------------


def measured(rules: list[tuple[Literal, ...]], all_rows: Rows, unseen: Ints, alpha: float) -> list[dict[str, Any]]:
    """The rules that hold on the rows that the search has not seen, largest evidence first."""
    from scipy.stats import fisher_exact

    rows = all_rows.take(unseen)
    n, m = int((~rows.target).sum()), int(rows.target.sum())
    level = alpha / max(len(rules), 1)
    found = []
    for rule in rules:
        inside = np.logical_and.reduce([c.holds(rows) for c in rule])
        a, b = int((inside & ~rows.target).sum()), int((inside & rows.target).sum())
        p = min(1.0, float(fisher_exact([[a, n - a], [b, m - b]]).pvalue) * len(rules))
        ratio, low, high = frequency_ratio(a, n, b, m, level)
        plain = b / m / (a / n) if a else None
        worth = plain is None or plain >= WORTH or plain <= 1 / WORTH
        if p > alpha or low <= 1 <= high or not worth or not (a + b):
            continue
        record = {
            "rule": text(rule, all_rows),
            "conditions": [{"column": c.column, "test": text((c,), all_rows)} for c in rule],
            "ratio": ratio,
            "low": low,
            "high": high,
            "source_share": a / n,
            "target_share": b / m,
            "p_value": max(p, 1e-300),
            "adjusted_over": len(rules),
        }
        found.append(record | {"sentence": sentence(record, never=not a or not b)})
    return sorted(found, key=lambda r: r["p_value"])


def frequency_ratio(a: int, n: int, b: int, m: int, alpha: float) -> tuple[float, float, float]:
    """Frequency b/m over a/n with Katz's (1978) interval; half a row is added to each cell, so that no count of zero breaks it."""
    from scipy.special import ndtri

    x, y = (b + 0.5) / (m + 0.5), (a + 0.5) / (n + 0.5)
    spread = np.sqrt(max(1 / (b + 0.5) - 1 / (m + 0.5) + 1 / (a + 0.5) - 1 / (n + 0.5), 0.0))
    half = float(ndtri(1 - alpha / 2)) * spread
    ratio = float(np.log(x / y))
    return float(np.exp(ratio)), float(np.exp(ratio - half)), float(np.exp(ratio + half))
