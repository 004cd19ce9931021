"""Passes through a network outside of training: outputs, statistics, the device, and the number of threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from mdshift.errors import EnvironmentFault
from mdshift.nn.backbones import NORMS, Network

KEEP = 10.0  # rows' worth of the source's statistics in the target's: a handful of rows gives no usable variance
CHUNK = 240  # rows of a forward pass outside training, always filled up: equal rows then give equal bits in any company

_lock, _inside, _before = threading.Lock(), [0], [1]


@contextmanager
def steady() -> Iterator[None]:
    """One thread of torch inside, the caller's number again after the last one has left."""
    with _lock:
        if _inside[0] == 0:
            _before[0] = torch.get_num_threads()
        _inside[0] += 1
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            yield
    finally:
        with _lock:
            _inside[0] -= 1
            last = _inside[0] == 0
        if last:
            torch.set_num_threads(_before[0])


def joined(*parts: Tensor) -> Tensor:
    """The rows of all parts, one below the other."""
    return torch.cat(parts)


def pick_device(wanted: str) -> str:
    """The device to train on: "auto" is CUDA where there is one.

    Raises EnvironmentFault when CUDA is asked for and missing.
    """
    found = torch.cuda.is_available()
    if wanted.startswith("cuda") and not found:
        raise EnvironmentFault("no CUDA device", repr(wanted), "use --device cpu")
    return ("cuda" if found else "cpu") if wanted == "auto" else wanted


def seeded(rng: np.random.Generator) -> torch.Generator:
    """A torch generator (CPU) that continues a numpy one."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def outputs_of(network: Network, X: np.ndarray | Tensor) -> Tensor:
    """Raw outputs (n, k) in evaluation mode, in chunks of one fixed size."""
    x = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)) if isinstance(X, np.ndarray) else X
    device = network.label_mean.device
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(x), CHUNK):
            part = x[start : start + CHUNK].to(device)
            rows = len(part)
            if rows < CHUNK:
                part = torch.cat([part, part.new_zeros(CHUNK - rows, part.shape[1])])
            found.append(network(part)[:rows])
    return torch.cat(found) if found else torch.empty(0, network.spec.outputs, device=device)


def set_statistics(network: Network, x: Tensor | np.ndarray, prior: float = 0.0) -> None:
    """Replace the statistics that inputs and layers are normalised by with those of rows x (n, d).

    `prior` rows' worth of the old ones are kept (Schneider 2020).
    """
    if len(x) < 2:  # noqa: PLR2004 - one row has no variance
        return
    x = torch.as_tensor(x, dtype=torch.float32, device=network.label_mean.device)
    network.standardise.refit(x, prior)
    norms = [m for m in network.modules() if isinstance(m, NORMS)]
    old = [
        (m.running_mean.clone(), m.running_var.clone(), m.momentum)
        for m in norms
        if m.running_mean is not None and m.running_var is not None
    ]
    network.eval()
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # a plain average over the chunks
        m.train()
    with torch.no_grad():
        for part in torch.tensor_split(x, max(1, len(x) // 512)):
            network.features(part)
    share = prior / (prior + len(x))
    for m, (mean, var, momentum) in zip(norms, old, strict=True):
        assert m.running_mean is not None
        assert m.running_var is not None
        m.running_mean.mul_(1 - share).add_(mean, alpha=share)
        m.running_var.mul_(1 - share).add_(var, alpha=share)
        m.momentum = momentum
    network.eval()
