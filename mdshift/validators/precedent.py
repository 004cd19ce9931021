from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import lookup, validator
from mdshift.validators.base import Bench, Gain, Validator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mdshift.learners.base import Prepared

LEAST = {"classification": 0.04, "regression": 0.005}  # ambiguity from which the members disagree enough for their mean to matter
SLIGHT = {"committee": 0.015}  # the same of three classes or more; of two it changes nothing on any of 34 recorded pairs below .04
MOST = {"classification": 0.2, "regression": float("inf")}  # beyond, they contradict one another, and there is no consensus
RECORDED = ("table", "array")  # modalities of the pairs
FURTHEST = 0.25  # standard deviations of the source's numbers by which the mean may move that the source model foretells
LEVEL = 0.1  # the interval leaves out this share of the precedents at either end; also the level of the test that the mean is above 0
FEWEST = 9  # data sets; of fewer, none can lie below a tenth: 1 / (9 + 1)


@validator
@dataclass(frozen=True)
class Precedent(Validator):
    """What the same strategy gained on real pairs of domains on which its members disagreed as much as here.

    One target without labels cannot say how much a strategy gains there; pairs whose labels are known can say how often it did. The
    estimate is the mean over the data sets that they are of, the interval leaves out a tenth of the sets at either end (80 %, whatever
    `--alpha` is): pairs of one set are alike, so that a set counts once, and the one at hand is a further set. It holds as far as these
    data are like those. Where the mean of the sets is not above 0 by more than chance (a one-sided t-test, at .1), nothing is said. What is asked of a pair needs no labels (but of `blend`, with which its few labels must side: the score no lower, the Brier score or squared error better). `ambiguity` is the mean squared distance of the members' predictions from their mean
    (Brier score for classes, in variances of the source's label for numbers): below .04 (.015 for `committee` of three classes or more, .005 for numbers) little can be won, above .2 the
    members contradict one another. Of numbers, the mean that the source model foretells may lie a quarter of a standard deviation off the
    source's: beyond, the label itself may have moved, which a map takes back. Of classes, the strategy must change some. The pairs with their gains stand in `validators/precedents.json`, and are made by
    `benchmarks/choosing/precedents.py`.

    Assumes: These data are like the pairs on record.

    Helps: The inputs moved, the candidate is made of several members (`committee`, `blend`), and there are no target labels, or too few to prove a gain.

    Hurts: Data unlike those pairs: the interval then holds for others than yours. It has no vote; the guard asks it by itself.

    Cost: Next to nothing: a look at a table.
    """

    name: ClassVar[str] = "precedent"
    cites: ClassVar[str] = "Krogh & Vedelsby 1995; Lee, Barber & Willett 2023; Lalou et al. 2024"

    def gain(self, bench: Bench, z: float) -> Gain | str:  # noqa: ARG002 - the level is that of the precedents
        """Mean and interval of the gains on the precedents."""
        return foretold(bench.strategy, bench.prepared, bench.evidence)


def foretold(strategy: str, prepared: Prepared, evidence: Mapping[str, Any], by: str = "") -> Gain | str:
    """What a strategy gained on the recorded pairs, where the members disagree here as much as there.

    evidence: of the strategy, or of another one, `by`, whose members are those that are gauged.
    """
    task = prepared.task
    if "ambiguity" not in evidence or not record(strategy, task, LEAST[task], MOST[task]):
        return "there is no record of this strategy"
    members = ["source-only", *lookup("strategy", by or strategy)().parts(task)]
    if list(evidence.get("members", members)) != members:
        return "a member is missing that the record was made with"
    here, moved = float(evidence["ambiguity"]), float(evidence.get("moved", 0.0))
    if task == "regression":
        here /= max(float(prepared.y_source.var()), 1e-300)
    needed = least(strategy, task, prepared.n_classes)
    if here < needed:
        return f"its members disagree too little to tell ({here:.3f}; {needed:g} is needed)"
    if here > MOST[task]:
        return f"its members contradict one another ({here:.3f}; up to {MOST[task]:g} there is a consensus)"
    if evidence.get("overruled") == 0 and not by:
        return "it overrules the source model nowhere"
    if moved > FURTHEST:
        return f"the numbers foretold lie {moved:.2f} standard deviations off the source's (up to {FURTHEST:g} there is a record)"
    own = record(strategy, task, needed if here < LEAST[task] else LEAST[task], MOST[task])
    found = spread(own, task)
    if found is None:
        return f"there are precedents of {len(own)} data sets, too few"
    return found if gainful(own) else f"on the record of {len(own)} data sets it gains no more than chance may have given"


