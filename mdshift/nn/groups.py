"""Losses of groups: a domain's own risk, how far the risks are from being equally good everywhere, and weights of the worst."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom


def means(values: Tensor, d: Tensor, groups: int) -> Tensor:
    """The mean (groups,) of values (n,) in each group d (n,); 0 for a group without a row."""
    total = values.new_zeros(groups).index_add(0, d, values)
    return total / torch.bincount(d, minlength=groups).clamp_min(1)


def slopes(outputs: Tensor, y: Tensor, task: str) -> Tensor:
    """The derivative (n,) of each row's loss by a factor w on its outputs, at w = 1 (Arjovsky 2019): in closed form."""
    if task == "classification":
        return ((F.softmax(outputs, dim=1) - F.one_hot(y, outputs.shape[1])) * outputs).sum(1)
    return 2.0 * (outputs[:, 0] - y) * outputs[:, 0]


def irm_penalty(outputs: Tensor, y: Tensor, d: Tensor, groups: int, task: str) -> Tensor:
    """The squared gradient of each domain's risk by a factor on the outputs, averaged over domains (IRMv1, Arjovsky 2019)."""
    return (means(slopes(outputs, y, task), d, groups) ** 2).mean()


def annealed(risk: Tensor, penalty: Tensor, weight: float, *, early: bool) -> Tensor:
    """The risk with its penalty, which weighs 1 at most while it is early; divided by the weight, so that the steps keep their size."""
    weight = min(1.0, weight) if early else weight
    return (risk + weight * penalty) / max(1.0, weight)


class GroupWeights(nn.Module):
    """Weights (groups,) of the domains, raised exponentially by their losses (Sagawa 2020); they sum to 1."""

    weights: Tensor

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.full((groups,), 1.0 / groups))

    def forward(self, risks: Tensor, step: float) -> Tensor:
        """The weighted risk after the weights took a step of this size."""
        with torch.no_grad():
            raised = self.weights * torch.exp(step * risks.clamp_max(50.0))
            self.weights.copy_(raised / raised.sum())
        return (self.weights * risks).sum()
