"""Contrastive pretraining: two views of each row, and the loss by which they find each other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.augment import Shape, changed
from mdshift.nn.backbones import Network
from mdshift.nn.heads import blank

VIEW = {"crop": 0.4, "rotate": 15.0, "colour": 0.5, "blur": 0.7, "noise": 0.1}  # of images; no mirror: it is another digit or letter


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy of embeddings a, b (n, d) whose rows belong together (SimCLR, Chen et al. 2020).

    Each of the 2n embeddings must pick its partner among the 2n - 1 others, by cosine over `temperature`.
    """
    n = len(a)
    z = F.normalize(torch.cat([a, b]), dim=1)
    logits = (z @ z.T) / temperature
    logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), -torch.inf)
    partner = torch.arange(2 * n, device=z.device).roll(n)
    return F.cross_entropy(logits, partner)


def corrupted(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Rows x (n, d) with this share of their values taken from other rows, each column from rows of its own (SCARF, Bahri et al. 2022)."""
    n, d = x.shape
    taken = (torch.rand((n, d), generator=generator) < share).to(x.device)
    rows = torch.randint(n, (n, d), generator=generator).to(x.device)
    return torch.where(taken, x.gather(0, rows), x)


class Contrast(nn.Module):
    """The projection on which views are compared: a hidden layer on top of the features. Its weights are still to be drawn."""

    def __init__(self, features: int, shape: Shape | None, share: float) -> None:
        super().__init__()
        self.project: nn.Module = blank(lambda: nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, 64)))
        self.shape, self.share = shape, share

    def views(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two views of rows x (n, d): two changed images; or a row as it is, and corrupted."""
        if self.shape is not None:
            return changed(x, x[:0], self.shape, VIEW, generator), changed(x, x[:0], self.shape, VIEW, generator)
        return x, corrupted(x, self.share, generator)

    def loss(self, step: Any, network: Network, temperature: float) -> Tensor:
        """NT-Xent of a step's rows of both domains, normalised together."""
        a, b = self.views(torch.cat([step.xs, step.xt]), step.generator)
        embedded: Tensor = self.project(network.features(torch.cat([a, b])))
        first, second = embedded.chunk(2)
        return nt_xent(first, second, temperature)
