"""The cost: what a model of the source scores there, what it will score on the target, and which shift takes how much.

Assumes: P(Y|X), or for label shift P(X|Y), is the same. Helps: Asking what the shift costs before anything is adapted. Hurts: The
concept changed: figures without labels are then wrong. Cost: Cross-fitted models of at most 5,000 rows a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import rows as shared
from mdshift.probes.base import FEW, Probe
from mdshift.probes.performance_given import given_labels
from mdshift.types import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mdshift.probes.base import View
    from mdshift.stats.nuisance import Scores

    Floats = NDArray[np.float64]

BOOT = 200
# R2 of guesses that are as far off as y is spread twice over: what may happen where the source has no data, and the least expected
BLIND = -1.0
WORST = -10.0  # R2 below it is reported as it
FLAT = 1e-3  # of the source's variance of y: no re-weighted variance is taken to be less
STEEP = 5.0  # largest log weight of a row by its value
TAIL = 0.01  # of the values at either end, which are weighted as the last before them
PENALTIES = (0.01, 0.1, 1.0)  # of the ridge regression that corrects the expected gain, for each row
CORRECTING, FAR_OUT = 40, 4.0  # columns that it looks at, and spreads from the centre that it takes as they are
OPTIMISM = 5.0  # parameters that the mixture of models fits to the very scores that it is judged by, each worth about 1 / n
FARTHEST = 2.0  # times as wide as by the normal law, at most
SKEWEST = 0.6  # of the draws: what 200 of them can tell
RARE = 10  # errors: a bootstrap of fewer is too narrow
DISCRETE = "accuracy"


@probe
class Performance(Probe):
    """Score a quick model of the source: cross-validated there, expected on the target without labels, measured with them.

    Expected, where P(Y|X) is the same: the mean of the scores that the model predicts for the target's rows, corrected by what the
    source's rows, weighted to the target's X, show it to be off (importance weighting, Sugiyama 2007; doubly robust, Robins 1994). Where
    P(X|Y) is the same: the source's scores weighted to the class shares that explain the target's X. With labels the drop is split on the
    law that both sides share (Cai 2023): what the model scores there under P(Y|X) of the source less what it scores under that of the
    target is the concept's part, the rest that of X; or the same given Y, for the label's part. All intervals are from the same draws of
    rows; those of what is expected are wider by how far a second estimate is off the first (even weights; Lipton 2018), and, for a number,
    where few rows carry the error (Satterthwaite 1946). R2 is of each law's own variance of y: see `rmse`, too.
    """

    name: ClassVar[str] = "performance"
    question: ClassVar[str] = "performance"
    cites: ClassVar[str] = "Sugiyama 2007; Robins 1994; Lipton 2018; Cai 2023"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Estimate the cost; `evidence` holds the parts from which `engine.assemble` tells it under the reading of `engine.reading`."""
        found, made = shared.rows(view), shared.predictions(view)
        if found is None or made is None or min(len(found.Z_source), len(found.Z_target)) < FEW:
            return Finding(self.name, "performance", "none", 0, 0, sentence="Too few labelled source rows to train a model.")
        from mdshift.stats.resample import multiplicities

        n, m = len(found.Z_source), len(found.Z_target)
        sample = _sample(found, made, multiplicities(n, BOOT, rng), multiplicities(m, BOOT, rng))
        e = shared.propensity(view)
        e = np.full(n + m, m / (n + m)) if e is None else e
        ends = (alpha / 2, 1 - alpha / 2)
        source = sample.here()
        laws = {"covariate": _by_inputs(sample, e[:n])}
        seconds = {"covariate": _by_inputs(sample, np.full(n, 0.5))[0]}  # even weights: all that the weights say is in doubt
        labels = _by_labels(view, found, sample)
        if labels is not None:
            laws["label"], seconds["label"] = labels
        pairs = {k: (v, seconds[k]) for k, v in laws.items()}
        if labels is not None and not found.classes:  # of a number's bands neither estimate is the better one
            laws["label"] = labels[0] + (labels[1] - labels[0][0]) / 2
        reach = {} if found.classes else {"covariate": _reach(sample, e[:n], alpha)}  # accuracy has no long tail
        few = sample.rare(source, n, alpha)  # what a handful of errors leaves open
        evidence: dict[str, Any] = {
            "metric": sample.metric,
            "source": _summary(sample.score(source), ends, few),
            "spans": {
                k: _summary(
                    sample.score(v), ends, sample.rare(v, n, alpha), _doubt(sample.score, k, *pairs[k], alpha), OPTIMISM / n, reach.get(k)
                )
                for k, v in laws.items()
            },
            "target": None,
            "blind": 1 / found.classes if found.classes else BLIND,
        }
        if not found.classes:
            evidence["rmse"] = {"source": rmse(source[0]), "target": None}
            for k, v in laws.items():
                evidence["rmse"][k] = _summary(rmse(v), ends, doubt=_doubt(rmse, k, *pairs[k], alpha), reach=reach.get(k))
        if sample.rows_target is not None and len(sample.rows_target) >= FEW:
            there = sample.there()
            few_there = sample.rare(there, len(sample.rows_target), alpha)
            either = (float(np.hypot(few[0], few_there[1])), float(np.hypot(few[1], few_there[0])))  # of a difference (Newcombe 1998)
            evidence["target"] = _summary(sample.score(there), ends, few_there)
            evidence["drop"] = _summary(sample.score(source) - sample.score(there), ends, either)
            evidence["parts"] = _parts(found, sample, e, ends, either)
            if not found.classes:
                evidence["rmse"]["target"] = rmse(there[0])
        first = evidence["source"]
        sentence = f"A quick model of the source reaches {sample.metric} {first[0]:.3f} in cross-validation there."
        return Finding(
            self.name,
            "performance",
            "cross-validation, bootstrap",
            n,
            m,
            effect=first[0],
            low=first[1],
            high=first[2],
            sentence=sentence,
            evidence=evidence,
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """What scores are means of, row by row, and the bootstrap draws of the rows.

    gains_source (n, c), gains_target (labelled rows, c): right or wrong; or squared error, y and y squared. told_source (n, c),
    told_target (m, c): what the model expects them to be. draws_source (B + 1, n), draws_target (B + 1, m): how often each row is drawn, the
    sample itself first. rows_target: positions of the labelled target rows, None without labels.
    """

    metric: str
    gains_source: Floats
    told_source: Floats
    told_target: Floats
    draws_source: Floats
    draws_target: Floats
    gains_target: Floats | None
    rows_target: NDArray[np.int64] | None
    spread: float

    def here(self) -> Floats:
        """Mean gains on the source, of all draws, (B + 1, c)."""
        return _means(self.draws_source, self.gains_source)

    def there(self) -> Floats:
        """Mean gains on the target's labelled rows, of all draws, (B + 1, c)."""
        assert self.gains_target is not None
        return _means(self.draws_target[:, self.rows_target], self.gains_target)

    def score(self, means: Floats) -> Floats:
        """Scores of mean gains (..., c): accuracy, or R2 with the variance of the law that the means are of."""
        return np.clip(means[..., 0], 0, 1) if self.metric == DISCRETE else r2(means, FLAT * self.spread)

    def rare(self, means: Floats, rows: int, alpha: float) -> tuple[float, float]:
        """Half-widths of Wilson's interval of an accuracy where errors (or hits) are too few for a bootstrap: without one it has no width."""
        from mdshift.stats.intervals import wilson

        share = float(np.clip(means[0, 0], 0, 1))
        if self.metric != DISCRETE or min(share, 1 - share) * rows >= RARE:
            return 0.0, 0.0
        low, high = wilson(share * rows, rows, alpha)
        return share - low, high - share


def _sample(found: shared.Rows, made: Scores, draws_source: Floats, draws_target: Floats) -> Sample:
    seen = np.flatnonzero(found.labelled)
    y = None if found.y_target is None or not len(seen) else found.y_target[seen]
    gained = gains(found.y_source, made.fitted, found)
    told_source, told_target = (_told(p, found, gained) for p in (made.fitted, made.further))
    more_source, more_target = _corrected(found, made, gained[:, 0] - told_source[:, 0])
    for told, more in ((told_source, more_source), (told_target, more_target)):
        told[:, [0] if found.classes else [0, 2]] += more[:, None]  # noise is part of the error and of y squared
    return Sample(
        DISCRETE if found.classes else "r2",
        gained,
        told_source,
        told_target,
        draws_source,
        draws_target,
        None if y is None else gains(y, made.further[seen], found),
        None if y is None else seen,
        0.0 if found.classes else float(found.y_source.var()),
    )


def _told(predicted: Floats, found: shared.Rows, gained: Floats) -> Floats:
    """Gains that the model expects: its confidence; or the mean squared error, y, and y squared."""
    if found.classes:
        return np.asarray(predicted.max(axis=1, keepdims=True), dtype=np.float64)
    p, noise = predicted[:, 0] - found.y_source.mean(), float(gained[:, 0].mean())
    return np.column_stack([np.full(len(p), noise), p, p**2 + noise])


def _corrected(found: shared.Rows, made: Scores, left: Floats) -> tuple[Floats, Floats]:
    """How far the expected gain is off at each source and target row: cross-fitted ridge regression of what is left of it, 0 where that fails.

    Errors that are larger in a part of X are then known to be, so that less is left to the weights.
    """
    n, m = len(left), len(found.Z_target)
    Z = np.clip(np.concatenate([found.Z_source, found.Z_target]), -FAR_OUT, FAR_OUT)[:, :CORRECTING]
    design = np.concatenate([Z, Z**2], axis=1)
    sd = design[:n].std(axis=0)
    kept = sd > 1e-9  # noqa: PLR2004 - rounding
    design = (design[:, kept] - design[:n, kept].mean(axis=0)) / sd[kept]
    design = np.column_stack([np.clip(design, -FAR_OUT, FAR_OUT), np.ones(n + m)])
    fold = np.concatenate([made.fold, made.fold_further])
    out = np.zeros((len(PENALTIES), n + m))
    for k in np.unique(made.fold):
        train, test = np.flatnonzero(made.fold != k), np.flatnonzero(fold == k)
        values, vectors = np.linalg.eigh(design[train].T @ design[train])
        right, there = vectors.T @ (design[train].T @ left[train]), design[test] @ vectors
        for i, penalty in enumerate(PENALTIES):
            out[i, test] = there @ (right / (np.maximum(values, 0.0) + penalty * len(train)))
    loss = [float(np.mean((left - o[:n]) ** 2)) for o in out]
    best = int(np.argmin(loss))
    if loss[best] >= float(np.mean(left**2)):
        return np.zeros(n), np.zeros(m)
    # no further than the source's own rows go: beyond them a parabola says nothing
    found_here = out[best, :n]
    return found_here, np.clip(out[best, n:], found_here.min(), found_here.max())


def gains(y: Any, predicted: Floats, found: shared.Rows) -> Floats:
    """What a score is a mean of: right or wrong, (n, 1); or squared error, y and y squared, y taken from the source's mean, (n, 3)."""
    if found.classes:
        return np.asarray(predicted.argmax(axis=1) == y, dtype=float).reshape(-1, 1)
    off = y - found.y_source.mean()
    return np.column_stack([(predicted[:, 0] - y) ** 2, off, off**2])


def r2(means: Floats, least: float = 0.0) -> Floats:
    """Coefficient of determination from the means (..., 3) of squared error, y and y squared; 0 where y does not vary."""
    spread = np.maximum(means[..., 2] - means[..., 1] ** 2, least)
    share = np.divide(np.maximum(means[..., 0], 0.0), spread, out=np.ones_like(spread), where=spread > 0)
    return np.asarray(np.clip(1 - share, WORST, 1.0))


def rmse(means: Floats) -> Any:
    """Root of the mean squared error, from means (..., 3)."""
    return np.sqrt(np.maximum(means[..., 0], 0.0)).tolist() if means.ndim == 1 else np.sqrt(np.maximum(means[..., 0], 0.0))


def _means(draws: Floats, values: Floats, weights: Floats | None = None) -> Floats:
    """Weighted means of the columns of values (n, c) in every draw, (B + 1, c)."""
    w = np.ones(len(values)) if weights is None else weights
    found: Floats = (draws @ (w[:, None] * values)) / np.maximum(draws @ w, 1e-12)[:, None]
    return found


def _by_inputs(sample: Sample, e: Floats) -> Floats:
    """Mean gains on the target if P(Y|X) is the same: as the model tells, corrected by the weighted source (B + 1, c)."""
    from mdshift.stats.density import importance

    w = importance(e, len(e), len(sample.told_target))
    told = _means(sample.draws_target, sample.told_target)
    return told + _means(sample.draws_source, sample.gains_source - sample.told_source, w)


def _doubt(score: Callable[[Floats], Any], law: str, first: Floats, second: Floats, alpha: float) -> float:
    """How far a second estimate (c,) is off the first (B + 1, c): an error that no draw shows.

    Two estimates of a number's bands are of like standing, and their difference is a standard error of either: it counts z times.
    """
    from scipy.stats import norm

    off = abs(float(score(first[0]) - score(second)))
    return float(norm.ppf(1 - alpha / 2)) * off if law == "label" and first.shape[1] > 1 else off


def _reach(sample: Sample, e: Floats, alpha: float) -> float:
    """Half-width for that of the normal law: t of as many degrees of freedom as rows carry the variance (Satterthwaite 1946)."""
    from scipy.stats import norm, t

    from mdshift.stats.density import effective, importance

    w = importance(e, len(e), len(sample.told_target))
    left = sample.gains_source[:, 0] - sample.told_source[:, 0]
    df = effective((w * (left - np.average(left, weights=w))) ** 2)
    return float(min(t.ppf(1 - alpha / 2, max(df, 2.0)) / norm.ppf(1 - alpha / 2), FARTHEST))


def _by_labels(view: View, found: shared.Rows, sample: Sample) -> tuple[Floats, Floats] | None:
    """Mean gains on the target if P(X|Y) is the same: the source's, weighted to the shares of classes that explain the target's X.

    Shares by EM, (B + 1, c); and by the confusion matrix, (c,), which does not ask the scores to be calibrated.
    """
    from mdshift.stats import labelshift

    made = shared.scores(view)
    if made is None:
        return None
    y, k, scores = made
    shares = sample.draws_source @ np.eye(k)[y] / len(y)

    def weighted(priors: Floats, own: Floats, draws: Floats) -> Floats:
        if found.classes:
            w = np.divide(priors, own, out=np.zeros_like(priors), where=own > 0)[:, y] * draws
        else:
            w = _tilted(found.y_source, y, priors, draws)
        return np.asarray((w @ sample.gains_source) / np.maximum(w.sum(axis=1), 1e-12)[:, None])

    priors = labelshift.em_priors(scores.further, shares, sample.draws_target)
    other = labelshift.bbse(scores.fitted, y, scores.further)
    return weighted(priors, shares, sample.draws_source), weighted(other[None], shares[:1], sample.draws_source[:1])[0]


def _tilted(values: Floats, band: NDArray[np.int64], priors: Floats, draws: Floats) -> Floats:
    """Drawn rows (b, n), weighted so that mean and spread of the value are those of a law with these shares of bands (b, k).

    Of all such weights those nearest to even ones, exp(t1 z + t2 z^2) (entropy balancing, Hainmueller 2012): the bands' shares by themselves
    are too noisy to be divided by those of the source.
    """
    z = np.clip(values, *np.quantile(values, [TAIL, 1 - TAIL]))
    z = (z - z.mean()) / max(float(z.std()), 1e-12)
    basis = np.column_stack([z, z * z])
    basis -= basis.mean(axis=0)
    basis /= np.maximum(basis.std(axis=0), 1e-9)
    onehot = np.eye(priors.shape[1])[band]
    inside = np.stack([draws @ (onehot * v[:, None]) for v in basis.T], axis=2) / np.maximum(draws @ onehot, 1e-9)[:, :, None]
    goal = np.einsum("bk,bkj->bj", priors, inside)
    theta = np.zeros_like(goal)
    for _ in range(15):  # Newton's steps on a convex loss, none longer than 1
        w = draws * np.exp(np.clip(theta @ basis.T, -STEEP, STEEP))
        w /= np.maximum(w.sum(axis=1, keepdims=True), 1e-300)
        mean = w @ basis
        cov = np.stack([w @ (basis * v[:, None]) for v in basis.T], axis=2) - mean[:, :, None] * mean[:, None, :]
        step = np.linalg.solve(cov + 1e-3 * np.eye(2), (goal - mean)[:, :, None])[:, :, 0]
        theta += step / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1.0)
    return np.asarray(draws * np.exp(np.clip(theta @ basis.T, -STEEP, STEEP)))


