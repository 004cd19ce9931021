"""Gradient-boosted trees on histograms (Ke 2017, as in scikit-learn)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.learners.base import Learner, Predictor, Prepared, State
from mdshift.learners.construct import class_weights
from mdshift.learners.linear import constant
from mdshift.stats.calibration import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector

ENOUGH_TO_STOP_EARLY = 5000  # rows from which a tenth held back for early stopping is worth more than trained on
SMALL_LEAF = 20
BINS = 255  # scikit-learn's
WIDE = 100  # columns; of more, there are bins by the hundred thousand, and looking through them takes longer than the rows
WIDE_BINS = 63
FEWEST_COLUMNS = 2  # that a split chooses among
_CELLS = 1 << 16  # rows x trees walked at once: what is walked stays in the processor's own memory


@dataclass(frozen=True, eq=False)
class TreesPredictor(Predictor):
    """Boosted trees as flat arrays of nodes: no estimator object has to be saved, loaded or trusted.

    feature, left, right: int64 (nodes,); threshold, value: float64 (nodes,). A leaf points to itself. roots (k, rounds): the first node of
    each tree. base (k,): the raw score before the first tree. classes: codes. n_classes 1 for a regression.
    """

    kind: ClassVar[str] = "trees"
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    base: NDArray[np.float64]
    classes: NDArray[np.int64]
    depth: int
    n_classes: int
    task: str

    @classmethod
    def of(cls, model: Any, n_classes: int, task: str) -> TreesPredictor:
        """Take a fitted HistGradientBoosting model apart."""
        trees = [[tree.nodes for tree in tree_round] for tree_round in model._predictors]  # noqa: SLF001 - the only way to its trees
        flat = [nodes for one_class in zip(*trees, strict=True) for nodes in one_class]
        starts = np.cumsum([0, *(len(nodes) for nodes in flat)])
        nodes = np.concatenate(flat)
        at = np.repeat(starts[:-1], np.diff(starts))
        own, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        left = np.where(leaf, own, nodes["left"].astype(np.int64) + at)
        right = np.where(leaf, own, nodes["right"].astype(np.int64) + at)
        return cls(
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
            left=left,
            right=right,
            value=nodes["value"].astype(np.float64),
            roots=starts[:-1].reshape(-1, len(trees)).astype(np.int64),
            base=np.ravel(model._baseline_prediction).astype(np.float64),  # noqa: SLF001
            classes=np.asarray(getattr(model, "classes_", [0]), dtype=np.int64),
            depth=int(nodes["depth"].max()),
            n_classes=n_classes,
            task=task,
        )

    def unbinned(self, edges: list[NDArray[np.float64]]) -> TreesPredictor:
        """The same trees on values, where these were trained on the numbers of bins between `edges` (of each column)."""
        split = np.flatnonzero(self.left != np.arange(len(self.left)))
        threshold = self.threshold.copy()
        threshold[split] = [edges[f][int(t)] for f, t in zip(self.feature[split], self.threshold[split], strict=True)]
        return replace(self, threshold=threshold)

    def scores(self, X: Matrix) -> Vector:
        """Class probabilities (n, n_classes) or numbers (n, 1)."""
        raw = np.empty((len(X), len(self.roots)))
        step = max(1, _CELLS // self.roots.size)
        for at in range(0, len(X), step):
            rows = np.asarray(X[at : at + step], dtype=np.float64)
            found = np.ascontiguousarray(self._paths.values(rows))  # summed along memory: a row's sum must not hang on how many there are
            raw[at : at + step] = found.reshape(len(rows), *self.roots.shape).sum(axis=2)
        raw += self.base
        if self.task == "regression":
            return raw
        z = np.column_stack([np.zeros(len(raw)), raw[:, 0]]) if raw.shape[1] == 1 else raw
        out = np.zeros((len(X), self.n_classes))
        out[:, self.classes] = softmax(z)
        return out

    @cached_property
    def _paths(self) -> _Paths:
        return _Paths.of(self)

    def state(self) -> State:
        """Arrays and a little JSON."""
        names = ("feature", "threshold", "left", "right", "value", "roots", "base", "classes")
        return State(
            "trees", {"depth": self.depth, "task": self.task, "n_classes": self.n_classes}, {name: getattr(self, name) for name in names}
        )

    @classmethod
    def restore(cls, state: State) -> TreesPredictor:
        """Put together again.

        Raises ValueError where a node points outside of the arrays or to no column, or the nodes are no trees.
        """
        a, m = dict(state.arrays), state.meta
        nodes = len(a["value"])
        for name in ("left", "right", "roots"):
            if a[name].size and not 0 <= a[name].min() <= a[name].max() < nodes:
                raise ValueError(f"tree array {name!r} points outside of its {nodes} nodes")
        if a["feature"].min(initial=0) < 0:  # it would be looked up in the row before
            raise ValueError("tree array 'feature' holds a column below 0")
        inner = a["left"] != np.arange(nodes)
        once = np.concatenate([a["roots"].ravel(), a["left"][inner], a["right"][inner]])
        if len(once) != nodes or len(np.unique(once)) != nodes:  # a node under two others, or none: a walk might never end
            raise ValueError("the nodes are no trees")
        return cls(**a, depth=int(m["depth"]), n_classes=int(m["n_classes"]), task=str(m["task"]))


@dataclass(frozen=True, eq=False)
class _Paths:
    """The same trees, laid out to be walked by many rows at once: the deepest tree first, a right child behind its left one.

    feature, child (the left one; a leaf points to itself), threshold (inf at a leaf), value: (nodes,). roots (trees,): their first nodes.
    deeper: how many trees are deeper than 0, 1, 2 … back (trees,): where each tree of before stands now.
    """

    feature: NDArray[np.int64]
    child: NDArray[np.int64]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    deeper: list[int]
    back: NDArray[np.int64]

    @classmethod
    def of(cls, trees: TreesPredictor) -> _Paths:
        """Number the nodes anew: first the roots, then the children in pairs."""
        roots, own = trees.roots.ravel(), np.arange(len(trees.left))
        inner = np.flatnonzero(trees.left != own)
        new = np.empty(len(own), dtype=np.int64)
        new[roots] = np.arange(len(roots))
        new[trees.left[inner]] = len(roots) + 2 * np.arange(len(inner))
        new[trees.right[inner]] = new[trees.left[inner]] + 1
        old = np.argsort(new)
        leaf = trees.left[old] == old
        depth, level = np.zeros(len(roots), dtype=np.int64), 0
        at, tree = roots, np.arange(len(roots))
        while True:
            on = trees.left[at] != at
            at, tree, level = at[on], tree[on], level + 1
            if not len(at):
                break
            depth[tree] = level
            at, tree = np.concatenate([trees.left[at], trees.right[at]]), np.tile(tree, 2)
        order = np.argsort(-depth, kind="stable")
        return cls(
            trees.feature[old],
            np.where(leaf, own, new[trees.left[old]]),
            np.where(leaf, np.inf, trees.threshold[old]),
            trees.value[old],
            order,  # roots were numbered first, in their order
            [int((depth > i).sum()) for i in range(depth.max(initial=0))],
            np.argsort(order),
        )

    def values(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value (n, trees) of the leaf that each row (n, d) comes to in each tree."""
        flat, start = rows.ravel(), np.arange(len(rows)) * rows.shape[1]
        node = np.repeat(self.roots[:, None], len(rows), axis=1)
        for trees in self.deeper:  # the others have come to their leaves
            at = node[:trees]
            seen = flat.take(self.feature.take(at) + start)
            node[:trees] = self.child.take(at) + (seen > self.threshold.take(at))
        return self.value.take(node)[self.back].T


