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
    """The weighted mean of several predictors' scores: a soft vote. weights (members,) sum to 1."""

    kind: ClassVar[str] = "averaged"
    members: Sequence[Predictor]
    weights: NDArray[np.float64]

    def scores(self, X: Matrix) -> Vector:
        """Mean scores."""
        total = self.weights[0] * self.members[0].scores(X)
        for w, member in zip(self.weights[1:], self.members[1:], strict=True):
            total = total + w * member.scores(X)
        return np.asarray(total, dtype=np.float64)

    def state(self) -> State:
        """The weights, and the members by number."""
        return State("averaged", {}, {"weights": self.weights}, children={f"{i:03d}": m.state() for i, m in enumerate(self.members)})

    @classmethod
    def restore(cls, state: State) -> Averaged:
        """Put together again."""
        return cls([restore(state.children[k]) for k in sorted(state.children)], state.arrays["weights"])


NEVER = 2.0  # no probability reaches it


@dataclass(frozen=True, eq=False)
class Overruled(Predictor):
    """The first predictor's class, but where enough of the others say another one, and the same: all that are `needed`, and one of the rest.

    Nor is it overruled where it is sure: where it gives its class the probability `believed` or more. The scores are the mean of all members
    where its likeliest class is the one that was decided on, else the mean of those that decided: the needed ones, or the first alone.
    needed (members,): of the first it says nothing.
    """

    kind: ClassVar[str] = "overruled"
    members: Sequence[Predictor]
    needed: NDArray[np.bool_]
    believed: float = NEVER

    def scores(self, X: Matrix) -> Vector:
        """Scores (n, k), the class that was decided on the likeliest."""
        firm = 1 + np.flatnonzero(self.needed[1:])
        first = np.asarray(self.members[0].scores(X), dtype=np.float64)
        if not len(firm):
            return first
        said, total, sure = np.empty((len(self.members), len(X)), dtype=np.int64), first.copy(), np.zeros_like(first)
        said[0] = first.argmax(axis=1)
        for i, member in enumerate(self.members[1:], start=1):  # one after the other: all of them at once would be as many tables
            scores = np.asarray(member.scores(X), dtype=np.float64)
            said[i] = scores.argmax(axis=1)
            total += scores
            if self.needed[i]:
                sure += scores
        over, mean = overruled(said, self.needed) & (first.max(axis=1) < self.believed), total / len(self.members)
        decided = np.where(over, said[firm[0]], said[0])
        alone = np.where(over[:, None], sure / len(firm), first)
        return np.asarray(np.where((mean.argmax(axis=1) == decided)[:, None], mean, alone))

    def state(self) -> State:
        """Who is needed, when the first is believed, and the members by number."""
        return State(
            self.kind,
            {"believed": self.believed},
            {"needed": self.needed},
            children={f"{i:03d}": m.state() for i, m in enumerate(self.members)},
        )

    @classmethod
    def restore(cls, state: State) -> Overruled:
        """Put together again."""
        members = [restore(state.children[k]) for k in sorted(state.children)]
        return cls(members, state.arrays["needed"], float(state.meta.get("believed", NEVER)))


def overruled(said: NDArray[np.int64], needed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows (n,) on which the first member's class is overruled: all others that are needed say another one and the same, and one of the rest too.

    said (members, n): each one's class; needed (members,), one of them at least beside the first; where all of them are, there is no rest.
    """
    firm, free = 1 + np.flatnonzero(needed[1:]), 1 + np.flatnonzero(~needed[1:])
    first = said[firm[0]]
    agreed = (said[firm] == first).all(axis=0) & (first != said[0])
    return np.asarray(agreed & (said[free] == first).any(axis=0) if len(free) else agreed)


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
