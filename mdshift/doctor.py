"""What mdshift stands on here: versions, device, extras, and whether it can write."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from mdshift import __version__
from mdshift.engine.recommend import EXTRAS

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "pillow",
    "torch",
    "safetensors",
    "skops",
    "matplotlib",
    "jinja2",
    "typer",
    "rich",
)
PURPOSES = {"ot": "optimal transport", "hf": "local transformer weights", "ray": "a cluster", "tune": "search of hyper-parameters"}


def examine() -> dict[str, Any]:
    """Look at everything; `healthy` is false when something that the core needs is missing or fails."""
    versions: dict[str, str | None] = {"mdshift": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    checks = [
        _packages(versions),
        _write("temporary folder", Path(tempfile.gettempdir())),
        _write("working folder", Path.cwd()),
        _record(),
        _round_trip(),
    ]
    extras = {
        name: {
            "installed": importlib.util.find_spec(module) is not None,
            "for": PURPOSES[name],
            "install": f"pip install 'mdshift[{name}]'",
        }
        for name, module in EXTRAS.items()
    }
    needed = [c for c in checks if c["needed"]]
    return {"healthy": all(c["ok"] for c in needed), "versions": versions, "device": _device(), "extras": extras, "checks": checks}


def _check(name: str, ok: bool, seen: str, *, needed: bool = True) -> dict[str, Any]:
    return {"check": name, "ok": ok, "seen": seen, "needed": needed}


def _packages(versions: dict[str, str | None]) -> dict[str, Any]:
    missing = [n for n, v in versions.items() if v is None]
    return _check("packages", not missing, f"missing: {', '.join(missing)}" if missing else "all there")


def _write(name: str, folder: Path) -> dict[str, Any]:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".mdshift-doctor-") as f:
            f.write(b"x" * 4096)
            f.flush()
            os.fsync(f.fileno())
    except OSError as e:
        return _check(f"write to the {name}", ok=False, seen=f"{folder}: {e.strerror}", needed=name == "temporary folder")
    return _check(f"write to the {name}", ok=True, seen=str(folder), needed=name == "temporary folder")


def _record() -> dict[str, Any]:
    from mdshift import record
    from mdshift.errors import EnvironmentFault

    try:
        count = len(record.list_runs())
    except EnvironmentFault as e:
        return _check("record of runs", ok=False, seen=str(e), needed=False)
    return _check("record of runs", ok=True, seen=f"{record.place()}: {count} runs", needed=False)


def _round_trip() -> dict[str, Any]:
    """Train, write and read something tiny: finds a broken torch or safetensors that merely imports."""
    try:
        import numpy as np
        import torch
        from safetensors.numpy import load, save

        weight = torch.ones(3, requires_grad=True)
        (weight * 2).sum().backward()  # type: ignore[no-untyped-call]
        gradient = np.asarray(weight.grad)
        same = bool((load(save({"w": gradient}))["w"] == gradient).all())
    except Exception as e:  # noqa: BLE001 - whatever a broken installation raises is the finding
        return _check("train and save", ok=False, seen=f"{type(e).__name__}: {e}")
    return _check("train and save", ok=same, seen="a gradient came back as it was written" if same else "values changed on the way")


def _device() -> dict[str, Any]:
    from mdshift.engine.facts import machine

    found = machine()
    try:
        import torch

        cuda = torch.cuda.is_available()
        found["device"] = torch.cuda.get_device_name(0) if cuda else "cpu"
    except Exception as e:  # noqa: BLE001
        found["device"] = f"torch fails: {type(e).__name__}"
    return {**found, "system": f"{platform.system()} {platform.machine()}"}
