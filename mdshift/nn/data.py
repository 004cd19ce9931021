"""Rows as tensors, batches in a seeded order, held-out rows, and small movements of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows x (n, d) with labels y (n,), weights w (n,), domain numbers d (n,) and further labels more (n, tasks), NaN where missing."""

    x: Tensor
    y: Tensor
    w: Tensor
    d: Tensor
    more: Tensor

    @classmethod
    def of(
        cls, X: NDArray[Any], y: NDArray[Any], w: NDArray[Any] | None, d: NDArray[Any] | int, device: str, more: NDArray[Any] | None = None
    ) -> Rows:
        """Tensors on the device; labels are int64 classes or float32 numbers."""
        labels = torch.from_numpy(np.asarray(y, dtype=np.int64 if y.dtype.kind in "iu" else np.float32))
        weights = torch.ones(len(X)) if w is None else torch.from_numpy(np.asarray(w, dtype=np.float32))
        domains = torch.from_numpy(np.full(len(X), d, dtype=np.int64) if isinstance(d, int) else np.asarray(d, dtype=np.int64))
        x = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        others = torch.zeros((len(X), 0)) if more is None else torch.from_numpy(np.asarray(more, dtype=np.float32))
        return cls(x.to(device), labels.to(device), weights.to(device), domains.to(device), others.to(device))

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.x)

    def take(self, index: Tensor) -> Rows:
        """The rows at these positions."""
        index = index.to(self.x.device)
        return Rows(self.x[index], self.y[index], self.w[index], self.d[index], self.more[index])


class Sampler:
    """Positions of n rows in batches: every row once in each pass, in an order drawn from the generator.

    A batch has at least two rows (batch statistics need them) if there is one at all; passes run on over a batch's end.
    """

    def __init__(self, n: int, batch: int, generator: torch.Generator) -> None:
        self.n, self.generator = n, generator
        self.batch = 0 if n == 0 else max(2, min(batch, n))
        self.queue = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Tensor:
        """The next batch's positions (batch,)."""
        while len(self.queue) < self.batch:
            self.queue = torch.cat([self.queue, torch.randperm(self.n, generator=self.generator)])
        drawn, self.queue = self.queue[: self.batch], self.queue[self.batch :]
        return drawn


class Balanced:
    """Positions of rows in batches in which each domain d (n,) has the same part, up to one row; small domains come round more often."""

    def __init__(self, d: Tensor, batch: int, generator: torch.Generator) -> None:
        self.members = [torch.nonzero(d == k).flatten().cpu() for k in torch.unique(d)]
        self.samplers = [Sampler(len(rows), max(2, -(-batch // len(self.members))), generator) for rows in self.members]
        self.n = len(d)

    @property
    def batch(self) -> int:
        """Rows in a batch."""
        return sum(sampler.batch for sampler in self.samplers)

    @batch.setter
    def batch(self, wanted: int) -> None:
        for sampler in self.samplers:
            sampler.batch = min(sampler.batch, max(2, wanted // len(self.samplers)))

    def draw(self) -> Tensor:
        """The next batch's positions (batch,), domain by domain."""
        return torch.cat([rows[sampler.draw()] for rows, sampler in zip(self.members, self.samplers, strict=True)])


def holdout(y: NDArray[Any], share: float, rng: np.random.Generator, least: int) -> NDArray[np.bool_]:
    """Mask (n,) of the rows held out: this share of each class (of all rows for numbers); none below `least` rows.

    A class keeps at least one row for training.
    """
    held = np.zeros(len(y), dtype=bool)
    if len(y) < least:
        return held
    groups = [np.flatnonzero(y == c) for c in np.unique(y)] if y.dtype.kind in "iu" else [np.arange(len(y))]
    for rows in groups:
        count = min(int(len(rows) * share + rng.random()), len(rows) - 1)
        held[rng.permutation(rows)[:count]] = True
    return held


def jitter(x: Tensor, shape: tuple[int, int, int], generator: torch.Generator, *, shift: float, zoom: float, turn: float) -> Tensor:
    """Images x (n, c*h*w) moved by up to `shift` of the side, scaled by up to 1 +- `zoom`, turned by up to `turn` degrees; edges repeat."""
    n = len(x)
    if n == 0:
        return x
    drawn = 2.0 * torch.rand((n, 4), generator=generator) - 1.0
    angle, scale = drawn[:, 0] * (turn * torch.pi / 180.0), 1.0 + zoom * drawn[:, 1]
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) * scale
    theta[:, 0, 1], theta[:, 1, 0] = -torch.sin(angle) * scale, torch.sin(angle) * scale
    theta[:, :, 2] = 2.0 * shift * drawn[:, 2:]
    grid = F.affine_grid(theta.to(x.device), [n, *shape], align_corners=False)
    return F.grid_sample(x.reshape(n, *shape), grid, padding_mode="border", align_corners=False).reshape(n, -1)
