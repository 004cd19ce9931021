"""How training data are built, for every strategy alike: the cut of the source, weights by class, and cleaning.

The settings stand beside a strategy's own parameters. They travel with the numeric problem (`Prepared.construction`), so that whatever trains
on a part of the source builds that part by the same rules, and what is fitted here (the noise filter) sees that part alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdshift.declare import generator
from mdshift.errors import DataError, UsageError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Prepared, Vector

    Mask = NDArray[np.bool_]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "split": ("auto", "random", "stratified", "chronological", "grouped"),
    "class_weight": ("none", "balanced"),
    "clean": ("none", "duplicates", "noise", "all"),
}
NAMES = (*CHOICES, "group")
NOISE_FOLDS = 5
FEWEST = 20  # source rows below which nothing can be said of a label
MAX_DROP = 0.5  # of a class: where more is contradicted, the classes overlap and the labels are not to blame
ROBUST = 5.0  # scaled MADs from the median beyond which a number's residual is noise: 1 in 1.7 million normal ones
TO_SIGMA = 1.4826  # a normal law's standard deviation in MADs


@dataclass(frozen=True)
class Recipe:
    """The settings: `split`, the column `group` that holds rows together, `class_weight`, and what is `clean`ed away."""

    split: str = "auto"
    group: str | None = None
    class_weight: str = "none"
    clean: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Recipe | None:
        """The recipe in these settings, others left alone; None where nothing differs from the defaults.

        Raises UsageError for an unknown value, and where `group` and `split=grouped` do not stand together.
        """
        for name, choices in CHOICES.items():
            for value in str(given.get(name, choices[0])).split(",") if name == "clean" else [str(given.get(name, choices[0]))]:
                if value.strip() not in choices:
                    raise UsageError(f"parameter {name!r} must be one of {', '.join(choices)}", repr(value), nearest(value, choices))
        asked = {part.strip() for part in str(given.get("clean", "none")).split(",")} - {"none"}
        clean = tuple(c for c in ("duplicates", "noise") if asked & {c, "all"})
        found = cls(str(given.get("split", "auto")), given.get("group") or None, str(given.get("class_weight", "none")), clean)
        if found.split == "grouped" and found.group is None:
            raise UsageError("split=grouped needs a column", "no group is named", "name it: --set group=COLUMN")
        if found.group is not None and found.split != "grouped":
            raise UsageError(f"group needs split=grouped, here split={found.split}", repr(found.group), "add --set split=grouped")
        return None if found == cls() else found

    def columns(self, time: str | None) -> dict[str, str]:
        """The columns that the readers must keep beside the features, by what they are for.

        Raises UsageError where rows are to be cut by time and no column holds it.
        """
        if self.split == "chronological" and time is None:
            raise UsageError("split=chronological needs the rows' time", "no column is named", "name it: --time COLUMN")
        found = {"time": time} if self.split == "chronological" else {"group": self.group}
        return {use: column for use, column in found.items() if column is not None}


@dataclass(frozen=True, eq=False)
class Construction:
    """A recipe, and what it needs to know of the n labelled source rows.

    time (n,): float64, NaN where missing. group (n,): codes, below 0 where missing. twin (n,): equal for rows with equal features.
    """

    recipe: Recipe
    seed: int = 0
    time: NDArray[np.float64] | None = None
    group: NDArray[np.int64] | None = None
    twin: NDArray[Any] | None = None
    column: str = ""  # what `time` or `group` is called
    memo: dict[tuple[int, int], tuple[Any, Mask, dict[str, int]]] = field(default_factory=dict)

    def part(self, rows: NDArray[Any]) -> Construction:
        """The same for these rows; nothing that was fitted on others is known to it."""
        time, group, twin = (None if v is None else v[rows] for v in (self.time, self.group, self.twin))
        return replace(self, time=time, group=group, twin=twin, memo={})


def recipe_of(prepared: Prepared) -> Recipe:
    """The recipe of a problem; one without any has the defaults."""
    return Recipe() if prepared.construction is None else prepared.construction.recipe


# --- splits -----------------------------------------------------------------------------------------------------


def asked_folds(prepared: Prepared, rows: NDArray[np.int64], rng: np.random.Generator, folds: int) -> tuple[NDArray[np.int64], str] | None:
    """The fold of each of these source rows under the split that was asked for, and its words; None for "auto" and "stratified".

    Blocks of time are numbered from 0 in order, -1 where the time is missing.

    Raises DataError where the column does not tell rows apart.
    """
    built = prepared.construction
    split = recipe_of(prepared).split
    if split == "random":
        return rng.permutation(np.arange(len(rows)) % folds).astype(np.int64), "random folds"
    if built is not None and split == "grouped" and built.group is not None:
        return dealt(built.group[rows], folds, built.column), f"folds of whole groups ({built.column!r})"
    if built is not None and split == "chronological" and built.time is not None:
        return blocks(built.time[rows], folds + 1, built.column), f"blocks of time ({built.column!r}), each scored by what came before"
    return None


def dealt(group: NDArray[np.int64], folds: int, column: str = "") -> NDArray[np.int64]:
    """A fold for every row, all rows of a group in one: the largest group first, each to the emptiest fold. A missing group is the row's own.

    Raises DataError where there is one group only.
    """
    own = np.where(group < 0, group.max(initial=0) + 1 + np.arange(len(group)), group)
    codes, sizes = np.unique(own, return_inverse=True)[1], np.unique(own, return_counts=True)[1]
    if len(sizes) < 2:  # noqa: PLR2004 - nothing to hold out
        raise DataError("rows of one group cannot be held out from one another", f"column {column!r} has one value", "use another split")
    fold_of, load = np.empty(len(sizes), np.int64), np.zeros(min(folds, len(sizes)))
    for g in np.argsort(-sizes, kind="stable"):
        fold_of[g] = load.argmin()
        load[fold_of[g]] += sizes[g]
    return fold_of[codes]


def blocks(time: NDArray[np.float64], count: int, column: str = "") -> NDArray[np.int64]:
    """The block of time of every row, 0 the earliest, of about equal size; rows of one time share a block, -1 where it is missing.

    Raises DataError where all rows are of one time.
    """
    known = ~np.isnan(time)
    out = np.full(len(time), -1, np.int64)
    values, counts = np.unique(time[known], return_counts=True)
    if len(values) < 2:  # noqa: PLR2004 - no before and after
        raise DataError("the rows cannot be cut by time", f"column {column!r} has {len(values)} value", "use another split")
    before = np.cumsum(counts) - counts  # rows earlier than each value
    block = before * count // max(int(known.sum()), 1)
    block = np.unique(block, return_inverse=True)[1]
    if block[-1] == 0:  # most rows are of the first time
        block = (np.arange(len(values)) > 0).astype(np.int64)
    out[known] = block[np.searchsorted(values, time[known])]
    return out


def parts(prepared: Prepared, rows: NDArray[np.int64], fold: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Positions within `rows` to train on and to score, fold by fold; what is trained on is cleaned by itself, what is scored is not."""
    recipe = recipe_of(prepared)
    found = []
    for f in np.unique(fold[fold >= 0]):
        held = fold == f
        train = (fold >= 0) & (fold < f) if recipe.split == "chronological" else ~held
        if recipe.split == "chronological" and not train.any():
            continue
        at = np.flatnonzero(train if train.any() else held)  # a single row or fold: its own score is all there is
        if recipe.clean:
            at = at[kept(prepared.part(rows[at]))]
        found.append((at, np.flatnonzero(held)))
    return found


