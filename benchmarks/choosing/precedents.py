"""What `consensus` and `committee` gained on the collected pairs, by how much the members disagreed: the record that the guard goes by.

    OMP_NUM_THREADS=1 python benchmarks/choosing/precedents.py FOLDER... [--committee FOLDER...] [--few FOLDER...]
        [--write mdshift/validators/precedents.json] [--before mdshift/validators/precedents.json]

FOLDER: of benchmarks/choosing/collect.py; --committee: of the same with --once --epochs 20 --strategies linear-ot,ot-map,mcc,dann,selective-pseudo-labels; --few: with --shots 5
--strategies blend; --before: an earlier record, whose pairs stay where no folder holds them. Gains are over mdshift's own source model, on all rows of
the target that have no label.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdshift.declare import lookup
from mdshift.learners.select import merits
from mdshift.stats.ambiguity import ambiguity
from mdshift.validators.precedent import LEAST, MOST, SLIGHT, alike, least, set_of


def accuracy(scores, y):
    return float((scores.argmax(axis=1) == y).mean())


def r2(scores, y):
    return float(1 - ((scores[:, 0] - y) ** 2).mean() / y.var())


@dataclass(frozen=True)
class Said:
    """A predictor whose scores of some rows are there already."""

    kept: np.ndarray
    at: dict  # the rows, as bytes, to their places

    def scores(self, X):  # noqa: D102 - as any predictor
        return self.kept[[self.at[row.tobytes()] for row in X]]


def pair(folder, strategy="consensus"):
    base = np.load(folder / "base.npz")
    task = str(base["task"])
    averaged = lookup("strategy", strategy)()
    names = [name for name in averaged.parts(task) if (folder / f"{name}.npz").exists()]
    parts = [base, *(np.load(folder / f"{name}.npz") for name in names)]
    gauged = np.array([True, *(name in averaged.gauge(task) for name in names)])
    gauge = [part for part, asked in zip(parts, gauged, strict=True) if asked]
    score = accuracy if task == "classification" else r2
    y = np.concatenate([base["y_target"], base["y_test"]])
    X = np.concatenate([base["X_target"], base["X_test"]])
    at = {row.tobytes(): i for i, row in enumerate(X)}
    said = [Said(np.concatenate([p["target"], p["test"]]), at) for p in parts]
    weights = even = np.full(len(parts), 1 / len(parts))
    told = {}
    if task == "classification":
        told = averaged.told([p["target"] for p in parts], even, gauged, base["X_target"])
        asked = [np.load(folder / f"{name}.npz") for name in averaged.advisers(task)] if told["believed"] else []
        said += [Said(np.concatenate([p["target"], p["test"]]), at) for p in asked]
        weights = averaged.with_advisers(even, len(asked))
        told["overruled"] = averaged.overruled([p["target"] for p in (*parts, *asked)], weights, told, base["X_target"])
    joined = averaged.joined(said, weights, task, told, base["X_target"]).scores(X)
    seen = ambiguity([p["target"] for p in gauge], np.full(len(gauge), 1 / len(gauge)))
    more = {"classes": int(base["target"].shape[1])} | {fact: round(float(value), 4) for fact, value in told.items()}
    if task == "regression":
        known = base["y_source"]
        seen /= known.var()
        more = {"moved": round(float(abs(base["target"].mean() - known.mean()) / known.std()), 4)}
    before, after = score(said[0].scores(X), y), score(joined, y)
    if task == "regression":  # an R2 below -1 is as bad as -1
        before, after = max(before, -1.0), max(after, -1.0)
    return {
        "strategy": strategy,
        "task": task,
        "pair": folder.name,
        "ambiguity": round(seen, 4),
        **more,
        "gain": round(after - before, 4),
        "source_only": round(before, 3),
    }


def few(folder):
    base, run = np.load(folder / "base.npz"), np.load(folder / "blend.npz")
    task = str(base["task"])
    score = accuracy if task == "classification" else r2
    known = run["known"]
    y = np.concatenate([base["y_target"][~known], base["y_test"]])
    scores = [np.concatenate([s["target"][~known], s["test"]]) for s in (base, run)]
    before, after = (max(score(s, y), -1.0) for s in scores)
    gain, finer = judged(task, base["y_target"][known], base["target"][known], run["labelled"], run["label_weights"])
    return {
        "strategy": "blend",
        "task": task,
        "pair": folder.name,
        "labels": int(known.sum()),
        "sided": bool(gain >= 0 and finer > 0),
        "gain": round(after - before, 4),
        "source_only": round(before, 3),
    }


def judged(task, y, plain, adapted, weights):
    """What the labels say of the strategy, as the guard has it: the mean gain in the score, and for classes in the Brier score."""
    gains = merits(task, y, adapted) - merits(task, y, plain)
    if task == "regression":
        return float(np.average(gains, weights=weights)), float(np.average(gains, weights=weights))
    onehot = np.eye(plain.shape[1])[y]
    brier = ((onehot - plain) ** 2).sum(axis=1) - ((onehot - adapted) ** 2).sum(axis=1)
    return float(np.average(gains, weights=weights)), float(np.average(brier, weights=weights))


def others(strategy, collected, earlier):
    """The pairs of an earlier record of the strategy that were not collected again."""
    kept = [p for p in earlier if p["strategy"] == strategy and p["pair"] not in collected]
    if kept:
        print(f"{strategy}: as on record before: {', '.join(p['pair'] for p in kept)}")
    return kept


def show(title, task, some):
    print(f"{title}, {task}: {'pair':47}{'source-only':>12}{'ambiguity':>11}{'gain':>8}")
    for p in some:
        more = "".join(
            f"   {fact} {p[fact]:.2f}"
            for fact in ("moved", "coherence_gain", "agreement_gain", "gauge_gain", "united", "confidence_gain", "believed", "overruled")
            if fact in p
        )
        print(f"{'':16}{p['pair']:58}{p['source_only']:12.3f}{p['ambiguity']:11.4f}{p['gain']:+8.3f}{more}")
    cuts = sorted({0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, LEAST[task]})
    slight = [(cut, 3) for cut in (0.0, 0.01, *SLIGHT.values(), 0.02, 0.03)] if title in SLIGHT and task == "classification" else []
    for cut, classes in (*((cut, 0) for cut in cuts), *slight):
        used = [p for p in some if cut <= p["ambiguity"] <= MOST[task] and alike(p) and p.get("classes", 0) >= classes]
        gains = np.array([p["gain"] for p in used])
        if len(gains):
            spread = f"median {np.median(gains):+.3f}, mean {gains.mean():+.3f}, worst {gains.min():+.3f}"
            sets = len({set_of(p["pair"]) for p in used})
            below = int((gains < -0.02).sum())
            of = "of three classes or more, " if classes else ""
            print(f"  {of}ambiguity from {cut:.3f} to {MOST[task]:g}: {len(gains)} pairs of {sets} sets, {below} below -.02, {spread}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--committee", type=Path, nargs="+", default=[])
    parser.add_argument("--few", type=Path, nargs="+", default=[])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--before", type=Path)
    given = parser.parse_args()
    found = [pair(d) for folder in given.folders for d in sorted(folder.iterdir()) if (d / "ot-map.npz").exists()]
    networks = [pair(d, "committee") for folder in given.committee for d in sorted(folder.iterdir()) if (d / "dann.npz").exists()]
    shots = [few(d) for folder in given.few for d in sorted(folder.iterdir()) if (d / "blend.npz").exists()]
    earlier = json.loads(given.before.read_text())["pairs"] if given.before else []
    again = {p["pair"] for p in found}
    # beyond the limits no networks are asked for any more, and an earlier row would not be either
    beyond = {p["pair"] for p in found if not least("committee", p["task"], p.get("classes", 2)) <= p["ambiguity"] <= MOST[p["task"]]}
    networks += others("committee", beyond | {p["pair"] for p in networks}, earlier)
    found += others("consensus", again, earlier)
    shots += others("blend", {p["pair"] for p in shots}, earlier)
    for title, rows in (("consensus", found), ("committee", networks)):
        for task in ("classification", "regression"):
            some = sorted((p for p in rows if p["task"] == task), key=lambda p: p["ambiguity"])
            if some:
                show(title, task, some)
    found += networks
    for task in ("classification", "regression"):
        some = sorted((p for p in shots if p["task"] == task), key=lambda p: p["gain"])
        if some:
            print(f"blend, {task}: {'pair':50}{'source-only':>12}{'labels':>8}{'gain':>8}")
            for p in some:
                print(f"{'':16}{p['pair']:58}{p['source_only']:12.3f}{p['labels']:8}{p['gain']:+8.3f}")
            gains = np.array([p["gain"] for p in some])
            told = f"median {np.median(gains):+.3f}, mean {gains.mean():+.3f}, worst {gains.min():+.3f}"
            print(f"  {len(gains)} pairs, {int((gains < -0.02).sum())} below -.02, {told}")
    found += shots
    if given.write:
        told = "what consensus, committee and blend gained on open pairs; made by benchmarks/choosing/precedents.py"
        given.write.write_text(json.dumps({"about": told, "pairs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
