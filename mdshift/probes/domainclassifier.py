"""Is P(X) the same: the answer of a classifier that tries to tell the sides apart.

Assumes: Rows are independent of one another within a side.

Helps: Interactions of many columns of any kind; one figure (AUC) that compares between data sets.

Hurts: A column that counts rows or dates tells the sides apart without being a shift: leave it out with `--drop`.

Cost: Three or five folds of a linear model and of small boosted trees; at most 10,000 scored rows a side, 3,000 in a training.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes.base import Probe, View
from mdshift.stats.effects import of_auc
from mdshift.stats.intervals import auc, rank_sum_p, roc_points
from mdshift.stats.multiple import stouffer
from mdshift.types import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CAP = 10_000  # rows of a side that get a score
TRAIN = 3_000  # rows of a side that one model is trained on
MANY = 1_000  # rows of the smaller side from which three folds serve as well as five
EXAMPLES, WORDS = 5, 80  # rows of a side that are shown, characters of a text
TREE_COLUMNS = 150  # boosted trees see Z, not X, where X is wider


@dataclass(frozen=True, eq=False)
class Scores:
    """Cross-fitted P(target | x) at equal priors, for the rows that were scored, and what they say.

    rows_source, rows_target: positions of the scored rows. source, target: their scores, each from a model that has not
    seen the row. auc with its interval at any level (variance); p_value: exact, see `crossfit`.
    """

    rows_source: NDArray[np.int64]
    rows_target: NDArray[np.int64]
    source: Floats
    target: Floats
    auc: float
    variance: float
    p_value: float
    folds: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """The interval of the AUC at level 1 - alpha."""
        from scipy.special import ndtri

        half = float(ndtri(1 - alpha / 2)) * np.sqrt(self.variance)
        return float(max(0.0, self.auc - half)), float(min(1.0, self.auc + half))

    @property
    def log_ratio(self) -> tuple[Floats, Floats]:
        """Log of the density ratio target/source at the scored rows of source and target."""
        return _logit(self.source), _logit(self.target)

    @property
    def joint_js(self) -> float:
        """A lower bound of the Jensen-Shannon divergence of the joint laws in bits: 1 less the balanced log loss."""
        loss = -(np.log2(1 - self.source).mean() + np.log2(self.target).mean()) / 2
        return float(np.clip(1 - loss, 0, 1))


@probe
class DomainClassifier(Probe):
    """Cross-fitted classifier of the side a row comes from.

    Asks how well source and target can be told apart: an AUC of .5 is not at all, of 1 perfectly. Half the score comes from a
    ridge-penalised logistic regression and half from small boosted trees, so that nothing is chosen by looking. Every row is
    scored by a model that has not seen it.

    The p-value does not come from these scores, whose folds depend on each other through their training rows, but from
    a forward pass: the model trained on the first folds is tested on the next ones, each test by ranks. Given its past every such test
    is exact and independent of the others, so that their combination is too.
    """

    name: ClassVar = "domain-classifier"
    question: ClassVar = "x"
    cites: ClassVar = "Friedman 2003; Lopez-Paz & Oquab 2017"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:  # noqa: ARG002 - shared draws come from view.rng
        """Score; p_value is None with fewer than 20 rows on a side, or without a usable column."""
        if view.few or not view.X_source.shape[1]:
            why = "no column can be compared" if not view.few else f"too few rows to tell ({view.n_source} against {view.n_target})"
            return Finding(self.name, "x", "not run", view.n_source, view.n_target, sentence=f"Domain classifier: {why}.")
        found = crossfit(view)
        low, high = found.interval(alpha)
        return Finding(
            probe=self.name,
            question="x",
            method=f"logistic regression and boosted trees, {found.folds} folds; forward rank tests",
            n_source=len(found.source),
            n_target=len(found.target),
            p_value=found.p_value,
            statistic=found.auc,
            effect=found.auc,
            low=low,
            high=high,
            sentence=f"A classifier tells source and target rows apart with an AUC of {found.auc:.2f} [{low:.2f}, {high:.2f}]; .5 is chance.",
            evidence={
                "auc": found.auc,
                "low": low,
                "high": high,
                "p_value": found.p_value,
                "severity": "none" if found.p_value > alpha else of_auc((found.auc + low) / 2),
                "joint_js": found.joint_js,
                "roc": roc_points(found.source, found.target),
                "examples": examples(view, found),
            },
        )


def examples(view: View, scores: Scores) -> dict[str, list[dict[str, Any]]]:
    """The rows that are most typical of each side by the scores: row number in the input, score, source if several, first words of a text."""
    names = [s.name for s in view.problem.sources]
    owner = np.repeat(np.arange(len(names)), [len(s) for s in view.problem.sources])
    found: dict[str, list[dict[str, Any]]] = {}
    for side, domain, rows, typical in (
        ("target", view.target, scores.rows_target, scores.target),
        ("source", view.source, scores.rows_source, 1 - scores.source),
    ):
        found[side] = []
        for k in np.argsort(-typical, kind="stable")[:EXAMPLES]:
            row = int(rows[k])
            record: dict[str, Any] = {"row": int(domain.index[row]), "score": float(typical[k])}
            if side == "source" and len(names) > 1:
                record["source"] = names[int(owner[row])]
            if domain.texts.shape[1]:
                record["text"] = shorten(str(domain.texts[row, 0]), WORDS, placeholder=" …")
            found[side].append(record)
    return found


def crossfit(view: View) -> Scores:
    """The cross-fitted scores of the view, computed once."""

    def make() -> Scores:
        from threadpoolctl import threadpool_limits

        # one thread: small trees gain nothing from more, and lose much where cores are shared
        with threadpool_limits(1, user_api="openmp"):
            return _crossfit(view)

    return view.once("domain-scores", make)


def _crossfit(view: View) -> Scores:
    rng = view.rng("domain-classifier")
    i, j = view.rows(CAP)
    X = np.concatenate([view.X_source[i], view.X_target[j]])
    trees = X if X.shape[1] <= TREE_COLUMNS else np.concatenate([view.Z_source[i], view.Z_target[j]])
    side = np.repeat([0, 1], [len(i), len(j)])
    folds = 3 if min(len(i), len(j)) >= MANY else 5
    fold = np.empty(len(side), np.int64)
    for s in (0, 1):
        rows = np.flatnonzero(side == s)
        fold[rows] = rng.permutation(np.arange(len(rows)) % folds)
    scores = np.empty(len(side))
    for k in range(folds):
        scores[fold == k] = _fit_score(X, trees, side, fold != k, fold == k, rng)

    # the forward pass: the first folds judge the middle ones; the last fold was judged by all the others already
    first, last = folds // 2, folds - 1
    middle = (fold >= first) & (fold < last)
    ahead = _fit_score(X, trees, side, fold < first, middle, rng)
    steps = [(ahead, side[middle]), (scores[fold == last], side[fold == last])]
    p = stouffer([rank_sum_p(s[t == 0], s[t == 1]) for s, t in steps], [np.sqrt(len(t)) for _, t in steps])

    parts = [auc(scores[(fold == k) & (side == 0)], scores[(fold == k) & (side == 1)]) for k in range(folds)]
    # test folds are correlated through their training rows (Nadeau & Bengio 2003): 1/K becomes 1/K + test/train
    inflation = 1 + folds / (folds - 1)
    variance = sum(v for _, v in parts) / folds**2 * inflation + (0.5 / min(len(i), len(j))) ** 2
    value = float(np.mean([a for a, _ in parts]))
    return Scores(i, j, scores[side == 0], scores[side == 1], value, float(variance), p, folds)


def _fit_score(
    X: NDArray[np.float32], trees: NDArray[np.float32], side: NDArray[np.int64], train: NDArray[np.bool_], test: NDArray[np.bool_], rng: Any
) -> Floats:
    """Train on `train` (at most TRAIN rows a side), score `test`: the mean probability of two models at equal priors."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    kept = [rng.permutation(np.flatnonzero(train & (side == s)))[:TRAIN] for s in (0, 1)]
    rows = np.sort(np.concatenate(kept))
    linear = LogisticRegression(C=0.1, max_iter=100, tol=1e-3)
    boosted = HistGradientBoostingClassifier(
        max_iter=40 if len(rows) >= 200 else 15,  # noqa: PLR2004 - more would overfit so few rows
        learning_rate=0.12,
        max_leaf_nodes=15,
        min_samples_leaf=max(5, min(20, len(rows) // 20)),
        l2_regularization=1.0,
        max_bins=64,
        early_stopping=False,
        random_state=int(rng.integers(1 << 31)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a logistic regression that stops early is good enough to tell sides apart
        one = linear.fit(X[rows], side[rows]).predict_proba(X[test])[:, 1]
        two = boosted.fit(trees[rows], side[rows]).predict_proba(trees[test])[:, 1]
    # to equal priors by the odds: class weights would do the same and slow the trees' binning down tenfold
    prior = len(kept[1]) / len(rows)
    even = [p * (1 - prior) / (p * (1 - prior) + (1 - p) * prior) for p in (one, two)]
    return np.asarray(np.clip((even[0] + even[1]) / 2, 1e-4, 1 - 1e-4), dtype=np.float64)


def _logit(p: Floats) -> Floats:
    out: Floats = np.log(p) - np.log1p(-p)
    return out