def check_rows(prepared: Prepared, share: float, rng: np.random.Generator) -> Mask | None:
    """Mask (n,) of about this share of the source rows, held out by the split that was asked for; None for "auto" and "stratified".

    Whole groups, or the latest rows. At least one group, or time, is left to train on.
    """
    built, n = prepared.construction, len(prepared.y_source)
    if built is None:
        return None
    if built.recipe.split == "random":
        return np.asarray(rng.permutation(n) < int(share * n))
    if built.recipe.split == "grouped" and built.group is not None and len(np.unique(built.group)) > 1:
        fold = dealt(built.group, max(2, round(1 / share)))
        return np.asarray(fold == rng.integers(fold.max() + 1))
    if built.recipe.split == "chronological" and built.time is not None and len(np.unique(built.time[~np.isnan(built.time)])) > 1:
        edge = np.nanquantile(built.time, 1 - share, method="lower")
        later = built.time > edge
        return np.asarray(later if later.any() else built.time == np.nanmax(built.time))
    return None


# --- weights ----------------------------------------------------------------------------------------------------


def class_weights(prepared: Prepared, y: NDArray[Any], weights: Vector | None = None) -> Vector | None:
    """The weights (n,) of training rows with these labels: those given, times n / (classes * rows of the class) where balance was asked for.

    The sum stays what it was. For numbers, and by default, what was given comes back.
    """
    if recipe_of(prepared).class_weight != "balanced" or y.dtype.kind not in "iu" or not len(y):
        return weights
    counts = np.bincount(y)
    given = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    found = given / counts[y]
    return np.asarray(found * (given.sum() / found.sum()) if found.sum() > 0 else given, dtype=np.float64)


