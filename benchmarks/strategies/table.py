"""Every strategy on open data of every kind: its score on the target, the source model's beside it.

    python benchmarks/strategies/table.py --data DIR [--kinds table,array,image,text] [-o rows.jsonl]     # runs; goes on where it stopped
    python benchmarks/strategies/table.py --print rows.jsonl                                              # the tables alone

DIR holds the open sets (one folder each, a file or folder a domain). Of each domain at most 600 rows are taken; 30 % of the target are held
back to score by, and no strategy sees their labels. A strategy that needs target labels, and those that can use them, get 5 of each class (25
numbers) in the runs marked "5"; in the runs marked "0" nobody gets any. The named strategy itself is scored, without the guard that `adapt`
puts behind it. Everything at its defaults, seed 0.
"""

import argparse
import json
import time
import traceback
from pathlib import Path

import numpy as np

from mdshift.declare import configure, every, generator
from mdshift.engine.candidates import unfit
from mdshift.engine.guard import hidden, uses_labels
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.select import choose, score, source_model
from mdshift.readers.load import load
from mdshift.types import MISSING, DataSpec, Problem

ROWS, SHOTS = 600, 5
PAIRS = {
    "table": [
        ("adult_origin", ["us"], "latin_america_caribbean"),
        ("heart_disease", ["cleveland"], "hungarian"),
        ("promise_defects", ["ant_1_7", "camel_1_6", "jedit_4_0"], "xalan_2_6"),
        ("bike_sharing", ["y2011"], "y2012"),
        ("california_housing", ["inland", "near_ocean"], "near_bay"),
    ],
    "array": [("digits", ["usps"], "mnist"), ("office_caltech_surf", ["amazon", "caltech", "dslr"], "webcam")],
    "image": [("digits_images", ["usps"], "mnist"), ("digits_images", ["usps", "mnist"], "semeion")],
    "text": [("sentiment_sentences", ["yelp"], "imdb"), ("sentiment_sentences", ["amazon", "yelp"], "imdb")],
}


def paths(data, name, sources, target):
    """The files or folders of the named domains."""
    every_one = sorted(p for p in (data / name).iterdir() if p.suffix == ".parquet" or p.is_dir())
    found = {p.stem: p for p in every_one}
    lacking = {*sources, target} - set(found)
    if lacking:
        raise SystemExit(f"{name}: no domain {', '.join(sorted(lacking))}; there are {', '.join(found)}")
    return [found[s] for s in sources], found[target]


def thinned(domain, rng):
    """At most ROWS of the labelled rows."""
    rows = np.flatnonzero(domain.labelled)
    return domain.take(np.sort(rng.permutation(rows)[:ROWS]))


def world(data, name, sources, target, shots):
    """The problem with `shots` labels of a class in the target, and the target rows held back."""
    ours, theirs = paths(data, name, sources, target)
    label = "label" if ours[0].is_dir() else None
    spec = DataSpec(sources=tuple(map(str, ours)), target=str(theirs), labels=(label,) if label else ())
    p = load(spec, seed=0, need_label=True)
    rng = generator(0, name, "rows")
    whole = thinned(p.target, rng)
    order = rng.permutation(len(whole))
    cut = int(0.7 * len(whole))
    given, test = whole.take(np.sort(order[:cut])), whole.take(np.sort(order[cut:]))
    y = np.array(given.y)
    keep = np.zeros(len(y), bool)
    if shots and p.task == "classification":
        for c in np.unique(y):
            keep[np.flatnonzero(y == c)[:shots]] = True
    elif shots:
        keep[: 5 * shots] = True
    y[~keep] = MISSING if p.task == "classification" else np.nan
    from dataclasses import replace

    target_domain = replace(given, y=y if shots else None)
    made = Problem(tuple(thinned(s, rng) for s in p.sources), target_domain, p.schema, p.task, p.label, p.classes, p.source_classes, spec)
    return made, test


def run(data, kinds, out):
    done = {json.loads(line)["key"] for line in out.read_text().splitlines()} if out.exists() else set()
    for kind in kinds:
        for name, sources, target in PAIRS[kind]:
            for shots in (0, SHOTS):
                one_pair(data, kind, name, sources, target, shots, done, out)


