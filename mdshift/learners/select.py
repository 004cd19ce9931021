"""Which learner: cross-validation on the source among linear models, boosted trees, both together, and a small network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.errors import DataError
from mdshift.learners.base import Learner, Predictor, Prepared
from mdshift.learners.compose import Averaged, Calibrated
from mdshift.learners.construct import asked_folds, cleaned, dealt, parts, recipe_of
from mdshift.learners.linear import Linear
from mdshift.learners.trees import Trees
from mdshift.pace import Work, follow
from mdshift.stats.calibration import fit_temperature
from mdshift.stats.stacking import stacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector

Maker = Callable[[str], np.random.Generator]

FOLDS = 5
CHOICE_ROWS = 4000  # rows that the choice is made on: more move its scores by less than a point
MAX_TREE_COLUMNS = 500  # beyond, columns are pixels, words or genes: linear models and networks are as good and far faster
MAX_TREE_WORK = 20_000_000  # rows x classes x columns; beyond, trees take minutes
FREE_TREE_WORK = 1_500_000  # up to here they get all rounds, beyond fewer and larger ones
MIN_NET_ROWS = {
    "array": 300,
    "table": 1000,
    "image": 10,
}  # a network on fewer rows does not win; on bags of words, or for numbers but of images, never
MAX_NET_WORK = 500_000  # rows x columns of a table or array; beyond, five folds of a network take minutes on two cores
NET_STEP = 0.01  # a network must score at least this much more: of two alike on the source it is the one that travels worse
STRENGTHS = {"classification": (0.01, 0.1, 1.0), "regression": (0.01, 0.1, 1.0)}  # C: 1 / penalty
MIN_DOMAIN_ROWS = 30  # sources smaller than this cannot stand as a fold of their own
TREE_SHARE = 0.3  # of the columns, drawn for each split: trees that lean on all columns lose less where some of them move
BOTH_STEP = 0.01  # lines and trees together are taken where they score at most this much less than the best
# of the way from what their weights should be on the source to even ones: where the target lies beyond it, the source does not show which errs more
EVEN = {"classification": 0.0, "regression": 0.25}
STEP = 0.003  # a more complex learner must score at least this much more (accuracy or R2), and one standard error


@dataclass(frozen=True)
class Both(Learner):
    """The mean of the scores of a linear model, by its `share`, and of boosted trees.

    Trees are flat outside of the source and lines run on: where the target lies outside, their mean errs less than either.
    """

    name: ClassVar[str] = "linear+trees"
    linear: Linear = field(default_factory=Linear)
    trees: Trees = field(default_factory=Trees)
    share: float = 0.5

    def fit(self, prepared: Prepared, X: Matrix, y: NDArray[Any], rng: np.random.Generator, weights: Vector | None = None) -> Predictor:
        """Train both."""
        members = [learner.fit(prepared, X, y, rng, weights) for learner in (self.linear, self.trees)]
        return Averaged(members, np.array([self.share, 1 - self.share]))


@dataclass(frozen=True, eq=False)
class Choice:
    """What cross-validation chose: the learner, every candidate's score, and the chosen one's out-of-fold scores.

    rows (r,): positions in the source that were scored; scores (r, k) theirs. how: the folds in words.
    """

    learner: Learner
    label: str
    table: dict[str, float]
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    metric: str
    how: str

    @property
    def lines(self) -> float | None:
        """The share of the linear model, where lines and trees are taken together."""
        return self.learner.share if isinstance(self.learner, Both) else None

    @property
    def in_words(self) -> str:
        """The learner and the folds that chose it."""
        weights = "" if self.lines is None else f" (lines {self.lines:.0%})"
        return f"{self.label}{weights} by {self.how}"


def choose(prepared: Prepared, rng: Maker, *, network: bool | None = None, progress: Callable[[str], None] = lambda _: None) -> Choice:
    """Choose a learner by cross-validation on the source.

    With several sources a fold is a source: the target is one more domain, and what carries over to a domain that was not seen is what
    counts. With one source the folds are stratified. Another cut may be asked for (see `construct`); then what is trained on is cleaned
    fold by fold, and what is scored never. Taken is the mean of lines and trees, weighed by these same scores (or the one, where the other has no
    weight), within `BOTH_STEP` of the best, else the simplest within `STEP`.
    network: whether a small network competes (None: where the data are such that one can win).

    Raises DataError where the source cannot train anything.
    """
    check(prepared)
    task = prepared.task
    metric = "accuracy" if task == "classification" else "r2"
    rows = sample_rows(prepared, rng("choice-rows"), CHOICE_ROWS)
    fold, how = make_folds(prepared, rows, rng("folds"))
    folds = parts(prepared, rows, fold)
    seen = np.sort(np.concatenate([held for _, held in folds]))  # all, but where the earliest rows are trained on alone
    y = prepared.y_source[rows[seen]]
    found: dict[str, tuple[Learner, NDArray[np.float64]]] = {}

    def run(learner: Learner, label: str, *, race: bool = False) -> None:
        progress(f"cross-validating {label}")
        rival = max((s for _, s in found.values()), key=lambda s: score(task, y, s[seen])) if race else None
        with follow(progress, f"cross-validating {label}", "folds", len(folds), rated=False) as work:
            scores = by_parts(learner, prepared, rows, folds, rng(f"cv-{label}"), rival, work)
        if scores is not None:
            found[label] = (learner, scores)

    for C in STRENGTHS[prepared.task]:
        run(Linear(C), f"linear (C={C:g})")
    line = max(found, key=lambda name: score(task, y, found[name][1][seen]))
    columns = prepared.X_source.shape[1]
    if columns <= MAX_TREE_COLUMNS and len(rows) * prepared.n_classes * columns <= MAX_TREE_WORK:
        run(trees_for(len(rows) * prepared.n_classes * columns), "trees")
        linear, trees = found[line], found["trees"]
        assert isinstance(linear[0], Linear)
        assert isinstance(trees[0], Trees)
        share = stacked(linear[1][seen], trees[1][seen], y, task)
        share += EVEN[task] * (0.5 - share)
        if share < 1:  # else the trees have nothing to add, and of the lines the simplest will do
            found["linear+trees"] = (Both(linear[0], trees[0], share), share * linear[1] + (1 - share) * trees[1])
    best = max(score(task, y, scores[seen]) for _, scores in found.values())
    if _net_can_win(prepared, len(rows), best) if network is None else network:
        from mdshift.learners.net import Net

        run(Net(), "net", race=True)
    table = {label: score(task, y, scores[seen]) for label, (_, scores) in found.items()}
    each = {name: merits(task, y, scores[seen]) for name, (_, scores) in found.items()}
    label = pick(table, each, images=prepared.modality == "image")
    together = found[label][0]
    if isinstance(together, Both) and not together.share:  # the line has nothing to add
        label = "trees"
    return Choice(found[label][0], label, table, rows[seen], found[label][1][seen], metric, how)


def source_model(prepared: Prepared, choice: Choice, rng: np.random.Generator) -> Predictor:
    """The chosen learner on the whole source, cleaned where that is asked for, calibrated by its out-of-fold scores (temperature, Guo 2017)."""
    part = cleaned(prepared)
    fitted = choice.learner.fit(part, part.X_source, part.y_source, rng)
    if prepared.task == "regression":
        return fitted
    return Calibrated(fitted, fit_temperature(choice.scores, prepared.y_source[choice.rows]))


def check(prepared: Prepared) -> None:
    """Raise DataError where the source cannot train anything."""
    y = prepared.y_source
    if not len(y):
        raise DataError("the source has no labelled row", "", "name the label column with --label")
    if prepared.X_source.shape[1] == 0:
        raise DataError(
            "no column is left to learn from", "", "look at what was left out with -v, and name columns to keep in mdshift.toml"
        )
    if prepared.task == "classification" and len(np.unique(y)) < 2:  # noqa: PLR2004 - one class is nothing to learn
        raise DataError("the source has one class only", f"{len(y)} rows", "add source rows of another class, or name another --label")


def sample_rows(prepared: Prepared, rng: np.random.Generator, limit: int) -> NDArray[np.int64]:
    """Positions of at most `limit` source rows, at random, in order."""
    n = len(prepared.y_source)
    return np.arange(n) if n <= limit else np.sort(rng.choice(n, limit, replace=False))


def make_folds(prepared: Prepared, rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.int64], str]:
    """The fold of each of these source rows: as asked for, else a source each where there are several, else stratified; and which, in words.

    Raises DataError where the column to cut by does not tell rows apart.
    """
    asked = asked_folds(prepared, rows, rng, FOLDS)
    if asked is not None:
        return asked
    domain = prepared.domain[rows]
    sizes = np.bincount(domain, minlength=prepared.n_sources)
    by_source = recipe_of(prepared).split == "auto" and prepared.n_sources > 1
    if by_source and sizes.min() >= MIN_DOMAIN_ROWS and _domains_can_teach(prepared, rows):
        # many sources share FOLDS folds, dealt by size so that the folds are about equal
        order = np.argsort(-sizes, kind="stable")
        fold_of = np.empty(len(sizes), np.int64)
        fold_of[order] = np.arange(len(sizes)) % FOLDS
        return fold_of[domain], "leave-one-source-out"
    return stratified(prepared.y_source[rows], prepared.task, rng), "stratified folds"


def cut(prepared: Prepared, rows: NDArray[np.int64], rng: np.random.Generator, folds: int) -> NDArray[np.int64]:
    """The fold of each of these source rows, for what is fitted or judged beside the choice: whole groups where that is asked for, else class by class.

    Time is left to the choice: a check of what was trained wants rows of all times.
    """
    built = prepared.construction
    if built is not None and built.group is not None and recipe_of(prepared).split == "grouped":
        return dealt(built.group[rows], folds, built.column)
    return stratified(prepared.y_source[rows], prepared.task, rng, folds)


def stratified(y: NDArray[Any], task: str, rng: np.random.Generator, folds: int = FOLDS) -> NDArray[np.int64]:
    """A fold for every row, each class (or range of numbers) spread evenly; a class with fewer rows than folds is in some only."""
    n = len(y)
    if task == "classification":
        order = np.lexsort((rng.random(n), y))
    else:
        strata = np.argsort(np.argsort(y, kind="stable"), kind="stable") * max(1, min(10, n // folds)) // max(n, 1)
        order = np.lexsort((rng.random(n), strata))
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % min(folds, max(n, 1))
    return fold


def out_of_fold(
    learner: Learner, prepared: Prepared, rows: NDArray[np.int64], fold: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Scores (r, k) of the source rows `rows`, each by a model that did not see its fold; nothing is cleaned."""
    each = [np.flatnonzero(fold == f) for f in np.unique(fold)]
    # a single row or fold: its own score is all there is
    folds = [(np.setdiff1d(np.arange(len(rows)), held) if len(held) < len(rows) else held, held) for held in each]
    scores = by_parts(learner, prepared, rows, folds, rng)
    assert scores is not None  # without a rival nothing is given up
    return scores


