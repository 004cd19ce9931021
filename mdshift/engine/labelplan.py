"""Which rows of the target to label first: some drawn at random to judge a gain by, the others chosen to learn from.

Rows that a model is unsure of teach it much, and are no sample of the target: a gain measured on them is not the target's (Settles
2009). So a plan has two parts, and only the first may prove a gain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.engine.recommend import smallest_gain, words_of_gain
from mdshift.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.learners.base import Predictor, Prepared
    from mdshift.types import Domain, Problem

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

JUDGE_SHARE = 0.5  # of the plan: the first rows, drawn at random
POOL = 3000  # rows of the target among which the learning part is chosen, and that it is to cover: their distances fit in 36 MB
SOURCE_ROWS = 3000  # rows of the source that the distance to it is measured on
DIRECTIONS = 50  # of most variance: in more, all rows are about equally far from each other
HIGH = 0.75  # quantile of the target from which on a row is called far, or uncertain
BLOCK = 512  # rows whose distances are computed at once


@dataclass(frozen=True, eq=False)
class LabelPlan:
    """Rows in the order in which to label them.

    row (k,): their numbers in the input, from 0. purpose, prediction (class name or number), why: one a row. confidence (k,): of the
    calibrated source model, NaN for numbers. file: (k,) names where every row is a file of its own. judge: how many of the first rows
    were drawn at random. have: labels that the target has.
    """

    row: Ints
    purpose: NDArray[Any]
    prediction: NDArray[Any]
    confidence: Floats
    why: NDArray[Any]
    file: NDArray[Any] | None
    judge: int
    have: int
    sentence: str

    def __len__(self) -> int:
        """How many rows are to be labelled."""
        return len(self.row)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns of the file, as `readers.write.write_rows` takes them."""
        import numpy as np

        told = {
            "row": self.row,
            "priority": np.arange(1, len(self) + 1),
            "purpose": self.purpose,
            "prediction": self.prediction,
            "confidence": self.confidence,
            "why": self.why,
        }
        return told if self.file is None else {**told, "file": self.file}


