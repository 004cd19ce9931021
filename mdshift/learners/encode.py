"""The treatment of columns: what turns a Domain into a matrix, fitted once and saved with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.learners.base import Further, Prepared, State, Texts
from mdshift.learners.embedding import Embedding
from mdshift.types import MISSING, Domain, Label, Problem, Schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix

MAX_LEVELS = 30  # a category's further levels share one column: rare levels carry little and widen everything
MAX_TERMS = 3000
TEXT_BYTES = 256 << 20  # the dense matrix of term weights stays below this for the rows it is fitted on
TEXT_NORM = 5.0  # length of a row of term weights: comparable with a few standardised numbers
CLIP = 10.0  # a standardised number further out says no more, and would dominate every linear model
MIN_INDICATOR = 0.005  # share of missing values from which missingness gets a column of its own
WORDS = r"(?u)\b\w+(?:'\w+)?\b"
ROUNDING = 1e-14  # relative to its values, a range that is none
HEAVY_TAIL = 2.0  # skewness from which a non-negative column is taken on the logarithmic scale


@dataclass(frozen=True, eq=False)
class Encoder:
    """Fitted on the sources, column kind by column kind.

    Numbers: median for missing, log1p where heavy-tailed, standardised, clipped. Categories: one column a level.
    Texts: TF-IDF of words and pairs of words. Images: standardised pixels.
    kinds (d,), names (d,): what each output column is. shape: (channels, height, width) for images.
    """

    schema: Schema
    fill: NDArray[np.float64]  # (p,) medians
    logs: NDArray[np.bool_]  # (p,) taken as log1p
    center: NDArray[np.float64]  # (p,)
    scale: NDArray[np.float64]  # (p,)
    indicators: NDArray[np.int64]  # the numeric columns whose missingness has a column
    widths: NDArray[np.int64]  # (q,) levels kept of each category; then "other", then "missing"
    terms: tuple[tuple[str, ...], ...]  # (t,) vocabularies
    idf: tuple[NDArray[np.float64], ...]
    pixel: tuple[float, float]  # mean and standard deviation of all pixels
    embedding: Embedding | None = None  # a pretrained network that reads texts and images instead

    @classmethod
    def fit(
        cls, schema: Schema, domains: Sequence[Domain], *, texts_of: Sequence[Domain] | None = None, backbone: str | None = None
    ) -> Encoder:
        """Fit on the rows of these domains; vocabularies also on `texts_of` (unlabelled texts help there).

        backbone: the folder of a pretrained network that reads texts and images.
        """
        numbers = np.concatenate([d.numbers for d in domains])
        theirs = [j for j, c in enumerate(schema.numbers) if c.where == "target"]
        if theirs and texts_of:  # what the target alone has can be scaled by the target alone
            numbers = _borrowed(numbers, np.concatenate([d.numbers for d in texts_of]), theirs)
        fill, logs, center, scale, indicators = _fit_numbers(numbers)
        kept = [min(MAX_LEVELS, c.source_levels or len(c.levels)) for c in schema.categories]
        found = [_fit_text([d.texts[:, j] for d in (texts_of or domains)]) for j in range(len(schema.texts))] if backbone is None else []
        images = [d.images for d in domains if d.images is not None]
        pixel = (0.0, 1.0)
        if images:
            mean = float(np.mean([im.mean() for im in images]))
            pixel = (mean, float(np.sqrt(np.mean([im.var() + (im.mean() - mean) ** 2 for im in images]))) or 1.0)
        return cls(
            schema,
            fill,
            logs,
            center,
            scale,
            indicators,
            np.array(kept, dtype=np.int64),
            tuple(t for t, _ in found),
            tuple(i for _, i in found),
            pixel,
            None if backbone is None else Embedding.fit(backbone, domains),
        )

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(channels, height, width) of the pixels, or None."""
        if self.schema.image_shape is None or self.embedding is not None:
            return None
        h, w, c = self.schema.image_shape
        return (c, h, w)

    @property
    def kinds(self) -> NDArray[Any]:
        """(d,) of "number", "indicator", "text", "pixel"."""
        pixels = int(np.prod(self.shape)) if self.shape else 0
        out = ["number"] * len(self.fill) + ["indicator"] * (len(self.indicators) + int((self.widths + 2).sum()))
        embedded = 0 if self.embedding is None else len(self.embedding.center)
        return np.array(out + ["text"] * sum(len(t) for t in self.terms) + ["pixel"] * pixels + ["number"] * embedded, dtype="<U9")

    @property
    def names(self) -> list[str]:
        """(d,) readable names of the output columns."""
        numbers = [c.name for c in self.schema.numbers]
        out = numbers + [f"{numbers[j]} is missing" for j in self.indicators]
        for column, width in zip(self.schema.categories, self.widths, strict=True):
            out += [f"{column.name} = {v}" for v in (*column.levels[:width], "(other)", "(missing)")]
        for column, terms in zip(self.schema.texts, self.terms, strict=self.embedding is None):
            out += [f"{column.name}: {t}" for t in terms]
        if self.embedding is not None:
            out += [f"embedding {i}" for i in range(len(self.embedding.center))]
        return out + [f"pixel {i}" for i in range(int(np.prod(self.shape)) if self.shape else 0)]

    def transform(self, domain: Domain) -> Matrix:
        """The domain as float32 (n, d), finite."""
        parts = [self._numbers(domain.numbers)]
        if len(self.indicators):
            parts.append(np.isnan(domain.numbers[:, self.indicators]).astype(np.float32))
        parts += [_one_hot(domain.categories[:, j], int(w)) for j, w in enumerate(self.widths)]
        if self.terms:
            parts.append(self.terms_of(domain.texts))
        if domain.images is not None and self.shape:
            flat = domain.images.transpose(0, 3, 1, 2).reshape(len(domain), -1).astype(np.float32)
            parts.append((flat - np.float32(self.pixel[0])) / np.float32(self.pixel[1]))
        if self.embedding is not None:
            parts.append(self.embedding.transform(domain))
        return np.ascontiguousarray(np.concatenate(parts, axis=1)) if len(parts) > 1 else parts[0]

    def only(self, side: str) -> NDArray[np.bool_] | None:
        """Mask (d,) of the output columns that this side ("source", "target") alone has; None where there is none."""
        schema = self.schema
        if all(c.where != side for c in schema.columns):
            return None
        numbers = [c.where == side for c in schema.numbers]
        parts = [np.array(numbers, dtype=bool), np.array([numbers[j] for j in self.indicators], dtype=bool)]
        parts += [np.full(int(w) + 2, c.where == side) for c, w in zip(schema.categories, self.widths, strict=True)]
        parts += [np.full(len(t), c.where == side) for c, t in zip(schema.texts, self.terms, strict=True)]
        return np.concatenate(parts)

    def terms_of(self, texts: NDArray[np.object_]) -> Matrix:
        """The columns of kind "text" (n, c) of raw texts (n, t)."""
        return np.concatenate([_weigh_terms(texts[:, j], t, i) for j, (t, i) in enumerate(zip(self.terms, self.idf, strict=True))], axis=1)

    def _numbers(self, numbers: NDArray[np.float64]) -> Matrix:
        v = np.where(np.isnan(numbers), self.fill, numbers)
        if self.logs.any():
            v[:, self.logs] = _signed_log(v[:, self.logs])
        off = v - self.center
        off[np.abs(off) <= ROUNDING * np.abs(self.center)] = 0.0  # or trees split on what rounding left of a constant
        return np.clip(off / self.scale, -CLIP, CLIP).astype(np.float32)

    def state(self) -> State:
        """Taken apart for the store; the schema travels in model.json."""
        arrays: dict[str, Any] = {k: getattr(self, k) for k in ("fill", "center", "scale", "indicators", "widths")}
        arrays["logs"] = self.logs.astype(np.int64)
        arrays |= {f"idf{j}": v for j, v in enumerate(self.idf)}
        children = {} if self.embedding is None else {"embedding": self.embedding.state()}
        return State("encoder", {"terms": [list(t) for t in self.terms], "pixel": list(self.pixel)}, arrays, children=children)

    @classmethod
    def restore(cls, state: State, schema: Schema) -> Encoder:
        """Put together again; transforms to the same bytes."""
        a, terms = state.arrays, state.meta["terms"]
        return cls(
            schema,
            a["fill"],
            a["logs"].astype(bool),
            a["center"],
            a["scale"],
            a["indicators"],
            a["widths"],
            tuple(tuple(t) for t in terms),
            tuple(a[f"idf{j}"] for j in range(len(terms))),
            (float(state.meta["pixel"][0]), float(state.meta["pixel"][1])),
            Embedding.restore(state.children["embedding"]) if "embedding" in state.children else None,
        )