# --- cleaning ---------------------------------------------------------------------------------------------------


def cleaned(prepared: Prepared) -> Prepared:
    """The problem with the source rows that training is to see; the same object where nothing was asked for or found."""
    if not recipe_of(prepared).clean:
        return prepared
    keep = kept(prepared)
    made = prepared if keep.all() else prepared.part(keep)
    assert made.construction is not None
    return replace(made, construction=replace(made.construction, recipe=replace(made.construction.recipe, clean=())))


def kept(prepared: Prepared) -> Mask:
    """Mask (n,) of the source rows that cleaning leaves; fitted once for the same rows."""
    return _cleaning(prepared)[0]


def _cleaning(prepared: Prepared) -> tuple[Mask, dict[str, int]]:
    built = prepared.construction
    assert built is not None
    key = (id(prepared.X_source), id(prepared.y_source))
    if key not in built.memo:
        keep, counts = np.ones(len(prepared.y_source), dtype=bool), {}
        if "duplicates" in built.recipe.clean:
            keep = first_of_twins(prepared)
            counts["duplicates"] = int((~keep).sum())
        if "noise" in built.recipe.clean:
            at = np.flatnonzero(keep)
            keep[at[mislabelled(prepared.part(at))]] = False
            lost = np.setdiff1d(prepared.domain, prepared.domain[keep])  # a source is never emptied
            keep[at[np.isin(prepared.domain[at], lost)]] = True
            counts["noise"] = len(at) - int(keep.sum())
        # the arrays are held, so that their ids stay theirs
        built.memo[key] = ((prepared.X_source, prepared.y_source), keep, counts)
    return built.memo[key][1:]


def first_of_twins(prepared: Prepared) -> Mask:
    """Mask (n,) of the rows that are the first of those with equal features and labels, source by source."""
    built = prepared.construction
    assert built is not None
    assert built.twin is not None
    labels = [prepared.y_source, *(f.y_source for f in prepared.further)]
    columns = [np.unique(v, return_inverse=True)[1] for v in (built.twin, prepared.domain, *labels)]
    keep = np.zeros(len(prepared.y_source), dtype=bool)
    keep[np.unique(np.stack(columns, axis=1), axis=0, return_index=True)[1]] = True
    return keep


