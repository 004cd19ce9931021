"""Backbones for rows of numbers and for small images, and the network of backbone and head.

Both normalise by batch statistics, so that a domain's statistics are a part that can be exchanged. Weights are drawn from a
generator that is handed down; no global random state is read or written.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.heads import blank, head

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
HELD = -1
LIMIT = 100.0  # standardised inputs beyond this are clamped: a broken sensor must not overflow float32
DEEPEST = 64  # blocks
WIDEST = 256  # bins of a column
NARROWEST = 0.02  # standard deviations: a bin between two equal quantiles is a step of this width
SMALLEST = 4  # pixels: no image is halved below this side


@dataclass(frozen=True)
class Spec:
    """What a network is built of; JSON-ready. shape: (channels, height, width) for images, else None.

    numbers, bins: how many columns of numbers are also taken bin by bin, and into how many (0: none). members: the backbone is so many
    residual networks side by side on the same inputs, which share `width`; it is a multiple of them.
    """

    inputs: int
    outputs: int
    task: str
    shape: tuple[int, int, int] | None = None
    width: int = 128
    depth: int = 2
    dropout: float = 0.0
    numbers: int = 0
    bins: int = 0
    members: int = 1

    def to_json(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, meta: Mapping[str, Any]) -> Spec:
        """The inverse of `to_json`.

        Raises ValueError where the fields are not those of a network that this version builds.
        """
        try:
            shape = meta["shape"]
            found = cls(**{**meta, "shape": None if shape is None else tuple(int(v) for v in shape)})
            sizes = [found.inputs, found.outputs, found.width, found.depth, found.members, *(found.shape or ())]
            known = all(isinstance(v, int) and 0 <= v <= found.inputs + WIDEST for v in (found.numbers, found.bins))
            known = (
                known
                and found.numbers <= found.inputs
                and found.task in ("classification", "regression")
                and all(isinstance(v, int) and v > 0 for v in sizes)
            )
            known = (
                known
                and found.depth <= DEEPEST
                and found.width % found.members == 0
                and (found.members == 1 or found.shape is None)
                and (found.shape is None or (len(found.shape), math.prod(found.shape)) == (3, found.inputs))
            )
        except (KeyError, TypeError):
            known = False
        if not known:
            raise ValueError(f"no network of this version: {dict(meta)}")
        return found


class Dropout(nn.Module):
    """Dropout that draws from its own generator (torch's draws from the global one)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = self.usual = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        if not self.training or self.rate == 0.0 or self.generator is None:
            return x
        keep = 1.0 - self.rate
        return x * torch.empty(x.shape).bernoulli_(keep, generator=self.generator).to(x.device) / keep


class Standardise(nn.Module):
    """Inputs less their centre over their scale, both fitted on training rows; clamped.

    Columns of one group share a centre and a scale: the pixels of a channel. Those of group HELD are no matter of a domain's
    (indicators, terms): their scale is set once.
    """

    centre: Tensor
    scale: Tensor
    group: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.register_buffer("group", torch.full((inputs,), HELD, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        return ((x - self.centre) / self.scale).clamp(-LIMIT, LIMIT)

    @torch.no_grad()
    def refit(self, x: Tensor, prior: float = 0.0) -> None:
        """Set centre and scale of all groups by rows x (n, d), `prior` rows' worth of the old ones kept; constant ones keep their scale."""
        moves = self.group != HELD
        if not len(x) or not bool(moves.any()):
            return
        group, share = self.group[moves], prior / (prior + len(x))
        count = torch.bincount(group).double()
        mean, variance = (v[moves] for v in (x.mean(0, dtype=torch.float64), x.double().var(0, correction=0)))
        centre = torch.bincount(group, mean) / count
        spread = torch.bincount(group, variance + (mean - centre[group]) ** 2) / count
        spread = torch.where(torch.isfinite(spread) & (spread > 1e-12), spread, self.scale[moves].double().square()[_first(group)])  # noqa: PLR2004 - a constant
        self.centre[moves] = (share * self.centre[moves] + (1 - share) * centre[group]).float()
        self.scale[moves] = (share * self.scale[moves].square() + (1 - share) * spread[group]).sqrt().float()


def _first(group: Tensor) -> Tensor:
    """The position of each group's first column."""
    order = torch.arange(len(group), device=group.device)
    found = torch.full((int(group.max()) + 1,), len(group), device=group.device, dtype=torch.int64)
    return found.scatter_reduce(0, group, order, "amin")


class Bins(nn.Module):
    """Columns of numbers, standardised, with their piecewise-linear encoding beside them (Gorishniy, Rubachev & Babenko 2022).

    Of column x with edges b_0 < ... < b_T component t is (x - b_{t-1}) / (b_t - b_{t-1}), cut to [0, 1] but at the outer ends: a layer on
    top is a piecewise-linear function of each number, which steps and bends as trees do. Divided by the square root of T, so that all bins
    of a column together start with the weight of the column itself.
    """

    edges: Tensor
    at: Tensor

    def __init__(self, numbers: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(numbers, bins + 1))
        self.register_buffer("at", torch.zeros(numbers, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        part = (x[:, self.at, None] - low) / (high - low)
        first, last = torch.zeros_like(low), torch.ones_like(high)
        first[:, 0], last[:, -1] = -LIMIT, LIMIT
        part = torch.minimum(torch.maximum(part, first), last) / math.sqrt(part.shape[2])
        return torch.cat([x, part.flatten(1)], dim=1)

    @torch.no_grad()
    def refit(self, x: Tensor, at: Tensor) -> None:
        """Set the edges of the columns `at` by quantiles of standardised rows x (n, d)."""
        self.at.copy_(at)
        quantiles = torch.from_numpy(np.quantile(x[:, at].double().numpy(), np.linspace(0, 1, self.edges.shape[1]), axis=0).T.copy())
        for t in range(1, quantiles.shape[1]):
            quantiles[:, t] = torch.maximum(quantiles[:, t], quantiles[:, t - 1] + NARROWEST)
        self.edges.copy_(quantiles.float())


class Apart(nn.Module):
    """A linear layer of each member: (n, members * w) to the same shape, block by block."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(members, width, width)), nn.Parameter(torch.empty(members * width))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        members, width, _ = self.weight.shape
        parts = torch.bmm(x.reshape(len(x), members, width).transpose(0, 1), self.weight)
        return parts.transpose(0, 1).reshape(len(x), -1) + self.bias


class DenseBlock(nn.Module):
    """A residual block with batch normalisation first (Gorishniy et al. 2021)."""

    def __init__(self, width: int, dropout: float, members: int = 1) -> None:
        super().__init__()
        self.norm, self.inner, self.drop, self.outer = (
            nn.BatchNorm1d(width),
            _layer(width, members),
            Dropout(dropout),
            _layer(width, members),
        )

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        return cast("Tensor", x + self.outer(self.drop(F.relu(self.inner(self.norm(x))))))


def _layer(width: int, members: int) -> nn.Module:
    return nn.Linear(width, width) if members == 1 else Apart(members, width // members)


class ConvBlock(nn.Module):
    """A residual block of two 3x3 convolutions (He et al. 2016), halving the image when `stride` is 2."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first, self.norm_1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.second, self.norm_2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.short = nn.Conv2d(before, after, 1, stride, bias=False) if before != after or stride != 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        inner = F.relu(self.norm_1(self.first(x)))
        return F.relu(self.norm_2(self.second(inner)) + self.short(x))


class Mlp(nn.Module):
    """Rows (n, d) to features (n, width): numbers also bin by bin, a linear layer, residual blocks, batch normalisation, ReLU.

    The linear layer embeds categories (one column a level) and the terms of a text (a bag of embedded words, Joulin 2016).
    With several members every hidden layer is one of each, and their features lie side by side.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.bins = Bins(spec.numbers, spec.bins) if spec.numbers and spec.bins else None
        self.first, self.norm_0 = nn.Linear(spec.inputs + spec.numbers * spec.bins, spec.width), nn.BatchNorm1d(spec.width)
        self.drop = Dropout(spec.dropout)
        self.blocks = nn.ModuleList(DenseBlock(spec.width, spec.dropout, spec.members) for _ in range(spec.depth))
        self.last = nn.BatchNorm1d(spec.width)
        self.shrink = spec.members**-0.5  # all members' features together are as long as one member's: steps and kernels keep their size

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        x = self.drop(F.relu(self.norm_0(self.first(x if self.bins is None else self.bins(x)))))
        for block in self.blocks:
            x = block(x)
        return cast("Tensor", F.relu(self.last(x)) * self.shrink)


class Convnet(nn.Module):
    """Pixels (n, c*h*w) to features (n, width): residual stages, each half the side and twice the channels."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        assert spec.shape is not None
        self.shape = spec.shape
        side = min(self.shape[1:])
        large = side >= 48  # noqa: PLR2004 - beyond this the first layer halves too, which bounds the time
        halvings = max(1, min(3, int(math.log2(max(side / (2 if large else 1), SMALLEST) / SMALLEST))))
        channels = [max(8, spec.width >> (halvings - i)) for i in range(halvings)] + [spec.width]
        self.stem, self.norm_0 = nn.Conv2d(self.shape[0], channels[0], 3, 2 if large else 1, 1, bias=False), nn.BatchNorm2d(channels[0])
        self.blocks = nn.ModuleList(ConvBlock(a, b, 2) for a, b in itertools.pairwise(channels))

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        x = x.reshape(-1, *self.shape)
        x = F.relu(self.norm_0(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


class Network(nn.Module):
    """Standardised inputs, a backbone, a head; for numbers the label's mean and scale as well."""

    label_mean: Tensor
    label_scale: Tensor
    mixed = False  # mixed precision on a CPU too, which is slow there and for tests

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.standardise = Standardise(spec.inputs)
        self.backbone: nn.Module = Mlp(spec) if spec.shape is None else Convnet(spec)
        self.head = head(spec.width, spec.outputs)
        self.register_buffer("label_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("label_scale", torch.ones((), dtype=torch.float64))

    def features(self, x: Tensor, inputs: Standardise | None = None) -> Tensor:
        """Features (n, width) of rows (n, d), standardised by `inputs` where another domain's are given.

        In training on a GPU the backbone's products are in bfloat16, all sums and weights in float32 (Micikevicius et al. 2018); losses
        see float32.
        """
        rows = (self.standardise if inputs is None else inputs)(x)
        if not (self.training and (rows.is_cuda or self.mixed)):
            return cast("Tensor", self.backbone(rows))
        with torch.autocast(rows.device.type, torch.bfloat16):
            features = self.backbone(rows)
        return cast("Tensor", features.float())

    def each(self, features: Tensor) -> Tensor:
        """What every member says alone (members, n, outputs); the head's output is their mean.

        A loss on these trains an ensemble, one on the mean would train a single wide network (Gorishniy, Kotelnikov & Babenko 2025).
        """
        members = self.spec.members
        if members == 1:
            return cast("Tensor", self.head(features))[None]
        weight = self.head.weight.reshape(self.spec.outputs, members, -1)
        return members * torch.einsum("nmw,omw->mno", features.reshape(len(features), members, -1), weight) + self.head.bias

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 - the class docstring says it
        return cast("Tensor", self.head(self.features(x)))

    def upper(self) -> list[nn.Module]:
        """The backbone's last block with what stands above it, less the head."""
        blocks = cast("nn.ModuleList", self.backbone.blocks)
        return [blocks[-1], *([self.backbone.last] if isinstance(self.backbone, Mlp) else [])]


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights: He et al. 2015 for hidden layers, small ones for layers of at most as many outputs as a head has."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu", generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, Apart):
            nn.init.normal_(part.weight, std=math.sqrt(2.0 / part.weight.shape[1]), generator=generator)
            nn.init.zeros_(part.bias)
        elif isinstance(part, NORMS):
            part.reset_running_stats()
            part.reset_parameters()
        elif isinstance(part, Standardise):
            part.centre.zero_()
            part.scale.fill_(1.0)
            part.group.fill_(HELD)
        elif isinstance(part, Bins):
            part.edges.copy_(torch.arange(part.edges.shape[1], dtype=torch.float32).expand_as(part.edges))
            part.at.zero_()
        elif isinstance(part, Network):
            part.label_mean.zero_()
            part.label_scale.fill_(1.0)
    for part in module.modules():
        if isinstance(part, DenseBlock):
            nn.init.zeros_(cast("Tensor", part.outer.weight))  # each block starts as its shortcut
        elif isinstance(part, Network):
            nn.init.normal_(part.head.weight, std=0.01, generator=generator)


def build(spec: Spec, generator: torch.Generator) -> Network:
    """A new network with weights from the generator."""
    network = cast("Network", blank(lambda: Network(spec)))
    with torch.no_grad():
        initialise(network, generator)
    return network


def fit_inputs(network: Network, X: np.ndarray, kinds: np.ndarray | None) -> None:
    """Set the inputs' groups, centre and scale from training rows X (n, d).

    Columns of numbers each have their own; the pixels of a channel share one, and so do all terms of a text, whose rare terms
    would otherwise count for more than their information; indicators stay 0 and 1.
    """
    part, d = network.standardise, X.shape[1]
    if network.spec.shape is not None:
        part.group.copy_(torch.arange(d) // (d // network.spec.shape[0]))
    else:
        kinds = np.full(d, "number") if kinds is None or len(kinds) != d else kinds
        part.group.copy_(torch.from_numpy(np.where(kinds == "number", np.arange(d), np.where(kinds == "pixel", d, HELD))))
        part.group.copy_(_dense(part.group))
        text = kinds == "text"
        spread = float(X[:, text].std()) if text.any() else 0.0
        with torch.no_grad():
            part.scale[torch.from_numpy(text)] = spread if spread > 1e-8 else 1.0  # noqa: PLR2004 - no term in any row
    rows = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    part.refit(rows)
    bins = getattr(network.backbone, "bins", None)
    if bins is not None and kinds is not None:
        bins.refit(part(rows), torch.from_numpy(np.flatnonzero(kinds == "number")))


def _dense(group: Tensor) -> Tensor:
    """The groups numbered from 0 without gaps, HELD apart."""
    names = torch.unique(group[group != HELD])
    return torch.where(group == HELD, HELD, torch.searchsorted(names, group.clamp_min(0)))