def prepare(problem: Problem, encoder: Encoder) -> Prepared:
    """Encode a problem: the labelled source rows, and all target rows.

    y is int64 codes or float64; the target's is MISSING or NaN where unlabelled. Without a target X_target is (0, d).
    """
    kept = [d.take(d.labelled) for d in problem.sources]
    X = np.concatenate([encoder.transform(d) for d in kept])
    y = np.concatenate([d.y for d in kept if d.y is not None])
    domain = np.repeat(np.arange(len(kept)), [len(d) for d in kept]).astype(np.int64)
    blank: Any = np.nan if problem.task == "regression" else MISSING
    target = problem.target
    if target is None:
        X_target, y_target = np.zeros((0, X.shape[1]), np.float32), np.zeros(0, y.dtype)
    else:
        X_target = encoder.transform(target)
        y_target = np.full(len(target), blank, y.dtype) if target.y is None else target.y
    texts = None
    if encoder.terms:
        raw = [d.texts for d in kept]
        theirs = np.zeros((0, raw[0].shape[1]), object) if target is None else target.texts
        texts = Texts(np.concatenate(raw), theirs, encoder.terms_of, np.flatnonzero(encoder.kinds == "text"))
    return Prepared(
        X_source=X,
        y_source=y,
        X_target=X_target,
        y_target=y_target,
        domain=domain,
        task=problem.task or "classification",
        n_classes=max(len(problem.classes), 1) if problem.task == "classification" else 1,
        modality=problem.schema.modality if encoder.embedding is None else "array",
        kinds=encoder.kinds,
        shape=encoder.shape,
        texts=texts,
        further=tuple(_further(label, j, kept, target) for j, label in enumerate(problem.further)),
        only_source=encoder.only("source"),
        only_target=encoder.only("target"),
    )


