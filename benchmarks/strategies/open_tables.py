"""Strategies on the classification pairs of the examination of adaptation, without target labels: gain over its yardstick, beside peers'.

    OMP_NUM_THREADS=1 python benchmarks/strategies/open_tables.py --bench adaptation.py --tables DIR [-o rows.jsonl] [--strategies a,b]
    python benchmarks/strategies/open_tables.py --print rows.jsonl

The pairs, the cut of the target (70 % given without labels, 30 % to score by) and the yardstick (the better, by cross-validation on the source, of
logistic regression and boosted trees) are those of the examination, `--pairs 40 --seed 1`, less those with texts. The strategies are run
in one process, so that the source model of a pair is chosen once for all of them; the named strategy is scored as `adapt` would save it.
"""

import argparse
import importlib.util
import json
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from mdshift.declare import configure, generator, lookup
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.select import choose, source_model
from mdshift.readers.load import domain_for, load
from mdshift.types import DataSpec

PEERS = {"coral": -1.5, "linear-ot": 1.3, "label-shift": 0.1}  # CORAL, LinearOTMapping, MMDTarS of skada 0.6.0
DEFAULT = "coral,linear-ot,label-shift,mcc,mmd,dann"


def examination(path):
    spec = importlib.util.spec_from_file_location("adaptation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one(bench, name, source_file, target_file, strategies, done, out):
    source, label = bench.load(source_file, 1)
    target, _ = bench.load(target_file, 1)
    if label != "label" or min(len(source), len(target)) < 60 or bench.text_columns(source.drop(columns=label)):
        return
    if source[label].nunique() < 2 or target[label].nunique() < 2:
        return
    pair = f"{name}: {source_file.stem} -> {target_file.stem}"
    wanted = [s for s in ("yardstick", "source-only", *strategies) if (pair, s) not in done]
    if not wanted:
        return
    cut = int(0.7 * len(target))
    train, test = target.iloc[:cut], target.iloc[cut:]

    def write(strategy, score, began):
        with out.open("a") as file:
            row = {"pair": pair, "strategy": strategy, "score": float(score), "seconds": round(time.perf_counter() - began, 1)}
            file.write(json.dumps(row) + "\n")

    if "yardstick" in wanted:
        began = time.perf_counter()
        plain = bench.best_plain(source.drop(columns=label), source[label], "classification").predict(test.drop(columns=label))
        write("yardstick", (plain == test[label].to_numpy()).mean(), began)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for part, frame in (("s", source), ("t", train.drop(columns=label)), ("test", test)):
            frame.to_parquet(folder / f"{part}.parquet")
        p = load(DataSpec(sources=(str(folder / "s.parquet"),), target=str(folder / "t.parquet"), labels=(label,)), seed=1, need_label=True)
        p, encoder, prepared = begin(p, None)
        held = list(domain_for(p.schema, p.task, p.classes, str(folder / "test.parquet"), label=label, labels_wanted=True))
    X, y = np.concatenate([encoder.transform(d) for d in held]), np.concatenate([d.y for d in held])

    def rng_of(unit):
        return lambda name: generator(1, unit, name)

    began = time.perf_counter()
    choice = choose(prepared, rng_of("source-only"))
    base = source_model(prepared, choice, generator(1, "source-only", "source-model"))
    if "source-only" in wanted:
        write("source-only", (base.scores(X).argmax(1) == y).mean(), began)
    for strategy in [s for s in strategies if s in wanted]:
        began = time.perf_counter()
        trained = configure(lookup("strategy", strategy), {}).run(prepared, Context(rng_of(strategy), choice.learner, base))
        write(strategy, (trained.predictor.scores(X).argmax(1) == y).mean(), began)


def shown(rows):
    scores = {(r["pair"], r["strategy"]): r for r in rows}
    pairs = sorted({p for p, _ in scores})
    yard = {p: scores[p, "yardstick"]["score"] for p in pairs if (p, "yardstick") in scores}
    print(
        f"{'strategy':16}{'pairs':>6}{'gain over yardstick':>21}{'over source-only':>18}{'worst':>8}{'below -2':>10}{'seconds':>9}{'peer':>7}"
    )
    for strategy in dict.fromkeys(r["strategy"] for r in rows):
        own = [p for p in pairs if (p, strategy) in scores and p in yard]
        gains = np.array([100 * (scores[p, strategy]["score"] - yard[p]) for p in own])
        over = np.mean(
            [100 * (scores[p, strategy]["score"] - scores[p, "source-only"]["score"]) for p in own if (p, "source-only") in scores]
        )
        seconds = np.median([scores[p, strategy]["seconds"] for p in own])
        peer = f"{PEERS[strategy]:+.1f}" if strategy in PEERS else ""
        print(
            f"{strategy:16}{len(own):6}{gains.mean():+21.1f}{over:+18.1f}{gains.min():+8.1f}{(gains < -2).mean():10.0%}{seconds:9.1f}{peer:>7}"
        )
    print(f"yardstick: mean accuracy {np.mean(list(yard.values())):.3f}\n")
    names = list(dict.fromkeys(r["strategy"] for r in rows))
    print(f"{'pair':60}" + "".join(f"{n[:11]:>12}" for n in names))
    for p in pairs:
        print(f"{p:60}" + "".join(f"{scores[p, n]['score']:12.3f}" if (p, n) in scores else f"{'':12}" for n in names))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--strategies", default=DEFAULT)
    parser.add_argument("-o", "--output", type=Path, default=Path("open_tables.jsonl"))
    parser.add_argument("--print", type=Path, dest="shown")
    given = parser.parse_args()
    if given.shown is None:
        warnings.filterwarnings("ignore")
        bench = examination(given.bench)
        for strategies in (given.strategies.split(",")[:3], given.strategies.split(",")):  # the quick ones of all pairs first
            for name, source, target in bench.pairs_of(given.tables, 40, 1):
                rows = [json.loads(line) for line in given.output.read_text().splitlines()] if given.output.exists() else []
                one(bench, name, source, target, strategies, {(r["pair"], r["strategy"]) for r in rows}, given.output)
    shown([json.loads(line) for line in (given.shown or given.output).read_text().splitlines()])


if __name__ == "__main__":
    main()
