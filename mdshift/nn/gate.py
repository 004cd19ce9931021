"""Attention over input columns: a gate each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mdshift.nn import losses
from mdshift.nn.backbones import Network

SPEED = 60.0  # a gate moves so much faster than a weight: it has to close within one training
OPEN = 2.0  # the sigmoid's argument at the start
CLOSED = 1e-6
LEVELS = np.linspace(0.02, 0.98, 25)
FARTHEST = 3.0


def discrepancies(X: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """How far each column's distribution in Z (m, d) is from that in X (n, d): the mean distance of quantiles (Wasserstein 1) in X's spread.

    Less what chance gives for so many rows; at most FARTHEST.
    """
    if not len(X) or not len(Z):
        return np.zeros(X.shape[1])
    gap = np.abs(np.quantile(X, LEVELS, axis=0) - np.quantile(Z, LEVELS, axis=0)).mean(axis=0)
    spread = X.std(axis=0)
    chance = (1.0 / len(X) + 1.0 / len(Z)) ** 0.5
    return np.asarray(np.clip(gap / np.where(spread > 1e-8, spread, 1.0) - chance, 0.0, FARTHEST))  # noqa: PLR2004 - a constant


class Gates(nn.Module):
    """A weight for each standardised column: sigmoid in (0, 1), or softmax with mean 1. far (d,): the columns' discrepancies."""

    far: Tensor

    def __init__(self, kind: str, far: np.ndarray) -> None:
        super().__init__()
        self.kind = kind
        self.logits = nn.Parameter(torch.zeros(len(far)))
        self.register_buffer("far", torch.from_numpy(far).float())

    def weights(self) -> Tensor:
        """The gates (d,)."""
        if self.kind == "softmax":
            return len(self.logits) * torch.softmax(SPEED * self.logits, dim=0)
        return torch.sigmoid(SPEED * self.logits + OPEN)

    def forward(self, step: Any, network: Network, weight: float, sparsity: float, task: str) -> tuple[Tensor, dict[str, Tensor]]:
        """The task's loss on gated inputs, the gated inputs' discrepancy, and the gates' mean."""
        g, labelled = self.weights(), torch.cat([step.xs, step.xl])
        inputs = network.standardise(labelled) * g
        y, w = torch.cat([step.ys, step.yl]), torch.cat([step.ws, step.ws.new_ones(len(step.yl))])
        told = losses.task_loss(network.head(network.backbone(inputs)), y, w, task)
        target = network.standardise(step.xt) * g
        apart = (g * self.far).mean() + losses.mmd(inputs[: len(step.xs)], target)
        return told + weight * apart + sparsity * g.mean(), {"task": told, "discrepancy": apart}

    @torch.no_grad()
    def fold(self, network: Network) -> np.ndarray:
        """Put the gates into the network's own standardisation; the gates (d,)."""
        g = self.weights()
        network.standardise.scale.div_(g.clamp_min(CLOSED))
        return g.cpu().numpy().astype(np.float64)