def _further(label: Label, j: int, sources: Sequence[Domain], target: Domain | None) -> Further:
    blank: Any = np.nan if label.task == "regression" else MISSING
    y = np.concatenate([d.further[j] for d in sources])
    theirs = np.zeros(0, y.dtype) if target is None else target.further[j] if target.further else np.full(len(target), blank, y.dtype)
    return Further(label.name, label.task, len(label.classes) if label.task == "classification" else 1, y, theirs)


def _borrowed(numbers: NDArray[np.float64], every: NDArray[np.float64], columns: list[int]) -> NDArray[np.float64]:
    """The sources' numbers, with the known values of these columns taken from all domains and repeated to the same length."""
    out = numbers.copy()
    for j in columns:
        known = every[~np.isnan(every[:, j]), j]
        out[:, j] = np.resize(known, len(out)) if len(known) else np.nan
    return out


def fit_encoder(problem: Problem, backbone: str | None = None) -> Encoder:
    """The encoder of a model: scales from the sources, vocabularies from all texts at hand; or what a pretrained network reads."""
    every = (*problem.sources, problem.target) if problem.target is not None else problem.sources
    return Encoder.fit(problem.schema, problem.sources, texts_of=every, backbone=backbone)


def _signed_log(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sign(v) * np.log1p(np.abs(v))


def _skewness(v: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = v - v.mean(axis=0)
    sd = centred.std(axis=0)
    skew: NDArray[np.float64] = ((centred / np.where(sd > 0, sd, 1.0)) ** 3).mean(axis=0)
    return skew


def _fit_numbers(numbers: NDArray[np.float64]) -> tuple[Any, Any, Any, Any, Any]:
    missing = np.isnan(numbers)
    share = missing.mean(axis=0) if len(numbers) else np.zeros(numbers.shape[1])
    with np.errstate(all="ignore"):
        safe = np.where(missing.all(axis=0, keepdims=True), 0.0, numbers)
        fill = np.nanmedian(safe, axis=0) if len(safe) else np.zeros(numbers.shape[1])
    v = np.where(missing, fill, numbers)
    logs = np.zeros(v.shape[1], dtype=bool)
    if len(v):
        # winsorised, so that one wild value neither sets the scale nor hides the skewness of the rest
        low, high = np.quantile(v, [0.001, 0.999], axis=0)
        w = np.clip(v, low, high)
        logged = _signed_log(w)
        raw, after = _skewness(w), _skewness(logged)
        few = np.array([len(np.unique(c[:5000])) <= 2 for c in w.T], dtype=bool)  # noqa: PLR2004 - two values have no scale
        logs = (low >= 0) & (raw > HEAVY_TAIL) & (np.abs(after) < np.abs(raw)) & ~few
        v = np.where(logs[None, :], logged, w)
    center = v.mean(axis=0) if len(v) else np.zeros(v.shape[1])
    spread = v.std(axis=0) if len(v) else np.ones(v.shape[1])
    # a constant: centred, unscaled; of no unit, since picofarads are as good as farads. By its range: the mean of many rows is off by more than rounding
    still = np.ptp(v, axis=0) <= ROUNDING * np.abs(v[0]) if len(v) else np.zeros(v.shape[1], dtype=bool)
    center = np.where(still, v[0], center) if len(v) else center
    indicators = np.flatnonzero((share >= MIN_INDICATOR) & (share < 1))
    return fill, logs, center, np.where(still | (spread == 0), 1.0, spread), indicators


def _one_hot(codes: NDArray[np.int32], width: int) -> Matrix:
    at = np.where((codes < 0) | (codes >= width), width, codes)  # rare and unknown levels share "other"
    at = np.where(codes == MISSING, width + 1, at)
    out = np.zeros((len(codes), width + 2), dtype=np.float32)
    out[np.arange(len(codes)), at] = 1.0
    return out


def _counter(vocabulary: Sequence[str] | None, max_features: int | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(ngram_range=(1, 2), token_pattern=WORDS, vocabulary=vocabulary, max_features=max_features, dtype=np.float32)


def _fit_text(columns: Sequence[NDArray[np.object_]]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    texts = np.concatenate(columns)
    room = max(256, min(MAX_TERMS, TEXT_BYTES // (4 * max(len(texts), 1))))
    counter = _counter(None, None)
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no word in any text
        return (), np.zeros(0)
    documents = np.asarray((counts > 0).sum(axis=0)).ravel()
    names = counter.get_feature_names_out()
    often = np.flatnonzero(documents >= min(2, len(texts)))
    # most documents first; the stable sort keeps the alphabetical order among ties
    best = np.sort(often[np.argsort(-documents[often], kind="stable")[:room]])
    idf = np.log((1 + len(texts)) / (1 + documents[best])) + 1.0
    return tuple(names[best].tolist()), idf


def _weigh_terms(texts: NDArray[np.object_], terms: tuple[str, ...], idf: NDArray[np.float64]) -> Matrix:
    if not terms or not len(texts):
        return np.zeros((len(texts), len(terms)), dtype=np.float32)
    counts = _counter(terms).transform(texts)
    counts.data = 1.0 + np.log(counts.data)  # sublinear: the tenth mention adds little
    dense = counts.toarray().astype(np.float64) * idf
    length = np.sqrt((dense**2).sum(axis=1, keepdims=True))
    weighed: Matrix = (TEXT_NORM * dense / np.where(length > 0, length, 1.0)).astype(np.float32)
    return weighed
