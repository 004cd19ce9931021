"""What `consensus` and `committee` gain on pairs of domains that are not on record, drawn at random from some sets.

    OMP_NUM_THREADS=1 python benchmarks/choosing/unseen.py --bench adaptation.py --tables DIR --sets wisdm_users=14,office_caltech_surf=8

A line a pair: the source model's accuracy on all of the target, the ambiguity and the gain of `consensus`; where the ambiguity is within the limits of
the record also that of all members, and the gain of `committee`.
"""

import argparse
import json
import warnings
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from collect import examination, read

from mdshift.declare import generator, lookup
from mdshift.engine.adapt import shared
from mdshift.learners.base import Context
from mdshift.learners.select import choose, source_model
from mdshift.validators.precedent import LEAST, MOST

SEED = 1


def drawn(tables, sets):
    """The pairs: (set, source, target), `n` of each set, none of them on record."""
    held = json.loads(resources.files("mdshift.validators").joinpath("precedents.json").read_text("utf-8"))["pairs"]
    known, rng, found = {p["pair"].rsplit("--", 1)[0] for p in held}, np.random.default_rng(14), []
    for name, count in (part.split("=") for part in sets.split(",")):
        files = sorted((tables / name).glob("*.parquet"))
        pairs = [(name, str(s), str(t)) for s in files for t in files if s != t and f"{name}--{s.stem}--{t.stem}" not in known]
        rng.shuffle(pairs)
        found += [tuple(pair) for pair in pairs[: int(count)]]
    return found


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--sets", required=True)
    given = parser.parse_args()
    bench = examination(given.bench)
    for name, source, target in drawn(given.tables, given.sets):
        found = read(bench, [Path(source), Path(target)], SEED, 0, same=False)
        if found is None:
            continue
        _, prepared, truth = found

        def rng_of(unit):
            return lambda inner: generator(SEED, unit, inner)

        choice = choose(shared(prepared), rng_of("source-only"))
        base = source_model(prepared, choice, generator(SEED, "source-only", "source-model"))
        context = Context(rng_of("source-only"), choice.learner, base)
        y, X = np.concatenate([truth["y_target"], truth["y_test"]]), np.concatenate([prepared.X_target, truth["X_test"]])
        before = (base.scores(X).argmax(axis=1) == y).mean()

        def run(strategy, context=context, prepared=prepared, X=X, y=y, before=before):
            ran = lookup("strategy", strategy)().run(prepared, replace(context, rng=rng_of(strategy)))
            return ran.evidence, (ran.predictor.scores(X).argmax(axis=1) == y).mean() - before

        seen, gain = run("consensus")
        told = f"{name} {Path(source).stem} -> {Path(target).stem}: source-only {before:.3f}, ambiguity {seen['ambiguity']:.3f}, consensus {gain:+.3f}"
        if LEAST["classification"] <= seen["ambiguity"] <= MOST["classification"]:
            seen, gain = run("committee")
            told += f", of all {seen['ambiguity_of_all']:.3f}, committee {gain:+.3f}"
        print(told, flush=True)


if __name__ == "__main__":
    main()
