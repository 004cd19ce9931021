"""The one training loop: phases, batches, rates, early stopping, stepping back; and what drives it for a strategy.

Nothing here reads or sets a global seed: the order of batches and the weights come from a generator keyed by the unit of
work. On the CPU one thread computes, so that the result does not depend on how many there are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mdshift.errors import EnvironmentFault
from mdshift.nn import losses
from mdshift.nn.backbones import NORMS, Dropout, Network, Standardise
from mdshift.nn.data import Balanced, Rows, Sampler, jitter
from mdshift.nn.passes import KEEP, joined, outputs_of, pick_device, seeded, set_statistics, steady
from mdshift.nn.plan import Phase
from mdshift.nn.snapshot import Training, queues
from mdshift.pace import follow

__all__ = [
    "Batch",
    "Pools",
    "State",
    "Step",
    "check_loss",
    "joined",
    "outputs_of",
    "pick_device",
    "run_phase",
    "seeded",
    "set_statistics",
    "steady",
]

Loss = Callable[["Step", "State"], tuple[Tensor, Mapping[str, Any]]]

RECORDS = 24  # a phase's records: losses and checks
PATIENCE = 8  # records without a better check before a phase ends
SETBACKS = 10  # times that a loss may turn non-finite before the training is given up
SLOWER = 0.5  # the rate's factor after each
REFINED = 50  # held-out rows from which a temperature can be fitted on them
CLIP = 5.0  # the norm that gradients are clipped to


@dataclass(frozen=True, eq=False)
class Step:
    """One batch. xs, ys, ws, ds: labelled rows with weights and domains; xt: target rows; xl, yl: the target's labelled rows.

    ms, ml: further labels (n, tasks) of xs and xl, NaN where missing.
    Target parts are empty where the phase or the problem has none. progress in [0, 1] is the phase's.
    """

    xs: Tensor
    ys: Tensor
    ws: Tensor
    ds: Tensor
    xt: Tensor
    xl: Tensor
    yl: Tensor
    progress: float
    generator: torch.Generator
    ms: Tensor
    ml: Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Features of a step's parts: `source` for xs, `target` for xt, `labelled` for xl."""

    source: Tensor
    target: Tensor
    labelled: Tensor


@dataclass(eq=False)
class State:
    """The network, the extra modules of the strategy, and how features are computed. phase: the name of the one that runs."""

    network: Network
    extra: Any  # a torch Module, or None
    task: str
    statistics: str = "shared"
    inputs: Standardise | None = None  # the target's own centre and scale, where the statistics are each domain's
    phase: str = ""

    def features(self, step: Step, *, target: bool = True) -> Batch:
        """Features of the step's parts, normalised together or (statistics "domain") each by its own domain's batch."""
        xt = step.xt if target else step.xt[:0]
        sizes = [len(step.xs), len(xt), len(step.xl)]
        if self.statistics != "domain" or sizes[1] == 0:
            return Batch(*torch.split(self.network.features(torch.cat([step.xs, xt, step.xl])), sizes))
        with _quiet(self.network):  # the running statistics are to be the target's
            source = self.network.features(step.xs)
        return Batch(source, *torch.split(self.network.features(torch.cat([xt, step.xl]), self.inputs), sizes[1:]))

    def task_loss(self, step: Step, batch: Batch) -> Tensor:
        """The task's loss of every member on the labelled rows; the target's count as one source's would, row by row."""
        outputs = self.network.each(torch.cat([batch.source, batch.labelled]))
        y = torch.cat([step.ys, step.yl]).repeat(len(outputs))
        w = torch.cat([step.ws, torch.ones(len(step.yl), device=step.ws.device)]).repeat(len(outputs))
        return losses.task_loss(outputs.flatten(0, 1), y, w, self.task)


@dataclass(eq=False)
class Pools:
    """The rows that phases draw from. Labels of numbers are standardised already; `shape` is that of images."""

    source: Rows
    target: Rows
    labelled: Rows
    checks: Mapping[str, Rows] = field(default_factory=dict)
    shape: tuple[int, int, int] | None = None


@contextmanager
def _quiet(network: nn.Module) -> Iterator[None]:
    """Batch normalisation that leaves its running statistics alone."""
    norms = [m for m in network.modules() if isinstance(m, NORMS)]
    before = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 0.0
    try:
        yield
    finally:
        for m, momentum in zip(norms, before, strict=True):
            m.momentum = momentum


