from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, ClassVar

import numpy as np

from mdshift.declare import lookup, validator
from mdshift.validators.base import Bench, Gain, Validator

LEAST = {"classification": 0.04, "regression": 0.005}  # ambiguity from which the members disagree enough for their mean to matter
MOST = {"classification": 0.2, "regression": float("inf")}  # beyond, they contradict one another, and there is no consensus
MOST_OF_ALL = 0.3  # the same where networks are among the members, which differ from the others even where nothing moved
LEVEL = 0.1  # the interval leaves out this share of the precedents at either end
FEWEST = 9  # of fewer, none can lie below a tenth: 1 / (9 + 1)


@validator
@dataclass(frozen=True)
class Precedent(Validator):
    """What the same strategy gained on real pairs of domains on which its members disagreed as much as here.

    One target without labels cannot say how much a strategy gains there; pairs whose labels are known can say how often it did. The
    estimate is the mean over those pairs, the interval leaves out a tenth of them at either end (80 %, whatever `--alpha` is), and it
    holds as far as these data are like those. What is asked of a pair is `ambiguity`, which needs no labels: the mean squared distance of
    the members' predictions from their mean (Brier score for classes, in variances of the source's label for numbers). Below .04 (.005 for
    numbers) little can be won, and what moved is often the classes' shares, which a map makes worse; above .2 the members contradict one
    another. The pairs with their gains stand in `validators/precedents.json`, and are made by `benchmarks/choosing/precedents.py`.

    Assumes: These data are like the pairs on record.

    Helps: The inputs moved, the candidate is a mean of members (`consensus`, `committee`, `blend`), and there are no target labels, or too few to prove a gain.

    Hurts: Data unlike those pairs: the interval then holds for others than yours. It has no vote; the guard asks it by itself.

    Cost: Next to nothing: a look at a table.
    """

    name: ClassVar[str] = "precedent"
    cites: ClassVar[str] = "Krogh & Vedelsby 1995; Lalou et al. 2024"

    def gain(self, bench: Bench, z: float) -> Gain | str:  # noqa: ARG002 - the level is that of the precedents
        """Mean and interval of the gains on the precedents."""
        task = bench.prepared.task
        seen = bench.evidence.get("ambiguity")
        if seen is None or not record(bench.strategy, task):
            return "there is no record of this strategy"
        members = ("source-only", *lookup("strategy", bench.strategy)().parts(task))
        if tuple(bench.evidence.get("members", members)) != members:
            return "a member is missing that the record was made with"
        here = float(seen)
        if task == "regression":
            here /= max(float(bench.prepared.y_source.var()), 1e-300)
        if here < LEAST[task]:
            return f"its members disagree too little to tell ({here:.3f}; {LEAST[task]:g} is needed)"
        if here > MOST[task]:
            return f"its members contradict one another ({here:.3f}; up to {MOST[task]:g} there is a consensus)"
        of_all = float(bench.evidence.get("ambiguity_of_all", 0.0))
        if of_all > MOST_OF_ALL:
            return f"its members contradict one another ({of_all:.3f} of all; up to {MOST_OF_ALL:g} there is a consensus)"
        return spread(record(bench.strategy, task, LEAST[task], MOST[task]), task) or "there are too few precedents"


def record(strategy: str, task: str, least: float = 0.0, most: float = float("inf")) -> list[float]:
    """What a strategy gained on each recorded pair whose ambiguity is at least `least` and at most `most`, and whose members do not contradict one another."""
    own = [p for p in precedents() if (p["strategy"], p["task"]) == (strategy, task) and p.get("ambiguity_of_all", 0.0) <= MOST_OF_ALL]
    return [p["gain"] for p in own if least <= p.get("ambiguity", 0.0) <= most]


def spread(record: list[float], task: str) -> Gain | None:
    """The mean of recorded gains, and the interval in which the next one lies with probability 1 - 2 LEVEL; None of fewer than nine."""
    if len(record) < FEWEST:
        return None
    gains = np.sort(record)
    # the next pair lies below the k-th of n with probability k / (n + 1)
    at = np.arange(1, len(gains) + 1) / (len(gains) + 1)
    low, high = (float(np.interp(q, at, gains)) for q in (LEVEL, 1 - LEVEL))
    won = int((gains > 0).sum())
    worst = f"{100 * gains[0]:+.1f} points" if task == "classification" else f"{gains[0]:+.2f} of R2"
    told = f"the interval holds {100 * (1 - 2 * LEVEL):g} % of such pairs"
    sentence = f"of {len(gains)} real pairs where it was used like this {won} gained, the worst {worst} ({told})"
    return Gain(float(gains.mean()), low, high, sentence)


@cache
def precedents() -> tuple[dict[str, Any], ...]:
    """The recorded pairs: strategy, task, pair, ambiguity, gain (accuracy or R2)."""
    return tuple(json.loads(resources.files("mdshift.validators").joinpath("precedents.json").read_text("utf-8"))["pairs"])