def least(strategy: str, task: str, classes: int) -> float:
    """The ambiguity from which there is a record of a strategy, for a problem of so many classes.

    Where it is below `LEAST`, pairs on which the members disagreed less count too, and only there: others have a record of their own.
    """
    return SLIGHT.get(strategy, LEAST[task]) if task == "classification" and classes > 2 else LEAST[task]  # noqa: PLR2004 - a word, not a limit


def record(strategy: str, task: str, least: float = 0.0, most: float = float("inf")) -> dict[str, list[float]]:
    """What a strategy gained, by data set, on each recorded pair whose ambiguity is at least `least` and at most `most`."""
    found: dict[str, list[float]] = {}
    for p in precedents():
        own = (p["strategy"], p["task"]) == (strategy, task) and alike(p)
        if own and least <= p.get("ambiguity", 0.0) <= most:
            found.setdefault(set_of(p["pair"]), []).append(p["gain"])
    return found


def alike(pair: Mapping[str, Any]) -> bool:
    """Whether a recorded pair is one on which the strategy would be used: beside its ambiguity, all that is asked of it.

    moved: of numbers. overruled: of classes, the share that changed; where none did, nothing is kept. sided: of `blend`, whether the few labels of the
    pair's target sided with it, as they must where its record decides.
    """
    return bool(pair.get("moved", 0.0) <= FURTHEST and pair.get("overruled", 1.0) > 0 and pair.get("sided", True))


def set_of(pair: str) -> str:
    """The data set that a recorded pair is of."""
    return pair.split("--", maxsplit=1)[0]


def spread(by_set: Mapping[str, Sequence[float]], task: str) -> Gain | None:
    """The mean of recorded gains, and the interval in which a pair of a further data set lies with probability 1 - 2 LEVEL or more.

    by_set: gains by data set. Pairs of one set are alike, so each set counts once, a pair of it as its share of the set, and the further
    set once, with a gain that may be anything (Lee, Barber & Willett 2023): of fewer than nine sets there is None.
    """
    if len(by_set) < FEWEST:
        return None
    gains = np.concatenate([list(own) for own in by_set.values()])
    weights = np.concatenate([np.full(len(own), 1 / len(own)) for own in by_set.values()])
    order = np.argsort(gains, kind="stable")
    gains, weights = gains[order], weights[order]
    mean, share = float(np.average(gains, weights=weights)), weights / (len(by_set) + 1)
    low = gains[_end(share)]
    high = gains[len(gains) - 1 - _end(share[::-1])]
    won = int((gains > 0).sum())
    worst = f"{100 * gains[0]:+.1f} points" if task == "classification" else f"{gains[0]:+.2f} of R2"
    told = f"the interval holds {100 * (1 - 2 * LEVEL):g} % of such sets"
    sentence = f"of {len(gains)} real pairs of {len(by_set)} sets where it was used like this {won} gained, the worst {worst} ({told})"
    return Gain(mean, float(low), float(high), sentence)


def gainful(by_set: Mapping[str, Sequence[float]]) -> bool:
    """Whether the mean of the data sets' gains is above 0 by more than chance: a one-sided t-test at LEVEL, a set counting once.

    An interval whose low end is within the tolerance may hold nothing but a strategy that does nothing.
    """
    from scipy.special import stdtrit

    means = np.array([np.mean(own) for own in by_set.values()])
    if len(means) < FEWEST:
        return False
    error = float(means.std(ddof=1)) / len(means) ** 0.5
    return bool(means.mean() > float(stdtrit(len(means) - 1, 1 - LEVEL)) * error)


def _end(share: NDArray[np.float64]) -> int:
    """The position of the end of the interval: the last gain below which a pair of a further set lies with probability LEVEL at most."""
    below = 1 - share.sum() + np.cumsum(share) - share  # the further set's own share lies, at worst, beyond all
    return int(np.flatnonzero(below <= LEVEL + 1e-12)[-1])


@cache
def precedents() -> tuple[dict[str, Any], ...]:
    """The recorded pairs: strategy, task, pair, ambiguity, gain (accuracy or R2)."""
    return tuple(json.loads(resources.files("mdshift.validators").joinpath("precedents.json").read_text("utf-8"))["pairs"])
