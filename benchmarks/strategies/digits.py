"""Digits from pixels, 16 x 16: MNIST -> USPS and USPS -> MNIST, accuracy on the target's rows, without target labels.

    OMP_NUM_THREADS=1 python benchmarks/strategies/digits.py --data DIR [--strategies mcc,dann] [--seeds 1]

DIR/digits holds mnist.parquet and usps.parquet, 256 pixels a row. 1NN is on rows of length one (published: 65.94 and 44.70). All source rows are
labelled, all target rows are given without labels and are those that are scored, as in the published figures. The source's part of a
strategy is its own network; the source model is a network too.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mdshift.declare import configure, generator, lookup
from mdshift.learners.base import Context, Prepared
from mdshift.learners.net import Net

GIVEN = {"dann": {"conditional": True}}


def read(path):
    table = pd.read_parquet(path)
    return table.drop(columns="label").to_numpy(np.float32), table["label"].to_numpy(np.int64)


def nearest(X, y, Z):
    """1NN by Euclidean distance, in blocks."""
    X, Z = X.astype(np.float64), Z.astype(np.float64)
    square = (X**2).sum(1)
    return np.concatenate([y[(square - 2 * part @ X.T).argmin(1)] for part in np.array_split(Z, 20)])


def unit(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def prepared(X, y, Z):
    pixels = X / 255.0 if X.max() > 2 else X
    theirs = Z / 255.0 if Z.max() > 2 else Z
    mean, spread = pixels.mean(), pixels.std()
    return Prepared(
        ((pixels - mean) / spread).astype(np.float32),
        y,
        ((theirs - mean) / spread).astype(np.float32),
        np.full(len(Z), -1),
        np.zeros(len(y), np.int64),
        "classification",
        10,
        "image",
        np.full(X.shape[1], "pixel"),
        (1, 16, 16),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--strategies", default="mcc,dann,mmd")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    sets = {n: read(given.data / "digits" / f"{n}.parquet") for n in ("mnist", "usps")}
    print(f"{'':24}{'mnist -> usps':>22}{'usps -> mnist':>22}")
    pairs = [("mnist", "usps"), ("usps", "mnist")]
    found = [100 * (nearest(unit(sets[a][0]), sets[a][1], unit(sets[b][0])) == sets[b][1]).mean() for a, b in pairs]
    print(f"{'1NN, rows of length one':24}" + "".join(f"{v:>22.2f}" for v in found), flush=True)
    problems = {(s, t): prepared(*sets[s], sets[t][0]) for s, t in pairs}
    for name in ("source network", *given.strategies.split(",")):
        cells = []
        for s, t in pairs:
            p, scores, begun = problems[s, t], [], time.perf_counter()
            for seed in range(given.seeds):

                def rng(unit, seed=seed):
                    return generator(seed, "digits", unit)

                if name == "source network":
                    found = Net().fit(p, p.X_source, p.y_source, rng("net"))
                else:
                    found = configure(lookup("strategy", name), GIVEN.get(name, {})).run(p, Context(rng, Net(), None)).predictor
                scores.append(100 * (found.scores(p.X_target).argmax(1) == sets[t][1]).mean())
            cells.append(f"{np.mean(scores):.1f} ({(time.perf_counter() - begun) / given.seeds:.0f} s)")
        label = name + (" (conditional)" if GIVEN.get(name) else "")
        print(f"{label:24}" + "".join(f"{c:>22}" for c in cells), flush=True)


if __name__ == "__main__":
    main()
