"""Five-way, five-shot episodes on objects never seen: five gradient steps from MAML's weights against a hundred steps from scratch.

COIL-20's objects (Nene, Nayar & Murase 1996), 8x8 pixels: `--seen` of them, in eight positions each, for meta-training, the rest for
testing. An episode
takes five objects, five views of each to learn from and all others to be asked about. "scratch" is the same network with fresh
weights and batch normalisation of its own, trained by AdamW on the same 25 rows; its rate is the best of three on the seen objects.

    python benchmarks/strategies/maml.py --data DIRECTORY
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mdshift.nn import meta
from mdshift.nn.backbones import Spec, build, fit_inputs
from mdshift.nn.plan import Phase
from mdshift.nn.train import steady

WAYS, SHOTS = 5, 5
RATES = (1e-3, 3e-3, 1e-2)


def loaded(folder):
    parts = [pd.read_parquet(Path(folder) / "coil20" / f"coil{k}.parquet") for k in (1, 2)]
    both = pd.concat(parts)
    pixels = both.drop(columns="label").to_numpy(np.float32).reshape(-1, 8, 4, 8, 4).mean((2, 4)).reshape(-1, 64)
    return torch.from_numpy(pixels / 255), torch.from_numpy(both["label"].to_numpy(np.int64, copy=True))


def turned(X, y):
    """Each object in the eight positions of a square, each a class of its own (Santoro et al. 2016)."""
    images = X.reshape(-1, 8, 8)
    parts = [torch.rot90(v, k, (1, 2)).reshape(len(X), -1) for k in range(4) for v in (images, images.flip(2))]
    return torch.cat(parts), torch.cat([y + 20 * k for k in range(8)])


def episode(X, y, classes, g, asked=None):
    """Support and query rows of five classes, renumbered 0 to 4."""
    chosen = classes[torch.randperm(len(classes), generator=g)[:WAYS]]
    parts = [[], []]
    for c in chosen:
        rows = torch.nonzero(y == c).flatten()
        rows = rows[torch.randperm(len(rows), generator=g)]
        parts[0].append(rows[:SHOTS])
        parts[1].append(rows[SHOTS : None if asked is None else SHOTS + asked])
    (s, q), names = (torch.cat(p) for p in parts), torch.arange(WAYS)
    return X[s], names.repeat_interleave(SHOTS), X[q], names.repeat_interleave(len(q) // WAYS)


def drawn(X, y, classes, g, tasks):
    return meta.Tasks(*(torch.stack(v) for v in zip(*(episode(X, y, classes, g, 5) for _ in range(tasks)), strict=True)))


def scratch(spec, X, parts, seed, rate, steps):
    x, y, xq, yq = parts
    network = build(spec, torch.Generator().manual_seed(seed))
    fit_inputs(network, X.numpy(), None)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    network.train()
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        return float((network(xq).argmax(1) == yq).float().mean())


def adapted(network, parts, inner):
    x, y, xq, yq = parts
    weights = {k: v.detach() for k, v in network.named_parameters()}
    found = meta.adapt(network, weights, x, y, inner)
    with torch.no_grad():
        return float((torch.func.functional_call(network, found, (xq,)).argmax(1) == yq).float().mean())


def told(name, values):
    error = 1.96 * np.std(values, ddof=1) / len(values) ** 0.5
    print(f"{name:34s} {100 * np.mean(values):6.1f} +- {100 * error:.1f}", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True)
    p.add_argument("--seen", type=int, default=12)
    p.add_argument("--meta-steps", type=int, default=1000)
    p.add_argument("--episodes", type=int, default=60)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--inner", type=float, default=0.2)
    p.add_argument("--width", type=int, default=64)
    a = p.parse_args()
    X, y = loaded(a.data)
    g = torch.Generator().manual_seed(a.seed)
    order = torch.randperm(20, generator=g)
    seen, new = order[: a.seen], order[a.seen :]
    spec = Spec(64, WAYS, "classification", width=a.width)
    rows = X[torch.isin(y, seen)]
    many = turned(rows, y[torch.isin(y, seen)])
    inner = meta.Inner(5, a.inner)
    with steady():
        network = build(spec, g)
        fit_inputs(network, rows.numpy(), None)
        phase = Phase(name="meta", rate=2e-3)
        history = meta.meta_train(network, rows, lambda: drawn(*many, torch.unique(many[1]), g, 4), inner, phase, a.meta_steps)
        trial = [episode(X, y, seen, g) for _ in range(10)]
        rate = max(RATES, key=lambda r: np.mean([scratch(spec, rows, e, i, r, 100) for i, e in enumerate(trial)]))
        episodes = [episode(X, y, new, g) for _ in range(a.episodes)]
        print(f"COIL-20, {a.seen} objects seen, {len(new)} new; {a.meta_steps} meta-steps of 4 tasks; {a.episodes} episodes; seed {a.seed}")
        print(f"query loss of meta-training: {history[0]['loss']:.3f} to {history[-1]['loss']:.3f}; rate of scratch: {rate:g}\n")
        print(f"{'accuracy, %':34s}   mean +- 95 % interval")
        mine = np.array([adapted(network, e, inner) for e in episodes])
        told("MAML, 5 steps", mine)
        told("MAML, 1 step", [adapted(network, e, meta.Inner(1, a.inner)) for e in episodes])
        fresh = build(spec, g)
        fit_inputs(fresh, rows.numpy(), None)
        meta.set_statistics(fresh, rows)
        fresh.eval()
        told("fresh weights, the same 5 steps", [adapted(fresh, e, inner) for e in episodes])
        other = np.array([scratch(spec, rows, e, i, rate, 100) for i, e in enumerate(episodes)])
        told("scratch, 100 steps", other)
        told("scratch, 5 steps", [scratch(spec, rows, e, i, rate, 5) for i, e in enumerate(episodes)])
        told("MAML, 5 steps - scratch, 100 steps", mine - other)


if __name__ == "__main__":
    main()