def one_pair(data, kind, name, sources, target, shots, done, out):
    p, test = world(data, name, sources, target, shots)
    pair = f"{name}: {'+'.join(s.name for s in p.sources)} -> {p.target.name}"
    names = [n for n, s in every("strategy").items() if n != "source-only" and unfit(s, p) is None]
    names = [n for n in names if uses_labels(configure(every("strategy")[n], {})) == bool(shots)]
    keys = {n: f"{kind}|{pair}|{shots}|{n}" for n in ("source-only", *names)}
    if all(k in done for k in keys.values()):
        return
    p, encoder, prepared = begin(p, None)
    X = encoder.transform(test)

    def rng_of(unit):
        return lambda name: generator(0, unit, name)

    begun = time.perf_counter()
    choice = choose(prepared, rng_of("source-only"))
    base = source_model(prepared, choice, generator(0, "source-only", "source-model"))
    told = {"source-only": (score(p.task, test.y, base.scores(X)), time.perf_counter() - begun, choice.label)}

    def write(n, value, seconds, note):
        row = {"key": keys[n], "kind": kind, "pair": pair, "shots": shots, "strategy": n, "task": p.task, "score": value}
        with out.open("a") as file:
            file.write(json.dumps(row | {"seconds": round(seconds, 2), "note": note}) + "\n")

    if keys["source-only"] not in done:
        write("source-only", *told["source-only"])
    for n in names:
        if keys[n] in done:
            continue
        begun = time.perf_counter()
        strategy = configure(every("strategy")[n], {})
        given = prepared if uses_labels(strategy) else hidden(prepared)
        try:
            trained = strategy.run(given, Context(rng_of(n), choice.learner, base))
            write(n, score(p.task, test.y, trained.predictor.scores(X)), time.perf_counter() - begun, "")
        except Exception:  # noqa: BLE001 - one that fails is told in the table, and the others go on
            write(n, None, time.perf_counter() - begun, traceback.format_exc().strip().splitlines()[-1][:200])


def shown(rows):
    """For labels 0 and 5: strategies by kinds of data, mean gain over source-only in points, pairs above it, seconds."""
    base = {(r["pair"], r["shots"]): r["score"] for r in rows if r["strategy"] == "source-only"}
    kinds = [k for k in PAIRS if any(r["kind"] == k for r in rows)]
    for shots in (0, SHOTS):
        part = [r for r in rows if r["shots"] == shots]
        print(f"\ntarget labels of a class: {shots}. Gain over source-only, points (pairs above it of pairs done; median seconds)")
        print(f"{'strategy':24}" + "".join(f"{k:>24}" for k in kinds))
        for name in ["source-only", *sorted({r["strategy"] for r in part} - {"source-only"})]:
            cells = []
            for kind in kinds:
                own = [r for r in part if r["strategy"] == name and r["kind"] == kind]
                known = [r for r in own if r["score"] is not None]
                if not known:
                    cells.append("failed" if own else "")
                elif name == "source-only":
                    cells.append(f"score {np.mean([max(r['score'], -1) for r in known]):.3f} ({len(known)})")
                else:
                    gains = [100 * (max(r["score"], -1) - max(base[r["pair"], shots], -1)) for r in known]
                    above = sum(g > 0 for g in gains)
                    cells.append(f"{np.mean(gains):+.1f} ({above}/{len(own)}; {np.median([r['seconds'] for r in known]):.0f} s)")
            print(f"{name:24}" + "".join(f"{c:>24}" for c in cells))
    print("\npairs, with the source model's score")
    for (pair, shots), value in base.items():
        if shots == 0:
            print(f"  {pair}: {value:.3f}")
    for r in rows:
        if r["score"] is None:
            print(f"failed: {r['key']}: {r['note']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--kinds", default="table,array,image,text")
    parser.add_argument("-o", "--output", type=Path, default=Path("table.jsonl"))
    parser.add_argument("--print", type=Path, nargs="+", dest="shown")
    given = parser.parse_args()
    if given.shown:
        shown([json.loads(line) for file in given.shown for line in file.read_text().splitlines()])
        return
    run(given.data, given.kinds.split(","), given.output)
    shown([json.loads(line) for line in given.output.read_text().splitlines()])


if __name__ == "__main__":
    main()
