"""What the training loop costs: `run_phase` against a bare hand-written torch loop of the same steps, in turns, in one run.

    OMP_NUM_THREADS=1 python benchmarks/strategies/loop.py

Both train the same network on the same batches (same draw) with AdamW, clipping and the same schedule of rates; the bare loop keeps no history,
no best weights and no record. Ratios of medians over the turns.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from torch import nn

from mdshift.learners.net import plain_loss
from mdshift.nn import train
from mdshift.nn.backbones import Dropout, Spec, build
from mdshift.nn.data import Rows, Sampler, jitter
from mdshift.nn.plan import Phase


def bare(network, rows, phase, seed, shape):
    """The same steps without the house around them."""
    generator = torch.Generator().manual_seed(seed)
    sampler = Sampler(len(rows), phase.batch, generator)
    optimiser = torch.optim.AdamW(network.parameters(), lr=phase.rate, weight_decay=phase.decay, fused=True)
    steps = phase.steps(len(rows))
    network.train()
    for module in network.modules():
        if isinstance(module, Dropout):  # which draws from a generator of its own, or not at all
            module.generator = generator
    for number in range(steps):
        at = sampler.draw()
        x, y = rows.x[at], rows.y[at]
        if shape is not None:
            x = jitter(x, shape, generator, shift=phase.shift, zoom=phase.zoom, turn=phase.turn)
        for group in optimiser.param_groups:
            group["lr"] = phase.rate * phase.factor(number / steps)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()


def house(network, rows, phase, seed, shape):
    """The loop of the house."""
    none = rows.take(torch.empty(0, dtype=torch.int64))
    pools = train.Pools(rows, none, none, {}, shape)
    train.run_phase(
        phase, pools, train.State(network, None, "classification"), plain_loss, torch.Generator().manual_seed(seed), lambda _: None
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    rng = np.random.default_rng(0)
    print(f"{'network':34} {'steps':>6} {'bare, s':>9} {'loop, s':>9} {'ratio':>7}")
    for name, spec, n, batch, steps in (
        ("table, 50 columns, batch 128", Spec(50, 2, "classification", width=128, depth=2, dropout=0.1), 10_000, 128, 400),
        ("table, 20 columns, batch 32", Spec(20, 2, "classification", width=128, depth=2, dropout=0.1), 1000, 32, 400),
        ("images 16 x 16, batch 64", Spec(256, 10, "classification", (1, 16, 16), width=64), 2000, 64, 40),
    ):
        X = rng.normal(size=(n, spec.inputs)).astype(np.float32)
        rows = Rows.of(X, (X[:, 0] > 0).astype(np.int64), None, 0, "cpu")
        phase = Phase(rows="source", least=steps, most=steps, batch=batch)
        times = {"bare": [], "loop": []}
        with train.steady():
            for turn in range(turns + 1):
                for label, run in (("bare", bare), ("loop", house)):
                    network = build(spec, torch.Generator().manual_seed(turn))
                    begun = time.perf_counter()
                    run(network, rows, phase, turn, spec.shape)
                    if turn:  # the first one warms up
                        times[label].append(time.perf_counter() - begun)
        ratio = statistics.median(b / a for a, b in zip(times["bare"], times["loop"], strict=True))
        print(
            f"{name:34} {steps:6} {statistics.median(times['bare']):9.3f} {statistics.median(times['loop']):9.3f} {ratio:7.3f}", flush=True
        )


if __name__ == "__main__":
    main()