def mislabelled(prepared: Prepared) -> Mask:
    """Mask (n,) of the source rows whose label a model that did not see them contradicts; by `contradicted`, or for numbers by `far_off`.

    The model is linear, and where trees are affordable the mean of that and of trees. Folds hold groups together where they are asked for.
    """
    from mdshift.learners.linear import Linear
    from mdshift.learners.select import MAX_TREE_COLUMNS, MAX_TREE_WORK, Both, out_of_fold, stratified, trees_for

    y, n = prepared.y_source, len(prepared.y_source)
    if n < FEWEST or len(np.unique(y)) < 2:  # noqa: PLR2004 - nothing to contradict by
        return np.zeros(n, dtype=bool)
    built = prepared.construction
    rng = generator(0 if built is None else built.seed, "clean")
    work = n * prepared.n_classes * prepared.X_source.shape[1]
    affordable = prepared.X_source.shape[1] <= MAX_TREE_COLUMNS and work <= MAX_TREE_WORK
    learner = Both(Linear(), trees_for(work)) if affordable else Linear()
    grouped = built is not None and built.group is not None and len(np.unique(built.group)) > 1
    fold = dealt(built.group, NOISE_FOLDS) if grouped else stratified(y, prepared.task, rng, NOISE_FOLDS)  # type: ignore[arg-type,union-attr]
    plain = replace(prepared, construction=None)  # the thresholds see to rare classes
    scores = out_of_fold(learner, plain, np.arange(n), fold, rng)
    return contradicted(y, scores) if prepared.task == "classification" else far_off(y - scores[:, 0])


def contradicted(y: NDArray[np.int64], scores: Vector) -> Mask:
    """Mask (n,) of the labels that out-of-fold probabilities (n, k) surely contradict: confident learning (Northcutt 2021).

    A row surely is of the likeliest class if it reaches that class's threshold, the mean probability of the class over the rows that are
    labelled so. Of a class at most a share `MAX_DROP` is taken, the plainest first.
    """
    k = scores.shape[1]
    threshold = np.array([scores[y == c, c].mean() if (y == c).any() else np.inf for c in range(k)])
    likely = scores.argmax(axis=1)
    top = scores[np.arange(len(y)), likely]
    found = (likely != y) & (top >= threshold[likely])
    margin = top - scores[np.arange(len(y)), y]
    for c in np.unique(y[found]):
        at = np.flatnonzero(found & (y == c))
        most = int(MAX_DROP * (y == c).sum())
        found[at[np.argsort(-margin[at], kind="stable")[most:]]] = False
    return np.asarray(found)


def far_off(residuals: Vector) -> Mask:
    """Mask (n,) of the residuals more than `ROBUST` scaled MADs from their median; none where most are equal."""
    centred = np.abs(residuals - np.median(residuals))
    mad = TO_SIGMA * float(np.median(centred))
    return np.asarray(centred > ROBUST * mad) if mad > 0 else np.zeros(len(residuals), dtype=bool)


# --- what is told -----------------------------------------------------------------------------------------------


def told(prepared: Prepared) -> dict[str, Any]:
    """How the training data were built, for JSON; empty where nothing was asked for."""
    if prepared.construction is None:
        return {}
    recipe = prepared.construction.recipe
    found: dict[str, Any] = {"split": recipe.split, "class_weight": recipe.class_weight, "clean": list(recipe.clean)}
    found |= {"group": recipe.group} if recipe.group else {}
    if recipe.clean:
        keep, counts = _cleaning(prepared)
        found["dropped"] = {**counts, "rows_left": int(keep.sum())}
    return {"construction": found}


def sentences(prepared: Prepared, classes: Sequence[str] = ()) -> list[str]:
    """The same in words, for notes."""
    if prepared.construction is None:
        return []
    recipe, said = prepared.construction.recipe, []
    if recipe.clean:
        keep, counts = _cleaning(prepared)
        n = len(keep)
        if "duplicates" in counts:
            said.append(f"cleaning: {counts['duplicates']} of {n} source rows repeat an earlier one with its label and are not trained on")
        if "noise" in counts:
            why = "a label that the other rows surely contradict" if classes else f"a residual beyond {ROBUST:g} scaled MADs"
            said.append(f"cleaning: {counts['noise']} of {n} source rows have {why} and are not trained on")
    if recipe.class_weight == "balanced":
        balanced = "every class has the same weight in training: shares of predicted classes are not those of the source"
        said.append(balanced if classes else "class_weight says nothing where a number is predicted")
    return said
