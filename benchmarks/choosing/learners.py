"""What a source model is worth on a target, by how its trees are grown and by how lines and trees are weighed. Scored on the target's labels.

    OMP_NUM_THREADS=1 python benchmarks/choosing/learners.py FOLDER... [-o rows.jsonl] [--print rows.jsonl]

FOLDER: of benchmarks/choosing/collect.py; pairs that are too wide for trees are left out, and so are pairs whose rows x classes x columns pass
--work. Every pair gives a score on all of its target rows (accuracy, or R2 clipped at -1). First trees whose splits choose among a share of the
columns, against trees that choose among all; then weights of lines and trees by their scores in cross-validation, against the simpler of the two within
.003 of the better; "way W": the stacked weight, moved by W of the way to even ones, where that scores within .01 of the better. Sets count alike.
Last, the source model as it was collected against the yardstick of the examination, on the rows that are held back there: hurt is worse by more than
two points and twice the paired standard error, or by more than .05.
"""

import argparse
import json
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np

from mdshift.declare import generator
from mdshift.learners.base import Prepared
from mdshift.learners.linear import Linear
from mdshift.learners.select import BOTH_STEP, TREE_SHARE, out_of_fold, stratified, trees_for
from mdshift.learners.select import score as fitted_score
from mdshift.learners.trees import Trees
from mdshift.stats.stacking import stacked
from mdshift.validators.precedent import set_of

HURT = {"classification": 0.02, "regression": 0.05}
SHARES = (1.0, 0.5, TREE_SHARE, 0.15)


def score(task, y, scores):
    if task == "classification":
        return float((scores.argmax(axis=1) == y).mean())
    return max(-1.0, float(1 - ((scores[:, 0] - y) ** 2).mean() / y.var()))


def one(folder, most):
    base = np.load(folder / "base.npz")
    table = json.loads(str(base["table"])) if "table" in base else {}
    if "trees" not in table:
        return None
    X, y, task = base["X_source"], base["y_source"], str(base["task"])
    classes = base["target"].shape[1]
    work = len(X) * X.shape[1] * classes
    if work > most:
        return None
    Xt, yt = (np.concatenate([base[f"{part}_target"], base[f"{part}_test"]]) for part in "Xy")
    blank = np.full(len(Xt), -1 if task == "classification" else np.nan).astype(y.dtype)
    p = Prepared(X, y, Xt, blank, np.zeros(len(y), np.int64), task, classes, "table", np.array(["number"] * X.shape[1]))
    usual = trees_for(work)
    shares, seconds, found = {}, {}, {}
    for share in SHARES:
        began = time.process_time()
        grown = Trees(usual.iterations, usual.rate, share).fit(p, X, y, generator(1, "trees"))
        seconds[share] = time.process_time() - began
        scores = grown.scores(Xt)
        shares[share] = score(task, yt, scores)
        if share == usual.features:
            found["trees"] = scores
    name = max((n for n in table if n.startswith("linear (")), key=table.get)
    line = Linear(float(name.removeprefix("linear (C=").removesuffix(")")))
    found["line"] = line.fit(p, X, y, generator(1, "linear")).scores(Xt)
    rows, fold = np.arange(len(y)), stratified(y, task, generator(1, "folds"))
    held = [out_of_fold(learner, p, rows, fold, generator(1, "held")) for learner in (line, usual)]
    weighed = {name: share * found["line"] + (1 - share) * found["trees"] for name, share in weights(task, y, *held)}
    chosen = table.pop("chosen")
    return {
        "pair": folder.name,
        "task": task,
        "shares": {f"{s:g}": v for s, v in shares.items()},
        "seconds": {f"{s:g}": v for s, v in seconds.items()},
        "chosen": chosen,
        "weighed": {name: score(task, yt, scores) for name, scores in weighed.items()},
        "plain": against(task, base),
    }


def against(task, base):
    """The source model's gain over the yardstick on the held-back rows, and whether the examination would count it as hurt."""
    y, plain, own = base["y_test"], base["yardstick"], base["test"]
    if task == "regression":
        gain = score(task, y, own) - score(task, y, plain[:, None])
        return gain, bool(gain < -HURT[task])
    was, now = plain == y, own.argmax(axis=1) == y
    gain, lost, won = float(now.mean() - was.mean()), (was & ~now).sum(), (now & ~was).sum()
    return gain, bool(gain < -HURT[task] and lost - won > 2 * np.sqrt(lost + won))


def weights(task, y, line, trees):
    """The rules, by what each lets the line weigh."""

    def worth(share):
        return fitted_score(task, y, share * line + (1 - share) * trees)

    better, own = max(worth(1), worth(0)), stacked(line, trees, y, task)
    simpler = float(worth(1) >= better - 0.003)
    yield "the simpler", simpler
    yield "trees", 0.0
    yield "even", 0.5
    for step in (BOTH_STEP, 0.05):
        yield f"even within {step:g}, else the simpler", 0.5 if worth(0.5) >= better - step else simpler
    for way in (0.0, 0.25, 0.5):
        share = own + way * (0.5 - own)
        yield f"stacked, way {way:g}", share if worth(share) >= better - BOTH_STEP else simpler


def told(name, gains):
    every = 100 * np.concatenate(list(gains.values()))
    sets = 100 * np.array([np.mean(own) for own in gains.values()])
    print(
        f"{name:36}{len(sets):6}{len(every):7}{sets.mean():+9.2f}{every.mean():+9.2f}{(every > 0.2).sum():8}{(every < -0.2).sum():7}{every.min():+8.1f}"
    )


def shown(rows):
    for task in ("classification", "regression"):
        own = [r for r in rows if r["task"] == task]
        if not own:
            continue
        print(f"{task:36}{'sets':>6}{'pairs':>7}{'of sets':>9}{'of pairs':>9}{'better':>8}{'worse':>7}{'worst':>8}   (hundredths)")
        for share in (f"{s:g}" for s in SHARES[1:]):
            gains = defaultdict(list)
            for r in own:
                gains[set_of(r["pair"])].append(r["shares"][share] - r["shares"]["1"])
            told(f"trees, share {share} over all columns", gains)
        took = {s: sum(r["seconds"][s] for r in own) for s in (f"{s:g}" for s in SHARES)}
        print(f"{'':4}seconds, all columns 1: " + ", ".join(f"{s} {took[s] / took['1']:.2f}" for s in took if s != "1"))
        for name in own[0]["weighed"]:
            gains = defaultdict(list)
            for r in own:
                gains[set_of(r["pair"])].append(r["weighed"][name] - r["weighed"]["the simpler"])
            if name != "the simpler":
                told(name, gains)
        gains = defaultdict(list)
        for r in own:
            gains[set_of(r["pair"])].append(r["plain"][0])
        told("the source model over the yardstick", gains)
        print(f"{'':4}hurt: {sum(r['plain'][1] for r in own)} of {len(own)}\n")


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("learners.jsonl"))
    parser.add_argument("--work", type=float, default=2e6)
    parser.add_argument("--print", type=Path, dest="shown")
    given = parser.parse_args()
    kept = given.shown or given.output
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    for folder in sorted((pair for place in given.folders for pair in place.iterdir()), key=lambda pair: pair.name):
        if given.shown is None and folder.name not in {r["pair"] for r in rows}:
            found = one(folder, given.work)
            if found is not None:
                rows.append(found)
                with kept.open("a") as file:
                    file.write(json.dumps(found) + "\n")
    shown(rows)


if __name__ == "__main__":
    main()