def plan_labels(
    problem: Problem,
    needed: Mapping[str, Any],
    *,
    rows: int | None = None,
    churn: float = 0.1,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> LabelPlan:
    """The rows of the target to label, the most useful ones first.

    needed: the `labels_needed` of a recommendation. rows: how many (None: as many as are needed to show a large gain, less those
    that the target has; where it has them, a small gain). churn: the threshold of that name.

    Raises UsageError where there is no target, DataError where the source has no label or cannot train anything, or where every row of
    the target has its label.
    """
    import numpy as np

    from mdshift.engine.start import begin
    from mdshift.learners.select import choose, source_model

    target = check(problem)
    open_rows = np.flatnonzero(~target.labelled)

    def rng(unit: str) -> np.random.Generator:
        return generator(seed, "source-only", unit)

    problem, _, prepared = begin(problem, None, seed=seed)
    choice = choose(prepared, rng, progress=progress)
    progress(f"training {choice.label} on {len(prepared.y_source)} source rows")
    base = source_model(prepared, choice, rng("source-model"))
    have = int(prepared.labelled.sum())
    size = min(_wanted(needed, have) if rows is None else rows, len(open_rows))
    scores = base.scores(prepared.X_target)
    unsure = doubt(prepared, scores, rng)
    progress(f"choosing {size} of {len(open_rows)} unlabelled target rows")
    judge = draw(_strata(prepared, scores)[open_rows], min(size, max(1, round(size * JUDGE_SHARE))), generator(seed, "label-plan", "judge"))
    first = open_rows[judge]
    learn, far = cover(prepared, unsure, first, size - len(first), generator(seed, "label-plan", "learn"))
    order = np.concatenate([first, learn])
    why = [*_drawn(prepared, scores, first, problem.classes), *_chosen(prepared, scores, unsure, far, learn, problem.classes)]
    index = target.index[order]
    regression = prepared.task == "regression"
    names = np.array(problem.classes, dtype=object)
    return LabelPlan(
        index,
        np.repeat(np.array(["judge", "learn"], dtype=object), [len(first), len(learn)]),
        scores[order, 0] if regression else names[scores[order].argmax(axis=1)],
        np.full(len(order), np.nan) if regression else scores[order].max(axis=1),
        np.array(why, dtype=object),
        files_of(problem, index),
        len(first),
        have,
        _sentence(len(first), len(learn), prepared.task, churn),
    )


def check(problem: Problem) -> Domain:
    """The target, of which a plan can be made; raises what `plan_labels` does where none can."""
    if problem.target is None:
        raise UsageError("a label plan needs a target", "unknown future domains (--goal general)", "give one: SOURCE... TARGET")
    if problem.task is None or not any(d.labelled.any() for d in problem.sources):
        raise DataError("a label plan needs a label", "the source has none", "name its column with --label")
    if problem.target.labelled.all():
        raise DataError("nothing is left to label", f"all {len(problem.target)} target rows have a label", "go on with `mdshift adapt`")
    return problem.target


def _wanted(needed: Mapping[str, Any], have: int) -> int:
    """The labels that are lacking to show a large gain; where there are as many, a small one; where there are more, a large one anew."""
    return int(next((needed[k] - have for k in ("large_gain", "small_gain") if needed[k] > have), needed["large_gain"]))


def _sentence(judge: int, learn: int, task: str, churn: float) -> str:
    """What the plan holds, and what its labels are good for."""
    told = f"{judge} rows to judge by, drawn at random from the unlabelled target"
    gain = smallest_gain(judge, task, churn)
    if gain is not None:
        told += f" (by them alone a gain of {words_of_gain(gain, task)} shows in 4 cases of 5, of one candidate fixed beforehand)"
    return told + (
        f", then {learn} to learn from, chosen where the source model is unsure and the target is not covered yet; "
        "measure a gain on the first alone: the others are no random sample"
        if learn
        else ""
    )


# --- uncertainty ----------------------------------------------------------------------------------------------


def doubt(prepared: Prepared, scores: Floats, rng: Callable[[str], np.random.Generator]) -> Floats:
    """How unsure the source model is of every target row (m,), from 0.

    Classes: one minus the margin between the two likeliest (Scheffer 2001). Numbers: the standard deviation of what a committee of linear
    models of several strengths, and trees where they are quick, predicts (Seung 1992).
    """
    import numpy as np

    if prepared.task == "classification":
        top = np.partition(scores, -2, axis=1)[:, -2:]
        return np.asarray(1.0 - (top[:, 1] - top[:, 0]), dtype=np.float64)
    spread = np.std([p.scores(prepared.X_target)[:, 0] for p in _committee(prepared, rng)], axis=0)
    return np.asarray(spread, dtype=np.float64)


def _committee(prepared: Prepared, rng: Callable[[str], np.random.Generator]) -> list[Predictor]:
    from mdshift.learners.linear import Linear
    from mdshift.learners.select import CHOICE_ROWS, MAX_TREE_COLUMNS, MAX_TREE_WORK, STRENGTHS, sample_rows, trees_for

    rows = sample_rows(prepared, rng("committee"), CHOICE_ROWS)
    X, y = prepared.X_source[rows], prepared.y_source[rows]
    work = X.size
    learners: list[Any] = [Linear(C) for C in STRENGTHS["regression"]]
    if X.shape[1] <= MAX_TREE_COLUMNS and work <= MAX_TREE_WORK:
        learners = [learners[-1], trees_for(work)]
    return [learner.fit(prepared, X, y, rng("committee-fit")) for learner in learners]


# --- the part that judges ---------------------------------------------------------------------------------------


def _strata(prepared: Prepared, scores: Floats) -> Floats:
    """What the judging part is spread over (m,): the class that is predicted, or the number."""
    import numpy as np

    return scores[:, 0] if prepared.task == "regression" else scores.argmax(axis=1).astype(np.float64)


def draw(strata: Floats, size: int, rng: np.random.Generator) -> Ints:
    """Positions (size,) of a random sample spread over `strata` (m,), in random order: every row is as likely to be in it.

    Systematic sampling (Madow & Madow 1944): rows in order of stratum, at random within one, taken at equal steps from a random start.
    So means over the sample are unbiased, and every stratum has its share to within one row.
    """
    import numpy as np

    m = len(strata)
    order = np.lexsort((rng.random(m), strata))
    at = np.floor((rng.random() + np.arange(size)) * m / size).astype(np.int64) if size else np.zeros(0, np.int64)
    return rng.permutation(order[np.minimum(at, m - 1)])


# --- the part that teaches --------------------------------------------------------------------------------------


def cover(prepared: Prepared, unsure: Floats, taken: Ints, size: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Target rows (size,) that, one by one, bring the target nearest to a row with a label; and how far it lies from the source (m,).

    Weighted facility location (Wei 2015; coverage as in Sener & Savarese 2018): what is to become small is the mean over target rows of
    the distance to the nearest row with a label (at first: to their centre), a row that the source model is unsure of weighing
    more. The labels of the target and the rows in `taken` count in full, those of the source by half, for what they say may not hold in
    the target. The next row is the one that lowers it most: a row that stands for many, not an outlier.
    """
    import numpy as np

    free = np.setdiff1d(np.flatnonzero(~prepared.labelled), taken)
    pool = np.sort(rng.choice(free, POOL, replace=False)) if len(free) > POOL else free
    size = min(size, len(pool)) if len(pool) else 0
    Z, S = _space(prepared, rng)
    far = _nearest(Z, S)
    if not size:
        return np.zeros(0, np.int64), far
    at = Z[pool]
    known = Z[np.concatenate([np.flatnonzero(prepared.labelled), taken])]
    centre = np.sqrt(((at - at.mean(axis=0)) ** 2).sum(axis=1))
    near = (np.minimum(far[pool], centre) + centre) / 2
    near = np.minimum(near, _nearest(at, known)) if len(known) else near
    weight = 1.0 + unsure[pool] / max(float(unsure[pool].mean()), 1e-12)
    D = np.concatenate([_distance(at[i : i + BLOCK], at).astype(np.float32) for i in range(0, len(pool), BLOCK)])
    chosen: list[int] = []
    open_ = np.ones(len(pool), dtype=bool)
    for _ in range(size):
        gain = np.concatenate([np.maximum(near - D[i : i + BLOCK], 0.0) @ weight for i in range(0, len(pool), BLOCK)])
        best = int(np.argmax(np.where(open_, gain, -1.0)))
        chosen.append(best)
        open_[best] = False
        near = np.minimum(near, D[best])
    return pool[chosen], far


def _space(prepared: Prepared, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Target (m, k) and a sample of the source (s, k) in the directions of most variance over both, all of them where there are few."""
    import numpy as np

    X, n = prepared.X_target, len(prepared.y_source)
    S = prepared.X_source[np.sort(rng.choice(n, SOURCE_ROWS, replace=False)) if n > SOURCE_ROWS else np.arange(n)].astype(np.float64)
    if X.shape[1] <= DIRECTIONS:
        return X.astype(np.float64), S
    from sklearn.utils.extmath import randomized_svd

    some = np.sort(rng.choice(len(X), POOL, replace=False)) if len(X) > POOL else np.arange(len(X))
    both = np.concatenate([S, X[some].astype(np.float64)])
    centre = both.mean(axis=0)
    _, _, axes = randomized_svd(both - centre, min(DIRECTIONS, *both.shape), random_state=int(rng.integers(2**31)))
    return np.concatenate([(X[i : i + BLOCK] - centre) @ axes.T for i in range(0, len(X), BLOCK)]), (S - centre) @ axes.T


def _distance(A: Floats, B: Floats) -> Floats:
    """Euclidean distances (a, b)."""
    import numpy as np

    squared = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1) - 2 * A @ B.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)), dtype=np.float64)


