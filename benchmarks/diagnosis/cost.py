"""The cost: does the interval of the expected score hold the score, and does the split of a drop name what took it.

Expected score: coverage at nominal .95 and mean width, without target labels. The truth is the score that the very same cross-fitted models
reach on a large held-out part of the target's law; the interval is widened (in quadrature) by the standard error of that measurement.
Concept shift violates the condition that the expectation states, and is shown apart.

    python benchmarks/diagnosis/cost.py coverage --repeats 60
    python benchmarks/diagnosis/cost.py tables --tables DIR --examination attribution.py --repeats 100
    python benchmarks/diagnosis/cost.py split --repeats 40

`tables` draws its pairs by the functions `draw` and `direction` of the examination file (a script of its own); DIR holds
DATASET/DOMAIN.parquet with a column `label`, or `target` for a number. `split`: the parts of the drop beside the parts of the population, which come from a large
sample, the same models and the true density ratios; and how often the interval of each part holds it.
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from pairs import problem

from mdshift.declare import generator
from mdshift.engine import assemble
from mdshift.probes import rows as shared
from mdshift.probes.base import View, view
from mdshift.probes.overlap import Overlap
from mdshift.probes.performance import Performance
from mdshift.stats import nuisance

HELD = 8_000
PARTS = ("covariate", "label", "concept")
TILT = np.array([0.3, 0.0, 0.8, 0.0])  # of the target's mean under covariate shift
SHIFTS = ("none", "covariate", "label", "concept")
NAMED = {"none": (), "covariate": ("covariate",), "label": ("label",), "concept": ("concept",), "mixed": ("concept", "covariate")}


def outcome(X, task, rng):
    """Labels of one law: the third input is where they are hard to tell, class 1 is the rarer."""
    signal, noise = 1.6 * X[:, 0] + X[:, 1] + 0.5 * np.sin(2 * X[:, 2]), np.exp(0.5 * X[:, 2])
    if task == "regression":
        return signal + noise * rng.standard_normal(len(X))
    return (signal + 0.7 * noise * rng.logistic(size=len(X)) > 1).astype(np.int64)


def population(n, task, kind, rng):
    """N rows of the target's law under a shift; kind "none" is the source's."""
    moved = TILT if kind in ("covariate", "mixed") else 0
    found, left = [], n
    while left > 0:
        X = rng.standard_normal((4 * n if kind == "label" else n, 4)) + moved
        y = outcome(X, task, rng)
        if kind in ("concept", "mixed"):
            where = (X[:, 3] > 0) & (rng.random(len(X)) < 0.4)
            y = np.where(where, 1 - y, y) if task == "classification" else y + 2.0 * where
        keep = rng.random(len(X)) < ratio_y(y, task) if kind == "label" else np.ones(len(X), bool)
        found.append((X[keep], y[keep]))
        left -= int(keep.sum())
    X, y = (np.concatenate(v)[:n] for v in zip(*found, strict=True))
    return X, y


def ratio_x(X):
    """p_target(x) / p_source(x) under covariate shift."""
    return np.exp(X @ TILT - TILT @ TILT / 2)


def ratio_y(y, task):
    """p_target(y) / p_source(y) under label shift, up to a factor, at most 1."""
    return np.where(y == 1, 1.0, 0.25) if task == "classification" else 1 / (1 + np.exp(-1.5 * (y - 1)))


def held_out(everything, m, seed, labelled):
    """A view of the source and of the first m target rows, whose models have also scored the rest; those scores, and the labels.

    everything: the view of the source and of all target rows.
    """
    target = everything.target
    y = target.y
    small = View(
        everything.problem,
        everything.source,
        replace(target.take(np.arange(m)), y=y[:m] if labelled else None, rows=m),
        everything.X_source,
        everything.X_target[:m],
        everything.Z_source,
        everything.Z_target[:m],
        everything.names,
        everything.origin,
        everything.kinds,
        seed,
    )
    found = shared.rows(small)
    Z = everything.Z_target.astype(np.float64)
    rng = generator(seed, "held out")

    def cut(scores):
        return replace(scores, further=scores.further[:m], fold_further=scores.fold_further[:m])

    if found.classes:
        made = nuisance.classify(found.Z_source, found.y_source, found.classes, rng, Z)
        small.once("scores", lambda: (found.y_source, found.classes, cut(made)))
    else:
        made = nuisance.regress(found.Z_source, found.y_source, rng, Z)
        small.once("predictions", lambda: cut(made))
    return small, made.further[m:], y[m:]


def score(predicted, y, task):
    """The score and its standard error."""
    if task == "classification":
        right = predicted.argmax(axis=1) == y
        return float(right.mean()), float(right.std() / np.sqrt(len(y)))
    error = (y - predicted[:, 0]) ** 2
    spread = float(y.var())
    value = 1 - error.mean() / spread
    influence = -(error - error.mean()) / spread + error.mean() / spread**2 * ((y - y.mean()) ** 2 - spread)
    return float(value), float(influence.std() / np.sqrt(len(y)))


def synthetic(task, kind, n, seed, labelled=False):
    """A view, and the scores and labels of held-out target rows."""
    rng = generator(seed, "cost", task, kind, n)
    Xs, ys = population(n, task, "none", rng)
    Xt, yt = population(n + HELD, task, kind, rng)
    return held_out(view(problem(Xs, ys, Xt, yt), seed), n, seed, labelled)


def asked(case, kinds, seed, unclear=()):
    """The cost as the diagnosis tells it, under a reading."""
    finding = Performance().measure(case, generator(seed, "probe", "performance"))
    near = Overlap().measure(case, generator(seed, "probe", "overlap")).effect
    return assemble.performance(finding, kinds, near, unclear)


class Tally:
    """Coverage and width by family."""

    def __init__(self):
        self.rows = defaultdict(list)

    def add(self, family, found, truth, error):
        """Note one pair; error: the standard error of the truth."""
        e = found["expected"]
        low, high = (e["value"] + s * np.hypot(e[k] - e["value"], 1.96 * error) for s, k in ((-1, "low"), (1, "high")))
        self.rows[family].append((low <= truth <= high, e["high"] - e["low"], e["value"] - truth, abs(found["source"] - truth)))

    def print(self, title):
        """The table."""
        print(title)
        print(f"{'family':44s}{'pairs':>6s}{'covered':>9s}{'width':>8s}{'bias':>8s}{'RMSE':>8s}{'|drop|':>8s}")
        groups = {}
        for family, rows in self.rows.items():
            groups.setdefault("concept shift (condition violated)" if "concept" in family else "all others", []).extend(rows)
        for family, rows in {**self.rows, **groups}.items():
            hit, width, off, drop = np.array(rows, float).T
            rms = np.sqrt((off**2).mean())
            print(f"{family:44s}{len(rows):6d}{hit.mean():9.3f}{width.mean():8.3f}{off.mean():8.3f}{rms:8.3f}{drop.mean():8.3f}")


def coverage(a):
    tally = Tally()
    for i in range(a.repeats):
        for task in a.tasks:
            for n in a.rows:
                for kind in a.kinds or SHIFTS:
                    if time.perf_counter() > a.until:
                        break
                    case, predicted, y = synthetic(task, kind, n, a.seed + i)
                    found = asked(case, {"concept": ()}.get(kind, NAMED[kind]), i)
                    tally.add(f"{task}, {kind}, n={n}", found, *score(predicted, y, task))
    tally.print("synthetic pairs")


def split(a):
    print(
        f"parts of the drop, {a.rows[0]} rows a side: mean of the tool / of the population; worst: 9 of 10 pairs are nearer; +-: spread (sd) of tool - population"
    )
    print(
        f"{'family':28s}{'pairs':>6s}{'drop':>8s}"
        + "".join(f"{k:>18s}{'+-':>6s}{'worst':>7s}{'held':>6s}" for k in PARTS)
        + f"{'0 in concept':>14s}"
    )
    rows = defaultdict(list)
    for i in range(a.repeats):
        for task in a.tasks:
            for kind in a.kinds or (*SHIFTS, "mixed"):
                if time.perf_counter() > a.until:
                    break
                rng = generator(a.seed + i, "cost", "split", task, kind)
                n = a.rows[0]
                Xs, ys = population(n + HELD, task, "none", rng)
                Xt, yt = population(n + HELD, task, kind, rng)
                X, y = np.concatenate([Xt, Xs[n:]]), np.concatenate([yt, ys[n:]])
                case, predicted, labels = held_out(view(problem(Xs[:n], ys[:n], X, y), i), n, i, labelled=True)
                found = asked(case, NAMED[kind], i)
                parts, ends = found["attribution"], found["attribution_intervals"]
                truth = parts_of_law(predicted, X[n:], labels, task, kind)
                held = [ends[k][0] <= truth[k] <= ends[k][1] for k in PARTS]
                zero = ends["concept"][0] <= 0 <= ends["concept"][1]
                rows[f"{task}, {kind}"].append(([parts[k] for k in PARTS], [truth[k] for k in PARTS], held, zero))
    for family, found in rows.items():
        report(family, *(np.array(v, float) for v in zip(*found, strict=True)))


def report(family, told, true, held, zero):
    """A line of shares of the drop; of plain differences where there is no drop to share out."""
    whole = true.sum(axis=1).mean()
    unit = whole if abs(whole) > 0.02 else 1.0
    cells = []
    for j in range(len(PARTS)):
        worst = np.quantile(np.abs(told[:, j] - true[:, j]) / abs(unit), 0.9)
        spread = (told[:, j] - true[:, j]).std() / abs(unit)
        cells.append(f"{told[:, j].mean() / unit:10.3f} /{true[:, j].mean() / unit:6.3f}{spread:6.2f}{worst:7.3f}{held[:, j].mean():6.2f}")
    print(f"{family:28s}{len(zero):6d}{whole:8.3f}" + "".join(cells) + f"{zero.mean():14.2f}")


def parts_of_law(predicted, X, y, task, kind):
    """The parts of the drop in the population: the first half of the rows is the target's law, the rest the source's."""
    if task == "classification":
        gain = (predicted.argmax(axis=1) == y).astype(float)[:, None]
    else:
        gain = np.column_stack([(predicted[:, 0] - y) ** 2, y, y**2])

    def value(rows, weights):
        v = np.average(gain[rows], axis=0, weights=weights[rows])
        return v[0] if task == "classification" else 1 - v[0] / (v[2] - v[1] ** 2)

    there, here = np.arange(HELD), np.arange(HELD, 2 * HELD)
    even = np.ones(2 * HELD)
    ratio = even
    if kind in ("covariate", "mixed"):
        ratio = ratio_x(X)
    elif kind == "label":
        ratio = ratio_y(y, task) / ratio_y(y[here], task).mean()
    s = ratio / (1 + ratio)
    drop = value(here, even) - value(there, even)
    concept = value(here, s) - value(there, 1 - s)
    out = {"covariate": 0.0, "label": 0.0, "concept": concept}
    out["label" if kind == "label" else "covariate"] = drop - concept
    return out


def tables(a):
    import pandas as pd

    from mdshift.readers.load import load
    from mdshift.types import DataSpec

    made = importlib.util.spec_from_file_location("examination", a.examination)
    examination = importlib.util.module_from_spec(made)
    made.loader.exec_module(examination)
    bases = defaultdict(list)
    for f in sorted(a.tables.glob("*/*.parquet")):
        t = pd.read_parquet(f).rename(columns={"target": "label"})
        words = [c for c in t if not pd.api.types.is_numeric_dtype(t[c]) and t[c].astype(str).str.len().mean() > 40]
        if "label" in t and len(t) >= 2_500 and t.shape[1] <= 60 and not words:
            bases["classification" if t["label"].nunique() <= 10 and t["label"].dtype.kind != "f" else "regression"].append(t)
    tally = Tally()
    rng = generator(a.seed, "tables")
    with tempfile.TemporaryDirectory() as tmp:
        for i in range(a.repeats):
            for task in a.tasks:
                for kind in SHIFTS if task == "classification" else SHIFTS[:2]:  # the examination tilts and changes classes alone
                    if time.perf_counter() > a.until:
                        break
                    table = bases[task][int(rng.integers(len(bases[task])))]
                    strength = float(rng.uniform(1.0, 2.0))
                    source, target = examination.draw(table, kind, strength, 10_000, rng)
                    n = int(rng.choice([300, 600, 1000]))
                    source = source.sample(min(n, len(source)), random_state=i)
                    target = target.sample(frac=1, random_state=i)  # its head is the target, the rest measures the truth
                    m = min(n, len(target) // 3)
                    files = [str(Path(tmp) / f"{side}.parquet") for side in ("source", "target")]
                    source.to_parquet(files[0]), target.to_parquet(files[1])
                    spec = DataSpec((files[0],), files[1], ("label",), task)
                    case, predicted, y = held_out(view(load(spec, seed=i), i), m, i, labelled=False)
                    found = asked(case, {"concept": ()}.get(kind, NAMED[kind]), i)
                    tally.add(f"{task}, {kind}", found, *score(predicted, y, task))
    tally.print("pairs drawn out of real tables")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["coverage", "tables", "split"])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--rows", type=int, nargs="+", default=None)
    parser.add_argument("--tasks", nargs="+", default=["classification", "regression"])
    parser.add_argument("--kinds", nargs="+", default=None, choices=[*SHIFTS, "mixed"])
    parser.add_argument("--seconds", type=float, default=230, help="no new pair is drawn after")
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--examination", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    a.rows = a.rows or ([1_500] if a.part == "split" else [300, 1_500, 5_000])
    began = time.perf_counter()
    a.until = began + a.seconds
    {"coverage": coverage, "tables": tables, "split": split}[a.part](a)
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
