"""What a probe is, and the encoded view of a problem that the probes share."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from mdshift.declare import generator
from mdshift.stats.columns import quantile
from mdshift.types import Domain, Finding, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

T = TypeVar("T")

MOST_DRAWS = 1_999  # of a permutation test: more take seconds and gigabytes
FEW = 21  # with 1 to 20 rows on a side no test can say more than "too few rows to tell"
WIDE = 2_000  # columns of X at most; wider problems are reduced by pooled principal components
NARROW = 128  # columns of Z, the matrix that kernels and neighbours see
LEVELS = 30  # one-hot columns of a category at most; the rest share one
SIDE = 16  # images are averaged down to at most SIDE x SIDE pixels a channel
TERMS = 1_000  # terms of a text column at most
CELLS = 4_000_000  # cells standardised at once
LINEAR = 4.0  # spreads from the centre up to which a number is taken as it is
TINY = 1e-12  # a spread below this share of the largest value is rounding
WORD = r"(?u)\b\w+\b"


@dataclass(frozen=True, eq=False)
class View:
    """A problem with a target, as numbers that treat both sides alike.

    Every treatment is fitted on the pooled rows without regard to the side, so that under the null (one law on
    both sides) the rows stay exchangeable and a permutation of sides is a valid reference.

    X_source (n, d), X_target (m, d): float32, finite; numbers robustly standardised, at most WIDE columns. Z_source,
    Z_target: the same, at most NARROW columns (principal components of X where X is wider). names, origin (d,): the
    name of each column of X and the index of the input column that it comes from, -1 where none. kinds (d,): "number",
    "indicator", "text", "pixel" or "component".
    source, target: the raw domains (all sources stacked).
    """

    problem: Problem
    source: Domain
    target: Domain
    X_source: Matrix
    X_target: Matrix
    Z_source: Matrix
    Z_target: Matrix
    names: tuple[str, ...]
    origin: NDArray[np.int64]
    kinds: NDArray[Any]
    seed: int = 0
    _memo: dict[str, Any] = field(default_factory=dict, repr=False)
    _locks: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=threading.RLock, repr=False)

    @property
    def n_source(self) -> int:
        """Source rows held."""
        return len(self.X_source)

    @property
    def n_target(self) -> int:
        """Target rows held."""
        return len(self.X_target)

    @property
    def few(self) -> bool:
        """Whether a side has too few rows for any verdict."""
        return min(self.n_source, self.n_target) < FEW

    @property
    def y_source(self) -> NDArray[Any] | None:
        """Labels of the source rows (MISSING or NaN where there is none), or None."""
        return self.source.y

    @property
    def y_target(self) -> NDArray[Any] | None:
        """Labels of the target rows (MISSING or NaN where there is none), or None."""
        return self.target.y

    def rows(self, cap: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of at most `cap` rows of each side, drawn once and sorted."""

        def draw(n: int, side: str) -> NDArray[np.int64]:
            if n <= cap:
                return np.arange(n)
            return np.sort(self.rng("view", "rows", side).choice(n, cap, replace=False))

        return draw(self.n_source, "source"), draw(self.n_target, "target")

    def rng(self, *names: str | int) -> np.random.Generator:
        """The generator of a named unit of work that several probes share."""
        return generator(self.seed, *names)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """The result of `make`, computed by whichever probe asks first (its randomness must come from `rng`)."""
        with self._lock:
            own = self._locks.setdefault(name, threading.RLock())
        with own:  # one lock a name: probes that run side by side wait only for what they share
            if name not in self._memo:
                self._memo[name] = make()
            found: T = self._memo[name]
            return found


class Probe(ABC):
    """One statistical question.

    name: kebab-case. question: the key in `Finding.question`. cites: the source, author and year.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    cites: ClassVar[str]

    @abstractmethod
    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Answer the question; never raises for lack of rows, but says so in the finding."""


