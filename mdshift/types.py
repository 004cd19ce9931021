"""What crosses the walls: frozen records of arrays and of what was found in them.

Arrays are numpy. Shapes: n rows, p numeric columns, q categorical columns, t text columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Modality = Literal["table", "array", "image", "text"]
Task = Literal["classification", "regression"]
ColumnKind = Literal["number", "date", "category", "text", "identifier", "constant", "empty", "duplicate"]
Verdict = Literal["shift", "no-shift", "untestable", "unclear"]
Severity = Literal["none", "minor", "moderate", "severe"]

MISSING = -1  # code of a missing category, and of a row without a class
UNKNOWN = -2  # code of a category that the schema's levels lack


# --- data -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """One input column and how it is treated.

    `levels` are the values of a category, most frequent in the sources first, then those that only
    the target has. `source_levels` counts how many of them a source has. Dates are numbers: days since 1970-01-01.
    """

    name: str
    kind: ColumnKind
    levels: tuple[str, ...] = ()
    source_levels: int = 0
    note: str = ""
    where: Literal["both", "source", "target"] = "both"  # which side has it, where columns that one side lacks were asked for


@dataclass(frozen=True)
class Schema:
    """The columns that are used as features, in a fixed order, and those left out with the reason."""

    modality: Modality
    columns: tuple[Column, ...]
    left_out: tuple[Column, ...] = ()
    image_shape: tuple[int, int, int] | None = None  # height, width, channels

    @property
    def numbers(self) -> tuple[Column, ...]:
        """The columns of `Domain.numbers`, in order (numbers and dates)."""
        return tuple(c for c in self.columns if c.kind in ("number", "date"))

    @property
    def categories(self) -> tuple[Column, ...]:
        """The columns of `Domain.categories`, in order."""
        return tuple(c for c in self.columns if c.kind == "category")

    @property
    def texts(self) -> tuple[Column, ...]:
        """The columns of `Domain.texts`, in order."""
        return tuple(c for c in self.columns if c.kind == "text")


@dataclass(frozen=True, eq=False)
class Domain:
    """The rows of one domain, in input order (a seeded sample of them when `rows` > n).

    numbers: float64 (n, p), NaN where missing, never infinite. categories: int32 (n, q), codes into
    `Column.levels`, MISSING, or UNKNOWN. texts: object (n, t) of str. images: uint8 (n, h, w, c) or None.
    y: None without labels; int64 (n,) class codes with MISSING; or float64 (n,) with NaN.
    further: the same as y for each further label of the problem. index: int64 (n,), the row number in the input, from 0. summaries: of all rows, by column (`stats.summaries`), where
    not all of some domain are held. aside: values of columns that are no features, by what they are for: "time" (float64 (n,), NaN where
    missing), "group" (int64 (n,), MISSING).
    """

    name: str
    numbers: Floats
    categories: NDArray[np.int32]
    texts: NDArray[np.object_]
    images: NDArray[np.uint8] | None
    y: Ints | Floats | None
    index: Ints
    rows: int
    summaries: Mapping[str, Any] = field(default_factory=dict)
    further: tuple[Ints | Floats, ...] = ()
    aside: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Rows held in memory."""
        return len(self.index)

    def take(self, rows: Ints | NDArray[np.bool_]) -> Domain:
        """The rows at these positions (or under this mask), in the given order."""
        return replace(
            self,
            numbers=self.numbers[rows],
            categories=self.categories[rows],
            texts=self.texts[rows],
            images=None if self.images is None else self.images[rows],
            y=None if self.y is None else self.y[rows],
            index=self.index[rows],
            summaries={},
            further=tuple(v[rows] for v in self.further),
            aside={use: v[rows] for use, v in self.aside.items()},
        )

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Mask (n,) of the rows that carry a label."""
        import numpy as np

        if self.y is None:
            return np.zeros(len(self), dtype=bool)
        return self.y >= 0 if self.y.dtype.kind == "i" else ~np.isnan(self.y)


@dataclass(frozen=True)
class DataSpec:
    """Where the data lie and how to read them: what the `data` part of every JSON document holds."""

    sources: tuple[str, ...] = ()
    target: str | None = None
    labels: tuple[str, ...] = ()
    task: Literal["auto", "classification", "regression"] = "auto"
    domain_column: str | None = None
    time: str | None = None
    text: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    encoding: str | None = None
    on_schema: Literal["intersect", "fail"] = "intersect"
    kinds: Mapping[str, str] = field(default_factory=dict)  # the user's word on columns, from mdshift.toml

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, for JSON."""
        found = {k: list(v) if isinstance(v, tuple) else v for k, v in self.__dict__.items()}
        return {k: dict(v) if isinstance(v, Mapping) else v for k, v in found.items() if v not in (None, [], {})}


@dataclass(frozen=True)
class Note:
    """Something that the user should know: level `info` is shown with -v, `warning` always."""

    level: Literal["info", "warning"]
    text: str


@dataclass(frozen=True)
class Label:
    """A further label column: classes as in `Problem`, empty for a number."""

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    source_classes: int = 0


