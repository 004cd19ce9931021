"""The numeric problem, what a learner is, and what a trained one leaves behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.learners.construct import Construction

    Matrix = NDArray[np.float32]
    Vector = NDArray[np.float64]

PREDICTORS: dict[str, type[Predictor]] = {}


@dataclass(frozen=True, eq=False)
class Texts:
    """The raw texts behind the columns of kind "text": source (n, t) and target (m, t), objects of str.

    encode: texts (k, t) to those columns (k, c), as the encoder of the model does it. columns (c,): where they stand.
    """

    source: NDArray[Any]
    target: NDArray[Any]
    encode: Callable[[NDArray[Any]], Matrix]
    columns: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Further:
    """A further label column beside the main one: y_source (n,) and y_target (m,), MISSING or NaN where a row has none."""

    name: str
    task: str
    n_classes: int  # regression: 1
    y_source: NDArray[Any]
    y_target: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A problem as numbers: what the families and their strategies see.

    X_source (n, d), X_target (m, d): float32, finite. y_source (n,): int64 class codes or float64.
    y_target (m,): the same with MISSING or NaN where unlabelled. domain (n,): which source a row comes from.
    shape: (channels, height, width) when the columns are the pixels of an image. kinds (d,): "number" (standardised),
    "indicator" (0/1: a category's level, missingness), "text" (a term's weight) or "pixel". texts: the raw texts, where there are any.
    further: more label columns. only_source, only_target (d,): masks of the columns that the other side lacks, where there are such;
    their values say nothing there. construction: how training rows are cut, weighted and cleaned (None: by the defaults).
    """

    X_source: Matrix
    y_source: NDArray[Any]
    X_target: Matrix
    y_target: NDArray[Any]
    domain: NDArray[np.int64]
    task: str
    n_classes: int  # regression: 1
    modality: str
    kinds: NDArray[Any]
    shape: tuple[int, int, int] | None = None
    texts: Texts | None = None
    further: tuple[Further, ...] = ()
    only_source: NDArray[np.bool_] | None = None
    only_target: NDArray[np.bool_] | None = None
    construction: Construction | None = None

    def part(self, rows: NDArray[Any]) -> Prepared:
        """The same problem with these source rows alone (positions or a mask); domains without a row are left out."""
        import numpy as np

        domain = np.unique(self.domain[rows], return_inverse=True)[1].astype(np.int64)
        texts = None if self.texts is None else replace(self.texts, source=self.texts.source[rows])
        further = tuple(replace(f, y_source=f.y_source[rows]) for f in self.further)
        built = None if self.construction is None else self.construction.part(rows)
        X, y = self.X_source[rows], self.y_source[rows]
        return replace(self, X_source=X, y_source=y, domain=domain, texts=texts, further=further, construction=built)

    @property
    def n_sources(self) -> int:
        """The number of source domains."""
        return int(self.domain.max()) + 1 if len(self.domain) else 0

    @property
    def movable(self) -> NDArray[np.int64]:
        """Positions of the columns that a map may carry to other values.

        Not indicators, nor any column of two values on both sides: a word that is there or not has no place between.
        """
        import numpy as np

        two = [((X.min(axis=0) == X) | (X.max(axis=0) == X)).all(axis=0) for X in (self.X_source, self.X_target) if len(X)]
        return np.flatnonzero((self.kinds != "indicator") & ~np.logical_and.reduce(two)) if two else np.zeros(0, np.int64)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Mask (m,) of the target rows that carry a label."""
        import numpy as np

        return self.y_target >= 0 if self.y_target.dtype.kind == "i" else ~np.isnan(self.y_target)


@dataclass(frozen=True)
class State:
    """A predictor taken apart: JSON, arrays, scikit-learn estimators and the states that it is built of.

    The store writes `arrays` as safetensors and `estimators` as skops files; nothing is pickled.
    """

    kind: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    estimators: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, State] = field(default_factory=dict)


class Predictor(ABC):
    """Anything that turns features into scores, and can be taken apart and put together again.

    Predictors compose: a calibrated model holds the raw one, an ensemble holds its members.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the class under its `kind`, by which the store finds it."""
        super().__init_subclass__(**kwargs)
        if "kind" in vars(cls):
            PREDICTORS[cls.kind] = cls

    @abstractmethod
    def scores(self, X: Matrix) -> Vector:
        """Class probabilities (n, k), or predicted numbers (n, 1), float64, for features (n, d)."""

    @abstractmethod
    def state(self) -> State:
        """The parts that `restore` puts together again, to the same scores bit by bit."""

    @classmethod
    @abstractmethod
    def restore(cls, state: State) -> Predictor:
        """Put the parts together again."""


def restore(state: State) -> Predictor:
    """Put any predictor together again from its state.

    Raises KeyError for an unknown kind (the store turns it into a DataError).
    """
    return PREDICTORS[state.kind].restore(state)


class Learner(ABC):
    """A way to train: `fit` with optional sample weights leaves a Predictor."""

    name: ClassVar[str]

    @abstractmethod
    def fit(self, prepared: Prepared, X: Matrix, y: NDArray[Any], rng: np.random.Generator, weights: Vector | None = None) -> Predictor:
        """Train on X (n, d) and y (n,) with weights (n,), mean 1. `prepared` tells task, classes, image shape."""


@dataclass(frozen=True)
class Context:
    """What a strategy may ask its surroundings for.

    rng(name) gives the generator of a named unit. learner: what cross-validation chose on the source; base: that
    learner trained on the whole source and calibrated (source-only). progress(text) speaks on standard error.
    """

    rng: Callable[[str], np.random.Generator]
    learner: Learner
    base: Predictor
    device: str = "cpu"
    progress: Callable[[str], None] = lambda _: None
    start: Predictor | None = None  # --from MODEL
    finished: Mapping[str, Trained] = field(default_factory=dict)  # what other strategies left in this run, with default parameters
    reached: float | None = None  # accuracy of the source model in cross-validation on the source


@dataclass(frozen=True, eq=False)
class Trained:
    """What a strategy leaves: the predictor, its history (one record a step or stage) and its evidence.

    further: predictors of further labels, by name, where the strategy trains them along. labelled: scores (l, k) of the labelled target rows by
    models that did not see their labels, where the strategy has them.
    """

    predictor: Predictor
    history: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    further: Mapping[str, Predictor] = field(default_factory=dict)
    labelled: Vector | None = None
