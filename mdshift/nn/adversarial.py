"""Rows changed a little so that the network errs most: the fast gradient sign and projected gradient attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside: the attack draws no dropout and leaves the running statistics alone."""
    modes = [(m, m.training) for m in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for m, mode in modes:
            m.training = mode


def attack(loss: Callable[[Tensor], Tensor], x: Tensor, epsilon: float, steps: int, generator: torch.Generator) -> Tensor:
    """The change (n, d) of x within epsilon (largest absolute value) that raises `loss` of x + change most.

    One step goes all the way along the gradient's sign (FGSM, Goodfellow 2015); several go a part of it each from a random start and are
    projected back (PGD, Madry 2018).
    """
    change = torch.zeros_like(x)
    if steps > 1:
        change = epsilon * (2.0 * torch.rand(x.shape, generator=generator).to(x.device) - 1.0)
    size = epsilon if steps == 1 else 2.5 * epsilon / steps
    for _ in range(steps):
        change = change.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(x + change), change)
        change = (change + size * slope.sign()).clamp(-epsilon, epsilon)
    return change.detach()
