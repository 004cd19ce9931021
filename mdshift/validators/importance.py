from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.stats.density import effective
from mdshift.validators.base import Bench, Gain, Validator, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@validator
@dataclass(frozen=True)
class ImportanceWeighted(Validator):
    """Score both models on held-out source rows, weighted by how target-like each is.

    Under covariate shift with overlap a consistent estimate of the target's score, if the weights are right: they are estimated themselves,
    and normalised by their sum. Where P(Y|X) changed, or where no source row lies near the target, it is not. Its standard error takes the
    weights as given, and with fewer than 30 effective rows it is silent. A correction of the class shares is judged by weights of the
    classes (Lipton 2018), whose own error widens the interval.

    Assumes: Covariate shift: P(Y|X) is the same, and the target lies where the source has rows. For a correction of the class shares:
    P(X|Y) is the same.

    Helps: The target's region is covered by source rows, whose true labels can then speak for it.

    Hurts: P(Y|X) changed, or the domains hardly overlap: it is silent below 30 effective rows, and wrong where the concept moved.

    Cost: A second run of every candidate without the held-out third of the source; small sources are cut in thirds one after another.
    """

    name: ClassVar[str] = "importance-weighted"
    cites: ClassVar[str] = "Sugiyama, Krauledat & Müller 2007; You 2019"
    votes: ClassVar[bool] = True

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Weighted paired difference on held-out source rows."""
        seen = bench.weighed()
        if isinstance(seen, str):
            return seen
        w, difference = seen
        found = paired(difference, z, w, f"on {len(w)} held-out source rows, {effective(w):.0f} in effect")
        if bench.prior_error is None:
            return found
        return _widened(found, difference, bench.prepared.y_source[bench.held], bench.prior_error, z)


def _widened(found: Gain, difference: Floats, y: Any, error: Floats, z: float) -> Gain:
    """Add what the estimated class weights may be off by: at most the sum over the classes of |gain in the class| x error."""
    inside = np.array([difference[y == k].mean() if (y == k).any() else 0.0 for k in range(len(error))])
    off = z * float((np.abs(inside) * error).sum())
    return Gain(
        found.value,
        found.value - math.hypot(found.value - found.low, off),
        found.value + math.hypot(found.high - found.value, off),
        found.sentence,
    )
