"""Convex mixes of rows (Zhang 2018), of partners from other domains, and their loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mdshift.nn.losses import each_loss


def strangers(d: Tensor, generator: torch.Generator) -> Tensor:
    """For each row of domains d (n,) the position of a row of another domain, drawn evenly; itself where there is no other domain."""
    n = len(d)
    draw = torch.rand((n, n), generator=generator).to(d.device)
    other = d[:, None] != d[None, :]
    found = torch.where(other, draw, -1.0).argmax(1)
    return torch.where(other.any(1), found, torch.arange(n, device=d.device))


def proportions(n: int, alpha: float, generator: torch.Generator) -> Tensor:
    """Shares (n,) of the first partner: Beta(alpha, alpha), drawn by numpy from a seed that the generator gives."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, n).astype(np.float32))


def blend(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """The mix, share a + (1 - share) b, row by row (n, d)."""
    return share[:, None] * a + (1.0 - share[:, None]) * b


def blended_loss(outputs: Tensor, a: Tensor, b: Tensor, share: Tensor, task: str, weights: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """The mean loss of mixed rows: cross-entropy with the mixed label, or squared error of the mixed number.

    weights: of the first partners' classes and of the second's (n,), mean 1.
    """
    if task == "classification":
        if weights is not None:
            share, rest = share * weights[0], (1.0 - share) * weights[1]
            return (share * each_loss(outputs, a, task) + rest * each_loss(outputs, b, task)).mean()
        return (share * each_loss(outputs, a, task) + (1.0 - share) * each_loss(outputs, b, task)).mean()
    return each_loss(outputs, share * a + (1.0 - share) * b, task).mean()
