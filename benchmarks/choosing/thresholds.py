"""The thresholds that real pairs can speak to: what a strategy gains where a fact lies on its side of each possible cut.

    OMP_NUM_THREADS=1 python benchmarks/choosing/thresholds.py FOLDER...

FOLDER: of benchmarks/choosing/collect.py (each pair's `facts.json` and strategies). A row is a cut: on how many pairs the strategy would be
used, what it gains there, what that is worth over all pairs (elsewhere the source model stays), the worst, and how many lose more than 2
points (.05 of R2). `*` is the value in force. The 90 % interval of the best cut is over data sets drawn with replacement: pairs of one set are not
independent. Gains are over mdshift's own source model on all rows of the target, R2 from -1 up.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from mdshift.rules.thresholds import THRESHOLDS
from mdshift.stats.ambiguity import ambiguity
from mdshift.validators.precedent import LEAST, MOST

REPEATS = 2000
# threshold: the fact, what is done on its side of the cut, and which side that is
ASKED = (
    ("js_small", "js_mean", "consensus", "above"),
    ("js_large", "js_mean", "consensus", "above"),
    ("auc_similar", "auc", "consensus", "above"),
    ("auc_different", "auc", "consensus", "above"),
    ("overlap_enough", "overlap", "consensus", "below"),
    ("overlap_enough", "overlap", "linear-ot", "below"),
    ("overlap_enough", "overlap", "reweight-classifier", "above"),
    ("prior_small", "prior_distance", "label-shift", "above"),
    ("prior_large", "prior_distance", "label-shift", "above"),
    ("drop_small", "drop", "consensus", "above"),
    ("ambiguity", "ambiguity", "consensus", "above"),
    ("ambiguity", "ambiguity", "consensus", "below"),
)


def score(task, scores, y):
    if task == "classification":
        return float((scores.argmax(axis=1) == y).mean())
    return max(float(1 - ((scores[:, 0] - y) ** 2).mean() / y.var()), -1.0)


def rows(folder):
    """What is known of one pair: its set, task, facts, and the gain of every strategy that was run."""
    base, facts = np.load(folder / "base.npz"), json.loads((folder / "facts.json").read_text())
    task, y = str(base["task"]), np.concatenate([base["y_target"], base["y_test"]])
    ran = {f.stem: np.load(f) for f in folder.glob("*.npz") if f.stem != "base"}
    said = {name: np.concatenate([found["target"], found["test"]]) for name, found in ran.items()}
    plain = np.concatenate([base["target"], base["test"]])
    maps = [name for name in (("linear-ot", "ot-map") if task == "classification" else ("linear-ot",)) if name in said]
    if maps:
        members = [plain, *(said[name] for name in maps)]
        said.setdefault("consensus", np.mean(members, axis=0))  # where it was not run itself, its plain mean
        seen = ambiguity([base["target"], *(ran[name]["target"] for name in maps)], np.full(len(members), 1 / len(members)))
        facts["ambiguity"] = seen / (base["y_source"].var() if task == "regression" else 1.0)
    before = score(task, plain, y)
    return {"set": folder.name.split("--")[0], "task": task, "facts": facts} | {
        "gains": {name: score(task, scores, y) - before for name, scores in said.items()}
    }


def worth(values, gains, cut, side):
    used = values >= cut if side == "above" else values < cut
    return used, np.where(used, gains, 0.0)


def curve(pairs, task, name, fact, strategy, side):
    known = [p for p in pairs if p["task"] == task and strategy in p["gains"] and p["facts"].get(fact) is not None]
    values = np.array([p["facts"][fact] for p in known])
    gains = np.array([p["gains"][strategy] for p in known])
    sets = np.array([p["set"] for p in known])
    if len(set(sets)) < 3:
        return
    force = THRESHOLDS[name].value if name in THRESHOLDS else (LEAST if side == "above" else MOST)[task]
    if not np.isfinite(force):
        return
    cuts = sorted({*np.quantile(values, np.linspace(0, 0.9, 7)).round(3).tolist(), force})
    lost = 0.02 if task == "classification" else 0.05
    print(f"\n{name}, {task}: {strategy} where {fact} is {side} the cut ({len(known)} pairs of {len(set(sets))} sets)")
    print(f"{'cut':>10}{'used':>7}{'gain there':>12}{'over all':>10}{'worst':>9}{'lose':>6}")
    for cut in cuts:
        used, won = worth(values, gains, cut, side)
        there, worst = (f"{gains[used].mean():+.3f}", f"{gains[used].min():+.3f}") if used.any() else ("-", "-")
        mark = "*" if cut == force else " "
        print(f"{cut:9.3f}{mark}{used.sum():7}{there:>12}{won.mean():+10.3f}{worst:>9}{int((gains[used] < -lost).sum()):6}")
    rng, best, inside = np.random.default_rng(0), [], cuts
    each = sorted(set(sets))
    for _ in range(REPEATS):
        drawn = np.concatenate([np.flatnonzero(sets == s) for s in rng.choice(each, len(each))])
        best.append(inside[int(np.argmax([worth(values[drawn], gains[drawn], c, side)[1].mean() for c in inside]))])
    low, high = np.quantile(best, [0.05, 0.95])
    print(f"  best cut: 90 % of the draws of sets lie in [{low:.3f}, {high:.3f}]; in force {force:g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    pairs = [rows(d) for folder in given.folders for d in sorted(folder.iterdir()) if (d / "facts.json").exists()]
    for task in ("classification", "regression"):
        for asked in ASKED:
            curve(pairs, task, *asked)
    print("\nwithout a curve, since these pairs cannot speak to them (each has its reason beside it in rules/thresholds.py):")
    print("  " + ", ".join(name for name in THRESHOLDS if name not in {a[0] for a in ASKED}))


if __name__ == "__main__":
    main()