def _nearest(A: Floats, B: Floats) -> Floats:
    """The distance of every row of A (a, k) to the nearest of B (b, k)."""
    import numpy as np

    return np.concatenate([_distance(A[i : i + BLOCK], B).min(axis=1) for i in range(0, len(A), BLOCK)]) if len(A) else np.zeros(0)


# --- words ------------------------------------------------------------------------------------------------------


def _drawn(prepared: Prepared, scores: Floats, rows: Ints, classes: tuple[str, ...]) -> list[str]:
    """Why the rows of the judging part are in the plan."""
    if prepared.task == "regression":
        return ["drawn at random, spread over the predicted numbers"] * len(rows)
    return [f"drawn at random, one of those predicted {classes[k]}" for k in scores[rows].argmax(axis=1)]


def _chosen(prepared: Prepared, scores: Floats, unsure: Floats, far: Floats, rows: Ints, classes: tuple[str, ...]) -> list[str]:
    """Why the rows of the teaching part are in the plan."""
    import numpy as np

    distant, doubtful = far > np.quantile(far, HIGH), unsure > np.quantile(unsure, HIGH)
    told = []
    for row in rows:
        said = ["far from the source rows"] if distant[row] else []
        if doubtful[row] and prepared.task == "regression":
            said.append("models disagree on its number")
        elif doubtful[row]:
            second, first = np.argsort(scores[row], kind="stable")[-2:]
            said.append(f"the model hesitates between {classes[first]} and {classes[second]}")
        told.append(", and ".join(said) or "stands for rows around it that have no label")
    return told


def files_of(problem: Problem, index: Ints) -> NDArray[Any] | None:
    """The names of the files (k,), below the target's folder, where every row is a file: a folder of images or of texts."""
    import numpy as np

    from mdshift.readers.paths import located

    given = problem.spec.target
    if given is None or not Path(given).is_dir():
        return None
    with located(given) as place:
        if place.reader not in ("images", "text"):
            return None
        return np.array([str(place.files[i].relative_to(place.root)) for i in index], dtype=object)
