"""Predictors that wrap others: a calibrated one, one under another prior, one after a map, an average of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.learners.base import Learner, Predictor, Prepared, State, restore
from mdshift.stats.calibration import scale
from mdshift.stats.labelshift import reweigh_prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector

BLOCK = 240  # rows in every product: a multiple of the tile heights in use, so that a row's rounding never depends on its batch


@dataclass(frozen=True, eq=False)
class Calibrated(Predictor):
    """softmax(slope * log p + bias): temperature scaling, with a bias its bias-corrected form (Guo 2017, Alexandari 2020)."""

    kind: ClassVar[str] = "calibrated"
    inner: Predictor
    slope: float
    bias: NDArray[np.float64] | None = None

    def scores(self, X: Matrix) -> Vector:
        """Recalibrated class probabilities (n, k)."""
        return scale(self.inner.scores(X), self.slope, self.bias)

    def state(self) -> State:
        """The slope and bias, and the inner predictor."""
        arrays = {} if self.bias is None else {"bias": self.bias}
        return State("calibrated", {"slope": self.slope}, arrays, children={"inner": self.inner.state()})

    @classmethod
    def restore(cls, state: State) -> Calibrated:
        """Put together again."""
        return cls(restore(state.children["inner"]), float(state.meta["slope"]), state.arrays.get("bias"))


@dataclass(frozen=True, eq=False)
class PriorShifted(Predictor):
    """P(y|x) of the inner predictor, trained under `source`, carried to the class prior `target` by Bayes' rule (Saerens 2002)."""

    kind: ClassVar[str] = "prior-shifted"
    inner: Predictor
    source: NDArray[np.float64]
    target: NDArray[np.float64]

    def scores(self, X: Matrix) -> Vector:
        """Class probabilities (n, k) under the target's prior."""
        return reweigh_prior(self.inner.scores(X), self.source, self.target)

    def state(self) -> State:
        """The two priors, and the inner predictor."""
        return State("prior-shifted", {}, {"source": self.source, "target": self.target}, children={"inner": self.inner.state()})

    @classmethod
    def restore(cls, state: State) -> PriorShifted:
        """Put together again."""
        return cls(restore(state.children["inner"]), state.arrays["source"], state.arrays["target"])


@dataclass(frozen=True, eq=False)
class Mapped(Predictor):
    """The inner predictor on (X - center) matrix + offset, where X are the columns `columns`; the other columns pass.

    matrix (c, c), center and offset (c,), columns (c,).
    """

    kind: ClassVar[str] = "mapped"
    inner: Predictor
    matrix: NDArray[np.float64]
    center: NDArray[np.float64]
    offset: NDArray[np.float64]
    columns: NDArray[np.int64]

    def scores(self, X: Matrix) -> Vector:
        """Scores of the mapped rows."""
        out = np.array(X, dtype=np.float32)
        for at in range(0, len(X), BLOCK):
            block = np.zeros((BLOCK, len(self.columns)))
            rows = X[at : at + BLOCK][:, self.columns]
            block[: len(rows)] = rows - self.center
            out[at : at + BLOCK, self.columns] = (block @ self.matrix + self.offset)[: len(rows)].astype(np.float32)
        return self.inner.scores(out)

    def state(self) -> State:
        """The map, and the inner predictor."""
        arrays = {k: getattr(self, k) for k in ("matrix", "center", "offset", "columns")}
        return State("mapped", {}, arrays, children={"inner": self.inner.state()})

    @classmethod
    def restore(cls, state: State) -> Mapped:
        """Put together again."""
        a = state.arrays
        return cls(restore(state.children["inner"]), a["matrix"], a["center"], a["offset"], a["columns"])


@dataclass(frozen=True, eq=False)
class Averaged(Predictor):
    """The weighted mean of several predictors' scores: a soft vote. weights (members,) sum to 1.

    vote: the part of a member's say that goes to its likeliest class alone (classes only): how sure models are is not on one scale, and
    with a part of 0 the surest of them decides.
    """

    kind: ClassVar[str] = "averaged"
    members: Sequence[Predictor]
    weights: NDArray[np.float64]
    vote: float = 0.0

    def scores(self, X: Matrix) -> Vector:
        """Mean scores."""
        total = self.weights[0] * voted(self.members[0].scores(X), self.vote)
        for w, member in zip(self.weights[1:], self.members[1:], strict=True):
            total = total + w * voted(member.scores(X), self.vote)
        return np.asarray(total, dtype=np.float64)

    def state(self) -> State:
        """The weights and the vote, and the members by number."""
        children = {f"{i:03d}": m.state() for i, m in enumerate(self.members)}
        return State("averaged", {"vote": self.vote}, {"weights": self.weights}, children=children)

    @classmethod
    def restore(cls, state: State) -> Averaged:
        """Put together again."""
        vote = float(state.meta.get("vote", 0.0))  # models of before it was there
        return cls([restore(state.children[k]) for k in sorted(state.children)], state.arrays["weights"], vote)


