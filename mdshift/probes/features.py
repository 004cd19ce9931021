"""Which columns moved, and how.

Assumes: Each column is looked at by itself, and rows are independent.

Helps: Asking which columns moved and how.

Hurts: A changed dependence between columns whose own distributions stayed cannot be seen here; see `mmd` and `domain-classifier`.

Cost: Sorting each column once; texts 199 permutations of 5,000 rows a side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import histograms, wording
from mdshift.probes.base import Probe, View
from mdshift.stats import columns as numeric
from mdshift.stats import summaries
from mdshift.stats.divergence import corrected_js, js_bits, shrunk
from mdshift.stats.effects import of_js
from mdshift.stats.multiple import holm
from mdshift.stats.permutation import assignments, largest_difference, p_value
from mdshift.types import MISSING, UNKNOWN, Column, Domain, Finding, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Record = dict[str, Any]
    Whole = Mapping[str, Any]

CELLS = 4_000_000  # cells sorted at once
DRAWS = 999  # permutations of a table too sparse for the chi-square law
EXPECTED = 5.0  # least expected count for it
TOP = 5  # levels, terms that a summary names
TEXT_DRAWS = 199
WORD = r"(?u)\b\w\w+\b"
SHOWN = 24  # columns, the most shifted first, whose histogram is kept
LOOKS = ("image brightness", "image contrast", "image sharpness")
TEXT_ROWS = 5_000  # texts of a side that are read


@probe
class Features(Probe):
    """Every column by itself, most shifted first.

    js: Jensen-Shannon divergence in bits between the binned laws (pooled quantile bins for numbers, with missing values as a bin of their
    own; levels for categories; terms for texts), less what chance gives at these sizes. p_value: Kolmogorov-Smirnov for numbers,
    chi-square for categories (permuted where counts are small), permutation for texts, adjusted over the columns (Holm). A
    sentence says what changed, two summaries give the figures; severity is read from js, never from p. Where a sample of the rows is
    held, mean, sd, min, max, missing and the shares of the levels are of all rows: `rows` says how many these are, `quartile_rows`
    how many the quartiles stand on.
    """

    name: ClassVar = "features"
    question: ClassVar = "features"
    cites: ClassVar = "Lin 1991; Kolmogorov 1933; Holm 1979"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: ARG002 - shared draws come from view.rng
        """Compare; evidence["features"] is the list; its p-values are None with fewer than 20 rows on a side."""
        found = [c | {"severity": severity(c, alpha)} for c in columns_of(view)]
        counts = (view.n_source, view.n_target)
        if not found:
            return Finding(self.name, "features", "not run", *counts, sentence="No column can be compared.", evidence={"features": []})
        js = np.array([c["js"] for c in found])
        known = [c["p_value"] for c in found if c["p_value"] is not None]
        moved = sum(p <= alpha for p in known)
        sentence = (
            f"{moved} of {len(found)} columns have a Holm-adjusted p below {alpha:g}"
            if known
            else "Too few rows to test the columns one by one"
        )
        first = found[0]
        tail = f"; most of all {wording.short(first['name'])}: {first['sentence']}" if moved else ""
        return Finding(
            probe=self.name,
            question="features",
            method="Kolmogorov-Smirnov, chi-square, Holm-adjusted; chance-corrected Jensen-Shannon divergence",
            n_source=counts[0],
            n_target=counts[1],
            p_value=min(known, default=None),
            statistic=float(js.max()),
            effect=float(js.mean()),
            sentence=f"{sentence}{tail}".rstrip(".") + ".",
            evidence={
                "features": found,
                "js_mean": float(js.mean()),
                "js_max": float(js.max()),
                "shifted": moved,
                "share": moved / len(found),
            },
        )


def severity(record: Record, alpha: float) -> Severity:
    """None where no difference was found, else by the size of the divergence."""
    p = record["p_value"]
    return "none" if p is None or p > alpha else of_js(record["js"])


def columns_of(view: View) -> list[Record]:
    """The records of all columns, most shifted first, computed once."""
    return view.once("columns", lambda: _columns_of(view))


def _columns_of(view: View) -> list[Record]:
    schema, rng = view.problem.schema, view.rng("features")
    whole = (view.source.summaries, view.target.summaries)
    records = _numbers(view.source.numbers, view.target.numbers, schema.numbers, whole)
    records += [
        _category(view.source.categories[:, j], view.target.categories[:, j], c, rng, whole) for j, c in enumerate(schema.categories)
    ]
    records += [_text(view.source.texts[:, j], view.target.texts[:, j], c, rng) for j, c in enumerate(schema.texts)]
    if view.source.images is not None and view.target.images is not None:
        columns = tuple(Column(name, "number") for name in LOOKS)
        records += _numbers(*view.once("looks", lambda: (_looks(view.source), _looks(view.target))), columns)
    adjusted = holm([r["p_value"] for r in records])
    for record, p in zip(records, adjusted, strict=True):
        record["p_value"] = None if view.few else float(p)
    ordered = sorted(records, key=lambda r: (-r["js"], r["p_value"] if r["p_value"] is not None else 1.0))
    for record in ordered[:SHOWN]:
        record.update(_lying(view, record["name"]))
    return ordered


def _lying(view: View, name: str) -> Record:
    """How the values of a column lie on both sides: `histogram`; nothing for texts, which have their terms."""
    schema, found = view.problem.schema, None
    numbers = [c.name for c in schema.numbers]
    categories = {c.name: j for j, c in enumerate(schema.categories)}
    if name in numbers:
        j = numbers.index(name)
        found = histograms.numbers(view.source.numbers[:, j], view.target.numbers[:, j])
    elif name in categories:
        j = categories[name]
        names = ["(unknown)", "(missing)", *schema.categories[j].levels]
        counts = [
            np.bincount(v[:, j].astype(np.int64) - UNKNOWN, minlength=len(names)) for v in (view.source.categories, view.target.categories)
        ]
        found = histograms.levels(names, counts[0], counts[1])
    elif name in LOOKS:
        j, looks = LOOKS.index(name), view.once("looks", lambda: (_looks(view.source), _looks(view.target)))
        found = histograms.numbers(looks[0][:, j], looks[1][:, j])
    return {} if found is None else {"histogram": found}


# --- numbers ------------------------------------------------------------------------------------


def _numbers(
    source: NDArray[np.float64], target: NDArray[np.float64], columns: tuple[Column, ...], whole: Sequence[Whole] = ({}, {})
) -> list[Record]:
    n, m = len(source), len(target)
    if not columns or not n or not m:
        return []
    out: list[Record] = []
    step = max(1, CELLS // (n + m))
    for start in range(0, len(columns), step):
        some = slice(start, start + step)
        here, there = source[:, some], target[:, some]
        found = numeric.compare(here, there, numeric.bins_for(n, m))
        js = corrected_js(found.source, found.target)
        one, two, both = numeric.summaries(here), numeric.summaries(there), numeric.summaries(np.concatenate([here, there]))
        for j, column in enumerate(columns[some]):
            a, b = (
                _row(s, j) | {"rows": k, "quartile_rows": k} | _of_all(w, column) for s, k, w in zip((one, two), (n, m), whole, strict=True)
            )
            out.append(
                {
                    "name": column.name,
                    "kind": column.kind,
                    "js": float(js[j]),
                    "p_value": float(found.p_value[j]),
                    "statistic": float(found.distance[j]),
                    "sentence": wording.number(column.kind, a, b, _float(both["sd"][j])),
                    "source": a,
                    "target": b,
                }
            )
    return out


def _row(summary: Mapping[str, NDArray[np.float64]], j: int) -> Record:
    return {k: _float(v[j]) for k, v in summary.items()}


def _of_all(whole: Whole, column: Column) -> Record:
    """The figures of a number that stand on all rows, where these were counted."""
    found = whole.get(column.name)
    if not isinstance(found, summaries.Numbers) or not found.known:
        return {}
    figures = {"mean": found.mean, "sd": found.sd, "min": found.low, "max": found.high, "missing": found.missing}
    return {k: _float(v) for k, v in figures.items()} | {"rows": found.rows}


def _float(v: float) -> float | None:
    return float(v) if np.isfinite(v) else None


def _looks(domain: Domain) -> NDArray[np.float64]:
    """Brightness, contrast and sharpness of every image, (n, 3), on the scale of the pixels."""
    out = np.zeros((len(domain), 3))
    if domain.images is None:
        return out
    for start in range(0, len(domain), 256):
        grey = domain.images[start : start + 256].astype(np.float32).mean(axis=3)
        rows = slice(start, start + len(grey))
        out[rows, 0], out[rows, 1] = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
        out[rows, 2] = sum(np.abs(np.diff(grey, axis=k)).mean(axis=(1, 2)) for k in (1, 2) if grey.shape[k] > 1)
    return out


# --- categories ---------------------------------------------------------------------------------


def _category(
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    column: Column,
    rng: np.random.Generator,
    whole: Sequence[Whole] = ({}, {}),
) -> Record:
    names = ["(unknown)", "(missing)", *column.levels]
    counts = [np.bincount(v.astype(np.int64) - UNKNOWN, minlength=len(names)) for v in (source, target)]
    seen = (counts[0] + counts[1]) > 0
    js = float(corrected_js(counts[0][seen], counts[1][seen])) if seen.any() else 0.0
    statistic, p = chi_square(counts[0][seen], counts[1][seen], rng)
    counts = [_counts_of_all(w, column, c) for w, c in zip(whole, counts, strict=True)]
    shares = [c / max(c.sum(), 1) for c in counts]
    absent = MISSING - UNKNOWN
    summary = []
    for side, share in zip(counts, shares, strict=True):
        most = np.argsort(-side, kind="stable")[: TOP + 1]
        top = [[names[i], float(share[i])] for i in most if side[i] and i != absent][:TOP]
        summary.append({"top": top, "levels": int((side[2:] > 0).sum()), "missing": float(share[absent]), "rows": int(side.sum())})
    return {
        "name": column.name,
        "kind": column.kind,
        "js": js,
        "p_value": p,
        "statistic": statistic,
        "sentence": wording.category(names, shares[0], shares[1], counts[0]),
        "source": summary[0],
        "target": summary[1],
    }


def _counts_of_all(whole: Whole, column: Column, counts: Ints) -> Ints:
    """How often each level occurs in all rows, where that was counted; else the counts of the rows that are held."""
    found = whole.get(column.name)
    of_all = found.coded(column.levels) if isinstance(found, summaries.Levels) else None
    return counts if of_all is None else of_all


def chi_square(source: Ints, target: Ints, rng: np.random.Generator) -> tuple[float, float]:
    """Chi-square statistic of two rows of counts and its p-value.

    Levels too rare for the chi-square law are ranked among tables with the same margins instead (permutation of sides).
    """
    from scipy.special import gammaincc

    n, m = int(source.sum()), int(target.sum())
    pooled = source + target
    if len(pooled) < 2 or not n or not m:  # noqa: PLR2004 - one level cannot differ
        return 0.0, 1.0
    expected = pooled * m / (n + m)

    def statistic(counts: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(((counts - expected) ** 2 / expected * (n + m) / n).sum(axis=-1))

    observed = float(statistic(target))
    if min(expected.min(), (pooled - expected).min()) >= EXPECTED:
        return observed, float(max(gammaincc((len(pooled) - 1) / 2, observed / 2), 1e-300))
    drawn = rng.multivariate_hypergeometric(pooled, m, size=DRAWS, method="marginals")
    return observed, p_value(np.concatenate([[observed], statistic(drawn)]))


# --- texts --------------------------------------------------------------------------------------


def _text(source: NDArray[np.object_], target: NDArray[np.object_], column: Column, rng: np.random.Generator) -> Record:
    from sklearn.feature_extraction.text import CountVectorizer

    one, two = (_some(v, rng) for v in (source, target))
    summary = [
        {"words": _mean_words(v), "empty": float(np.mean([not t.strip() for t in v])) if v else 0.0, "rows": len(v)} for v in (one, two)
    ]
    record: Record = {"name": column.name, "kind": "text", "js": 0.0, "p_value": 1.0, "statistic": 0.0}
    try:
        counter = CountVectorizer(binary=True, max_features=2_000, min_df=3, token_pattern=WORD, dtype=np.float32)
        has = counter.fit_transform([*one, *two]).toarray()
    except ValueError:  # no word stands in three texts
        return record | {"sentence": "no word is common enough to compare", "source": summary[0], "target": summary[1]}
    n, m = len(one), len(two)
    weights = assignments(n, m, TEXT_DRAWS, rng)
    top, z = largest_difference(has, weights)
    # the law of the terms: which share of all term occurrences each has; chance from the same permutations
    sums = has.sum(axis=0)[:, None]
    there = np.clip(sums * 1.0 / (n + m) - (has.T @ weights) * n / (n + m), 0, None)  # mean in the target side, (terms, B+1)
    here = np.clip(there + has.T @ weights, 0, None)
    laws = [v / np.maximum(v.sum(axis=0), 1e-12) for v in (here, there)]
    js = js_bits(laws[0], laws[1])
    names = counter.get_feature_names_out()
    share = [has[:n].mean(axis=0), has[n:].mean(axis=0)]
    telling = [int(i) for i in np.argsort(-z, kind="stable")[: 2 * TOP]]
    more = [str(names[i]) for i in telling if share[1][i] > share[0][i]][:TOP]
    less = [str(names[i]) for i in telling if share[1][i] <= share[0][i]][:TOP]
    terms = [[str(names[i]), float(share[0][i]), float(share[1][i])] for i in telling]
    return record | {
        "js": float(shrunk(js[0], js[1:].mean(), js[1:].std())),
        "p_value": p_value(top),
        "statistic": float(top[0]),
        "sentence": wording.text(more, less, summary[0]["words"], summary[1]["words"]),
        "source": summary[0],
        "target": summary[1],
        "terms": terms,
    }


def _some(texts: NDArray[np.object_], rng: np.random.Generator) -> list[str]:
    kept = texts if len(texts) <= TEXT_ROWS else texts[np.sort(rng.choice(len(texts), TEXT_ROWS, replace=False))]
    return [str(t) for t in kept]


def _mean_words(texts: list[str]) -> float:
    return float(np.mean([len(t.split()) for t in texts])) if texts else 0.0