def _parts(found: shared.Rows, sample: Sample, e: Floats, ends: tuple[float, float], few: tuple[float, float]) -> dict[str, Any]:
    """The drop in two parts, under either reading: what the marginal takes, and what the law given it takes."""
    from mdshift.stats.density import shared_support

    n, m = len(found.Z_source), len(found.Z_target)
    s = shared_support(e, n, m)
    seen = sample.rows_target
    assert seen is not None
    assert sample.gains_target is not None
    readings = {"covariate": (s[:n], s[n:][seen], sample.told_source, sample.told_target[seen])}
    assert found.y_target is not None
    readings["label"] = given_labels(found, found.y_target[seen], sample.gains_source)
    whole = sample.score(sample.here()) - sample.score(sample.there())
    out = {}
    for name, (here, there, told_source, told_target) in readings.items():
        drawn = sample.draws_source * here, sample.draws_target[:, seen] * (1 - there)
        sums = [d.sum(axis=1)[:, None] for d in drawn]
        told = (drawn[0] @ told_source + drawn[1] @ told_target) / np.maximum(sums[0] + sums[1], 1e-12)
        mine = told + drawn[0] @ (sample.gains_source - told_source) / np.maximum(sums[0], 1e-12)
        theirs = told + drawn[1] @ (sample.gains_target - told_target) / np.maximum(sums[1], 1e-12)
        rest = sample.score(mine) - sample.score(theirs)
        out[name] = {
            "marginal": _summary(whole - rest, ends, few),
            "concept": _summary(rest, ends, few, too_good=OPTIMISM / n),
            "rows": min(in_common(here), in_common(1 - there)),
        }
    return out


