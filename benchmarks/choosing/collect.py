"""Run strategies on real pairs once, and keep what every way of choosing needs: scores on the target, on held-back rows, on held-out source rows.

    OMP_NUM_THREADS=1 python benchmarks/choosing/collect.py --bench adaptation.py --tables DIR --seed 1 --pairs 40 -o FOLDER [--strategies a,b] [--once] [--epochs N]
        [--drawn SET=N,...|--recorded] [--then a,b]

The pairs, the cut of the target and the yardstick are those of the examination of adaptation. A folder a pair: `base.npz` (data, source
model, the yardstick's predictions of the held-back rows), `facts.json` (of the diagnosis) and `STRATEGY.npz`. `held` source rows are rows that neither the second source
model nor the strategy's second run (on the other 70 % of the source) was trained on. What is there is not run again.
--once leaves that second run out; --epochs: of networks. --drawn: N pairs of each set at random instead, none of them on record; --recorded: those that are, as
far as their tables are in DIR. --then: strategies that are run only on pairs on which the members of `consensus` disagree as much as the record asks. --same cuts one domain in two instead, so that nothing changed between source and target.
"""

import argparse
import importlib.util
import json
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from precedents import pair as gained

from mdshift.declare import configure, generator, lookup, parameters
from mdshift.engine.adapt import shared
from mdshift.engine.candidates import unfit
from mdshift.engine.diagnose import diagnose
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.domains import source_ratios
from mdshift.learners.pool import design
from mdshift.learners.select import choose, source_model, stratified
from mdshift.learners.spread import unspread
from mdshift.readers.load import domain_for, load
from mdshift.types import DataSpec
from mdshift.validators.mixval import ROWS, SHARE
from mdshift.validators.precedent import MOST, least, precedents

SMALLEST = 60  # rows of a domain, as in the examination
TOLD = ("members", "ambiguity", "believed", "overruled")  # what the record asks of the evidence
CHEAP = "coral,linear-ot,ot-map,consensus,subspace,label-shift,reweight-classifier,kliep,ulsif,kmm,selective-pseudo-labels,ensemble"


