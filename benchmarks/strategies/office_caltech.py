"""Office-Caltech10 SURF: mean accuracy over the 12 pairs, beside the published figures.

All source rows are labelled, no target row is; accuracy is on the whole target. The published 1NN, on rows that sum to one and are
standardised within each domain, checks the data and the protocol; the strategies see the data as the library reads them.

    python office_caltech.py --data DIR [--strategies source-only,coral,linear-ot,selective-pseudo-labels] [-o office_caltech.txt]
"""

from __future__ import annotations

import argparse
import time
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from mdshift.declare import configure, generator, lookup
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.linear import Linear
from mdshift.readers.load import load
from mdshift.types import DataSpec

DOMAINS = ("amazon", "caltech", "dslr", "webcam")
PUBLISHED = "published: 1NN 31.4, SVM 41.1, TCA 46.2, JDA 46.8, CORAL 48.8, JGSA 50.0, MEDA 52.7"
STRATEGIES = "source-only,coral,linear-ot,selective-pseudo-labels"


def raw(path):
    """Rows of sum one, standardised within the domain, and their labels."""
    table = pd.read_parquet(path)
    y = table.pop("label").to_numpy()
    X = table.to_numpy(float)
    X = X / X.sum(axis=1, keepdims=True)
    sd = X.std(axis=0, ddof=1)
    return (X - X.mean(axis=0)) / np.where(sd > 0, sd, 1), y


def nearest(X, y, Z, yt):
    apart = (X**2).sum(axis=1)[None] - 2 * Z @ X.T
    return 100 * float((y[apart.argmin(axis=1)] == yt).mean())


def prepare(folder, a, b, seed):
    """The problem without target labels, and those labels."""
    spec = DataSpec(sources=(str(folder / f"{a}.parquet"),), target=str(folder / f"{b}.parquet"), labels=("label",))
    problem = load(spec, seed=seed, need_label=True, need_target=True)
    _, _, known = begin(problem, None)
    blind = known.__class__(**{**known.__dict__, "y_target": np.full(len(known.y_target), -1)})
    return blind, known.y_target


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=Path, required=True, help="the folder of the open data sets")
    p.add_argument("--strategies", default=STRATEGIES)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("-o", "--output", type=Path)
    a = p.parse_args()
    folder, names = a.data / "office_caltech_surf", a.strategies.split(",")
    pairs = list(permutations(DOMAINS, 2))
    domains = {d: raw(folder / f"{d}.parquet") for d in DOMAINS}
    found = {"1NN": [nearest(*domains[s], *domains[t]) for s, t in pairs]} | {n: [] for n in names}
    begun = time.perf_counter()
    for s, t in pairs:
        blind, truth = prepare(folder, s, t, a.seed)

        def rng(unit):
            return generator(a.seed, unit)

        # one linear learner for all: what is compared is the adaptation
        learner = Linear(0.01)
        context = Context(rng, learner, learner.fit(blind, blind.X_source, blind.y_source, rng("base")))
        for n in names:
            scores = configure(lookup("strategy", n), {}).run(blind, context).predictor.scores(blind.X_target)
            found[n].append(100 * float((scores.argmax(axis=1) == truth).mean()))
    lines = [" ".join(["strategy".ljust(26), *(f"{s[0]}>{t[0]}".upper().rjust(5) for s, t in pairs), " mean"])]
    lines += [" ".join([n.ljust(26), *(f"{v:5.1f}" for v in row), f"{np.mean(row):5.1f}"]) for n, row in found.items()]
    text = "\n".join([*lines, PUBLISHED, f"seed {a.seed}, {time.perf_counter() - begun:.0f} s", ""])
    print(text)
    if a.output:
        a.output.write_text(text)


if __name__ == "__main__":
    main()
