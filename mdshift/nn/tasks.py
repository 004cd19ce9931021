"""Several labels from one network: a head each, and the weights of their losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.heads import blank


class Tasks(nn.Module):
    """Heads of the further labels, and a log variance for every label, the first one's first.

    outputs: of each further label, its classes, or 0 for a number. With log variance s a label's loss L counts as exp(-s) L + s / 2
    (Kendall, Gal & Cipolla 2018; for squared errors half of both).
    """

    def __init__(self, features: int, outputs: Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(k > 0 for k in outputs)
        self.heads = nn.ModuleList(nn.Linear(features, max(k, 1)) for k in outputs)


def tasks(features: int, outputs: Sequence[int]) -> Tasks:
    """Heads whose weights are still to be drawn, and log variances of 0."""
    made: Tasks = blank(lambda: Tasks(features, outputs))
    made.spread = nn.Parameter(torch.zeros(1 + len(outputs)))
    return made


def known_loss(outputs: Tensor, y: Tensor, *, classes: bool) -> Tensor:
    """Mean loss over the rows that have the label; y (n,) holds codes or standardised numbers, NaN where missing. 0 without any."""
    known = ~torch.isnan(y)
    if not bool(known.any()):
        return outputs.sum() * 0.0
    if classes:
        return F.cross_entropy(outputs[known], y[known].long())
    return ((outputs[known, 0] - y[known]) ** 2).mean()


def weighed(losses: Sequence[Tensor], spread: Tensor, given: Sequence[float] | None) -> Tensor:
    """The sum of the labels' losses: by the learnt spreads, or by given weights."""
    if given is not None:
        return sum((w * loss for w, loss in zip(given, losses, strict=True)), start=torch.zeros_like(losses[0]))
    each = [torch.exp(-s) * loss + 0.5 * s for s, loss in zip(spread, losses, strict=True)]
    return sum(each, start=torch.zeros_like(losses[0]))


def with_head(network: Any, head: nn.Linear, task: str, mean: float, scale: float) -> Any:
    """A copy of the network with another head, for another label."""
    import copy
    from dataclasses import replace

    made = copy.deepcopy(network)
    made.spec = replace(network.spec, outputs=head.out_features, task=task)
    made.head = copy.deepcopy(head)
    with torch.no_grad():
        made.label_mean.fill_(mean)
        made.label_scale.fill_(scale)
    return made
