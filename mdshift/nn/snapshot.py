"""The state of a training between two steps: taken, kept in the slot of the unit that runs, and put back.

A training is known by all that its result depends on: weights, generator, phase and rows as it begins. One that was finished is not run
again, and one that was broken off goes on, each to the same bits. Where a strategy's modules hold something that has no form on disk
the training keeps nothing, and begins anew.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import nn

from mdshift.nn import slot
from mdshift.nn.data import Balanced, Sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdshift.nn.plan import Phase
    from mdshift.nn.train import Pools, State

_OF_ANY_MODULE = set(vars(nn.Module()))
_CONSTANT = (torch.device, torch.dtype, torch.Size)


class _Unknown(Exception):
    """Something that cannot be kept."""


class Training:
    """One training through a phase. `found`: the state that it was left in, or None; `offer` keeps the present one now and then."""

    def __init__(self, phase: Phase, pools: Pools, state: State, loss: Any, generator: torch.Generator) -> None:
        self.generator, self.extra = generator, state.extra
        self.slot, self.found, self.name = slot.current.get(), None, ""
        if self.slot is None:
            return
        try:
            self.known = _modules(state)
            _check_stateless(loss)
            self.name = _digest(phase, pools, state, generator, _attributes(self.extra, generator, self.known))
        except _Unknown:
            self.slot = None
            return
        self.found = self.slot.read(self.name)
        self.begun = self.written = time.perf_counter()

    def __enter__(self) -> Self:
        """Its steps begin: from here on it is told when to stop."""
        slot.halt.begin()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """They ended. Raises KeyboardInterrupt where that is what was wished for."""
        if slot.halt.end() and kind is None:
            raise KeyboardInterrupt

    def offer(self, take: Callable[[int], dict[str, Any]], step: int, *, last: bool = False) -> None:
        """Keep the state after this step that `take` gives where the one before is old enough; the last one of a training that took its time.

        Raises KeyboardInterrupt, when the state is kept, where the process is to end.
        """
        ending = slot.halt.wished
        now = time.perf_counter()
        if self.slot is not None and (ending or ((now - self.begun >= slot.LEAST) if last else (now - self.written >= slot.APART))):
            try:
                more = {"generator": self.generator.get_state(), "extra": _attributes(self.extra, self.generator, self.known)}
                self.slot.write(self.name, numbers(take(step) | more))
            except _Unknown:
                self.slot = None
            self.written = time.perf_counter()
        if ending:
            raise KeyboardInterrupt

    def put_back(self, said: str) -> dict[str, Any]:
        """The state that was found as tensors; the generator and the strategy's modules are back in it. said: where it goes on."""
        assert self.slot is not None
        assert self.found is not None
        found: dict[str, Any] = tensors(self.found)
        self.generator.set_state(found["generator"])
        _restore(self.extra, found["extra"])
        self.slot.said(said)
        return found


def queues(*samplers: Sampler | Balanced) -> list[Sampler]:
    """The samplers that hold a queue each."""
    return [s for sampler in samplers for s in (sampler.samplers if isinstance(sampler, Balanced) else [sampler])]


def numbers(value: Any) -> Any:
    """The same with arrays in place of tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, Mapping):
        return {k: numbers(v) for k, v in value.items()}
    return type(value)(numbers(v) for v in value) if isinstance(value, list | tuple) else value


def tensors(value: Any) -> Any:
    """The inverse of `numbers`."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value).clone()
    if isinstance(value, Mapping):
        return {k: tensors(v) for k, v in value.items()}
    return type(value)(tensors(v) for v in value) if isinstance(value, list | tuple) else value


def _modules(state: State) -> set[int]:
    parts = [state.network, *([] if state.extra is None else [state.extra])]
    return {id(m) for part in parts for m in part.modules()}


def _check_stateless(loss: Any) -> None:
    """Raise _Unknown for a loss that may hold a state of its own: only functions and the methods of frozen dataclasses do not."""
    owner = getattr(loss, "__self__", None)
    if owner is None:
        if getattr(loss, "__closure__", ()) is not None:
            raise _Unknown("a closure")
    elif not is_dataclass(owner) or not set(vars(owner)) <= {f.name for f in fields(owner)}:
        raise _Unknown("an object")
    elif not all(type(v) in (bool, int, float, str, type(None), tuple) for v in vars(owner).values()):
        raise _Unknown("an object of parts")