def by_parts(
    learner: Learner,
    prepared: Prepared,
    rows: NDArray[np.int64],
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    rng: np.random.Generator,
    rival: NDArray[np.float64] | None = None,
    work: Work | None = None,
) -> NDArray[np.float64] | None:
    """Scores (r, k) of the source rows `rows`: of each fold (positions in `rows` to train on, and to score) by its own model; 0 elsewhere.

    rival: scores to race against; None comes back once the learner trails them on the folds so far, which spares a slow learner
    the folds that it would lose. work: what counts the folds.
    """
    X, y = prepared.X_source[rows], prepared.y_source[rows]
    out = np.zeros((len(rows), prepared.n_classes))
    done = np.zeros(len(rows), dtype=bool)
    for train, held in folds:
        if prepared.construction is None:
            out[held] = learner.fit(prepared, X[train], y[train], rng).scores(X[held])
        else:  # a network's check rows are cut by the same rules
            part = prepared.part(rows[train])
            out[held] = learner.fit(part, part.X_source, part.y_source, rng).scores(X[held])
        done[held] = True
        if work is not None:
            work.done += 1
        if rival is not None and score(prepared.task, y[done], out[done]) < score(prepared.task, y[done], rival[done]):
            return None
    return out


def score(task: str, y: NDArray[Any], scores: NDArray[np.float64]) -> float:
    """Accuracy, or R2 (0 where the label does not vary)."""
    if not len(y):
        return 0.0
    if task == "classification":
        return float((scores.argmax(axis=1) == y).mean())
    total = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - scores[:, 0]) ** 2).sum()) / total if total > 0 else 0.0


