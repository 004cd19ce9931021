"""What the benchmarks of the kinds of shift share: arrays as a problem, and rejection rates with their error."""

import argparse
import sys
import time

import numpy as np

from mdshift.declare import generator
from mdshift.probes.base import view
from mdshift.types import Column, Domain, Problem, Schema


def problem(Xs, ys, Xt, yt):
    """Arrays as a problem; integer labels are classes."""
    task = "classification" if ys.dtype.kind == "i" else "regression"

    def domain(name, X, y):
        n = len(X)
        return Domain(name, X.astype(float), np.zeros((n, 0), np.int32), np.zeros((n, 0), object), None, y, np.arange(n), n)

    classes = tuple(str(c) for c in np.unique(ys)) if task == "classification" else ()
    schema = Schema("table", tuple(Column(f"x{i + 1}", "number") for i in range(Xs.shape[1])))
    return Problem((domain("source", Xs, ys),), domain("target", Xt, yt), schema, task, "y", classes, len(classes))


def rate(probe, draw, repeats, seed, alpha=0.05):
    """Share of `repeats` draws on which the probe rejects, and how many it could not answer."""
    rejected = unanswered = 0
    for i in range(repeats):
        rng = generator(seed, "benchmark", i)
        p = probe.measure(view(problem(*draw(rng)), i), rng, alpha=alpha).p_value
        unanswered += p is None
        rejected += p is not None and p <= alpha
    return rejected / repeats, unanswered


def arguments(doc, repeats):
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def table(title, head, rows, began):
    print(title)
    print("  ".join(f"{h:>12s}" for h in head))
    for row in rows:
        print("  ".join(f"{c:12.3f}" if isinstance(c, float) else f"{c!s:>12s}" for c in row))
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
