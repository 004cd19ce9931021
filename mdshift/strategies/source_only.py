from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.declare import Cost, Needs, strategy
from mdshift.families import Correct

if TYPE_CHECKING:
    from mdshift.learners.base import Context, Predictor, Prepared


@strategy
@dataclass(frozen=True)
class SourceOnly(Correct):
    """Train on the source alone, well, and use it as it is.

    The learner is chosen by cross-validation (leave-one-source-out where there are several sources) among linear models, boosted trees,
    the two together, weighed by what each is worth there, and, but for numbers of a table or array, a small network; its class probabilities are calibrated on out-of-fold scores. Every other strategy is
    compared with this one before it is kept: on real tables most published methods lose to it.

    Assumes: P(Y|X) is the same in both domains, and the model is right where the target lies.

    Helps: Nothing moved, or what moved does not matter to the label; and as long as nothing shows that another strategy is better.

    Hurts: The classes' shares or the concept changed: it keeps the source's.
    """

    name: ClassVar[str] = "source-only"
    cites: ClassVar[str] = "Gulrajani & Lopez-Paz 2021; Lalou et al. 2024"
    needs: ClassVar[Needs] = Needs(target=False)
    cost: ClassVar[Cost] = Cost.LOW

    def correct(self, model: Predictor, prepared: Prepared, context: Context) -> tuple[Predictor, dict[str, Any]]:  # noqa: ARG002
        """Nothing to correct."""
        return model, {}