def _groups(network: Network, extra: nn.Module | None, phase: Phase) -> list[dict[str, Any]]:
    """Parameter groups with their rates; the others are held. One-dimensional parameters do not decay."""
    upper = {id(p) for m in network.upper() for p in m.parameters()}
    norms = {id(p) for m in network.modules() if isinstance(m, NORMS) for p in m.parameters()}
    found: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, p in [*network.named_parameters(), *([] if extra is None else extra.named_parameters(prefix="extra"))]:
        low = name.startswith("backbone")
        p.requires_grad_(_trained(phase.trains, name, low=low, upper=id(p) in upper, norm=id(p) in norms))
        if p.requires_grad:
            key = (phase.rate * (phase.backbone if low else 1.0), phase.decay if p.ndim > 1 else 0.0)
            found.setdefault(key, []).append(p)
    return [{"params": ps, "lr": rate, "base": rate, "weight_decay": decay} for (rate, decay), ps in found.items()]


def _trained(trains: str, name: str, *, low: bool, upper: bool, norm: bool) -> bool:
    """Whether a parameter learns in a phase: `name` as in the network, those of a strategy's modules after "extra."."""
    if name.startswith("extra"):
        return trains not in ("norms", "head")
    if trains in ("norms", "extra"):
        return trains == "norms" and norm
    if low:
        return trains in ("all", "backbone") or (trains == "upper" and upper)
    return trains != "backbone"


class _Penalty:
    """What a phase adds to the loss: the weights' size, and the backbone's distance from the phase's start."""

    def __init__(self, phase: Phase, network: Network) -> None:
        self.phase = phase
        self.weights = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
        self.anchors = [(p, p.detach().clone()) for p in network.backbone.parameters() if p.requires_grad] if phase.l2_sp > 0 else []

    def __call__(self) -> Tensor | float:
        found: Tensor | float = 0.0
        if self.phase.l1 > 0:
            found = found + self.phase.l1 * torch.stack([p.abs().sum() for p in self.weights]).sum()
        if self.anchors:
            found = found + self.phase.l2_sp * torch.stack([((p - start) ** 2).sum() for p, start in self.anchors]).sum()
        return found