def _domains_can_teach(prepared: Prepared, rows: NDArray[np.int64]) -> bool:
    if prepared.task == "regression":
        return True
    y, domain = prepared.y_source[rows], prepared.domain[rows]
    return all(len(np.unique(y[domain != k])) == len(np.unique(y)) for k in range(prepared.n_sources))


def _net_can_win(prepared: Prepared, rows: int, best: float) -> bool:
    if best > 1 - NET_STEP and prepared.modality != "image":  # there is no room for the step that it has to be better by
        return False
    if prepared.task == "regression" and prepared.modality != "image":
        return False  # one that wins on the source travels worse: it gains .01, or loses all
    if prepared.task == "classification" and np.bincount(prepared.y_source).max() < FOLDS:
        return False
    if prepared.modality != "image" and rows * prepared.X_source.shape[1] > MAX_NET_WORK:
        return False
    return rows >= MIN_NET_ROWS.get(prepared.modality, rows + 1)


def trees_for(work: int) -> Trees:
    """Boosted trees for rows x classes x columns of work: as many rounds as it leaves time for."""
    rounds = int(np.clip(100 * FREE_TREE_WORK / max(work, 1), 30, 100))
    return Trees(rounds, min(0.15, 9.0 / rounds), TREE_SHARE)


def merits(task: str, y: NDArray[Any], scores: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """What each row contributes to the score (n,): right or not; or, for numbers, its part of R2. The (weighted) mean is the score.

    R2 is one minus a ratio of two (weighted) means. Each row carries the linear part of that ratio too (the delta method), so
    that the spread of the contributions is that of R2, its denominator included.
    """
    if task == "classification":
        return np.asarray(scores.argmax(axis=1) == y, dtype=np.float64)
    w = np.full(len(y), 1.0 / max(len(y), 1)) if weights is None else weights / weights.sum()
    error = (y - scores[:, 0]) ** 2
    around = (y - (w * y).sum()) ** 2
    variance = float((w * around).sum())
    if variance <= 0:
        return np.zeros(len(y))
    share = float((w * error).sum()) / variance
    return np.asarray(1.0 - error / variance + share * (around / variance - 1.0), dtype=np.float64)


def pick(table: dict[str, float], rows: dict[str, NDArray[np.float64]], *, images: bool) -> str:
    """Lines and trees together where they come close to the best, unless a network is better by its step; else the simplest that is no worse.

    Close: within BOTH_STEP. The two err apart where the target lies outside of the source, and the source cannot show it. Simplest: strong
    penalty before weak, linear before both before trees before net. No worse: within STEP, or one standard error of the paired
    difference (Breiman 1984).
    """
    found = _simplest(table, rows, images=images)
    close = found != "net" and table.get("linear+trees", -np.inf) >= max(table.values()) - BOTH_STEP
    return "linear+trees" if close else found


def _simplest(table: dict[str, float], rows: dict[str, NDArray[np.float64]], *, images: bool) -> str:
    best = max(table, key=lambda name: table[name])
    kinds = ("linear (", "linear+", "trees", "net")
    for kind in kinds:  # the table is in order of C
        for name in (n for n in table if n.startswith(kind)):
            gap = rows[best] - rows[name]
            least = NET_STEP if best == "net" and not images else STEP
            if gap.mean() <= max(least, float(gap.std()) / max(len(gap), 1) ** 0.5):
                return name
    return best
