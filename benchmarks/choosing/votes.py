"""What `committee` gains by how sure a source model must be to be believed, and how often contradicted to be believed nowhere.

    OMP_NUM_THREADS=1 python benchmarks/choosing/votes.py FOLDER...

FOLDER: of benchmarks/choosing/collect.py, with linear-ot, ot-map, mcc and dann; pairs count whose ambiguity and unanimity the record asks for. Gains are over
mdshift's own source model, on all rows of the target. low: the end that the record would foretell a further set (`validators/precedent.py`); below: the share of a further
set's pairs below -.02. Votes: agreed (both networks and a map against the source model) or unanimous (all four). broken: the share of contradicted
rows from which the source model is believed nowhere (1: never).
"""

import argparse
from pathlib import Path

import numpy as np
from precedents import accuracy

from mdshift.declare import lookup
from mdshift.learners.compose import NEVER, overruled
from mdshift.stats.ambiguity import ambiguity
from mdshift.strategies.committee import BELIEVED, BROKEN, NETWORKS
from mdshift.validators.precedent import LEAST, MOST, UNANIMOUS, set_of, spread

SURE = (0.5, BELIEVED, 0.65, 0.7, 0.8, NEVER)
SHARES = (0.15, 0.2, 0.22, BROKEN, 0.3, 1.0)
TASK = "classification"


class Pair:
    """A pair's votes: where the source model is contradicted, and with what."""

    def __init__(self, folder):
        base = np.load(folder / "base.npz")
        names = lookup("strategy", "committee")().parts(TASK)
        parts = [base, *(np.load(folder / f"{name}.npz") for name in names)]
        scores = [np.concatenate([p["target"], p["test"]]) for p in parts]
        seen = np.arange(len(scores[0])) < len(base["target"])
        maps = [p["target"] for name, p in zip(("source-only", *names), parts, strict=True) if name not in NETWORKS]
        self.folder, self.ambiguity = folder.name, ambiguity(maps, np.full(len(maps), 1 / len(maps)))
        self.y = np.concatenate([base["y_target"], base["y_test"]])
        self.own, self.said, self.seen = scores[0], np.array([s.argmax(axis=1) for s in scores]), seen
        networks = np.array([False, *(name in NETWORKS for name in names)])
        self.against = {"agreed": overruled(self.said, networks), "unanimous": overruled(self.said, np.ones(len(scores), dtype=bool))}
        self.other = self.said[-1]  # a network: of those that agree each says the same

    def counts(self):
        """Whether the record asks for such a pair."""
        agreed, whole = (self.against[vote][self.seen].sum() for vote in ("agreed", "unanimous"))
        return LEAST[TASK] <= self.ambiguity <= MOST[TASK] and whole >= UNANIMOUS * max(agreed, 1)

    def gain(self, vote, believed, broken):
        """Accuracy over the source model's."""
        against = self.against[vote]
        over = against if against[self.seen].mean() >= broken else against & (self.own.max(axis=1) < believed)
        return float((np.where(over, self.other, self.said[0]) == self.y).mean()) - accuracy(self.own, self.y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    pairs = [Pair(d) for folder in given.folders for d in sorted(folder.iterdir()) if (d / "dann.npz").exists()]
    pairs = [p for p in pairs if p.counts()]
    print(f"{len(pairs)} pairs of {len({set_of(p.folder) for p in pairs})} sets")
    print(f"{'vote':10}{'believed from':>14}{'broken from':>13}{'mean of sets':>14}{'low':>8}{'worst':>8}{'below':>8}")
    for vote in ("agreed", "unanimous"):
        for believed in SURE:
            for broken in SHARES if believed <= 1 else (1.0,):
                gains = {}
                for p in pairs:
                    gains.setdefault(set_of(p.folder), []).append(p.gain(vote, believed, broken))
                found = spread(gains, TASK)
                below = np.mean([np.mean(np.array(own) < -0.02) for own in gains.values()])
                worst = min(gain for own in gains.values() for gain in own)
                told = "never" if believed > 1 else f"{believed:g}"
                print(f"{vote:10}{told:>14}{broken:>13g}{found.value:>+14.3f}{found.low:>+8.3f}{worst:>+8.3f}{below:>8.2f}")


if __name__ == "__main__":
    main()
