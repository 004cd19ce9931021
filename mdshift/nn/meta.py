"""Meta-learning (MAML, Finn et al. 2017): weights from which a few gradient steps on a few rows go far.

Batch normalisation is held at the statistics of the fresh network on the source rows: each layer then starts with unit variance
(Mishkin & Matas 2016), and a task is told by its rows' labels alone, never by the company of its rows. Tasks of one meta-batch are
computed side by side (`torch.func.vmap`), the outer gradient goes through the inner steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F  # noqa: N812 - torch's own idiom

from mdshift.nn.backbones import Network
from mdshift.nn.data import Rows
from mdshift.nn.plan import Phase
from mdshift.nn.train import CLIP, RECORDS, set_statistics

Weights = Mapping[str, Tensor]
HALVINGS = 10  # of the inner rate, where its steps run away


@dataclass(frozen=True)
class Inner:
    """The inner loop: gradient steps, their rate, and whether the outer gradient goes through them (second order) or not."""

    steps: int = 5
    rate: float = 0.1
    first_order: bool = False


@dataclass(frozen=True, eq=False)
class Tasks:
    """A meta-batch: support rows (t, s, d) with labels (t, s), query rows (t, q, d) with labels (t, q)."""

    x: Tensor
    y: Tensor
    x_query: Tensor
    y_query: Tensor


def fit(network: Network, weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of rows x (s, d) with classes y (s,) under these weights."""
    return F.cross_entropy(functional_call(network, dict(weights), (x,)), y)


def adapt(network: Network, weights: Weights, x: Tensor, y: Tensor, inner: Inner) -> dict[str, Tensor]:
    """The weights after the inner gradient steps on x (s, d), y (s,); differentiable in the first ones."""
    found = dict(weights)
    for _ in range(inner.steps):
        slope = grad(lambda w: fit(network, w, x, y))(found)
        if inner.first_order:
            slope = {name: g.detach() for name, g in slope.items()}
        found = {name: w - inner.rate * slope[name] for name, w in found.items()}
    return found


def query_loss(network: Network, weights: Weights, tasks: Tasks, inner: Inner) -> Tensor:
    """The mean loss on the tasks' query rows after adapting to each task's support rows from the same weights."""

    def one(x: Tensor, y: Tensor, x_query: Tensor, y_query: Tensor) -> Tensor:
        return fit(network, adapt(network, weights, x, y, inner), x_query, y_query)

    found: Tensor = vmap(one)(tasks.x, tasks.y, tasks.x_query, tasks.y_query).mean()
    return found


def drawn_tasks(rows: Rows, classes: int, sizes: tuple[int, int, int], how: str, generator: torch.Generator) -> Tasks:
    """A meta-batch of `sizes` (tasks, support rows, query rows) from labelled rows.

    how: "domains": each task is one domain; "relabel": all rows, their classes renumbered at random; "subsets": the rows on one side
    of a random direction. Support and query come from two halves of the task's rows, every class as often as another.
    """
    count, s, q = sizes
    support: list[Tensor] = []
    query: list[Tensor] = []
    names: list[Tensor] = []
    cpu = rows.y.cpu()
    for _ in range(count):
        pool = torch.arange(len(rows))
        if how == "domains":
            domain = rows.d.cpu()
            present = torch.unique(domain)
            pool = torch.nonzero(domain == present[int(torch.randint(len(present), (1,), generator=generator))]).flatten()
        elif how == "subsets":
            side = rows.x.cpu() @ torch.randn(rows.x.shape[1], generator=generator)
            pool = torch.argsort(side)[: -(-len(pool) // 2)]
        pool = pool[torch.randperm(len(pool), generator=generator)]
        halves = (pool[: -(-len(pool) // 2)], pool[len(pool) // 2 :])
        for half, size, into in ((halves[0], s, support), (halves[1], q, query)):
            share = torch.bincount(cpu[half], minlength=classes).float()
            into.append(half[torch.multinomial(1.0 / share[cpu[half]], size, replacement=True, generator=generator)])
        names.append(torch.randperm(classes, generator=generator) if how == "relabel" else torch.arange(classes))
    at, asked, new = torch.stack(support), torch.stack(query), torch.stack(names)
    device = rows.x.device
    return Tasks(
        rows.x[at.to(device)], new.gather(1, cpu[at]).to(device), rows.x[asked.to(device)], new.gather(1, cpu[asked]).to(device)
    )  # fmt: skip


def meta_train(
    network: Network, rows: Tensor, draw: Callable[[], Tasks], inner: Inner, phase: Phase, steps: int
) -> tuple[list[dict[str, Any]], Inner]:
    """Move the network's own weights so that the inner loop serves the tasks that `draw` gives; the history, and the inner loop at its last rate.

    rows (n, d): what layers are normalised by. A step whose gradient is not finite is left out, and halves the inner rate for those
    that follow, HALVINGS times at most: rows that are all alike have layers whose slopes are steep.
    """
    set_statistics(network, rows)
    network.eval()
    named = dict(network.named_parameters())
    optimiser = torch.optim.Adam(named.values(), lr=phase.rate)
    history: list[dict[str, Any]] = []
    least = inner.rate * 0.5**HALVINGS
    for number in range(steps):
        optimiser.param_groups[0]["lr"] = phase.rate * phase.factor(number / steps)
        optimiser.zero_grad()
        loss = query_loss(network, named, draw(), inner)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(named.values(), CLIP)
        if not bool(torch.isfinite(loss.detach() + norm)):
            inner = replace(inner, rate=max(inner.rate * 0.5, least))
            continue
        optimiser.step()
        if (number + 1) % max(1, steps // RECORDS) == 0 or number + 1 == steps:
            history.append({"phase": phase.name, "step": number + 1, "loss": float(loss.detach())})
    return history, inner


def settle(network: Network, x: Tensor, y: Tensor, inner: Inner) -> list[float]:
    """Adapt the network in place to x (s, d), y (s,) by the inner loop; the loss on these rows before each step and after the last.

    Where the steps end above the loss that they began with, they are taken again at half the rate, ten times at most; then none is taken.
    """
    network.eval()
    start = {name: p.detach() for name, p in network.named_parameters()}
    first = float(fit(network, start, x, y))
    for halvings in range(HALVINGS + 1):
        one, weights, told = Inner(1, inner.rate * 0.5**halvings, first_order=True), start, [first]
        for _ in range(inner.steps):
            weights = adapt(network, weights, x, y, one)
            told.append(float(fit(network, weights, x, y)))
        if told[-1] <= first:  # never true of NaN
            network.load_state_dict(weights, strict=False)
            return told
    return [first] * (inner.steps + 1)
