"""What it changes that the columns' treatment (filling, scaling, levels) is fitted on the whole source, folds included.

    OMP_NUM_THREADS=1 python benchmarks/strategies/fold_encoding.py NAME=SOURCE[:LABEL] [NAME=SOURCE[:LABEL] ...]

For each source table and seed the same five folds are scored twice, by a linear model and by trees: with the encoder of the whole source, and
with one fitted on the training folds alone. Printed: both scores, and the mean and largest difference over the seeds.
"""

import argparse

import numpy as np

from mdshift.declare import generator
from mdshift.learners.encode import Encoder, fit_encoder, prepare
from mdshift.learners.linear import Linear
from mdshift.learners.select import out_of_fold, score, stratified
from mdshift.learners.trees import Trees
from mdshift.readers.load import load
from mdshift.types import DataSpec


def by_fold(problem, learner, whole, rows, fold, rng):
    """Out-of-fold scores where each fold's encoder has seen the other folds alone."""
    source = problem.sources[0].take(problem.sources[0].labelled).take(rows)
    out = np.zeros((len(rows), whole.n_classes))
    for f in np.unique(fold):
        held = fold == f
        part = source.take(~held)
        encoder = Encoder.fit(problem.schema, [part])
        X = encoder.transform(part)
        out[held] = learner.fit(whole, X, part.y, rng).scores(encoder.transform(source.take(held)))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", metavar="NAME=SOURCE[:LABEL]")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    print(f"{'table':<22} {'rows':>5}  {'learner':<7} {'whole source':>12} {'by fold':>9} {'mean diff':>10} {'largest':>9}")
    for item in asked.tables:
        name, _, path = item.partition("=")
        path, _, label = path.partition(":")
        problem = load(DataSpec(sources=(path,), labels=(label,) if label else ()), seed=0, need_label=True, need_target=False)
        whole = prepare(problem, fit_encoder(problem))
        for learner in (Linear(), Trees()):
            found = []
            for seed in range(asked.seeds):
                rng = generator(seed, "rows")
                rows = np.sort(rng.permutation(len(whole.y_source))[: asked.rows])
                fold = stratified(whole.y_source[rows], whole.task, rng)
                y = whole.y_source[rows]
                plain = out_of_fold(learner, whole, rows, fold, generator(seed, "fit"))
                found.append(
                    [score(whole.task, y, s) for s in (plain, by_fold(problem, learner, whole, rows, fold, generator(seed, "fit")))]
                )
            both = np.array(found)
            gap = both[:, 1] - both[:, 0]
            a, b = both.mean(axis=0)
            print(
                f"{name:<22} {len(rows):>5}  {learner.name:<7} {a:>12.4f} {b:>9.4f} {gap.mean():>+10.4f} {np.abs(gap).max():>9.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
