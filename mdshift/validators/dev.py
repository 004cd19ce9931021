from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mdshift.declare import validator
from mdshift.stats.density import effective
from mdshift.validators.base import Bench, Gain, Validator, paired


@validator
@dataclass(frozen=True)
class DeepEmbedded(Validator):
    """Importance-weighted validation with the weights themselves as a control variate.

    The weights' mean over the source is known to be 1; what the weighted gain owes to a sample of weights whose mean is not, is taken
    off by regression (You 2019).

    Assumes: The target lies where the source does, and P(Y|X) did not change.

    Helps: Weights that vary much: it lowers the spread of the estimate.

    Hurts: As `importance-weighted`: where P(Y|X) changed, or no source row lies near the target, its number means nothing.

    Cost: Next to nothing beside the second run on held-out source rows, which is shared.
    """

    name: ClassVar[str] = "dev"
    cites: ClassVar[str] = "You 2019"

    def gain(self, bench: Bench, z: float) -> Gain | str:
        """Weighted paired difference on held-out source rows, less its regression on the weights."""
        seen = bench.weighed()
        if isinstance(seen, str):
            return seen
        if bench.by_class:
            return "weights by class are too few to regress on"
        w, difference = seen
        weighted = w * difference
        spread = float(w.var())
        slope = 0.0 if spread <= 0 else float(((weighted - weighted.mean()) * (w - w.mean())).mean()) / spread
        return paired(weighted - slope * (w - 1.0), z, None, f"on {len(w)} held-out source rows, {effective(w):.0f} in effect")
