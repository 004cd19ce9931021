"""Where the mean of several models may be believed without labels: what it gains by what can be seen of the target's rows.

    OMP_NUM_THREADS=1 python benchmarks/choosing/coherence.py FOLDER... [--later FOLDER...] [--last FOLDER...] [--moved FOLDER...]

FOLDER: of benchmarks/choosing/collect.py, of classes, with linear-ot, ot-map and selective-pseudo-labels, and mcc and dann where the members disagree; --later: of pairs that were
drawn after a first form of the rule was settled; --last: after all of it was; --moved: of pairs whose classes' shares were moved by hand (shares.py).
Pairs count whose ambiguity the record asks for. Gains are those of the class that is decided for, over mdshift's own source model, on all rows of the
target. 1: the mean where rows agree with their neighbours more by at least a threshold, by number of neighbours and of components, and without each of
the other conditions. 2: the mean where it is hardly less sure than the source model, elsewhere. 3: where neither, rows on which the source model is in
doubt. 4: where it is believed, by what rows take over of what is said of their neighbours, and by how much of a member's say an adviser has. 5: the rule as a whole. 6: made data on which nothing but
the classes' shares moved.
"""

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
from precedents import Said, accuracy

from mdshift.declare import configure, lookup
from mdshift.engine.onrecord import unmoved
from mdshift.families import ASSURED, BELIEVED, COHERENT, SLACK, WIDE
from mdshift.learners import spread as spreading
from mdshift.stats import coherence as stats
from mdshift.stats.ambiguity import ambiguity
from mdshift.validators.precedent import LEAST, MOST, set_of, spread

TASK = "classification"
assert spreading.COMPONENTS == stats.COMPONENTS  # rows are spread by the usual components, whatever is tried of the agreement
SHOWN = ((5, 10), (10, 10), (15, 10), (10, 50))  # neighbours, components
ASKED = {  # what is asked at least of the gains of kappa, of the plain agreement, of kappa by the maps alone, and of united
    "from .03": (0.03, -SLACK, 0.0, 0.0),
    "from .05": (COHERENT, -SLACK, 0.0, 0.0),
    "from .08": (0.08, -SLACK, 0.0, 0.0),
    ".05, whatever the agreement": (COHERENT, -9.0, 0.0, 0.0),
    ".05, whatever the maps alone": (COHERENT, -SLACK, -9.0, 0.0),
    ".05, whoever stands apart": (COHERENT, -SLACK, 0.0, -9.0),
}
SURE = (-0.1, -0.08, -0.06, -0.05, -0.04, -0.02, 0.0)
SMOOTH = (0.0, 0.3, 0.5, 0.7, 0.8)
SAYS = (0.0, 0.25, 0.5, 0.75, 1.0)
DOUBT = (0.35, 0.4, 0.45, BELIEVED, 0.55, 0.6)