def voted(scores: Vector, vote: float) -> Vector:
    """Scores (..., k), this part of which goes to the likeliest class."""
    return scores if not vote else (1 - vote) * scores + vote * np.eye(scores.shape[-1])[scores.argmax(axis=-1)]


def doubted(first: Vector, others: Sequence[NDArray[np.int64]], decided: NDArray[np.int64], believed: float) -> NDArray[np.bool_]:
    """Rows (n,) on which the first of several predictors, with its scores (n, k), gives no class the probability `believed` and the others all say `decided` (n,)."""
    return np.asarray((first.max(axis=1) < believed) & np.all([said == decided for said in others], axis=0))


@dataclass(frozen=True, eq=False)
class Doubted(Predictor):
    """The first predictor's class, but where it gives it less than the probability `believed`, and all the others and the mean of all have another: there that.

    The scores are the weighted mean of all members where its likeliest class is the one decided on, else the first's alone. weights (members,) sum to 1.
    """

    kind: ClassVar[str] = "doubted"
    members: Sequence[Predictor]
    weights: NDArray[np.float64]
    believed: float

    def scores(self, X: Matrix) -> Vector:
        """Scores (n, k), the class that was decided on the likeliest."""
        first = np.asarray(self.members[0].scores(X), dtype=np.float64)
        mean, said = self.weights[0] * first, []
        for w, member in zip(self.weights[1:], self.members[1:], strict=True):  # one by one: all of them at once would be as many tables
            theirs = member.scores(X)
            mean = mean + w * theirs
            said.append(theirs.argmax(axis=1))
        decided = mean.argmax(axis=1)
        yields = doubted(first, said, decided, self.believed) | (first.argmax(axis=1) == decided)
        return np.asarray(np.where(yields[:, None], mean, first))

    def state(self) -> State:
        """When the first is believed, the weights, and the members by number."""
        children = {f"{i:03d}": m.state() for i, m in enumerate(self.members)}
        return State(self.kind, {"believed": self.believed}, {"weights": self.weights}, children=children)

    @classmethod
    def restore(cls, state: State) -> Doubted:
        """Put together again."""
        return cls([restore(state.children[k]) for k in sorted(state.children)], state.arrays["weights"], float(state.meta["believed"]))


@dataclass(frozen=True, eq=False)
class Without(Predictor):
    """The inner predictor, blind to the columns `columns` (c,): they are 0 for it in every row."""

    kind: ClassVar[str] = "without"
    inner: Predictor
    columns: NDArray[np.int64]

    def scores(self, X: Matrix) -> Vector:
        """Scores of the rows less those columns."""
        return self.inner.scores(blinded(X, self.columns))

    def state(self) -> State:
        """The columns, and the inner predictor."""
        return State(self.kind, {}, {"columns": self.columns}, children={"inner": self.inner.state()})

    @classmethod
    def restore(cls, state: State) -> Without:
        """Put together again."""
        return cls(restore(state.children["inner"]), state.arrays["columns"])


def blinded(X: Matrix, columns: NDArray[np.int64]) -> Matrix:
    """X (n, d) with 0 in these columns."""
    out = np.array(X, dtype=np.float32)
    out[:, columns] = 0.0
    return out


@dataclass(frozen=True)
class Blind(Learner):
    """A learner that is shown no values of some columns: those that one side lacks."""

    name: ClassVar[str] = "blind"
    learner: Learner
    columns: tuple[int, ...]

    def fit(self, prepared: Prepared, X: Matrix, y: NDArray[Any], rng: np.random.Generator, weights: Vector | None = None) -> Predictor:
        """Train without the columns."""
        at = np.array(self.columns, dtype=np.int64)
        return Without(self.learner.fit(prepared, blinded(X, at), y, rng, weights), at)
