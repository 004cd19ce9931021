"""What stands on the features: the task's head and the adversary; and how modules are made without a global seed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def blank(make: Any) -> Any:
    """Build a module without drawing its weights (torch's constructors read the global generator)."""
    with torch.device("meta"):
        made = make()
    return made.to_empty(device="cpu")


def head(features: int, outputs: int) -> nn.Linear:
    """A linear head: logits of the classes, or one standardised number."""
    return nn.Linear(features, outputs)


def discriminator(features: int, width: int = 128) -> Any:
    """The domain adversary of Ganin 2016: two hidden layers, one logit. Its weights are still to be drawn."""
    return blank(lambda: nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)))
