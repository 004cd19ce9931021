"""Changed copies of images that keep their label, and images put together of two.

Images are rows x (n, c*h*w) of any scale with their shape (c, h, w); every function draws anew for each image from the generator and
gives back rows of the same form. What is drawn towards the target takes its images z (m, c*h*w).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.data import jitter

Shape = tuple[int, int, int]


def _uniform(size: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """Numbers in [-1, 1)."""
    return (2.0 * torch.rand(size, generator=generator) - 1.0).to(like.device)


def rotate(x: Tensor, shape: Shape, degrees: float, generator: torch.Generator) -> Tensor:
    """Turned by up to so many degrees either way; edges repeat."""
    return jitter(x, shape, generator, shift=0.0, zoom=0.0, turn=degrees)


def flip(x: Tensor, shape: Shape, share: float, generator: torch.Generator) -> Tensor:
    """Mirrored left to right, this share of the images."""
    mirrored = torch.rand(len(x), generator=generator).to(x.device) < share
    images = x.reshape(-1, *shape)
    return torch.where(mirrored[:, None, None, None], images.flip(3), images).reshape(x.shape)


def crop(x: Tensor, shape: Shape, share: float, generator: torch.Generator) -> Tensor:
    """A part of each image, its side smaller by up to this share, brought back to the full size."""
    n = len(x)
    smaller = share * torch.rand(n, generator=generator)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1.0 - smaller
    theta[:, :, 2] = (2.0 * torch.rand((n, 2), generator=generator) - 1.0) * smaller[:, None]
    grid = F.affine_grid(theta.to(x.device), [n, *shape], align_corners=False)
    return F.grid_sample(x.reshape(n, *shape), grid, padding_mode="border", align_corners=False).reshape(n, -1)


def colour(x: Tensor, shape: Shape, strength: float, generator: torch.Generator) -> Tensor:
    """Contrast of each channel times 1 +- `strength`, brightness moved by up to `strength` of its spread."""
    images = x.reshape(-1, *shape)
    mean, sd = images.mean((2, 3), keepdim=True), images.std((2, 3), keepdim=True)
    gain, move = (strength * _uniform((len(x), shape[0], 1, 1), x, generator) for _ in range(2))
    return ((images - mean) * (1.0 + gain) + mean + move * sd).reshape(x.shape)


def blur(x: Tensor, shape: Shape, pixels: float, generator: torch.Generator) -> Tensor:
    """Gaussian blur; the batch shares a standard deviation between half of `pixels` and all."""
    sigma = max(pixels * (0.5 + 0.5 * float(torch.rand(1, generator=generator))), 1e-3)
    reach = max(1, min(round(2 * sigma), min(shape[1:]) - 1))
    at = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(shape[0], 1, -1)
    images = F.pad(x.reshape(-1, *shape), [reach] * 4, mode="replicate")
    images = F.conv2d(F.conv2d(images, kernel[:, :, None, :], groups=shape[0]), kernel[:, :, :, None], groups=shape[0])
    return images.reshape(x.shape)


def elastic(x: Tensor, shape: Shape, pixels: float, generator: torch.Generator) -> Tensor:
    """Elastic deformation (Simard 2003): a smooth field moves each pixel by up to about `pixels`."""
    n, _, h, w = len(x), *shape
    coarse = _uniform((n, 2, 4, 4), x, generator) * pixels
    field = F.interpolate(coarse, (h, w), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    still = F.affine_grid(torch.eye(2, 3, device=x.device).expand(n, 2, 3), [n, *shape], align_corners=False)
    grid = still + field * torch.tensor([2.0 / w, 2.0 / h], device=x.device)
    return F.grid_sample(x.reshape(n, *shape), grid, padding_mode="border", align_corners=False).reshape(n, -1)


def noise(x: Tensor, shape: Shape, strength: float, generator: torch.Generator) -> Tensor:  # noqa: ARG001 - one signature for all
    """Gaussian noise of this share of the batch's spread."""
    return x + strength * x.std() * torch.randn(x.shape, generator=generator).to(x.device)


