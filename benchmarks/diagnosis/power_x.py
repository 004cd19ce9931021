"""Yardstick D: power of the two-sample tests of P(X), beside the published rows.

Set-ups of the MMD-FUSE paper (Biggs, Schrab & Gretton 2023): a mixture of four Gaussians at (+-20, +-20) whose fourth component has
another standard deviation on the other side, and a uniform law with two bumps. Level .05. Both columns come from what `mdshift diagnose`
reports: `mmd` is the aggregated MMD in its evidence, `P(X)` the whole test (MMD, columns and classifier under one level).

    python power_x.py [--repeats 200] [--seed 1] [-o power_x.txt]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from mdshift.declare import generator
from mdshift.probes.base import view
from mdshift.probes.marginal import test_x
from mdshift.stats.intervals import wilson
from mdshift.types import Column, Domain, Problem, Schema

LEVEL = 0.05
CENTRES = np.array([[20, 20], [-20, 20], [20, -20], [-20, -20]])


def mixture(rng, n, sd):
    """(n, 2) on each side; the target's fourth component has this standard deviation."""
    sides = []
    for last in (1.0, sd):
        part = rng.integers(0, 4, n)
        sides.append(CENTRES[part] + np.where(part == 3, last, 1.0)[:, None] * rng.standard_normal((n, 2)))
    return sides


def bump(x):
    out = np.zeros_like(x)
    for low, high, sign, shift in ((-1, -0.5, 1, 3), (-0.5, 0, -1, 1)):
        inside = (low < x) & (x < high)
        out[inside] = sign * np.exp(-1 / (1 - (4 * x[inside] + shift) ** 2))
    return out


def bumps(rng, n, scale, count=2):
    """(n, 1) on each side: a uniform law with `count` bumps of random sign, and a uniform one."""
    signs, kept = rng.choice([-1, 1], count), np.zeros(0)
    while len(kept) < n:
        x, u = rng.random(4 * n), rng.random(4 * n) * (1 + scale)
        density = 1 + scale * np.e * sum(s * bump(x * count - (i + 1)) for i, s in enumerate(signs))
        kept = np.concatenate([kept, x[u <= density]])
    return kept[:n, None], rng.random((n, 1))


def problem(X, Y):
    empty = {"texts": np.empty((0, 0), object), "categories": np.empty((0, 0), np.int32)}
    sides = []
    for rows in (X, Y):
        size = len(rows)
        blank = {k: np.empty((size, 0), v.dtype) for k, v in empty.items()}
        sides.append(Domain("", rows.astype(float), images=None, y=None, index=np.arange(size), rows=size, **blank))
    columns = tuple(Column(f"x{j}", "number") for j in range(X.shape[1]))
    return Problem((sides[0],), sides[1], Schema("table", columns), None, None)


CASES = [  # name, maker, published FUSE, Agg, median-heuristic MMD
    ("mixture sd 1 (null), n=500", lambda rng: mixture(rng, 500, 1.0), (0.035, 0.050, 0.035)),
    ("mixture sd 2, n=500", lambda rng: mixture(rng, 500, 2.0), (0.905, 0.945, 0.050)),
    ("mixture sd 1.3, n=2000", lambda rng: mixture(rng, 2000, 1.3), (0.765, 0.785, 0.035)),
    ("uniform, bumps of 0 (null), n=500", lambda rng: bumps(rng, 500, 0.0), (0.045, 0.035, 0.040)),
    ("uniform, bumps of .3, n=500", lambda rng: bumps(rng, 500, 0.3), (0.505, 0.605, 0.290)),
]


def rejections(make, repeats, seed, name):
    hits, seconds = np.zeros(2), 0.0
    for i in range(repeats):
        rng = generator(seed, "power", name, i)
        X, Y = make(rng)
        began = time.process_time()
        found = test_x(view(problem(X, Y), seed=i), rng)
        seconds += time.process_time() - began
        hits += [found.evidence["mmd"]["p_value"] <= LEVEL, found.p_value <= LEVEL]
    return hits, seconds / repeats


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    lines = [
        f"Rejections at level {LEVEL}, {options.repeats} repeats (the published ones: 200), [95 % interval]",
        f"{'case':36s} {'FUSE':>6s} {'Agg':>6s} {'median':>7s} {'mmd':>22s} {'P(X)':>22s} {'CPU s':>6s}",
    ]
    print("\n".join(lines), flush=True)
    for name, make, published in CASES:
        hits, seconds = rejections(make, options.repeats, options.seed, name)
        cells = []
        for h in hits:
            low, high = wilson(h, options.repeats)
            cells.append(f"{h / options.repeats:.3f} [{low:.3f}, {high:.3f}]")
        lines.append(
            f"{name:36s} {published[0]:6.3f} {published[1]:6.3f} {published[2]:7.3f} {cells[0]:>22s} {cells[1]:>22s} {seconds:6.2f}"
        )
        print(lines[-1], flush=True)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