@dataclass(frozen=True)
class Trees(Learner):
    """Boosted trees: `iterations` rounds at rate `rate`, stopped early where there are rows enough to tell.

    features: the share of the columns, drawn anew for each split, among which it chooses (Ho 1998; Breiman 2001).
    """

    name: ClassVar[str] = "trees"
    iterations: int = 100
    rate: float = 0.1
    features: float = 1.0

    def fit(self, prepared: Prepared, X: Matrix, y: NDArray[Any], rng: np.random.Generator, weights: Vector | None = None) -> Predictor:
        """Train; with one class, or a row or two, the constant predictor is left."""
        classes, weights = prepared.task == "classification", class_weights(prepared, y, weights)
        counts = np.unique(y, return_counts=True)[1]
        if len(counts) < 2 or len(y) < 4:  # noqa: PLR2004 - nothing to split on
            return constant(prepared, y, weights)
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        stop = len(y) >= ENOUGH_TO_STOP_EARLY and (not classes or counts.min() >= SMALL_LEAF)
        columns = X.shape[1]
        bins = WIDE_BINS if columns > WIDE else BINS
        settings = {
            "max_features": min(max(self.features, FEWEST_COLUMNS / columns), 1.0),
            "max_bins": bins,
            "learning_rate": self.rate,
            "max_iter": 2 * self.iterations if stop else self.iterations,
            "early_stopping": stop,
            "n_iter_no_change": 10,
            # a leaf of 20 rows is half of a set of 40: small sets get smaller leaves
            "min_samples_leaf": int(np.clip(len(y) // 20, 2, SMALL_LEAF)),
            "random_state": int(rng.integers(2**31 - 1)),
        }
        model = HistGradientBoostingClassifier(**settings) if classes else HistGradientBoostingRegressor(**settings)
        if weights is None:
            return TreesPredictor.of(model.fit(X, y), prepared.n_classes, prepared.task)
        edges = [bin_edges(column, bins) for column in X[weights > 0].T]
        model.fit(binned(X, edges), y, sample_weight=weights)
        return TreesPredictor.of(model, prepared.n_classes, prepared.task).unbinned(edges)


def bin_edges(column: Vector, bins: int = BINS) -> NDArray[np.float64]:
    """The edges between at most `bins` bins of a column (n,) of even counts; between all of its values where they are fewer.

    scikit-learn bins by weighted quantiles where rows have weights, and finds these one by one, which takes longer than the trees: so
    weighted rows are binned here, by plain ones.
    """
    values = np.unique(np.asarray(column, dtype=np.float64))
    if len(values) > bins:
        values = np.unique(np.percentile(column.astype(np.float64), np.linspace(0, 100, bins + 1)[1:-1], method="averaged_inverted_cdf"))
        return np.asarray(values, dtype=np.float64)
    return np.asarray((values[1:] + values[:-1]) / 2, dtype=np.float64)


def binned(X: Matrix, edges: list[NDArray[np.float64]]) -> Matrix:
    """The numbers (n, d) of the bins that X falls into: bin b holds what is above edge b - 1, up to edge b."""
    return np.column_stack(
        [np.searchsorted(e, column, side="left") for e, column in zip(edges, X.T.astype(np.float64), strict=True)]
    ).astype(np.float32)
