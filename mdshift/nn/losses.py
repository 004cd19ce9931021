"""Losses on batches of features and outputs. Features are (n, d), logits (n, k); all return scalars."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

SLOPES = tuple(2.0**power for power in torch.arange(-5, 2.25, 0.25).tolist())  # inverse temperatures


def each_loss(outputs: Tensor, y: Tensor, task: str) -> Tensor:
    """The loss of each row (n,): cross-entropy, or squared error of the standardised label (outputs (n, 1))."""
    return F.cross_entropy(outputs, y, reduction="none") if task == "classification" else (outputs[:, 0] - y) ** 2


def task_loss(outputs: Tensor, y: Tensor, w: Tensor, task: str) -> Tensor:
    """Weighted mean cross-entropy, or squared error of the standardised label (outputs (n, 1))."""
    return (w * each_loss(outputs, y, task)).sum() / w.sum().clamp_min(1e-12)


def refined(outputs: Tensor, y: Tensor, w: Tensor) -> float:
    """The weighted mean cross-entropy of logits (n, k) at the best of a grid of temperatures: what calibration cannot mend.

    Early stopping by it does not end a training that still learns to tell classes apart and is merely too sure of itself (Berta,
    Holzmueller, Jordan & Bach 2025).
    """
    return min(float(task_loss(outputs * slope, y, w, "classification")) for slope in SLOPES)


def ramp(progress: float, gamma: float = 10.0) -> float:
    """The weight 2 / (1 + exp(-gamma p)) - 1 of Ganin 2016, from 0 to about 1."""
    return 2.0 / (1.0 + math.exp(-gamma * progress)) - 1.0


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances (n, m) of the rows; never negative."""
    return ((a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2.0 * a @ b.T).clamp_min(0.0)


def mmd(source: Tensor, target: Tensor, scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)) -> Tensor:
    """Unbiased squared MMD with a mean of Gaussian kernels (Gretton 2012; multi-kernel as in Long 2015).

    The bandwidths are `scales` times the median squared distance of the pooled batch; needs two rows a side.
    Being unbiased, it may be below 0.
    """
    n, m = len(source), len(target)
    pooled = torch.cat([source, target])
    distances = squared_distances(pooled, pooled)
    above = torch.triu_indices(n + m, n + m, offset=1, device=pooled.device)
    median = distances.detach()[above[0], above[1]].median().clamp_min(1e-12)
    kernel = sum(torch.exp(-distances / (scale * median)) for scale in scales) / len(scales)
    kernel = cast("Tensor", kernel)
    k_ss, k_tt, k_st = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    within = (k_ss.sum() - k_ss.diagonal().sum()) / (n * (n - 1)) + (k_tt.sum() - k_tt.diagonal().sum()) / (m * (m - 1))
    return within - 2.0 * k_st.mean()


def covariance(features: Tensor) -> Tensor:
    """The sample covariance (d, d)."""
    centred = features - features.mean(0)
    return centred.T @ centred / max(len(features) - 1, 1)


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Squared Frobenius distance of the covariances over 4 d^2 (Sun & Saenko 2016)."""
    d = source.shape[1]
    return ((covariance(source) - covariance(target)) ** 2).sum() / (4.0 * d * d)


def entropy(logits: Tensor) -> Tensor:
    """Entropy of each row's class probabilities (n,), in nats."""
    log_p = F.log_softmax(logits, dim=1)
    return -(log_p.exp() * log_p).sum(1)


def class_confusion(logits: Tensor, temperature: float = 2.5) -> Tensor:
    """Minimum class confusion (Jin 2020): the share of weighted class correlation that lies off the diagonal."""
    p = F.softmax(logits / temperature, dim=1)
    certainty = 1.0 + torch.exp(-entropy(logits / temperature))
    weights = (len(p) * certainty / certainty.sum()).detach()
    confusion = (p * weights[:, None]).T @ p
    confusion = confusion / confusion.sum(1, keepdim=True).clamp_min(1e-12)
    return (confusion.sum() - confusion.diagonal().sum()) / p.shape[1]


class _Reverse(torch.autograd.Function):
    """The identity forwards, minus `strength` times the gradient backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse(x: Tensor, strength: float = 1.0) -> Tensor:
    """Gradient reversal (Ganin 2016)."""
    return cast("Tensor", _Reverse.apply(x, strength))  # type: ignore[no-untyped-call]


def domain_loss(source: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of domain logits (n, 1), each domain with half of the weight."""
    return 0.5 * (F.softplus(-source).mean() + F.softplus(target).mean())


def conditioned(features: Tensor, outputs: Tensor, task: str) -> Tensor:
    """The outer product (n, d * k) of features and class probabilities, or of features and (1, prediction) (CDAN, Long 2018).

    No gradient flows through the predictions.
    """
    seen = (
        F.softmax(outputs.detach(), dim=1) if task == "classification" else torch.cat([torch.ones_like(outputs), outputs.detach()], dim=1)
    )
    return (seen[:, :, None] * features[:, None, :]).reshape(len(features), -1)


def joint_cost(source: Tensor, target: Tensor, y: Tensor, outputs: Tensor, task: str, features: float, labels: float) -> Tensor:
    """The cost (n, m) of matching source rows, with labels y (n,), with target rows, with outputs (m, k) (JDOT, Damodaran 2018).

    `features` times the mean squared distance of the features, plus `labels` times the label's loss at the target row's output.
    """
    apart = squared_distances(source, target) / source.shape[1]
    wrong = -F.log_softmax(outputs, dim=1).T[y] if task == "classification" else (y[:, None] - outputs[None, :, 0]) ** 2
    return features * apart + labels * wrong
