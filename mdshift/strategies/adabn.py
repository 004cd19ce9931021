"""Batch statistics of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Correct
from mdshift.learners.base import Context, Predictor, Prepared, restore


@final
@strategy
@dataclass(frozen=True)
class AdaBn(Correct):
    """Replace the means and variances that a network normalises with by those of the target; no weight changes.

    With few target rows some of the source's statistics is kept (`prior` rows' worth, Schneider et al. 2020). If the source model is no
    network, one is trained first.

    Assumes: The shift acts on each feature map alike in all rows, and the classes' shares are the same in both domains.

    Helps: Brightness, contrast, the offset and gain of a sensor, in images and arrays.

    Hurts: The classes' shares differ, or the target has a handful of rows: its statistics are then those of its classes, or noise.
    """

    name: ClassVar[str] = "adabn"
    cites: ClassVar[str] = "Li et al. 2016; Schneider et al. 2020"
    needs: ClassVar[Needs] = Needs(modalities=("array", "image"))
    cost: ClassVar[Cost] = Cost.LOW

    prior: float = param(16.0, "how many rows the source's statistics count for", low=0)

    def correct(self, model: Predictor, prepared: Prepared, context: Context) -> tuple[Predictor, dict[str, Any]]:
        """The same network with the target's statistics."""
        from mdshift.learners.net import Net, change_nets, nets_in
        from mdshift.nn.train import set_statistics, steady

        start = context.start if context.start is not None and nets_in(context.start.state()) else model
        trained = not nets_in(start.state())
        if trained:
            start = Net().fit(prepared, prepared.X_source, prepared.y_source, context.rng("net"))

        def adapt(network: Any) -> Any:
            set_statistics(network, prepared.X_target, self.prior)
            return network

        with steady():
            changed = change_nets(start.state(), adapt)
        return restore(changed), {"rows": len(prepared.X_target), "trained_network": trained, "networks": nets_in(changed)}