@dataclass(frozen=True, eq=False)
class Problem:
    """Source domains, a target (None: unknown future domains), and what is to be predicted.

    `classes` are names: the sources' classes sorted, then those that only the target has;
    `source_classes` counts the former. further: the labels after the first, where several are to be predicted.
    """

    sources: tuple[Domain, ...]
    target: Domain | None
    schema: Schema
    task: Task | None  # None: there is no label at all
    label: str | None
    classes: tuple[str, ...] = ()
    source_classes: int = 0
    spec: DataSpec = field(default_factory=DataSpec)
    notes: tuple[Note, ...] = ()
    quality: Mapping[str, Any] = field(default_factory=dict)  # what the readers counted: infinities, skipped files …
    further: tuple[Label, ...] = ()

    @property
    def source(self) -> Domain:
        """All sources, one below the other, in order."""
        return self.sources[0] if len(self.sources) == 1 else concatenate(self.sources)


def concatenate(domains: tuple[Domain, ...], name: str = "source") -> Domain:
    """Stack domains of one schema; a domain without labels contributes unlabelled rows."""
    import numpy as np

    ys: list[Any] = [d.y for d in domains]
    y = None
    if any(v is not None for v in ys):
        like = next(v for v in ys if v is not None)
        blank = np.nan if like.dtype.kind == "f" else MISSING
        y = np.concatenate([np.full(len(d), blank, like.dtype) if v is None else v for d, v in zip(domains, ys, strict=True)])
    images = None if domains[0].images is None else np.concatenate([d.images for d in domains if d.images is not None])
    return Domain(
        name=name,
        numbers=np.concatenate([d.numbers for d in domains]),
        categories=np.concatenate([d.categories for d in domains]),
        texts=np.concatenate([d.texts for d in domains]),
        images=images,
        y=y,
        index=np.concatenate([d.index for d in domains]),
        rows=sum(d.rows for d in domains),
        summaries=reduce(_merged, (d.summaries for d in domains)),
        further=tuple(np.concatenate(vs) for vs in zip(*(d.further for d in domains), strict=True)),
    )


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The summaries of the columns that both have."""
    return {n: s.merged(other[n]) for n, s in one.items() if n in other and type(s) is type(other[n])}


# --- findings ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What one probe says of one question.

    p_value is valid: under the null P(p <= a) <= a, and never 0; None where the probe does not test.
    effect is in the probe's own unit with an interval [low, high]; evidence holds JSON-ready details.
    """

    probe: str
    question: Literal[
        "x", "y", "x_given_y", "y_given_x", "performance", "overlap", "relatedness", "quality", "features", "region", "causes", "sources"
    ]
    method: str
    n_source: int
    n_target: int
    p_value: float | None = None
    statistic: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    sentence: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shift:
    """The reading of one kind of shift."""

    verdict: Verdict
    p_value: float | None
    effect: float | None
    low: float | None
    high: float | None
    severity: Severity
    reason: str
    excluded: float | None = None  # where none was found: no shift larger than this, on the scale of `effect`


@dataclass(frozen=True)
class Diagnosis:
    """The content of `mdshift.diagnosis/1`, less the envelope (schema, version, data, settings, seconds)."""

    kinds: tuple[str, ...]
    shifts: Mapping[str, Shift]  # covariate, label, concept
    tests: Mapping[str, Mapping[str, Any] | None]  # x, y, x_given_y, y_given_x
    features: tuple[Mapping[str, Any], ...]
    label: Mapping[str, Any] | None
    performance: Mapping[str, Any] | None
    overlap: Mapping[str, Any]
    relatedness: Mapping[str, Any]
    quality: Mapping[str, Any]
    similarity: Mapping[str, Any]
    facts: Mapping[str, Any]  # sizes, task, modality …: what the rules see beside the findings
    notes: tuple[Note, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)  # regions, classes: where the shift lies
    causes: tuple[Mapping[str, Any], ...] = ()  # likely ones: pattern, columns, sentence, evidence
    sources: Mapping[str, Any] | None = None  # ranked by nearness, and compared; None with one source


# --- recommendation ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """Why a rule spoke: its name, its sentence, the facts that it read, and its source."""

    rule: str
    sentence: str
    facts: Mapping[str, Any]
    cites: str


@dataclass(frozen=True)
class Ranked:
    """A strategy that fits."""

    strategy: str
    score: float
    params: Mapping[str, Any]
    cost: str
    why: tuple[Reason, ...]
    command: str
    seconds: float | None = None  # of one run on one core, by the cost model


@dataclass(frozen=True)
class Excluded:
    """A strategy that does not fit, and why in a sentence."""

    strategy: str
    because: str


@dataclass(frozen=True)
class Recommendation:
    """The content of `mdshift.recommendation/1`, less the envelope."""

    ranked: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    facts: Mapping[str, Any]
    labels_needed: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    trace: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Note, ...] = ()


# --- adaptation -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """A score with its interval: `on` says what it was measured on."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    on: str  # "target labels", "estimate", "source cross-validation"


@dataclass(frozen=True)
class Candidate:
    """One strategy that was tried, its estimate on the target, and what became of it."""

    strategy: str
    params: Mapping[str, Any]
    estimate: Score | None
    verdict: str
    seconds: float
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Adaptation:
    """The content of `mdshift.adaptation/1`, less the envelope."""

    strategy: str
    params: Mapping[str, Any]
    kept: Literal["adapted", "source-only"]
    reason: str
    model: str
    scores: Mapping[str, Score | None]  # source_only, adapted
    candidates: tuple[Candidate, ...]
    validator: str
    history: tuple[Mapping[str, Any], ...]
    environment: Mapping[str, Any]
    notes: tuple[Note, ...] = ()
    labels: tuple[Mapping[str, Any], ...] = ()  # the labels after the first: how each is predicted, and how well
    comparison: Mapping[str, Any] | None = None  # the source model and the adapted one taken apart, see `engine/comparison.py`