class _Draw:
    """Draws the steps of a phase."""

    def __init__(self, phase: Phase, pools: Pools, batch: int, generator: torch.Generator) -> None:
        self.phase, self.pools, self.generator = phase, pools, generator
        self.main = {"target": pools.labelled, "unlabelled": pools.target}.get(phase.rows, pools.source)
        self.sampler: Sampler | Balanced = Sampler(len(self.main), batch, generator)
        if phase.balance and len(self.main):
            self.sampler = Balanced(self.main.d, batch, generator)
        self.target = Sampler(len(pools.target), batch, generator)
        # few labels are seen often, but never outweigh the source in a batch
        self.labelled = Sampler(len(pools.labelled) if phase.rows == "both" else 0, max(2, batch // 4), generator)
        self.none, self.no_target = pools.labelled.take(torch.empty(0, dtype=torch.int64)), pools.target.x[:0]

    def halve(self) -> bool:
        """Draw batches of half the size from now on, if there are any."""
        if self.sampler.batch <= 2:  # noqa: PLR2004 - batch statistics need two
            return False
        for sampler in (self.sampler, self.target, self.labelled):
            sampler.batch = (sampler.batch + 1) // 2
        return True

    def queues(self) -> list[tuple[int, Tensor]]:
        """What the samplers are going to draw: their batches' sizes, and the rest of their passes."""
        return [(s.batch, s.queue) for s in queues(self.sampler, self.target, self.labelled)]

    def go_on(self, found: list[tuple[int, Tensor]]) -> None:
        """Draw what those samplers were going to draw."""
        for sampler, (batch, queue) in zip(queues(self.sampler, self.target, self.labelled), found, strict=True):
            sampler.batch, sampler.queue = batch, queue

    def __call__(self, progress: float) -> Step:
        rows = self.main.take(self.sampler.draw())
        target = self.pools.target.x[self.target.draw().to(self.main.x.device)] if self.target.batch else self.no_target
        labelled = self.pools.labelled.take(self.labelled.draw()) if self.labelled.batch else self.none
        xs, xt, xl = rows.x, target, labelled.x
        if self.pools.shape is not None and self.phase.shift > 0:
            moves = {"shift": self.phase.shift, "zoom": self.phase.zoom, "turn": self.phase.turn}
            xs, xt, xl = (jitter(x, self.pools.shape, self.generator, **moves) for x in (xs, xt, xl))
        return Step(xs, rows.y, rows.w, rows.d, xt, xl, labelled.y, progress, self.generator, rows.more, labelled.more)


def _train_mode(network: Network, extra: nn.Module | None, phase: Phase, generator: torch.Generator) -> None:
    """Training mode, but for statistics that are held."""
    network.train()
    if extra is not None:
        extra.train()
    for m in network.modules():
        if isinstance(m, NORMS) and (phase.statistics in ("frozen", "target") or phase.trains == "head"):
            m.eval()
        if isinstance(m, Dropout):
            m.generator, m.rate = generator, m.usual if phase.dropout is None else phase.dropout


def check_loss(network: Network, rows: Rows, task: str) -> float:
    """The mean loss on held-out rows; of classes, where the rows suffice, the one that is left after calibration."""
    outputs = outputs_of(network, rows.x)
    if task == "classification" and len(rows) >= REFINED:
        return losses.refined(outputs, rows.y, rows.w)
    return float(losses.task_loss(outputs, rows.y, rows.w, task))


def _gradient(
    loss: Loss, draw: _Draw, progress: float, state: State, penalty: _Penalty, trained: list[nn.Parameter]
) -> tuple[Tensor, Mapping[str, Any], bool]:
    """Set the clipped gradients of a step; the loss, what it recorded, and whether all is finite.

    Where memory does not suffice the batch is halved. Raises EnvironmentFault when it cannot be halved any more.
    """
    while True:
        try:
            for p in trained:
                p.grad = None
            value, numbers = loss(draw(progress), state)
            value = value + penalty()
            value.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(trained, CLIP)
            return value.detach(), numbers, bool(torch.isfinite(value + norm))
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError; on the CPU it is a plain one
            if not isinstance(error, MemoryError) and "memory" not in str(error):
                raise
            if not draw.halve():
                raise EnvironmentFault(
                    "out of memory in training",
                    f"{draw.sampler.batch} rows of {draw.main.x.shape[1]} columns",
                    "leave columns out with --drop",
                ) from None


class _Keeper:
    """Checks held-out rows now and then, and keeps the weights of the best check."""

    def __init__(self, network: Network, held: Rows | None, task: str, *, start: bool) -> None:
        self.network, self.held, self.task = network, held, task
        self.first = check_loss(network, held, task) if held is not None and start else np.inf
        self.best, self.kept, self.stale = self.first, copy.deepcopy(network.state_dict()), 0

    def check(self) -> dict[str, float]:
        """Look at the held-out rows, if there are any."""
        if self.held is None:
            return {}
        found = check_loss(self.network, self.held, self.task)
        self.stale += 1
        if found < self.best:
            self.best, self.kept, self.stale = found, copy.deepcopy(self.network.state_dict()), 0
        return {"check": found}

    def finish(self) -> bool:
        """Go back to the best check; whether it is better than the start (without held-out rows: yes)."""
        if self.held is None:
            return True
        self.network.load_state_dict(self.kept)
        return bool(self.best < self.first)


class _Course:
    """Where a training stands after a step: all that its steps change, but for the generator and what the strategy's modules hold."""

    def __init__(self, modules: nn.ModuleList, optimiser: torch.optim.Optimizer, draw: _Draw, keeper: _Keeper) -> None:
        self.modules, self.optimiser, self.draw, self.keeper = modules, optimiser, draw, keeper
        self.good, self.setbacks, self.step = copy.deepcopy(modules.state_dict()), 0, 0
        self.history: list[dict[str, Any]] = []

    def step_back(self, phase: Phase) -> None:
        """Go back to the last good weights, and on at a lower rate.

        Raises EnvironmentFault when that was done too often.
        """
        self.setbacks += 1
        if self.setbacks > SETBACKS:
            raise EnvironmentFault(
                "the training does not converge",
                f"phase {phase.name!r}: the loss is not finite",
                "scale the features, or lower the rate",
            )
        self.modules.load_state_dict(self.good)
        self.optimiser.state.clear()

    def taken(self, step: int) -> dict[str, Any]:
        """The state after this step, for `go_on`."""
        held = {"step": step, "good": self.good, "setbacks": self.setbacks, "history": self.history}
        held |= {"modules": self.modules.state_dict(), "optimiser": self.optimiser.state_dict(), "queues": self.draw.queues()}
        keeper, looked = self.keeper, not self.keeper.network.training
        return held | {"best": keeper.best, "kept": keeper.kept, "stale": keeper.stale, "looked": looked}

    def go_on(self, found: Mapping[str, Any]) -> None:
        """Stand where the state was taken, in training mode."""
        self.step, self.good, self.setbacks, self.history = found["step"], found["good"], found["setbacks"], found["history"]
        self.modules.load_state_dict(found["modules"])
        self.optimiser.load_state_dict(found["optimiser"])
        self.draw.go_on(found["queues"])
        self.keeper.best, self.keeper.kept, self.keeper.stale = found["best"], found["kept"], found["stale"]


def run_phase(
    phase: Phase, pools: Pools, state: State, loss: Loss, generator: torch.Generator, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Train through one phase; the network is left at its best check, or at its last step where there is none.

    It goes on from the state that the unit's slot holds of it (see `nn/snapshot.py`). Raises EnvironmentFault when the loss stays
    non-finite however low the rate, KeyboardInterrupt between two steps when the process is to end.
    """
    network, extra = state.network, state.extra
    training = Training(phase, pools, state, loss, generator)
    state.statistics, state.phase = phase.statistics, phase.name
    if phase.statistics == "target":
        set_statistics(network, pools.target.x, KEEP)
    state.inputs = None
    if phase.statistics == "domain":
        state.inputs = copy.deepcopy(network.standardise)
        state.inputs.refit(pools.target.x, KEEP)
    network.eval()
    groups = _groups(network, extra, phase)
    trained = [p for group in groups for p in group["params"]]
    penalty = _Penalty(phase, network)
    optimiser = torch.optim.AdamW(groups, lr=phase.rate, fused=True)  # one kernel for all parameters: twice as fast for small ones
    draw = _Draw(phase, pools, phase.batch, generator)
    steps = phase.steps(len(draw.main))
    every = max(1, steps // RECORDS)
    keeper = _Keeper(network, pools.checks.get(phase.check), state.task, start=phase.revert)
    modules = nn.ModuleList([network] if extra is None else [network, extra])
    course = _Course(modules, optimiser, draw, keeper)
    if training.found is not None:
        found = training.put_back(f"{phase.name}: going on after step {training.found['step']} of {steps}")
        course.go_on(found)
        _train_mode(network, extra, phase, generator)
        if found["looked"]:
            network.eval()
    history = course.history
    lap = max(1.0, len(draw.main) / phase.batch)
    with training, follow(progress, phase.name, "steps", steps, done=course.step, lap=lap) as work:
        for number in range(course.step, steps):
            work.done = number
            p = number / steps
            if not network.training:  # at the start, and after what looked at held-out rows
                _train_mode(network, extra, phase, generator)
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * phase.factor(p) * SLOWER**course.setbacks
            value, numbers, finite = _gradient(loss, draw, p, state, penalty, trained)
            if not finite:
                course.step_back(phase)
                continue
            if number % every == 0:
                course.good = copy.deepcopy(modules.state_dict())
            optimiser.step()
            if (number + 1) % every == 0 or number + 1 == steps:
                kept = {k: float(v.detach()) for k, v in numbers.items()}
                history.append({"phase": phase.name, "step": number + 1, "loss": float(value), **kept, **keeper.check()})
                if keeper.stale >= PATIENCE:
                    break
            training.offer(course.taken, number + 1)
        training.offer(course.taken, steps, last=True)
    improved = keeper.finish()
    if phase.statistics == "domain":
        set_statistics(network, pools.target.x, KEEP)
    if history:
        history[-1]["improved"] = improved
        progress(f"{phase.name}: {history[-1]['step']} steps, loss {history[-1]['loss']:.4g}")
    return history
