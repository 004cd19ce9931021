"""Label spreading: rows of the target take over the scores of those that lie near, and a predictor that carries this on to new rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.learners.base import Predictor, State, restore
from mdshift.learners.compose import BLOCK
from mdshift.stats.coherence import COMPONENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector

NEIGHBOURS = 5
ROWS = 5000  # of the target at most, at most half of them labelled
ENTRIES, FEWEST = 10_000_000, 500  # rows x columns that are looked at; rows, however many columns there are
SMOOTH = 0.8  # what a row takes over of its neighbours, where some are labelled; the rest stays its own
REACH = 0.99  # of the target's rows: who lies farther from all of them than these from their fifth neighbour is none of theirs
ROUNDS = 40  # 0.8 ** 40 is a ten-thousandth
LABEL = 10.0  # unlabelled rows that a label weighs as much as


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Rows of the target that stand for it: their positions `rows` (r,), and their places `points` (r, c), (X - centre) axes.

    centre (d,), axes (d, c). near (r, r): how close two rows are, symmetric and normalised (a sparse matrix). reach: the distance to their fifth
    neighbour that nearly all of them stay below.
    """

    rows: NDArray[np.int64]
    centre: Vector
    axes: Vector
    points: Vector
    near: Any
    reach: float

    @classmethod
    def of(cls, X: Matrix, known: NDArray[np.int64] | None = None, components: int = COMPONENTS) -> Neighbourhood:
        """That of the rows X (m, d), of which at most `ROWS` are taken (fewer of many columns), evenly spaced, at most half of them from `known` (labelled).

        Who lies near is looked for in that many principal components.

        Raises ValueError with fewer than two rows.
        """
        import scipy.sparse as sp
        from sklearn.neighbors import NearestNeighbors
        from sklearn.utils.extmath import randomized_svd

        if len(X) < 2:  # noqa: PLR2004 - nobody has a neighbour
            raise ValueError("neighbours need two rows or more")
        most = int(np.clip(ENTRIES // max(X.shape[1], 1), min(FEWEST, ROWS), ROWS))
        known = np.zeros(0, dtype=np.int64) if known is None else known
        first = known[evenly(len(known), most // 2)]
        others = np.setdiff1d(np.arange(len(X)), known)
        rows = np.sort(np.concatenate([first, others[evenly(len(others), most - len(first))]]))
        taken = np.asarray(X[rows], dtype=np.float64)
        centre, wide = taken.mean(axis=0), X.shape[1] > components
        axes = randomized_svd(taken - centre, min(components, len(taken)), random_state=0)[2].T if wide else np.eye(X.shape[1])
        points = placed(X[rows], centre, axes)
        count = min(NEIGHBOURS, len(rows) - 1)
        apart, who = NearestNeighbors(n_neighbors=count, algorithm="kd_tree").fit(points).kneighbors()
        at = (np.repeat(np.arange(len(rows)), count), who.ravel())
        close = sp.csr_matrix((closeness(apart).ravel(), at), (len(rows),) * 2)
        close = close.maximum(close.T)
        own = sp.diags(1 / np.sqrt(np.asarray(close.sum(axis=1)).ravel()))
        return cls(rows, centre, axes, points, own @ close @ own, float(np.quantile(apart[:, -1], REACH)))

    def spread(self, scores: Vector, y: NDArray[np.int64] | None = None, smooth: float = SMOOTH, label: float = LABEL) -> Vector:
        """Scores (r, k) of the rows once each has taken over those of its neighbours.

        scores (r, k): what they start from; y (r,): their labels, negative where they have none (None: nowhere). F = smooth near F + (1 - smooth) Y (Zhou et al.
        2004), where Y is the scores and, of labelled rows, their label `label` times over.
        """
        start = np.array(scores, dtype=np.float64)
        if y is not None:
            start[y >= 0] = label * np.eye(scores.shape[1])[y[y >= 0]]
        out = start
        for _ in range(ROUNDS):
            out = smooth * (self.near @ out) + (1 - smooth) * start
        return np.asarray(out / np.maximum(out.sum(axis=1, keepdims=True), 1e-12))

    def carrier(self, scores: Vector, y: NDArray[np.int64] | None = None, smooth: float = SMOOTH, label: float = LABEL) -> Carrier:
        """What carries these rows' spread scores on to others. scores (r, k), y (r,) as in `spread`."""
        return Carrier(self.centre, self.axes, self.points, self.spread(scores, y, smooth, label), smooth, self.reach)

    def predictor(
        self, inner: Predictor, X: Matrix, y: NDArray[np.int64] | None = None, smooth: float = SMOOTH, label: float = LABEL
    ) -> Spread:
        """One that starts from `inner`. X (m, d), y (m,): of the whole target, y negative where a label is not to be used."""
        return Spread(inner, self.carrier(inner.scores(X[self.rows]), None if y is None else y[self.rows], smooth, label))


def placed(X: Matrix, centre: Vector, axes: Vector) -> Vector:
    """(X - centre) axes, (n, c), in blocks: a row's place must not hang on the rows beside it."""
    out = np.zeros((len(X), axes.shape[1]))
    for at in range(0, len(X), BLOCK):
        block = np.zeros((BLOCK, X.shape[1]))
        rows = X[at : at + BLOCK]
        block[: len(rows)] = rows - centre
        out[at : at + BLOCK] = (block @ axes)[: len(rows)]
    return out


_LAST: dict[bytes, tuple[Vector, NDArray[np.int64]]] = {}  # by what was asked; one at most


def digest(*arrays: Vector | Matrix) -> bytes:
    """A fingerprint of these arrays, shapes and numbers."""
    made = blake2b(digest_size=16)
    for array in arrays:
        made.update(f"{array.dtype.str}{array.shape}".encode())
        made.update(np.ascontiguousarray(array).data)
    return made.digest()


def closeness(apart: Vector) -> Vector:
    """exp(-(distance / that of the farthest)^2) of each row's neighbours (n, c), nearest first."""
    return np.asarray(np.exp(-((apart / np.maximum(apart[:, -1:], 1e-12)) ** 2)))


def evenly(n: int, most: int) -> NDArray[np.int64]:
    """At most `most` of n positions, evenly spaced."""
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, max(most, 0))).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Carrier:
    """Where the rows lie that stand for the target, centre (d,), axes (d, c), points (r, c), and the scores found (r, k) that they came to.

    A row takes over by the part `smooth` what they say; one whose nearest of them is farther than `reach` by less, with the square of the distance.
    """

    centre: Vector
    axes: Vector
    points: Vector
    found: Vector
    smooth: float
    reach: float

    @cached_property
    def _search(self) -> Any:
        from scipy.spatial import KDTree

        return KDTree(self.points, leafsize=40)  # twice as fast as of 10: in ten dimensions and more few leaves are ruled out

    @cached_property
    def _of(self) -> bytes:
        return digest(self.centre, self.axes, self.points)

    def _nearest(self, X: Matrix) -> tuple[Vector, NDArray[np.int64]]:
        """How far the nearest of the target's rows are, and which they are: (n, 5) each, nearest first.

        The last answer is kept: several members of one model ask the same of the same rows, and looking is what takes the time.
        """
        asked = self._of + digest(X)
        last = _LAST.get(asked)
        if last is None:
            nearest = np.arange(1, min(NEIGHBOURS, len(self.points)) + 1)
            last = self._search.query(placed(X, self.centre, self.axes), nearest)
            _LAST.clear()
            _LAST[asked] = last
        return last

    def carry(self, own: Vector, X: Matrix) -> Vector:
        """The scores `own` (n, k) of rows X (n, d), and by a part those of the five nearest of the target's rows, the row itself among them if it is one."""
        if not len(X):
            return own
        apart, who = self._nearest(X)
        near = closeness(apart)
        near /= near.sum(axis=1, keepdims=True)
        theirs = np.zeros_like(own)
        for i in range(near.shape[1]):
            theirs += near[:, i, None] * self.found[who[:, i]]
        share = self.smooth * np.minimum(1.0, self.reach / np.maximum(apart[:, :1], 1e-12)) ** 2
        share[apart[:, 0] <= self.reach] = self.smooth  # where all rows are alike, too
        return np.asarray((1 - share) * own + share * theirs)


@dataclass(frozen=True, eq=False)
class Spread(Predictor):
    """The inner predictor's scores, and by a part those that the target's nearest rows came to by label spreading."""

    kind: ClassVar[str] = "spread"
    inner: Predictor
    carrier: Carrier

    def scores(self, X: Matrix) -> Vector:
        """Scores (n, k)."""
        return self.carrier.carry(self.inner.scores(X), X)

    def state(self) -> State:
        """The places and their scores, and the inner predictor."""
        arrays = {name: getattr(self.carrier, name) for name in ("centre", "axes", "points", "found")}
        return State(
            self.kind, {"smooth": self.carrier.smooth, "reach": self.carrier.reach}, arrays, children={"inner": self.inner.state()}
        )

    @classmethod
    def restore(cls, state: State) -> Spread:
        """Put together again."""
        return cls(
            restore(state.children["inner"]), Carrier(**state.arrays, smooth=float(state.meta["smooth"]), reach=float(state.meta["reach"]))
        )


def unspread(predictor: Predictor) -> Predictor:
    """The predictor for rows that are none of the target's, and have no place among them: without what its neighbours there say."""
    return predictor.inner if isinstance(predictor, Spread) else predictor
