"""What the traces of known patterns are looked for in: the rows and columns that moved, and how a cause is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.probes import wording
from mdshift.probes.base import FEW, View
from mdshift.probes.features import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Record = dict[str, Any]

OTHER = {"target": "source", "source": "target"}
ROWS = 5_000  # rows of a side that are looked at
COLUMNS = 200  # columns that are looked at, the most shifted first
EXPECTED = 5.0  # least expected count of a level that stands for itself
COUNTER = 0.98  # rank correlation with the row number from which a column counts rows
NAMED = 3  # columns named in a sentence


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


def two_shares(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """P that two masks have the same share of hits (Fisher 1922)."""
    from scipy.stats import fisher_exact

    a, b = int(one.sum()), int(two.sum())
    return float(fisher_exact([[a, len(one) - a], [b, len(two) - b]]).pvalue)


def trend(when: Floats, values: Floats) -> tuple[float, float]:
    """Rank correlation of values with time, and its p (Spearman 1904); (0, 1) where it has none."""
    from scipy.stats import spearmanr

    both = ~np.isnan(when) & ~np.isnan(values)
    if both.sum() < 2 * FEW or len(np.unique(values[both])) < 2 or len(np.unique(when[both])) < 2:  # noqa: PLR2004 - constant
        return 0.0, 1.0
    found = spearmanr(when[both], values[both])
    return float(found.statistic), float(max(found.pvalue, 1e-300))


def counts_rows(case: Case, name: str) -> bool:
    """Whether a column grows with the rows of both sides, as an index or a time does."""
    j = case.place[name]
    return all(trend(d.index.astype(np.float64), d.numbers[:, j])[0] >= COUNTER for d in (case.source, case.target))
