"""What a run stood on: versions, machine, device."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from mdshift import __version__


def environment(device: str, *, torch_used: bool) -> dict[str, Any]:
    """Versions, cores and device of this run; nothing that names the machine."""
    packages = ["numpy", "scipy", "scikit-learn", *(["torch"] if torch_used else [])]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    used = "cpu"
    if torch_used:
        from mdshift.nn.train import pick_device

        used = str(pick_device(device))
    return {
        "mdshift": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in packages},
        "cores": cores,
        "device": used,
    }
