"""Mushroom, enlarging to tapering stalk shape, 1 % of the target labelled: error of TrAdaBoost, beside the published figures.

The labelled target rows are drawn anew each time; errors are on the target's other rows. One thread (OMP_NUM_THREADS=1) is quicker
than many: the fits are small.

    python mushroom.py --data DIR [--repeats 10] [-o mushroom.txt]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.svm import LinearSVC

from mdshift.declare import configure, generator, lookup
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.linear import Linear
from mdshift.readers.load import load
from mdshift.types import DataSpec

SHARE = 0.01
PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
PUBLISHED = "published (Dai et al. 2007): SVM .261, SVM on the target's labels .055, TrAdaBoost .053"
READ = """The SVMs here are not the published ones: neither the coding of the categories nor the penalty of those is known here, and
the two SVMs above miss them by far. What an SVM of the source makes of the other stalk shape hangs on its penalty, since the source
says little about which of many equal separations holds elsewhere: {span}.
The published .261 lies within that range. The row to compare is TrAdaBoost's. On this coding the few target labels alone do as well
as that row or better: the run checks the boosting, it does not show a gain from the source."""


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=Path, required=True, help="the folder of the open data sets")
    p.add_argument("--repeats", type=int, default=10)
    p.add_argument("--rounds", type=int, default=20)
    p.add_argument("-o", "--output", type=Path)
    a = p.parse_args()
    folder = a.data / "mushroom"
    spec = DataSpec(sources=(str(folder / "enlarging.parquet"),), target=str(folder / "tapering.parquet"), labels=("label",))
    _, _, whole = begin(load(spec, seed=1, need_label=True, need_target=True), None)
    truth, found = whole.y_target, {"SVM": [], "SVM on the target's labels": [], "source-only (logistic)": [], "tradaboost": []}
    for seed in range(a.repeats):
        known = np.zeros(len(truth), bool)
        known[generator(seed, "labels").choice(len(truth), round(SHARE * len(truth)), replace=False)] = True
        few = whole.__class__(**{**whole.__dict__, "y_target": np.where(known, truth, -1)})
        rest, y = whole.X_target[~known], truth[~known]

        def rng(unit, seed=seed):
            return generator(seed, unit)

        learner = Linear(1.0)
        base = learner.fit(few, few.X_source, few.y_source, rng("base"))
        context = Context(rng, learner, base)
        boosted = configure(lookup("strategy", "tradaboost"), {"rounds": a.rounds}).run(few, context).predictor
        found["SVM"].append((LinearSVC().fit(few.X_source, few.y_source).predict(rest) != y).mean())
        found["SVM on the target's labels"].append((LinearSVC().fit(few.X_target[known], truth[known]).predict(rest) != y).mean())
        found["source-only (logistic)"].append((base.scores(rest).argmax(axis=1) != y).mean())
        found["tradaboost"].append((boosted.scores(rest).argmax(axis=1) != y).mean())
    lines = [f"error on the target's other rows, mean and standard deviation of {a.repeats} draws of {known.sum()} labels"]
    lines += [f"{name.ljust(28)} {np.mean(v):.3f} +- {np.std(v):.3f}" for name, v in found.items()]
    span = ", ".join(
        f"C {c:g}: {(LinearSVC(C=c).fit(whole.X_source, whole.y_source).predict(whole.X_target) != truth).mean():.3f}" for c in PENALTIES
    )
    text = "\n".join([*lines, PUBLISHED, READ.format(span=span), ""])
    print(text)
    if a.output:
        a.output.write_text(text)


if __name__ == "__main__":
    main()
