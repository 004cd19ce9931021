"""Few labels in the target, 5 of each class or 25 numbers: `finetune` and `self-training` beside the yardstick, on the pairs of the examination.

    OMP_NUM_THREADS=1 python benchmarks/strategies/few_labels.py --bench adaptation.py --tables DIR --seeds 1,2,3 --keep FOLDER [-o rows.jsonl]

The pairs, the cut of the target, its labels and the yardstick (the better, by cross-validation on the source, of a linear model and boosted
trees) are those of the examination, `--pairs 40 --shots 5`, less those with texts. The strategies are run directly, without the comparison by
which `adapt` keeps the source model where the labels show a loss. FOLDER keeps each problem with its source model (pickled: for this
benchmark alone), so that another form of a strategy is tried within minutes.
"""

import argparse
import json
import pickle
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from open_tables import examination

from mdshift.declare import configure, generator, lookup
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.select import choose, score, source_model
from mdshift.readers.load import domain_for, load
from mdshift.types import DataSpec

STRATEGIES, SHOTS, SKIP = ("finetune", "self-training"), 5, ("digits_images",)


def problem(bench, files, seed):
    """The numeric problem of a pair with its source model, held-back rows and yardstick, or None where there is none."""
    source, label = bench.load(files[0], seed)
    target, _ = bench.load(files[1], seed)
    if source is None or target is None or min(len(source), len(target)) < 60 or bench.text_columns(source.drop(columns=label)):
        return None
    task = "classification" if label == "label" else "regression"
    if task == "classification" and min(source[label].nunique(), target[label].nunique()) < 2:
        return None
    cut = int(0.7 * len(target))
    given, test = target.iloc[:cut].copy(), target.iloc[cut:]
    plain = bench.best_plain(source.drop(columns=label), source[label], task).predict(test.drop(columns=label))
    right = bench.accuracy_score if task == "classification" else lambda t, p: max(-1.0, bench.r2_score(t, p))
    if task == "classification":
        given.loc[given.groupby(label).cumcount() >= SHOTS, label] = None
    else:
        given.loc[given.index[5 * SHOTS :], label] = None
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for part, frame in (("s", source), ("t", given), ("test", test)):
            frame.to_parquet(folder / f"{part}.parquet")
        p = load(
            DataSpec(sources=(str(folder / "s.parquet"),), target=str(folder / "t.parquet"), labels=(label,)), seed=seed, need_label=True
        )
        p, encoder, prepared = begin(p, None)
        held = list(domain_for(p.schema, p.task, p.classes, str(folder / "test.parquet"), label=label, labels_wanted=True))
    choice = choose(prepared, lambda name: generator(seed, "source-only", name))
    return {
        "prepared": prepared,
        "learner": choice.learner,
        "base": source_model(prepared, choice, generator(seed, "source-only", "source-model")),
        "X": np.concatenate([encoder.transform(d) for d in held]),
        "y": np.concatenate([d.y for d in held]),
        "yard": right(test[label], plain),
        "task": task,
    }


def one(found, pair, seed, out):
    row = {"pair": pair, "seed": seed, "task": found["task"], "yardstick": found["yard"]}
    row["source-only"] = score(found["task"], found["y"], found["base"].scores(found["X"]))
    for name in STRATEGIES:
        if found["task"] not in lookup("strategy", name).needs.tasks:
            continue
        began = time.perf_counter()

        def rng(unit, name=name):
            return generator(seed, name, unit)

        trained = configure(lookup("strategy", name), {}).run(found["prepared"], Context(rng, found["learner"], found["base"]))
        row[name] = score(found["task"], found["y"], trained.predictor.scores(found["X"]))
        row[f"{name} seconds"] = round(time.perf_counter() - began, 1)
    with out.open("a") as file:
        file.write(json.dumps(row) + "\n")


def shown(rows):
    for seed in (*sorted({r["seed"] for r in rows}), None):
        for name in STRATEGIES:
            own = [r for r in rows if name in r and seed in (r["seed"], None)]
            gains = 100 * np.array([max(r[name], -1.0) - r["yardstick"] for r in own])
            above, equal = (gains > 1e-9).sum(), (np.abs(gains) <= 1e-9).sum()
            print(
                f"{'all seeds' if seed is None else f'seed {seed}'}: {name}: {len(own)} pairs, above the yardstick {above} ({above / len(own):.0%}), "
                f"equal {equal}, below {len(own) - above - equal}; mean gain {gains.mean():+.1f} points, worst {gains.min():+.1f}"
            )
    print(f"\n{'seed pair':62}{'score':>9}" + "".join(f"{n[:13]:>14}" for n in ("yardstick", "source-only", *STRATEGIES)))
    for r in rows:
        cells = [f"{max(r[n], -1.0):14.3f}" if n in r else f"{'-':>14}" for n in ("yardstick", "source-only", *STRATEGIES)]
        print(f"{r['seed']} {r['pair']:60}{'accuracy' if r['task'] == 'classification' else 'R2':>9}" + "".join(cells))


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--keep", type=Path, default=Path("few_labels"))
    parser.add_argument("-o", "--output", type=Path, default=Path("few_labels.jsonl"))
    given = parser.parse_args()
    if given.bench:
        bench = examination(given.bench)
        done = [json.loads(line) for line in given.output.read_text().splitlines()] if given.output.exists() else []
        for seed in map(int, given.seeds.split(",")):
            (given.keep / f"fl{seed}").mkdir(parents=True, exist_ok=True)
            for name, *files in bench.pairs_of(given.tables, 40, seed):
                pair = f"{name}: {files[0].stem} -> {files[1].stem}"
                if name in SKIP or any((r["pair"], r["seed"]) == (pair, seed) for r in done):
                    continue
                place = given.keep / f"fl{seed}" / f"{name}--{files[0].stem}--{files[1].stem}.pkl"
                found = pickle.loads(place.read_bytes()) if place.exists() else problem(bench, files, seed)
                if found is None:
                    continue
                if not place.exists():
                    place.write_bytes(pickle.dumps(found))
                one(found, pair, seed, given.output)
    shown([json.loads(line) for line in given.output.read_text().splitlines()])


if __name__ == "__main__":
    main()