def in_common(weights: Floats) -> float:
    """Rows of a side that stand for the shared law: by their spread of weights (Kish 1965), and by their weight, one half where laws are one."""
    from mdshift.stats.density import effective

    return min(effective(weights), 2 * float(weights.sum()))


def _summary(
    draws: Floats,
    ends: tuple[float, float],
    few: tuple[float, float] = (0.0, 0.0),
    doubt: float = 0.0,
    too_good: float = 0.0,
    reach: float | None = None,
) -> tuple[float, float, float]:
    """The value, and the ends of its bootstrap interval, at least `few` below and above it.

    doubt: an error that no draw shows, added in quadrature. too_good: how far the value may be too high, added to the low side. reach:
    factor of half-widths where few rows carry the error; the side of the draws' long tail then also goes out by their skewness, for where
    large errors are rare a sample lacks them, and its draws too (Johnson 1978: (z^2 + 2) / 6 of it, 1 at 95%).
    """
    low, high = np.quantile(draws[1:], ends)
    value = float(draws[0])
    if reach is not None:
        lean = _lean(draws[1:])
        low, high = value - reach * (value - low - min(lean, 0.0)), value + reach * (high - value + max(lean, 0.0))
    below, above = (float(np.hypot(max(d, f, 0.0), doubt)) for d, f in zip((value - low, high - value), few, strict=True))
    return value, value - below - too_good, value + above


def _lean(draws: Floats) -> float:
    """Skewness of the draws times their standard deviation."""
    off = draws - draws.mean()
    sd = float(off.std())
    return float(np.clip(np.mean((off / sd) ** 3), -SKEWEST, SKEWEST)) * sd if sd > 0 else 0.0  # the cube of sd may overflow