def view(problem: Problem, seed: int = 0) -> View:
    """Encode a problem for the probes.

    Raises ValueError without a target.
    """
    if problem.target is None:
        raise ValueError("a view needs a target")
    source, target = problem.source, problem.target
    n = len(source)
    blocks: list[Matrix] = []
    names: list[str] = []
    origin: list[int] = []
    kinds: list[str] = []
    order = {c.name: i for i, c in enumerate(problem.schema.columns)}

    def add(block: Matrix, labels: list[str], columns: list[int], kind: str) -> None:
        blocks.append(block)
        names.extend(labels)
        origin.extend(columns)
        kinds.extend([kind] * len(labels))

    both = np.concatenate([source.numbers, target.numbers])
    if both.shape[1]:
        keys = [c.name for c in problem.schema.numbers]
        filled, missing = standardise(both)
        add(filled, keys, [order[k] for k in keys], "number")
        some = np.flatnonzero(missing.any(axis=0))
        add(missing[:, some].astype(np.float32), [f"{keys[j]} missing" for j in some], [order[keys[j]] for j in some], "indicator")
    codes = np.concatenate([source.categories, target.categories])
    for j, column in enumerate(problem.schema.categories):
        block, levels = one_hot(codes[:, j], column.levels)
        add(block, [f"{column.name} = {v}" for v in levels], [order[column.name]] * len(levels), "indicator")
    texts = np.concatenate([source.texts, target.texts])
    for j, column in enumerate(problem.schema.texts):
        block, terms = term_weights(texts[:, j])
        add(block, [f"{column.name}: {v}" for v in terms], [order[column.name]] * len(terms), "text")
    if source.images is not None and target.images is not None:
        block = pixels(source.images, target.images)
        add(block, [f"pixel {i}" for i in range(block.shape[1])], [-1] * block.shape[1], "pixel")
    X = np.concatenate(blocks, axis=1) if blocks else np.zeros((n + len(target), 0), np.float32)
    where = np.array(origin, dtype=np.int64)
    if X.shape[1] > WIDE:
        X = principal_components(X, min(WIDE, 200), generator(seed, "view", "wide"))
        names, where = [f"component {i + 1}" for i in range(X.shape[1])], np.full(X.shape[1], -1)
        kinds = ["component"] * X.shape[1]
    Z = principal_components(X, NARROW, generator(seed, "view", "narrow")) if X.shape[1] > NARROW else X
    return View(problem, source, target, X[:n], X[n:], Z[:n], Z[n:], tuple(names), where, np.array(kinds, dtype="<U9"), seed)


