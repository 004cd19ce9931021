"""The network of tables beside boosted trees and a linear model, inside one domain of open tables: score on a quarter of the rows.

    OMP_NUM_THREADS=1 python benchmarks/strategies/tabular.py --data DIR [--seeds 2]

The largest domain of each set, at most 4,000 rows, three quarters to train on. "net" takes numbers bin by bin, "net, no bins" as they are.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mdshift.learners.encode import fit_encoder, prepare
from mdshift.learners.linear import Linear
from mdshift.learners.net import Net
from mdshift.learners.select import score
from mdshift.learners.trees import Trees
from mdshift.readers.load import load
from mdshift.types import DataSpec

SETS = ("adult_origin", "beijing_air", "bike_sharing", "california_housing", "elec2", "promise_defects", "wine_quality", "wisdm_users")


def problem(file, folder):
    table = pd.read_parquet(file)
    label = "label" if "label" in table else "target"
    table = table[table[label].notna()].sample(frac=1, random_state=0)[:4000]
    cut = int(0.75 * len(table))
    for name, part in (("a", table[:cut]), ("b", table[cut:])):
        part.to_parquet(folder / f"{name}.parquet")
    found = load(DataSpec(sources=(str(folder / "a.parquet"),), target=str(folder / "b.parquet"), labels=(label,)), seed=0, need_label=True)
    return prepare(found, fit_encoder(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    print(f"{'set':22}{'rows':>6}{'linear':>9}{'trees':>9}{'net':>9}{'net, no bins':>14}")
    for name in SETS:
        file = max((given.data / name).glob("*.parquet"), key=lambda f: f.stat().st_size)
        with tempfile.TemporaryDirectory() as folder:
            p = problem(file, Path(folder))
        cells = []
        for learner, q in ((Linear(), p), (Trees(), p), (Net(), replace(p, modality="table")), (Net(), replace(p, modality="array"))):
            seeds = range(given.seeds if isinstance(learner, Net) else 1)
            fitted = [learner.fit(q, q.X_source, q.y_source, np.random.default_rng(seed)) for seed in seeds]
            cells.append(np.mean([score(p.task, p.y_target, f.scores(p.X_target)) for f in fitted]))
        print(f"{name:22}{len(p.y_source):6}{cells[0]:9.3f}{cells[1]:9.3f}{cells[2]:9.3f}{cells[3]:14.3f}", flush=True)


if __name__ == "__main__":
    main()
