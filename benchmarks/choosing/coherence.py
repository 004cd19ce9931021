"""Where the mean of several models may be believed without labels: its gain by how much more coherent it is than the source model.

    OMP_NUM_THREADS=1 python benchmarks/choosing/coherence.py FOLDER... [--later FOLDER...]

FOLDER: of benchmarks/choosing/collect.py, of classes, with linear-ot and ot-map, and mcc and dann where the members disagree; --later: of pairs that were
drawn after the rule was settled. Pairs count whose ambiguity the record asks for. Gains are those of the class that is decided for, over mdshift's own
source model, on all rows of the target. 1: the plain mean where rows agree with their neighbours more by at least a threshold, by number of neighbours
and of components. 2: the rule as a whole, by the probability from which the source model's class stands elsewhere. 3: made data on which nothing but the
classes' shares moved.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from precedents import accuracy

from mdshift.declare import lookup
from mdshift.families import BELIEVED, COHERENT, SLACK
from mdshift.stats import coherence as stats
from mdshift.stats.ambiguity import ambiguity
from mdshift.validators.precedent import LEAST, MOST, set_of, spread

TASK = "classification"
SHOWN = ((5, 10), (10, 10), (15, 10), (5, 50), (10, 50), (15, 50))  # neighbours, components
ASKED = {
    "from .03": (0.03,),
    "from .05": (0.05,),
    "from .08": (0.08,),
    ".05, whatever the agreement": (0.05, 9),
    ".05, whatever the maps alone": (0.05, SLACK, -9),
}
SURE = (0.0, 0.4, BELIEVED, 0.55, 0.6, 0.7)


class Pair:
    """A pair, as a mean of models sees it, and what it gained."""

    def __init__(self, folder, strategy):
        base = np.load(folder / "base.npz")
        averaged = lookup("strategy", strategy)()
        names = averaged.parts(TASK)
        parts = [base, *(np.load(folder / f"{name}.npz") for name in names)]
        self.name, self.X = folder.name, base["X_target"]
        seen = [p["target"] for p in parts]
        gauge = [s for name, s in zip(("source-only", *names), seen, strict=True) if name in ("source-only", *averaged.gauge(TASK))]
        self.part = sum(gauge).argmax(axis=1)
        self.ambiguity = ambiguity(gauge, np.full(len(gauge), 1 / len(gauge)))
        self.before, self.after = seen[0].argmax(axis=1), sum(seen).argmax(axis=1)
        y = np.concatenate([base["y_target"], base["y_test"]])
        every = [np.concatenate([p["target"], p["test"]]) for p in parts]
        own, mean = every[0], sum(every)
        self.mean = accuracy(mean, y) - accuracy(own, y)
        doubted = {t: np.where(own.max(axis=1) < t, mean.argmax(axis=1), own.argmax(axis=1)) for t in SURE}
        self.doubted = {t: float((said == y).mean()) - accuracy(own, y) for t, said in doubted.items()}
        self.told = {}

    def gains(self, setting):
        """Of kappa, of the plain agreement, and of kappa by the maps alone."""
        if setting not in self.told:
            stats.NEIGHBOURS, stats.COMPONENTS = setting
            before, after, part = stats.coherence(self.X, self.before, self.after, self.part)
            self.told[setting] = (after.kappa - before.kappa, after.agreement - before.agreement, part.kappa - before.kappa)
        return self.told[setting]

    def coherent(self, setting, least=COHERENT, slack=SLACK, gauge=0.0):
        """Whether the mean is believed everywhere."""
        return all(gain >= limit for gain, limit in zip(self.gains(setting), (least, -slack, gauge), strict=True))

    def by_rule(self, sure, setting=(10, 10)):
        """Its gain by the rule."""
        return self.mean if self.coherent(setting) else self.doubted[sure]


def tell(gains):
    gains = np.array(gains)
    if not len(gains):
        return "  0 pairs"
    return f"{len(gains):3d} pairs, {100 * gains.mean():+5.1f}, worst {100 * gains.min():+5.1f}, {int((gains < -0.02).sum()):2d} below -2"


def show(pairs, title):
    print(f"\n{title}: {len(pairs)} pairs of {len({set_of(p.name) for p in pairs})} sets")
    print(f"  the plain mean everywhere: {tell([p.mean for p in pairs])}")
    print("  1. where it is more coherent: neighbours, components")
    for setting in SHOWN:
        print(f"     {setting[0]}, {setting[1]}")
        for what, limits in ASKED.items():
            print(f"       {what:34}{tell([p.mean for p in pairs if p.coherent(setting, *limits)])}")
        print(f"       {'where it is not':34}{tell([p.mean for p in pairs if not p.coherent(setting)])}")
    print(
        "  2. the rule as a whole, by the probability from which the source model's class stands: mean of sets, low end of the record, pairs"
    )
    for sure in SURE:
        by = {}
        for p in pairs:
            by.setdefault(set_of(p.name), []).append(p.by_rule(sure))
        found = spread(by, TASK)
        told = f"{100 * np.mean([np.mean(g) for g in by.values()]):+5.1f} " + (
            f"low {100 * found.low:+5.1f}" if found else "(too few sets for an end)"
        )
        print(f"     {sure:4g}   {told}   {tell([p.by_rule(sure) for p in pairs])}")


def folders(given, strategy):
    """Pairs of the folders that have all members, within the limits of the record."""
    wanted = lookup("strategy", strategy)().parts(TASK)
    for folder in given:
        for d in sorted(folder.iterdir()):
            if all((d / f"{name}.npz").exists() for name in wanted) and str(np.load(d / "base.npz")["task"]) == TASK:
                found = Pair(d, strategy)
                if LEAST[TASK] <= found.ambiguity <= MOST[TASK]:
                    yield found


def shares():
    """Clusters whose shares alone moved: how often the mean of `consensus` is believed, and what it would cost."""
    from mdshift.learners.base import Context, Prepared
    from mdshift.learners.linear import Linear
    from mdshift.strategies.consensus import Consensus

    lost, believed = [], {9.0: [], SLACK: [], 0.0: []}
    for d, apart, share, k, seed in itertools.product((2, 5, 20), (2, 3, 5), (0.7, 0.85, 0.95), (2, 4), range(4)):
        rng = np.random.default_rng(seed)
        centres = rng.normal(size=(k, d))
        centres *= apart / (np.sqrt(2) * np.linalg.norm(centres, axis=1, keepdims=True))

        def rows(n, first, k=k, d=d, rng=rng, centres=centres):
            y = rng.choice(k, n, p=[first, *[(1 - first) / (k - 1)] * (k - 1)])
            return (rng.normal(size=(n, d)) + centres[y]).astype(np.float32), y

        (X, y), (X_target, truth) = rows(500, 1 / k), rows(400, share)
        p = Prepared(X, y, X_target, np.full(400, -1), np.zeros(500, dtype=np.int64), TASK, k, "table", kinds=np.full(d, "number"))
        base = Linear().fit(p, X, y, rng)
        run = Consensus(rule="mean").run(p, Context(lambda unit, seed=seed: np.random.default_rng([seed, len(unit)]), Linear(), base))
        if not LEAST[TASK] <= run.evidence["ambiguity"] <= MOST[TASK]:
            continue
        lost.append(accuracy(run.predictor.scores(X_target), truth) - accuracy(base.scores(X_target), truth))
        for slack, those in believed.items():
            if run.evidence["coherence_gain"] >= COHERENT and run.evidence["agreement_gain"] >= -slack:
                those.append(lost[-1])
    print(f"\n3. made data on which the classes' shares alone moved: {tell(lost)}")
    for slack, those in believed.items():
        limit = "whatever the agreement" if slack > 1 else f"with an agreement no lower than by {slack:g}"
        print(f"   believed, {limit}: {tell(those)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--later", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    for strategy in ("committee", "consensus"):
        show(list(folders(given.folders, strategy)), f"{strategy}, pairs by which the rule was settled")
        if given.later:
            show(list(folders(given.later, strategy)), f"{strategy}, pairs drawn afterwards")
    shares()


if __name__ == "__main__":
    main()
