"""A student network that learns a target's rows from a teacher of the source."""

from __future__ import annotations

import copy
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn import losses
from mdshift.nn.backbones import Network, fit_inputs

BLIND = 1e12  # the scale of a column that is not to be seen


def attention(network: Network, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """The attention map (n, a) after each block, and the features (n, width), of rows x.

    The map is the activations squared, added up over the channels of an image, with unit length (Zagoruyko & Komodakis 2017); of a
    row's hidden units each is a place of its own.
    """
    found: list[Tensor] = []

    def keep(_: nn.Module, __: Any, out: Tensor) -> None:
        squares = out.square()
        found.append(F.normalize(squares.sum(1).flatten(1) if out.ndim > 2 else squares, dim=1))  # noqa: PLR2004 - channels of an image

    hooks = [block.register_forward_hook(keep) for block in cast("nn.ModuleList", network.backbone.blocks)]
    try:
        features = network.features(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found, features


def softened(student: Tensor, teacher: Tensor, temperature: float, task: str) -> Tensor:
    """KL of the teacher's class probabilities from the student's, both at this temperature, times its square (Hinton 2015).

    For numbers the squared difference of the outputs.
    """
    if task == "regression":
        return F.mse_loss(student, teacher)
    p, q = F.log_softmax(teacher / temperature, dim=1), F.log_softmax(student / temperature, dim=1)
    return temperature**2 * F.kl_div(q, p, reduction="batchmean", log_target=True)


class Student(nn.Module):
    """The student: a network like the teacher, its inputs standardised by the target's rows X (m, d).

    only_source, only_target (d,): masks of the columns that the other side lacks; the student does not see the first, the teacher not
    the second.
    """

    keep: Tensor

    def __init__(
        self, teacher: Network, X: np.ndarray, kinds: np.ndarray, only_source: np.ndarray | None, only_target: np.ndarray | None
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(teacher)
        if len(X):
            fit_inputs(self.network, X, kinds)
        if only_source is not None:
            with torch.no_grad():
                self.network.standardise.scale[torch.from_numpy(np.asarray(only_source, bool))] = BLIND
        keep = np.ones(X.shape[1], np.float32) if only_target is None else 1.0 - np.asarray(only_target, np.float32)
        self.register_buffer("keep", torch.from_numpy(keep))

    def loss(self, stage: str, step: Any, teacher: Network, settings: tuple[float, float], task: str) -> Tensor:
        """The loss of a stage on a step; settings: the temperature, and the weight of the teacher beside the labels."""
        mine, features = attention(self.network, torch.cat([step.xt, step.xl]))
        m = len(step.xt)
        if stage == "features":
            with torch.no_grad():
                goal = teacher.features(step.xs * self.keep)
            return losses.mmd(goal, features[:m])
        with torch.no_grad():
            his, seen = attention(teacher, torch.cat([step.xt, step.xl]) * self.keep)
            soft = teacher.head(seen)
        if stage == "attention":
            return torch.stack([(a - b).square().sum(1).mean() for a, b in zip(mine, his, strict=True)]).mean()
        outputs = self.network.head(features)
        taught = softened(outputs, soft, settings[0], task)
        if not len(step.yl):
            return taught
        told = losses.task_loss(outputs[m:], step.yl, torch.ones_like(outputs[m:, 0]), task)
        return settings[1] * taught + told
