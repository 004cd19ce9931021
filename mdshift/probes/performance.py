"""The cost: what a model of the source scores there, what it will score on the target, and which shift takes how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import probe
from mdshift.probes import rows as shared
from mdshift.probes.base import FEW, Probe
from mdshift.types import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.probes.base import View

    Floats = NDArray[np.float64]

BOOT = 200
HEAVY = 0.99  # importance weights above this quantile are cut to it (Ionides 2008)
BLIND = -1.0  # R2 of guesses that are as far off as y is spread twice over: what may happen where the source has no data
WORST = -10.0  # R2 below it is reported as it
DISCRETE = "accuracy"


@probe
class Performance(Probe):
    """Score a quick model of the source: cross-validated there, expected on the target without labels, measured with them.

    Expected: importance-weighted source scores (Sugiyama 2007) and, for classes, the calibrated difference of confidences (Guillory 2021),
    averaged; by class-weighted source scores where only the class shares moved. The interval spans both; all of it on the condition that
    P(Y|X) has not changed. With labels the drop is split by re-weighting the source to the target's X, or to its labels (Cai 2023).
    """

    name: ClassVar[str] = "performance"
    question: ClassVar[str] = "performance"
    cites: ClassVar[str] = "Sugiyama 2007; Guillory 2021; Cai 2023"

    def measure(self, view: View, rng: np.random.Generator, *, alpha: float = 0.05) -> Finding:
        """Estimate the cost; `evidence` holds the parts from which `engine.reading` settles the split."""
        found, made = shared.rows(view), shared.predictions(view)
        if found is None or made is None or min(len(found.Z_source), len(found.Z_target)) < FEW:
            return Finding(self.name, "performance", "none", 0, 0, sentence="Too few labelled source rows to train a model.")
        metric = DISCRETE if found.classes else "r2"
        value = accuracy if found.classes else r2
        n, m = len(found.Z_source), len(found.Z_target)
        gain = _gains(found.y_source, made.fitted, found.classes)
        e = shared.propensity(view)
        ratio = np.ones(n) if e is None else importance(e[:n], n, m)
        by_class = _class_weights(view, found)
        ends = (alpha / 2, 1 - alpha / 2)
        i, j = rng.integers(0, n, (BOOT, n)), rng.integers(0, m, (BOOT, m))
        even = np.ones(n)
        source = _draws(value, gain, even, i)
        weighted = _draws(value, gain, ratio, i)
        classed = None if by_class is None else _draws(value, gain, by_class, i)
        confident = _confidence(gain, made.fitted, made.further, i, j) if found.classes else None
        spans = {"weights": _summary(weighted, ends)}
        if confident is not None:
            spans["confidence"] = _summary(confident, ends)
        if classed is not None:
            spans["classes"] = _summary(classed, ends)
        evidence: dict[str, Any] = {
            "metric": metric,
            "source": _summary(source, ends),
            "spans": spans,
            "target": None,
            "blind": 1 / found.classes if found.classes else BLIND,
        }
        seen = found.labelled
        if found.y_target is not None and seen.sum() >= FEW:
            y, p = found.y_target[seen], made.further[seen]
            k = rng.integers(0, len(y), (BOOT, len(y)))
            target = _draws(value, _gains(y, p, found.classes), np.ones(len(y)), k)
            evidence["target"] = _summary(target, ends)
            evidence["steps"] = {
                "covariate": _summary(source - weighted, ends),
                "label": _summary(source - (weighted if classed is None else classed), ends),
                "drop": _summary(source - target, ends),
            }
        first = evidence["source"]
        sentence = f"A quick model of the source reaches {metric} {first[0]:.3f} in cross-validation there."
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


def accuracy(gain: Floats, weights: Floats) -> float:
    """Weighted mean of right (1) and wrong (0)."""
    return float(np.average(gain[:, 0], weights=weights))


def r2(gain: Floats, weights: Floats) -> float:
    """Weighted coefficient of determination from the columns (squared error, y)."""
    error, y = gain[:, 0], gain[:, 1]
    centre = np.average(y, weights=weights)
    spread = np.average((y - centre) ** 2, weights=weights)
    if spread <= 0:
        return 0.0
    return float(np.clip(1 - np.average(error, weights=weights) / spread, WORST, 1.0))


def _gains(y: Any, predicted: Floats, classes: int) -> Floats:
    """What a score is a mean of: right or wrong; or squared error and y, (n, 2)."""
    if classes:
        return np.asarray(predicted.argmax(axis=1) == y, dtype=float).reshape(-1, 1)
    return np.column_stack([(predicted[:, 0] - y) ** 2, y])


def importance(e: Floats, n: int, m: int) -> Floats:
    """Density ratio of target to source from the propensity, its upper tail cut, mean 1, (n,)."""
    ratio = e / np.maximum(1 - e, 1e-6) * n / max(m, 1)
    ratio = np.minimum(ratio, np.quantile(ratio, HEAVY))
    mean = ratio.mean()
    return np.asarray(ratio / mean) if mean > 0 else np.ones(n)


def _class_weights(view: View, found: shared.Rows) -> Floats | None:
    """Weights of the source rows that give the classes (or bands) the target's shares: counted with labels, estimated without."""
    from mdshift.stats import labelshift

    made = shared.scores(view)
    if made is None:
        return None
    y, k, scores = made
    share = np.bincount(y, minlength=k) / len(y)
    seen = found.labelled
    if found.y_target is not None and seen.sum() >= FEW:
        codes = found.y_target[seen] if found.classes else _like(found.y_source, y, found.y_target[seen])
        prior = np.bincount(codes, minlength=k) / seen.sum()
    else:
        prior = labelshift.em_prior(scores.further, share)
    ratio = np.divide(prior, share, out=np.zeros(k), where=share > 0)[y]
    return np.asarray(ratio / ratio.mean()) if ratio.mean() > 0 else None


def _like(values: Floats, codes: NDArray[np.int64], new: Floats) -> NDArray[np.int64]:
    """The band of each new value, by the bands of the old ones."""
    tops = np.array([values[codes == c].max() for c in range(codes.max() + 1)])
    return np.asarray(np.minimum(np.searchsorted(tops, new), len(tops) - 1), dtype=np.int64)


def _draws(value: Any, gain: Floats, weights: Floats, rows: NDArray[np.int64]) -> Floats:
    """The score of all rows (first), and of every bootstrap draw of rows."""
    return np.array([value(gain, weights), *(value(gain[r], np.maximum(weights[r], 1e-12)) for r in rows)])


def _confidence(gain: Floats, fitted: Floats, further: Floats, i: NDArray[np.int64], j: NDArray[np.int64]) -> Floats:
    """Mean confidence on the target, corrected by how far it is off on the source."""
    off = gain[:, 0] - fitted.max(axis=1)
    sure = further.max(axis=1)
    drawn: Floats = np.array([off.mean() + sure.mean(), *(off[a].mean() + sure[b].mean() for a, b in zip(i, j, strict=True))])
    return np.clip(drawn, 0, 1)


def _summary(draws: Floats, ends: tuple[float, float]) -> tuple[float, float, float]:
    """The value, and the ends of its bootstrap interval."""
    low, high = np.quantile(draws[1:], ends)
    return float(draws[0]), float(min(low, draws[0])), float(max(high, draws[0]))
