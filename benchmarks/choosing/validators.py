"""Every validator against the truth, on collected pairs: how it ranks strategies, what its pick costs, how often the pick is a catastrophe.

    OMP_NUM_THREADS=1 python benchmarks/choosing/validators.py FOLDER...

FOLDER: of benchmarks/choosing/collect.py, with consensus among its strategies. The candidates of a pair are the source model and every strategy that was run on it; the truth is the
accuracy on all rows of the target. rank: Spearman's correlation of a validator's gains with the true ones, mean over pairs. pick: the
candidate with the largest gain by the validator, the source model (0) among them. gain, worst: of the pick over the source model, in points.
regret: what the best candidate gains more. bad: picks that lose 4 points or more. spoke: pairs on which it said anything. keep: share of pairs
on which it picks the source model. The last rows are what a fixed choice gives.
"""

import argparse
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from mdshift.declare import every, generator
from mdshift.learners.base import Prepared
from mdshift.learners.linear import Linear
from mdshift.validators.base import Bench

BAD = -4.0


class Stored:
    """A model whose scores on the mixtures were kept."""

    def __init__(self, mixed):
        self.mixed = mixed

    def scores(self, X):  # noqa: ARG002 - they are the mixtures
        """The scores that were kept."""
        return self.mixed


def accuracy(scores, y):
    return 100 * float((scores.argmax(axis=1) == y).mean())


def candidates(folder):
    base = dict(np.load(folder / "base.npz"))
    if str(base["task"]) != "classification":
        return None
    runs = {f.stem: dict(np.load(f)) for f in sorted(folder.glob("*.npz")) if f.stem != "base"}
    return base, runs


def gains(base, runs, z=1.645):
    """{validator: {strategy: gain}} and {strategy: true gain}, in points or the validator's own scale."""
    y = np.concatenate([base["y_target"], base["y_test"]])
    plain = accuracy(np.concatenate([base["target"], base["test"]]), y)
    truth = {n: accuracy(np.concatenate([r["target"], r["test"]]), y) - plain for n, r in runs.items()}
    k, d = base["target"].shape[1], base["X_source"].shape[1]
    n, m = len(base["y_source"]), len(base["X_target"])
    prepared = Prepared(
        X_source=base["X_source"],
        y_source=base["y_source"],
        X_target=base["X_target"],
        y_target=np.full(m, -1),
        domain=np.zeros(n, np.int64),
        task="classification",
        n_classes=k,
        modality="table",
        kinds=np.array(["number"] * d),
    )
    crowd = (base["target"], *(r["target"] for r in runs.values()))
    crowd_held = (base["plain_held"], *(r["held"] for r in runs.values()))
    found = {}
    for name, r in runs.items():
        mixed = "mixed" in r and "mixed" in base
        bench = Bench(
            prepared,
            base["target"],
            r["target"],
            base["weights"],
            Linear(),
            lambda unit: generator(0, unit),
            base["held"],
            base["plain_held"],
            r["held"],
            coverage=float(base.get("coverage", 1.0)),
            crowd=crowd,
            crowd_held=crowd_held,
            strategy=name,
            evidence=json.loads(str(r.get("evidence", "{}"))),
            plain_model=Stored(base["mixed"]) if mixed else None,
            adapted_model=Stored(r["mixed"]) if mixed else None,
        )
        for validator, kind in every("validator").items():
            said = kind().gain(bench, z)
            if not isinstance(said, str):
                found.setdefault(validator, {})[name] = said.value
    return found, truth


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    table, fixed, best = {}, {}, []
    for folder in [d for f in given.folders for d in sorted(f.iterdir()) if (d / "base.npz").exists()]:
        made = candidates(folder)
        if made is None or len(made[1]) < 3:
            continue
        said, truth = gains(*made)
        top = max(0.0, *truth.values())
        best.append(top)
        for name, value in truth.items():
            fixed.setdefault(name, []).append((value, top - value))
        for name, values in said.items():
            shared = list(values)
            rank = spearmanr([*values.values(), 0.0], [*(truth[s] for s in shared), 0.0])[0] if len(shared) > 1 else np.nan
            pick = max(values, key=values.get)
            gain = truth[pick] if values[pick] > 0 else 0.0
            table.setdefault(name, []).append((rank, gain, top - gain, values[pick] <= 0))
        print(folder.name, file=sys.stderr)
    print(f"{len(best)} pairs; the best candidate of each gains {np.mean(best):.1f} points on average")
    print(f"{'validator':28}{'spoke':>6}{'rank':>7}{'gain':>7}{'worst':>8}{'regret':>8}{'bad':>6}{'keep':>6}")
    for name, rows in sorted(table.items(), key=lambda t: np.mean([r[2] for r in t[1]])):
        rank, gain, regret, keep = np.array(rows, dtype=float).T
        told = "      –" if np.isnan(rank).all() else f"{np.nanmean(rank):+7.2f}"
        print(
            f"{name:28}{len(rows):6}{told}{gain.mean():+7.1f}{gain.min():+8.1f}{regret.mean():8.1f}{(gain <= BAD).sum():6}{keep.mean():6.0%}"
        )
    print("\nalways the same")
    for name, rows in sorted(fixed.items(), key=lambda t: np.mean([r[1] for r in t[1]])):
        gain, regret = np.array(rows).T
        print(f"{name:28}{len(rows):6}{'':7}{gain.mean():+7.1f}{gain.min():+8.1f}{regret.mean():8.1f}{(gain <= BAD).sum():6}")


if __name__ == "__main__":
    main()