def partners(z: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """One of the target's images for each of n, at random."""
    return z[torch.randint(len(z), (n,), generator=generator).to(z.device)]


def fourier(x: Tensor, z: Tensor, shape: Shape, share: float) -> Tensor:
    """The low frequencies' amplitudes of images z, everything else of x (FDA, Yang & Soatto 2020).

    share: half the side of the square of frequencies that is taken over, relative to the image's; 0 takes the mean alone.
    """
    a, b = torch.fft.fft2(x.reshape(-1, *shape)), torch.fft.fft2(z.reshape(-1, *shape))
    reach = int(min(shape[1:]) * share)
    low = torch.ones(shape[1:], dtype=torch.bool, device=x.device)
    for axis, size in enumerate(shape[1:]):
        near = torch.fft.fftfreq(size, device=x.device).abs() * size <= reach + 1e-6
        low &= near[:, None] if axis == 0 else near[None, :]
    amplitude = torch.where(low, b.abs(), a.abs())
    # the mean's sign is its phase: standardised images have negative means too
    phase = a.angle()
    phase[..., 0, 0] = b.angle()[..., 0, 0]
    return cast("Tensor", torch.fft.ifft2(torch.polar(amplitude, phase)).real.reshape(x.shape))


def style(x: Tensor, z: Tensor, shape: Shape, degree: float) -> Tensor:
    """Each channel's mean and spread moved to those of images z by this degree (Huang & Belongie 2017, on pixels)."""
    a, b = x.reshape(-1, *shape), z.reshape(-1, *shape)
    (m_a, s_a), (m_b, s_b) = ((v.mean((2, 3), keepdim=True), v.std((2, 3), keepdim=True)) for v in (a, b))
    moved = (a - m_a) / s_a.clamp_min(1e-6) * s_b + m_b
    return (degree * moved + (1.0 - degree) * a).reshape(x.shape)


PLAIN: Mapping[str, Callable[[Tensor, Shape, float, torch.Generator], Tensor]] = {
    "crop": crop, "flip": flip, "rotate": rotate, "elastic": elastic, "colour": colour, "blur": blur, "noise": noise,
}  # fmt: skip
STYLES: Mapping[str, Callable[[Tensor, Tensor, Shape, float], Tensor]] = {"fourier": fourier, "style": style}
PAIRS = ("mixup", "cutmix")


def changed(x: Tensor, z: Tensor, shape: Shape, kinds: Mapping[str, float], generator: torch.Generator) -> Tensor:
    """Images x after the changes named in `kinds` with their strengths, in this order; half are left in their own style."""
    if not len(x):
        return x
    for name, strength in kinds.items():
        if name in PLAIN:
            x = PLAIN[name](x, shape, strength, generator)
        elif name in STYLES and len(z):
            taken = (torch.rand(len(x), generator=generator) < 0.5).to(x.device)  # noqa: PLR2004 - half
            x = torch.where(taken[:, None], STYLES[name](x, partners(z, len(x), generator), shape, strength), x)
    return x


def blended(x: Tensor, shape: Shape, name: str, strength: float, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Each image put together with another of the batch: the images, the positions of the others, and the share of the first.

    "mixup" adds them (Zhang 2018), "cutmix" cuts a box out of the one for the other (Yun 2019); the share is drawn from
    Beta(strength, strength) and is the batch's.
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    share = float(rng.beta(strength, strength)) if strength > 0 else 1.0
    other = torch.randperm(len(x), generator=generator).to(x.device)
    if name == "mixup":
        return share * x + (1.0 - share) * x[other], other, share
    h, w = shape[1:]
    high, wide = (min(side, round(side * (1.0 - share) ** 0.5)) for side in (h, w))
    top, left = (int(torch.randint(side - cut + 1, (1,), generator=generator)) for side, cut in ((h, high), (w, wide)))
    images = x.reshape(-1, *shape).clone()
    images[:, :, top : top + high, left : left + wide] = x[other].reshape(-1, *shape)[:, :, top : top + high, left : left + wide]
    return images.reshape(x.shape), other, 1.0 - high * wide / (h * w)


class Changes(nn.Module):
    """The changes of a training, without weights: from a step (see `nn/train.py`) to its labelled images, changed."""

    def __init__(self, shape: Shape, kinds: Mapping[str, float]) -> None:
        super().__init__()
        self.shape, self.kinds = shape, dict(kinds)

    def forward(self, step: Any) -> tuple[Tensor, Tensor, float]:
        """Images (n, d) of the sources and the target, the positions of those that each is put together with, and the first's share."""
        g = step.generator
        own = {k: v for k, v in self.kinds.items() if k not in STYLES}  # the target's images have its style
        x = torch.cat([changed(step.xs, step.xt, self.shape, self.kinds, g), changed(step.xl, step.xt, self.shape, own, g)])
        pairs = [k for k in PAIRS if k in self.kinds]
        if not pairs:
            return x, torch.arange(len(x), device=x.device), 1.0
        name = pairs[int(torch.randint(len(pairs), (1,), generator=g))]
        return blended(x, self.shape, name, self.kinds[name], g)

    @staticmethod
    def labels(step: Any) -> tuple[Tensor, Tensor]:
        """The labels and weights of these images."""
        return torch.cat([step.ys, step.yl]), torch.cat([step.ws, step.ws.new_ones(len(step.yl))])