def examination(path):
    spec = importlib.util.spec_from_file_location("adaptation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(bench, files, seed, shots, *, same):
    """The problem as `adapt` reads it, with the truth of the target beside it; None where the examination leaves the pair out."""
    source, label = bench.load(files[0], seed)
    target, _ = bench.load(files[1], seed)
    if label is None or bench.text_columns(source.drop(columns=label)):
        return None
    if same:
        target, source = source.iloc[: len(source) // 2], source.iloc[len(source) // 2 :]
    if min(len(source), len(target)) < SMALLEST:
        return None
    task = "classification" if label == "label" else "regression"
    if task == "classification" and min(source[label].nunique(), target[label].nunique()) < 2:
        return None
    cut = int(0.7 * len(target))
    train, test = target.iloc[:cut], target.iloc[cut:]
    with tempfile.TemporaryDirectory() as made:
        at = Path(made)
        for part, frame in (("s", source), ("t", few(train, label, task, shots)), ("known", train), ("test", test)):
            frame.to_parquet(at / f"{part}.parquet")
        p = load(DataSpec(sources=(str(at / "s.parquet"),), target=str(at / "t.parquet"), labels=(label,)), seed=seed, need_label=True)
        p, encoder, prepared = begin(p, None)
        held_back, known = (
            list(domain_for(p.schema, p.task, p.classes, str(at / f"{part}.parquet"), label=label, labels_wanted=True))
            for part in ("test", "known")
        )
    plain = bench.best_plain(source.drop(columns=label), source[label], task).predict(test.drop(columns=label))
    if task == "classification":
        code = {str(c): i for i, c in enumerate(p.classes)}
        plain = np.array([code.get(str(v), -1) for v in plain])
    truth = {
        "X_test": np.concatenate([encoder.transform(d) for d in held_back]),
        "y_test": np.concatenate([d.y for d in held_back]),
        "y_target": np.concatenate([d.y for d in known]),
        "yardstick": plain,
    }
    return p, prepared, truth


def drawn(tables, sets):
    """The pairs: (set, source, target), `n` of each set, none of them on record."""
    known, rng, found = {p["pair"].rsplit("--", 1)[0] for p in precedents()}, np.random.default_rng(14), []
    for name, count in (part.split("=") for part in sets.split(",")):
        files = sorted((tables / name).glob("*.parquet"))
        pairs = [(name, s, t) for s in files for t in files if s != t and f"{name}--{s.stem}--{t.stem}" not in known]
        rng.shuffle(pairs)
        found += pairs[: int(count)]
    return found


def recorded(tables):
    """The pairs on record whose tables are here: (set, source, target), with the seed of each."""
    for name in sorted({p["pair"] for p in precedents()}):
        folder, source, target, seed = name.split("--")
        files = [tables / folder / f"{domain}.parquet" for domain in (source, target)]
        if all(f.exists() for f in files):
            yield (folder, *files), int(seed)


def in_range(here):
    """Whether the members of `consensus` disagree on a collected pair as much as the record of `committee` asks."""
    found = gained(here)
    return least("committee", found["task"], found.get("classes", 2)) <= found["ambiguity"] <= MOST[found["task"]]


def collect(bench, name, files, strategies, folder, seed, *, same, shots, once, epochs):
    pair = f"{name}--{files[0].stem}--{'itself' if same else files[1].stem}--{seed}"
    here = folder / pair
    wanted = [s for s in strategies if not (here / f"{s}.npz").exists()]
    found = read(bench, files, seed, shots, same=same) if wanted else None
    if found is None or all(unfit(lookup("strategy", s), found[0]) for s in wanted):
        return
    p, prepared, truth = found
    here.mkdir(parents=True, exist_ok=True)

    def rng_of(unit):
        return lambda inner: generator(seed, unit, inner)

    began = time.perf_counter()
    choice = choose(shared(prepared), rng_of("source-only"))
    base = source_model(prepared, choice, generator(seed, "source-only", "source-model"))
    spent = time.perf_counter() - began
    context = Context(rng_of("source-only"), choice.learner, base)
    held = np.flatnonzero(stratified(prepared.y_source, prepared.task, generator(seed, "second-run"), 3) == 0)
    part = prepared.part(np.setdiff1d(np.arange(len(prepared.y_source)), held))
    second = choice.learner.fit(part, part.X_source, part.y_source, generator(seed, "second-base"))
    first, other = generator(seed, "mixval").integers(0, len(prepared.X_target), (2, ROWS))  # as the validator draws them
    mixed = (SHARE * prepared.X_target[first] + (1 - SHARE) * prepared.X_target[other]).astype(np.float32)
    if not (here / "base.npz").exists():
        weights, coverage = source_ratios(shared(prepared), generator(seed, "ratios"))
        np.savez_compressed(
            here / "base.npz",
            task=prepared.task,
            X_source=prepared.X_source,
            X_target=prepared.X_target,
            y_source=prepared.y_source,
            target=base.scores(prepared.X_target),
            test=base.scores(truth["X_test"]),
            mixed=base.scores(mixed),
            held=held,
            plain_held=second.scores(prepared.X_source[held]),
            cv_rows=choice.rows,
            cv_scores=choice.scores,
            weights=weights,
            coverage=coverage,
            table=json.dumps({**choice.table, "chosen": choice.label}),
            seconds=spent,
            **truth,
        )
    if not (here / "facts.json").exists():
        (here / "facts.json").write_text(json.dumps(dict(diagnose(p, seed=seed).facts)))
    for strategy in [configured(lookup("strategy", s), epochs) for s in wanted if not unfit(lookup("strategy", s), p)]:
        began = time.perf_counter()
        try:
            trained = strategy.run(prepared, replace(context, rng=rng_of(strategy.name)))
            spent = time.perf_counter() - began
            again = trained if shots or once else strategy.run(part, replace(context, rng=rng_of(strategy.name), base=second))
        except Exception as fault:  # noqa: BLE001 - what fails is a row of the table too
            print(f"{pair} {strategy.name}: {fault}")
            continue
        e = trained.evidence
        np.savez_compressed(
            here / f"{strategy.name}.npz",
            target=trained.predictor.scores(prepared.X_target),
            test=trained.predictor.scores(truth["X_test"]),
            mixed=trained.predictor.scores(mixed),
            held=unspread(again.predictor).scores(prepared.X_source[held]),
            seconds=spent,
            known=prepared.labelled,
            labelled=() if trained.labelled is None else trained.labelled,
            label_weights=design(prepared, base)[prepared.labelled] if shots else (),
            evidence=json.dumps({fact: e[fact] for fact in TOLD if fact in e}),
            prior=np.array(e.get("target_prior", ())),
            prior_error=np.array(e.get("prior_error", ())),
        )
    print(f"{pair} {time.perf_counter() - began:.0f}", flush=True)


def configured(declared, epochs):
    """A strategy with its defaults, but for the passes of a network."""
    long = epochs is not None and any(p.name == "epochs" for p in parameters(declared))
    return configure(declared, {"epochs": epochs} if long else {})


def few(train, label, task, shots):
    """The target as the examination gives it: without labels, or with `shots` of each class."""
    given = train.copy()
    if not shots:
        return given.drop(columns=label)
    if task == "classification":
        given.loc[given.groupby(label).cumcount() >= shots, label] = None
    else:
        given.loc[given.index[5 * shots :], label] = None
    return given


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--strategies", default=CHEAP)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shots", type=int, default=0, help="labelled rows of each class of the target (numbers: five times as many)")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--epochs", type=float)
    parser.add_argument("--same", action="store_true")
    parser.add_argument("--drawn", metavar="SET=N,...")
    parser.add_argument("--recorded", action="store_true")
    parser.add_argument("--then", help="strategies for the pairs within the limits of the record")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    bench = examination(given.bench)
    if given.recorded:
        pairs = recorded(given.tables)
    else:
        fresh = drawn(given.tables, given.drawn) if given.drawn else bench.pairs_of(given.tables, given.pairs, given.seed)
        pairs = ((pair, given.seed) for pair in fresh)
    how = {"same": given.same, "shots": given.shots, "once": given.once, "epochs": given.epochs}
    for (name, source, target), seed in pairs:
        collect(bench, name, (source, target), given.strategies.split(","), given.output, seed, **how)
        here = given.output / f"{name}--{source.stem}--{target.stem}--{seed}"
        if given.then and here.exists() and in_range(here):
            collect(bench, name, (source, target), given.then.split(","), given.output, seed, **how)


if __name__ == "__main__":
    main()
