"""Pseudo-labels: which target rows are trusted, strong views of rows, and classes read off centroids."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.backbones import Network
from mdshift.nn.data import jitter
from mdshift.nn.losses import entropy


class Trust(nn.Module):
    """Which predictions are sure enough, class by class: a class that is predicted less surely has a lower threshold (Zou 2018).

    levels (k,): the running mean confidence of each class's predictions.
    """

    levels: Tensor

    def __init__(self, classes: int, memory: float = 0.95) -> None:
        super().__init__()
        self.memory = memory
        self.register_buffer("levels", torch.ones(classes))

    def forward(self, logits: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
        """Labels (n,) and the mask (n,) of those above `threshold` times their class's level over the surest class's."""
        p = F.softmax(logits.detach(), dim=1)
        confidence, labels = p.max(1)
        with torch.no_grad():
            count = torch.bincount(labels, minlength=len(self.levels))
            mean = torch.zeros_like(self.levels).index_add(0, labels, confidence) / count.clamp_min(1)
            self.levels.copy_(torch.where(count > 0, self.memory * self.levels + (1 - self.memory) * mean, self.levels))
        return labels, confidence >= threshold * (self.levels / self.levels.max())[labels]


def trusted_loss(logits: Tensor, labels: Tensor, sure: Tensor) -> Tensor:
    """The cross-entropy with the labels that are sure, over all rows."""
    return (sure * F.cross_entropy(logits, labels, reduction="none")).mean()


def strong_view(x: Tensor, shape: tuple[int, int, int] | None, generator: torch.Generator, share: float = 0.3) -> Tensor:
    """Rows far from themselves of the same class (n, d): images moved, with other contrast, brightness and noise; else columns swapped in.

    Of a row that is no image `share` of the columns come from other rows of the batch (as in SCARF, Bahri 2022).
    """
    n, d = x.shape
    if shape is None:
        swap = torch.rand((n, d), generator=generator) < share
        other = torch.randint(n, (n, d), generator=generator)
        return torch.where(swap.to(x.device), torch.gather(x, 0, other.to(x.device)), x)
    spread = x.std().clamp_min(1e-6)
    drawn = (2.0 * torch.rand((n, 2), generator=generator) - 1.0).to(x.device)
    noise = torch.randn((n, d), generator=generator).to(x.device)
    moved = jitter(x, shape, generator, shift=0.2, zoom=0.3, turn=25.0)
    middle = moved.mean(1, keepdim=True)
    return middle + (moved - middle) * (1.0 + 0.5 * drawn[:, :1]) + spread * (0.5 * drawn[:, 1:] + 0.15 * noise)


def information(logits: Tensor) -> Tensor:
    """The mean entropy of the rows less the entropy of their mean: low where rows are sure and classes differ (Liang 2020)."""
    mean = F.softmax(logits, dim=1).mean(0)
    return entropy(logits).mean() + (mean * mean.clamp_min(1e-12).log()).sum()


class Centroids(nn.Module):
    """Classes read off the centroids of the target's features (SHOT, Liang 2020), found anew every `every` calls.

    rows (m, d): the target's.
    """

    rows: Tensor
    centres: Tensor

    def __init__(self, rows: Tensor, classes: int, width: int, every: int) -> None:
        super().__init__()
        self.every, self.calls = max(1, every), 0
        self.register_buffer("rows", rows)
        self.register_buffer("centres", torch.zeros(classes, width))

    @torch.no_grad()
    def refresh(self, network: Network) -> None:
        """Centroids of the soft predictions, then of the classes that those give; leaves the network in evaluation mode."""
        network.eval()
        features = torch.cat([network.features(part) for part in torch.split(self.rows, 1024)])
        shares = F.softmax(network.head(features), dim=1)
        features = F.normalize(features, dim=1)
        self.centres.copy_(shares.T @ features / shares.sum(0)[:, None].clamp_min(1e-8))
        hard = F.one_hot(self.nearest(features), len(self.centres)).float()
        found = hard.T @ features / hard.sum(0)[:, None].clamp_min(1.0)
        self.centres.copy_(torch.where(hard.sum(0)[:, None] > 0, found, self.centres))

    def nearest(self, features: Tensor) -> Tensor:
        """The class (n,) of the centroid at the least angle."""
        return (F.normalize(features, dim=1) @ F.normalize(self.centres, dim=1).T).argmax(1)

    def forward(self, network: Network, features: Tensor) -> Tensor:
        """The classes (n,) of these features."""
        if self.calls % self.every == 0:
            modes = [(m, m.training) for m in network.modules()]
            self.refresh(network)
            for m, mode in modes:  # held statistics stay held
                m.training = mode
        self.calls += 1
        return self.nearest(features.detach())


def centroids_of(X: np.ndarray, network: Network, every: int) -> Centroids:
    """Centroids for the target's rows X (m, d) and this network's classes."""
    return Centroids(torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)), network.spec.outputs, network.spec.width, every)