class Pair:
    """A pair, as a mean of models sees it, and what it gained."""

    def __init__(self, folder, strategy):
        base = np.load(folder / "base.npz")
        averaged = lookup("strategy", strategy)()
        names = averaged.parts(TASK)
        parts = [base, *(np.load(folder / f"{name}.npz") for name in names)]
        self.name, self.averaged, self.X = folder.name, averaged, base["X_target"]
        self.seen = [p["target"] for p in parts]
        advising = [np.load(folder / f"{name}.npz") for name in averaged.advisers(TASK)]
        self.advised = [np.concatenate([p["target"], p["test"]]) for p in advising]
        self.gauged = np.array([True, *(name in averaged.gauge(TASK) for name in names)])
        self.even = np.full(len(parts), 1 / len(parts))
        gauge = [s for s, asked in zip(self.seen, self.gauged, strict=True) if asked]
        self.ambiguity = ambiguity(gauge, np.full(len(gauge), 1 / len(gauge)))
        y = np.concatenate([base["y_target"], base["y_test"]])
        every = [np.concatenate([p["target"], p["test"]]) for p in parts]
        own, mean = every[0], sum(every)
        self.mean = accuracy(mean, y) - accuracy(own, y)
        other, stands = mean.argmax(axis=1), own.argmax(axis=1)
        agreed = np.all([s.argmax(axis=1) == other for s in every[1:]], axis=0)
        self.y, self.own, self.all = y, accuracy(own, y), np.concatenate([base["X_target"], base["X_test"]])
        self.said = every
        self.doubted = {}
        for least in DOUBT:
            for unanimous in (False, True):
                over = (own.max(axis=1) < least) & (agreed | (not unanimous))
                self.doubted[least, unanimous] = float((np.where(over, other, stands) == y).mean()) - accuracy(own, y)
        self.classes, self.rows = self.seen[0].shape[1], len(self.X)
        facts = folder / "facts.json"
        self.unmoved = facts.exists() and bool(unmoved(json.loads(facts.read_text()).get("kinds")))
        self.found = {}

    def told(self, setting=(10, 10)):
        """What the strategy tells of the target's rows."""
        if setting not in self.found:
            usual = stats.NEIGHBOURS, stats.COMPONENTS
            stats.NEIGHBOURS, stats.COMPONENTS = setting
            self.found[setting] = self.averaged.told(self.seen, self.even, self.gauged, self.X)
            stats.NEIGHBOURS, stats.COMPONENTS = usual
        return self.found[setting]

    def coherent(self, setting=(10, 10), limits=ASKED["from .05"]):
        """Whether the rows speak for the mean."""
        gains = (self.told(setting)[gain] for gain in ("coherence_gain", "agreement_gain", "gauge_gain", "united"))
        return all(gain >= limit for gain, limit in zip(gains, limits, strict=True))

    def sure(self, least):
        """Whether the mean is as sure as that."""
        return self.classes > 2 and self.rows >= ASSURED and self.told()["confidence_gain"] >= least

    def by_rule(self, **settings):
        """Its gain by the rule; settings: of the strategy, but for its defaults."""
        if not self.told()["believed"]:
            return self.doubted[BELIEVED, True]
        averaged = configure(lookup("strategy", self.averaged.name), settings)
        at = {row.tobytes(): i for i, row in enumerate(self.all)}
        weights = averaged.with_advisers(self.even, len(self.advised))
        joined = averaged.joined([Said(s, at) for s in (*self.said, *self.advised)], weights, TASK, {"believed": True}, self.X)
        return accuracy(joined.scores(self.all), self.y) - self.own


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
            print(f"       {what:34}{tell([p.mean for p in pairs if p.coherent(setting, limits)])}")
        print(f"       {'where it is not':34}{tell([p.mean for p in pairs if not p.coherent(setting)])}")
    rest = [p for p in pairs if not p.coherent()]
    print("  2. elsewhere, of three classes and 100 rows or more, where its confidence is higher by")
    for least in SURE:
        print(f"     {least:5g} or more   {tell([p.mean for p in rest if p.sure(least)])}")
    rest = [p for p in pairs if not p.told()["believed"]]
    print("  3. where it is not believed, on rows on which the source model gives no class")
    for least in DOUBT:
        for unanimous, what in ((False, "whatever the others say"), (True, "and the others agree")):
            print(f"     {least:5g}, {what:24}{tell([p.doubted[least, unanimous] for p in rest])}")
    believed = [p for p in pairs if p.told()["believed"]]
    print("  4. where it is believed, and a row takes over of what is said of its neighbours")
    for smooth in SMOOTH:
        of = {wide: [p.by_rule(smooth=smooth) for p in believed if (p.X.shape[1] > WIDE) == wide] for wide in (False, True)}
        print(f"     {smooth:5g}   up to {WIDE} columns {tell(of[False])}; more {tell(of[True])}")
    print(f"     neither this nor an adviser: {tell([p.by_rule(smooth=0.0, advice=0.0) for p in believed])}")
    print("     an adviser's weight, a member's being 1; mean of the sets")
    for say in SAYS:
        gains = {}
        for p in believed:
            gains.setdefault(set_of(p.name), []).append(p.by_rule(advice=say))
        sets = f"sets {100 * np.mean([np.mean(g) for g in gains.values()]):+5.1f}" if gains else ""
        print(f"     {say:5g}   {tell([g for own in gains.values() for g in own])}   {sets}")
    print("  5. the rule as a whole, and where the diagnosis finds that more moved than the classes' shares, as `auto` asks")
    for what, those in (("every pair", pairs), ("where more moved", [p for p in pairs if not p.unmoved])):
        by = {}
        for p in those:
            by.setdefault(set_of(p.name), []).append(p.by_rule())
        found = spread(by, TASK)
        ends = f"low {100 * found.low:+5.1f}" if found else "(too few sets for an end)"
        mean = np.mean([np.mean(g) for g in by.values()])
        print(f"     {what:18}mean of sets {100 * mean:+5.1f} {ends}   {tell([p.by_rule() for p in those])}")


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

    lost, believed = [], {what: [] for what in ASKED}
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
        for what, limits in ASKED.items():
            gains = (run.evidence[gain] for gain in ("coherence_gain", "agreement_gain", "gauge_gain", "united"))
            if all(gain >= limit for gain, limit in zip(gains, limits, strict=True)):
                believed[what].append(lost[-1])
    print(f"\n6. made data on which the classes' shares alone moved, consensus: {tell(lost)}")
    for what, those in believed.items():
        print(f"   believed, {what:34}{tell(those)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--later", type=Path, nargs="+", default=[])
    parser.add_argument("--last", type=Path, nargs="+", default=[])
    parser.add_argument("--moved", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    every = {
        "pairs by which a first form was settled": given.folders,
        "pairs drawn afterwards": given.later,
        "pairs drawn after all was settled": given.last,
        "pairs whose classes' shares were moved by hand": given.moved,
    }
    for strategy, (what, those) in itertools.product(("committee", "consensus"), every.items()):
        if those:
            show(list(folders(those, strategy)), f"{strategy}, {what}")
    for folder in given.moved:
        read = [unmoved(json.loads(facts.read_text()).get("kinds")) for facts in sorted(folder.glob("*/facts.json"))]
        print(
            f"\nof {folder.name}: the diagnosis reads {sum(map(bool, read))} of {len(read)} as a shift of the classes' shares alone, or none"
        )
    shares()


if __name__ == "__main__":
    main()
