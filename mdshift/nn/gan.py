"""A small conditional generative adversarial network for rows (Mirza & Osindero 2014, hinge loss of Lim & Ye 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.backbones import initialise
from mdshift.nn.heads import blank

LATENT, WIDTH = 16, 128
SOFTENING = 0.05  # noise on what the critic sees, in standard units: a handful of rows must not be told by heart


def _layers(inputs: int, outputs: int) -> Any:
    return blank(
        lambda: nn.Sequential(
            nn.Linear(inputs, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, outputs)
        )
    )


class ConditionalGan:
    """Rows (n, d) given a condition: a class and a domain (0: source, 1: target), both as indicators beside the input.

    Columns are standardised by the rows it is trained on; what it makes stays within their range, and columns of kind "indicator" take the
    nearer of 0 and 1.
    """

    def __init__(self, X: NDArray[np.float32], y: NDArray[np.int64], target: NDArray[np.bool_], classes: int, device: str) -> None:
        self.classes, self.device = classes, device
        self.centre, self.scale = X.mean(axis=0), np.maximum(X.std(axis=0), 1e-6)
        self.low, self.high = X.min(axis=0), X.max(axis=0)
        self.rows = torch.from_numpy(((X - self.centre) / self.scale).astype(np.float32)).to(device)
        self.y, self.target = torch.from_numpy(y), torch.from_numpy(target.astype(np.int64))

    def condition(self, y: Tensor, target: Tensor) -> Tensor:
        """Indicators (n, classes + 2)."""
        return torch.cat([F.one_hot(y, self.classes), F.one_hot(target, 2)], dim=1).float().to(self.device)

    def train(self, steps: int, batch: int, rate: float, generator: torch.Generator) -> list[dict[str, Any]]:
        """Train generator and critic in turn; half of every batch are target rows; the history."""
        d, k = self.rows.shape[1], self.classes + 2
        self.make, critic = _layers(LATENT + k, d), _layers(d + k, 1)
        with torch.no_grad():
            initialise(nn.ModuleList([self.make, critic]), generator)
        self.make, critic = self.make.to(self.device), critic.to(self.device)
        makes, judges = (torch.optim.Adam(m.parameters(), lr=rate, betas=(0.5, 0.9), fused=True) for m in (self.make, critic))
        share = torch.bincount(self.target, minlength=2).float()
        weights, history = 1.0 / share[self.target], []
        for number in range(steps):
            at = torch.multinomial(weights, batch, replacement=True, generator=generator)
            given = self.condition(self.y[at], self.target[at])
            real, made = self.rows[at.to(self.device)], self._made(given, generator)
            soft = [(SOFTENING * torch.randn(real.shape, generator=generator)).to(self.device) for _ in range(2)]
            says = [critic(torch.cat([rows + s, given], dim=1)) for rows, s in zip((real, made.detach()), soft, strict=True)]
            judged = F.relu(1.0 - says[0]).mean() + F.relu(1.0 + says[1]).mean()
            judges.zero_grad()
            judged.backward()  # type: ignore[no-untyped-call]
            judges.step()
            fooled = -critic(torch.cat([made + soft[1], given], dim=1)).mean()
            makes.zero_grad()
            fooled.backward()
            makes.step()
            if (number + 1) % max(1, steps // 24) == 0:
                told = {"loss": float(judged.detach()), "generator": float(fooled.detach())}
                history.append({"phase": "gan", "step": number + 1, **told})
        return history

    def _made(self, given: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn((len(given), LATENT), generator=generator).to(self.device)
        made: Tensor = self.make(torch.cat([noise, given], dim=1))
        return made

    def sample(self, y: NDArray[np.int64], kinds: NDArray[Any], generator: torch.Generator) -> NDArray[np.float32]:
        """Target rows (n, d) of these classes (n,)."""
        with torch.no_grad():
            made = self._made(self.condition(torch.from_numpy(y), torch.ones(len(y), dtype=torch.int64)), generator)
        out = np.clip(made.cpu().numpy() * self.scale + self.centre, self.low, self.high)
        nearer: NDArray[np.float32] = np.where(kinds == "indicator", out > 0.5, out).astype(np.float32)  # noqa: PLR2004 - of 0 and 1
        return nearer


def generated(
    data: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]],
    wanted: NDArray[np.int64],
    kinds: NDArray[Any],
    settings: tuple[int, int, float, int, str],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """Target rows of the classes `wanted` by a network trained on `data` (rows, classes, which are the target's), and its history.

    settings: steps, batch, rate, number of classes, device.
    """
    from mdshift.nn.train import seeded, steady

    steps, batch, rate, classes, device = settings
    g = seeded(rng)
    with steady():
        gan = ConditionalGan(*data, classes, device)
        history = gan.train(steps, batch, rate, g)
        return gan.sample(wanted, kinds, g), history
