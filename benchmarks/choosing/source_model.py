"""Is the source model that everything starts from a good one, and would another rule of choosing it be better? Scored on the target's labels.

    OMP_NUM_THREADS=1 python benchmarks/choosing/source_model.py --bench adaptation.py --tables DIR --seeds 1,2 --pairs 60 -o FOLDER [--skip a,b]

A pair a file in FOLDER; what is there is not run again. The yardstick is the examination's: the better, by cross-validation on the source,
of logistic regression (C=.1) and boosted trees. Rules: `chosen` is the project's own (the simplest within a step or a standard error of the
best), `best` the best by cross-validation, `simplest within d` and `mean if within d` (of the linear model and trees) have their plain meaning.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from collect import examination, read

from mdshift.declare import generator
from mdshift.engine.adapt import shared
from mdshift.learners.linear import Linear
from mdshift.learners.select import STRENGTHS, choose, source_model, trees_for

STEPS = (0.003, 0.01, 0.02, 0.03, 0.05)
HURT = 0.02


def run(bench, files, seed, place):
    found = read(bench, files, seed, 0, same=False)
    if found is None or found[1].task != "classification":
        return
    _, prepared, truth = found
    choice = choose(shared(prepared), lambda unit: generator(seed, "source-only", unit), network=False)
    base = source_model(prepared, choice, generator(seed, "source-only", "source-model"))
    X, y = prepared.X_source, prepared.y_source
    Xt = np.concatenate([prepared.X_target, truth["X_test"]])
    learners = {f"linear (C={c:g})": Linear(c) for c in STRENGTHS["classification"]}
    if "trees" in choice.table:
        learners["trees"] = trees_for(len(X) * prepared.n_classes * X.shape[1])
    scores = {name: learner.fit(prepared, X, y, generator(seed, name)).scores(Xt) for name, learner in learners.items()}
    np.savez_compressed(
        place,
        y=truth["y_test"],
        yardstick=truth["yardstick"],
        table=json.dumps(choice.table),
        label=choice.label,
        chosen=base.scores(Xt)[-len(truth["y_test"]) :],
        **{name: s[-len(truth["y_test"]) :] for name, s in scores.items()},
    )


def rules():
    def best(table, _):
        return max(table, key=table.get)

    def simplest(step):
        return lambda table, _: next(n for n in table if max(table.values()) - table[n] <= step)  # the table is in order of complexity

    def mean_if(step):
        def rule(table, label):
            line = max(v for k, v in table.items() if k.startswith("linear ("))
            return "linear+trees" if "trees" in table and abs(line - table["trees"]) <= step else label

        return rule

    named = {"chosen": lambda _, label: label, "best": best}
    named |= {f"simplest within {d:g}": simplest(d) for d in STEPS}
    return named | {f"mean if within {d:g}": mean_if(d) for d in STEPS}


def scores_of(found, name, table):
    if name != "linear+trees":
        return found[name]
    line = max((n for n in table if n.startswith("linear (")), key=table.get)
    return (found[line] + found["trees"]) / 2


def table_of(folder):
    """One line a rule: gain over the yardstick in points, pairs that the examination would count as hurt, the worst pair."""
    files = sorted(folder.glob("*.npz"))
    print(f"{len(files)} pairs\n{'rule':<24}{'gain':>7}{'hurt':>6}{'worst':>8}{'below -2':>10}")
    for rule, pick in rules().items():
        gains, hurt = [], 0
        for file in files:
            found = np.load(file)
            table, y = json.loads(str(found["table"])), found["y"]
            now = scores_of(found, "chosen" if rule == "chosen" else pick(table, str(found["label"])), table).argmax(axis=1) == y
            was = found["yardstick"] == y
            gains.append(now.mean() - was.mean())
            lost, won = (was & ~now).sum(), (now & ~was).sum()
            hurt += gains[-1] < -HURT and lost - won > 2 * np.sqrt(lost + won)
        told = 100 * np.array(gains)
        print(f"{rule:<24}{told.mean():>+7.1f}{hurt:>6}{told.min():>+8.1f}{(told < -100 * HURT).sum():>10}")


def main():
    warnings.filterwarnings("ignore")
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--bench", type=Path, required=True)
    p.add_argument("--tables", type=Path, required=True)
    p.add_argument("--seeds", default="1,2")
    p.add_argument("--pairs", type=int, default=60)
    p.add_argument("--skip", default="", help="sets to leave out")
    p.add_argument("-o", "--output", type=Path, required=True)
    a = p.parse_args()
    bench, skipped = examination(a.bench), a.skip.split(",")
    a.output.mkdir(parents=True, exist_ok=True)
    for seed in map(int, a.seeds.split(",")):
        for name, *files in bench.pairs_of(a.tables, a.pairs, seed):
            place = a.output / f"{name}--{files[0].stem}--{files[1].stem}.npz"
            if name not in skipped and not place.exists():
                run(bench, files, seed, place)
    table_of(a.output)


if __name__ == "__main__":
    main()
