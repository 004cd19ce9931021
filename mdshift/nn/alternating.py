"""A domain discriminator with an optimiser of its own, trained in turn with the features that it is to be fooled by."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mdshift.nn import losses
from mdshift.nn.heads import discriminator
from mdshift.nn.train import CLIP


class Alternating(nn.Module):
    """The discriminator. `improve` moves it by its own optimiser; `fooled` is the features' loss, which leaves it as it is.

    The loop's optimiser sees its parameters too, but never a gradient of theirs, so that it does not touch them.
    """

    def __init__(self, features: int, rate: float) -> None:
        super().__init__()
        self.judge: nn.Module = discriminator(features)
        self.rate = rate
        self.optimiser: torch.optim.Optimizer | None = None

    def improve(self, source: Tensor, target: Tensor) -> Tensor:
        """One step on the true domains of features (n, d) and (m, d), which get no gradient; the loss before it."""
        if self.optimiser is None:  # the weights are where they will stay only now
            # no momentum: an opponent that moves makes old gradients misleading
            self.optimiser = torch.optim.Adam(self.judge.parameters(), lr=self.rate, betas=(0.5, 0.999))
        with torch.enable_grad():
            loss = losses.domain_loss(self.judge(source.detach()), self.judge(target.detach()))
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.judge.parameters(), CLIP)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        self.optimiser.zero_grad()
        return loss.detach()

    def fooled(self, source: Tensor, target: Tensor) -> Tensor:
        """The discriminator's loss on swapped domains: low where it takes source features for the target's and the reverse."""
        weights: dict[str, Any] = {name: p.detach() for name, p in self.judge.named_parameters()}
        seen = [cast("Tensor", functional_call(self.judge, weights, (f,))) for f in (source, target)]
        return losses.domain_loss(seen[1], seen[0])
