"""What stands on the features: the task's head and the adversary."""

from __future__ import annotations

from torch import nn


def head(features: int, outputs: int) -> nn.Module:
    """A linear head: logits of the classes, or one standardised number."""
    return nn.Linear(features, outputs)


def discriminator(features: int, width: int = 128) -> nn.Module:
    """The domain adversary of Ganin 2016: two hidden layers, one logit."""
    return nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