def _digest(phase: Phase, pools: Pools, state: State, generator: torch.Generator, attributes: Any) -> str:
    """All that a training depends on, in a hash."""
    found = hashlib.blake2b(digest_size=16)

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous().numpy()
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype}{value.shape}".encode())
            found.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data if value.size else b"")
        elif isinstance(value, Mapping):
            for k, v in value.items():
                found.update(repr(k).encode())
                add(v)
        elif isinstance(value, list | tuple):
            for v in value:
                add(v)
        else:
            found.update(repr(value).encode())

    add([phase, state.task, state.network.spec, str(state.network.label_mean.device), generator.get_state(), attributes])
    add([state.network.state_dict(), {} if state.extra is None else state.extra.state_dict()])
    for name, rows in (("source", pools.source), ("target", pools.target), ("labelled", pools.labelled), *pools.checks.items()):
        add([name, rows.x, rows.y, rows.w, rows.d, rows.more])
    return found.hexdigest()


# --- what modules hold beside their weights ---------------------------------------------------


def _attributes(extra: nn.Module | None, generator: torch.Generator, known: set[int]) -> dict[str, dict[str, Any]]:
    """By module: counts, generators, optimisers and whatever else the strategy's modules hold that may change in training."""
    found: dict[str, dict[str, Any]] = {}
    for path, m in [] if extra is None else extra.named_modules():
        held = {k: v for k, v in vars(m).items() if k not in _OF_ANY_MODULE}
        held |= {k: m._buffers[k] for k in m._non_persistent_buffers_set}  # noqa: SLF001 - torch has no word for them
        if type(m).__module__.startswith("torch."):
            continue  # constants
        taken = {k: _take(v, m, generator, known) for k, v in held.items()}
        found[path] = {k: v for k, v in taken.items() if v is not None}
    return found


def _take(value: Any, module: nn.Module, generator: torch.Generator, known: set[int]) -> tuple[str, Any] | None:
    """A value's kind and what is to be kept of it; None for a constant."""
    if value is generator or _constant(value, known):
        return None
    if isinstance(value, torch.Generator):
        return "generator", value.get_state()
    if isinstance(value, np.random.Generator) and isinstance(value.bit_generator, np.random.PCG64):
        return "rng", value.bit_generator.state
    if isinstance(value, torch.optim.Optimizer):
        names = {id(p): name for name, p in module.named_parameters()}
        own = [id(p) for group in value.param_groups for p in group["params"]]
        if (
            len(value.param_groups) != 1
            or not set(own) <= set(names)
            or getattr(torch.optim, type(value).__name__, None) is not type(value)
        ):
            raise _Unknown("an optimiser of others' weights")
        accepted = inspect.signature(type(value)).parameters
        settings = {k: v for k, v in value.defaults.items() if k in accepted}
        return "optimiser", [type(value).__name__, settings, [names[i] for i in own], value.state_dict()]
    if _plain(value):
        return "value", value
    raise _Unknown(f"{type(value)}")


def _plain(value: Any) -> bool:
    if value is None or type(value) in (bool, int, float, str) or isinstance(value, torch.Tensor | np.ndarray):
        return not (isinstance(value, np.ndarray) and value.dtype.kind not in "biuf")
    if type(value) is dict:
        return all(type(k) in (int, str) and _plain(v) for k, v in value.items())
    return type(value) in (list, tuple) and all(_plain(v) for v in value)


def _constant(value: Any, known: set[int]) -> bool:
    """What does not change in training, or is kept elsewhere: modules that are trained, frozen objects, functions."""
    if isinstance(value, nn.Module):
        return {id(m) for m in value.modules()} <= known
    if type(value) in (list, tuple) and value:
        return all(_constant(v, known) for v in value)
    frozen = getattr(getattr(type(value), "__dataclass_params__", None), "frozen", False)
    return frozen or isinstance(value, _CONSTANT) or inspect.isclass(value) or (inspect.isfunction(value) and value.__closure__ is None)


def _restore(extra: nn.Module | None, found: Mapping[str, Mapping[str, Any]]) -> None:
    for path, m in [] if extra is None else extra.named_modules():
        for name, (kind, value) in found.get(path, {}).items():
            now = vars(m)[name] if name in vars(m) else m._buffers[name]  # noqa: SLF001 - torch has no word for them
            if kind == "generator":
                now.set_state(value)
            elif kind == "rng":
                now.bit_generator.state = value
            elif kind == "optimiser":
                maker, settings, names, state = value
                parameters = dict(m.named_parameters())
                made = getattr(torch.optim, maker)([parameters[n] for n in names], **settings)
                made.load_state_dict(state)
                setattr(m, name, made)
            else:
                setattr(m, name, _like(now, value))


def _like(now: Any, value: Any) -> Any:
    """The value in the form of what stands there now: on its device, an array where it was one."""
    if isinstance(now, torch.Tensor) and isinstance(value, torch.Tensor):
        return value.to(now.device)
    return numbers(value) if isinstance(now, np.ndarray) else value