def standardise(values: NDArray[np.float64]) -> tuple[Matrix, NDArray[np.bool_]]:
    """Centre by the median, scale by the spread, compress what lies far out, fill the missing with the centre.

    Linear up to 4 units from the centre and logarithmic beyond, so that one value of 1e308 cannot flatten a column;
    then each column has unit variance. Returns float32 (n, p) and the mask of the missing (n, p).
    """
    missing = ~np.isfinite(values)
    out = np.zeros(values.shape, np.float32)
    step = max(1, CELLS // max(len(values), 1))
    for start in range(0, values.shape[1], step):
        some = slice(start, start + step)
        out[:, some] = _standardise(values[:, some], missing[:, some])
    return out, missing


def _standardise(values: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    if not len(values):
        return values
    top = np.where(missing, 0.0, np.abs(np.where(missing, 0.0, values))).max(axis=0)
    x = np.where(missing, np.inf, np.where(missing, 0.0, values) / np.where(top > 0, top, 1.0))  # keeps 1e308 - (-1e308) finite
    known = (~missing).sum(axis=0)
    ordered = np.sort(x, axis=0)
    low, centre, high = (np.nan_to_num(quantile(ordered, known, q)) for q in (0.25, 0.5, 0.75))
    spread = (high - low) / 1.349
    z = np.where(missing, 0.0, x) - np.where(missing, 0.0, centre)
    for j in np.flatnonzero(spread <= TINY):  # mostly one value: the typical distance of the others
        away = np.abs(z[:, j][z[:, j] != 0])
        spread[j] = np.median(away) if len(away) else 0.0
    z = z / np.where(spread > 0, spread, np.inf)
    far = np.abs(z) - LINEAR
    z = np.where(far > 0, np.sign(z) * (LINEAR + np.log1p(np.maximum(far, 0))), z)
    count = np.maximum(known, 1)
    mean = z.sum(axis=0) / count
    sd = np.sqrt(np.where(missing, 0.0, (z - mean) ** 2).sum(axis=0) / count)
    out: NDArray[np.float64] = z / np.where(sd > 0, sd, 1.0)
    return out


def one_hot(codes: NDArray[np.int32], levels: tuple[str, ...]) -> tuple[Matrix, list[str]]:
    """Indicators of the LEVELS most frequent pooled levels, one for the rest, one for missing (those that occur)."""
    shifted = codes.astype(np.int64) + 2  # UNKNOWN 0, MISSING 1, levels from 2
    counts = np.bincount(shifted, minlength=len(levels) + 2)
    names = ["unknown", "missing", *levels]
    seen = np.argsort(-counts, kind="stable")[: LEVELS + 1]
    seen = seen[counts[seen] > 0]
    kept = seen if (counts > 0).sum() <= LEVELS + 1 else seen[:LEVELS]
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    labels = [names[i] for i in kept]
    if len(kept) < (counts > 0).sum():
        labels.append("other")
    out = np.zeros((len(codes), len(labels)), np.float32)
    out[np.arange(len(codes)), place[shifted]] = 1
    return out, labels


def term_weights(texts: NDArray[np.object_]) -> tuple[Matrix, list[str]]:
    """TF-IDF of the TERMS most frequent pooled words, rows of unit length times the square root of two.

    Two texts without a common word are then as far apart as two different categories.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(max_features=TERMS, min_df=2, sublinear_tf=True, dtype=np.float32, token_pattern=WORD)
    try:
        block = vectoriser.fit_transform([str(t) for t in texts])
    except ValueError:  # no word occurs twice
        return np.zeros((len(texts), 0), np.float32), []
    return np.asarray(block.toarray() * np.sqrt(2), np.float32), list(vectoriser.get_feature_names_out())


def pixels(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Matrix:
    """Pooled images, averaged down to at most SIDE x SIDE a channel, scaled as a whole to unit variance a pixel."""
    both = np.concatenate([_shrink(source), _shrink(target)])
    flat = both.reshape(len(both), -1)
    flat = flat - flat.mean(axis=0)
    sd = float(flat.std())
    return np.asarray(flat / sd if sd > 0 else flat, np.float32)


def _shrink(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    n, h, w, c = images.shape
    rows, columns = (np.linspace(0, size, min(size, SIDE) + 1).astype(int)[:-1] for size in (h, w))
    out = np.empty((n, len(rows), len(columns), c), np.float32)
    for start in range(0, n, 256):  # a block at a time: float copies of large images would fill the memory
        block = np.add.reduceat(images[start : start + 256].astype(np.float32), rows, axis=1)
        out[start : start + 256] = np.add.reduceat(block, columns, axis=2)
    area = np.diff([*rows, h])[:, None] * np.diff([*columns, w])[None, :]
    return np.asarray(out / area[None, :, :, None], np.float32)


def principal_components(X: Matrix, k: int, rng: np.random.Generator) -> Matrix:
    """The first k principal components of the pooled rows (randomised, Halko 2011), scaled to unit mean variance."""
    centred: Matrix = X - X.mean(axis=0)
    k = min(k, *centred.shape)
    if not k:
        return centred[:, :0]
    width = min(k + 10, *centred.shape)
    basis = centred @ rng.standard_normal((centred.shape[1], width)).astype(np.float32)
    for _ in range(2):  # two power iterations sharpen the basis
        basis = centred @ (centred.T @ np.linalg.qr(basis)[0])
    basis = np.linalg.qr(basis)[0]
    left, values, _ = np.linalg.svd(basis.T @ centred, full_matrices=False)
    scores = (basis @ left[:, :k]) * values[:k]
    sd = float(scores.std())
    return np.asarray(scores / sd if sd > 0 else scores, np.float32)


def draws(usual: int, alpha: float, most: int = MOST_DRAWS) -> int:
    """How many draws a permutation test needs so that half of a quarter of alpha can be reached: `usual` or more, `most` at most."""
    return int(np.clip(np.ceil(8 / alpha), usual, most))
