"""What each strategy costs: the measured model behind the seconds of `recommend` and `adapt --budget`, and a check of the declared costs.

    OMP_NUM_THREADS=1 python benchmarks/choosing/cost.py [--write mdshift/engine/cost.json] [--only a,b | --read FILE]

Made tables of three classes and two sources, 60 of the target's rows labelled where a strategy learns from them: seconds of one run with the
defaults beside a linear source model, on one core. `by rows`, `by columns`: the power of either that the seconds grow by. `!`: dearer than the usual of a higher declared cost, or
cheaper than the usual of a lower one; what is declared is the cost on the dearest kind of data, and some networks are none on tables. The beat, seconds
of one and the same arithmetic, tells by how much another machine, or a busy one, is slower (the median of those between the strategies).
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np

from mdshift.declare import every, generator
from mdshift.engine import cost
from mdshift.learners.base import Context, Further, Prepared
from mdshift.learners.linear import Linear
from mdshift.types import MISSING

SIZES = ((250, 20), (1000, 20), (1000, 80))  # rows a side, columns
LABELS = 60
ORDER = ("low", "medium", "high")


def made(strategy, rows, columns):
    """The problem that a strategy is measured on."""
    rng = np.random.default_rng(0)
    places = rng.normal(size=(3, columns))
    y, yt = (rng.integers(0, 3, rows) for _ in range(2))
    X, Xt = ((places[v] + rng.normal(size=(rows, columns)) + by).astype(np.float32) for v, by in ((y, 0.0), (yt, 0.5)))
    labels = LABELS if strategy.needs.target_labels or getattr(strategy, "uses_target_labels", False) else 0
    shown = np.where(np.arange(rows) < labels, yt, MISSING)
    further = ()
    if strategy.needs.labels > 1:
        further = (Further("z", "regression", 1, X[:, 0].astype(float), np.full(rows, np.nan)),)
    modality = "table" if "table" in strategy.needs.modalities else "array"
    kinds = np.array(["number"] * columns)
    return Prepared(X, y, Xt, shown, np.arange(rows) % 2, "classification", 3, modality, kinds, further=further)


def seconds(strategy, rows, columns):
    """Of one run."""
    p = made(strategy, rows, columns)
    learner = Linear()
    base = learner.fit(p, p.X_source, p.y_source, generator(0, "base"))
    began = time.perf_counter()
    strategy.run(p, Context(lambda unit: generator(0, strategy.name, unit), learner, base))
    return time.perf_counter() - began


def measure(catalogue):
    seconds(every("strategy")["mmd"](epochs=1.0), 60, 20)  # what is imported once is no strategy's cost
    found, beats = {}, []
    for name, strategy in catalogue.items():
        beats.append(cost.beat())
        found[name] = [round(seconds(strategy, *size), 2) for size in SIZES]
        print(f"... {name} {found[name]}", flush=True)
    return found, round(median(beats), 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--read", type=Path, help="measure nothing, show what such a file holds")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    catalogue = {n: s() for n, s in every("strategy").items() if not given.only or n in given.only.split(",")}
    if given.read:
        held = json.loads(given.read.read_text())
        found, beat = held["seconds"], held["beat"]
    else:
        found, beat = measure(catalogue)
    by_cost = {c: [v[1] for n, v in found.items() if catalogue[n].cost.value == c] for c in ORDER}
    usual = {c: median(values) for c, values in by_cost.items() if values}
    heads = "".join(f"{f'{rows} x {columns}':>12}" for rows, columns in SIZES)
    print(f"\n{'strategy':26}{'declared':>10}{heads}{'by rows':>9}{'by columns':>12}")
    for name in sorted(found, key=lambda n: (ORDER.index(catalogue[n].cost.value), found[n][1])):
        declared, taken = catalogue[name].cost.value, np.maximum(found[name], 0.01)
        above, below = ORDER[ORDER.index(declared) + 1 :], ORDER[: ORDER.index(declared)]
        odd = any(taken[1] > usual.get(c, np.inf) for c in above) or any(taken[1] < usual.get(c, 0.0) for c in below)
        growth = np.log(taken[1:] / taken[:-1]) / np.log(4)
        row = "".join(f"{t:12.2f}" for t in found[name])
        print(f"{name:26}{declared:>10}{row}{growth[0]:9.1f}{growth[1]:12.1f}{' !' if odd else ''}")
    print("usual, at the second size: " + ", ".join(f"{c} {value:.1f} s" for c, value in usual.items()) + f"; the beat {beat:g} s")
    if given.write:
        if given.only:  # the others stay as they were measured
            before = json.loads(given.write.read_text())
            found, beat = before["seconds"] | found, before["beat"]
        told = "seconds of one run on made tables; made by benchmarks/choosing/cost.py"
        given.write.write_text(json.dumps({"about": told, "sizes": SIZES, "beat": beat, "seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
