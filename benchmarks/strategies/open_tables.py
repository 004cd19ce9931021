"""Strategies on the pairs of the examination of adaptation, without target labels: gain over its yardstick, beside peers'; how far `auto` falls short.

    OMP_NUM_THREADS=1 python benchmarks/strategies/open_tables.py --bench adaptation.py --tables DIR [-o rows.jsonl] [--strategies a,b|all] [--tasks a,b]
    python benchmarks/strategies/open_tables.py --print rows.jsonl [--auto auto.json]

The pairs, the cut of the target (70 % given without labels, 30 % to score by) and the yardstick (the better, by cross-validation on the source, of
linear models and boosted trees) are those of the examination, `--pairs 40 --seed 1`, less those with texts. The strategies are run
in one process, so that the source model of a pair is chosen once for all of them; the named strategy is scored as `adapt` would save it:
accuracy, or R2 clipped at -1. all: whatever needs neither target labels nor a second source nor other columns. --auto: what the examination wrote for
`--strategy auto`; its regret is told against the best of all strategies, that is, chosen by the labels by which it is then scored. The best of 27
by the same few hundred rows is in part the luckiest. So, where the strategy `auto` is among the rows (`--strategies all,auto`, run from the command line as a user
would), regret is told a second time with the best chosen by half of the scored rows and both judged on the other half, over 200 halvings.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from mdshift.declare import Cost, configure, every, generator, lookup
from mdshift.engine.candidates import unfit
from mdshift.engine.start import begin
from mdshift.learners.base import Context
from mdshift.learners.select import choose, source_model
from mdshift.readers.load import domain_for, load
from mdshift.types import DataSpec

PEERS = {"coral": -1.5, "linear-ot": 1.3, "label-shift": 0.1}  # CORAL, LinearOTMapping, MMDTarS of skada 0.6.0
DEFAULT = "coral,linear-ot,label-shift,mcc,mmd,dann"
HALVINGS = 200


def examination(path):
    spec = importlib.util.spec_from_file_location("adaptation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def score(task, truth, scores):
    """As the examination scores: accuracy, or R2 clipped at -1."""
    if task == "classification":
        return float((scores.argmax(1) == truth).mean())
    return max(-1.0, 1 - float(((scores[:, 0] - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()))


def marks(right):
    """Which rows are right, a digit a row."""
    return "".join("01"[int(r)] for r in right)


def auto(folder, label, classes):
    """What `auto` predicts for the test rows, as codes of the classes."""
    command = [sys.executable, "-m", "mdshift"]
    files = [str(folder / "s.parquet"), str(folder / "t.parquet")]
    model = str(folder / "auto")
    subprocess.run(
        [*command, "adapt", *files, "--label", label, "--strategy", "auto", "--seed", "1", "--out", model, "--quiet"],
        check=True,
        capture_output=True,
    )
    out = str(folder / "p.csv")
    subprocess.run([*command, "predict", model, str(folder / "test.parquet"), "-o", out], check=True, capture_output=True)
    import pandas as pd

    found = pd.read_csv(out, dtype=str)["prediction"]
    return found.map({c: i for i, c in enumerate(classes)}).to_numpy()


def one(bench, name, source_file, target_file, strategies, done, out, tasks):
    source, label = bench.load(source_file, 1)
    target, _ = bench.load(target_file, 1)
    if label is None or min(len(source), len(target)) < 60 or bench.text_columns(source.drop(columns=label)):
        return
    task = "classification" if label == "label" else "regression"
    if task not in tasks or (task == "classification" and min(source[label].nunique(), target[label].nunique()) < 2):
        return
    pair = f"{name}: {source_file.stem} -> {target_file.stem}"
    wanted = [s for s in ("yardstick", "source-only", *strategies) if (pair, s) not in done]
    if not wanted:
        return
    cut = int(0.7 * len(target))
    train, test = target.iloc[:cut], target.iloc[cut:]

    def write(strategy, reached, began, right=None):
        with out.open("a") as file:
            row = {"pair": pair, "task": task, "strategy": strategy, "score": reached, "seconds": round(time.perf_counter() - began, 1)}
            file.write(json.dumps(row if right is None else {**row, "right": marks(right)}) + "\n")

    def judge(strategy, scores, began):
        write(strategy, score(task, y, scores), began, scores.argmax(1) == y if task == "classification" else None)

    if "yardstick" in wanted:
        began = time.perf_counter()
        plain = bench.best_plain(source.drop(columns=label), source[label], task).predict(test.drop(columns=label))
        truth = test[label].to_numpy()
        write("yardstick", float((plain == truth).mean()) if task == "classification" else score(task, truth, plain[:, None]), began)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for part, frame in (("s", source), ("t", train.drop(columns=label)), ("test", test)):
            frame.to_parquet(folder / f"{part}.parquet")
        p = load(DataSpec(sources=(str(folder / "s.parquet"),), target=str(folder / "t.parquet"), labels=(label,)), seed=1, need_label=True)
        p, encoder, prepared = begin(p, None)
        held = list(domain_for(p.schema, p.task, p.classes, str(folder / "test.parquet"), label=label, labels_wanted=True))
        if "auto" in wanted and task == "classification":
            began = time.perf_counter()
            found = auto(folder, label, p.classes)
            right = found == np.concatenate([d.y for d in held])
            write("auto", float(right.mean()), began, right)
    wanted = [s for s in wanted if s != "auto"]
    X, y = np.concatenate([encoder.transform(d) for d in held]), np.concatenate([d.y for d in held])
    wanted = [s for s in wanted if s in ("yardstick", "source-only") or not unfit(lookup("strategy", s), p)]

    def rng_of(unit):
        return lambda name: generator(1, unit, name)

    if not set(wanted) - {"yardstick"}:
        return
    began = time.perf_counter()
    choice = choose(prepared, rng_of("source-only"))
    base = source_model(prepared, choice, generator(1, "source-only", "source-model"))
    if "source-only" in wanted:
        judge("source-only", base.scores(X), began)
    for strategy in [s for s in strategies if s in wanted]:
        began = time.perf_counter()
        trained = configure(lookup("strategy", strategy), {}).run(prepared, Context(rng_of(strategy), choice.learner, base))
        judge(strategy, trained.predictor.scores(X), began)


def shown(rows, auto):
    for task in ("classification", "regression"):
        own = [r for r in rows if r.get("task", "classification") == task]
        if own:
            table(task, own, {pair: reached for (of, pair), reached in auto.items() if of == task})


def table(task, rows, auto):
    scores = {(r["pair"], r["strategy"]): r for r in rows}
    pairs = sorted({p for p, _ in scores})
    yard = {p: scores[p, "yardstick"]["score"] for p in pairs if (p, "yardstick") in scores}
    names = list(dict.fromkeys(r["strategy"] for r in rows))
    below = 2 if task == "classification" else 5
    print(
        f"{task}\n{'strategy':26}{'pairs':>6}{'gain over yardstick':>21}{'over source-only':>18}{'worst':>8}{f'below -{below}':>10}{'seconds':>9}{'peer':>7}"
    )
    for strategy in names:
        own = [p for p in pairs if (p, strategy) in scores and p in yard]
        gains = np.array([100 * (scores[p, strategy]["score"] - yard[p]) for p in own])
        over = np.mean(
            [100 * (scores[p, strategy]["score"] - scores[p, "source-only"]["score"]) for p in own if (p, "source-only") in scores]
        )
        seconds = np.median([scores[p, strategy]["seconds"] for p in own])
        peer = f"{PEERS[strategy]:+.1f}" if strategy in PEERS and task == "classification" else ""
        print(
            f"{strategy:26}{len(own):6}{gains.mean():+21.1f}{over:+18.1f}{gains.min():+8.1f}{(gains < -below).mean():10.0%}{seconds:9.1f}{peer:>7}"
        )
    print(f"yardstick: mean {'accuracy' if task == 'classification' else 'R2'} {np.mean(list(yard.values())):.3f}\n")
    if auto:
        regret(scores, [p for p in pairs if p in yard and p in auto], [n for n in names if n not in ("yardstick", "auto")], yard, auto)
    marked = [p for p in pairs if "right" in scores.get((p, "auto"), {})]
    if marked:
        halved(scores, marked, [n for n in names if n != "yardstick"])
    print(f"{'pair':58}" + "".join(f"{n[:7]:>8}" for n in names))
    for p in pairs:
        print(f"{p:58}" + "".join(f"{scores[p, n]['score']:8.3f}" if (p, n) in scores else f"{'':8}" for n in names))
    print()


def regret(scores, pairs, names, yard, auto):
    """How far auto falls short of the best of its own model and all strategies, that is, of one chosen by the rows that it is scored on."""
    best, losses = [], []
    for p in pairs:
        top = max(["auto", *[n for n in names if (p, n) in scores]], key=lambda n: auto[p] if n == "auto" else scores[p, n]["score"])
        reached = auto[p] if top == "auto" else scores[p, top]["score"]
        best.append(100 * (reached - yard[p]))
        losses.append((100 * (reached - auto[p]), p, top))
    mean = np.mean([100 * (auto[p] - yard[p]) for p in pairs])
    print(
        f"auto on {len(pairs)} pairs: gain over yardstick {mean:+.1f}; the best of its own model and {len(names)} strategies, chosen by the labels: {np.mean(best):+.1f}"
    )
    print(
        f"regret: {np.mean([x for x, *_ in losses]):.1f} on average, {np.median([x for x, *_ in losses]):.1f} in the median; the five largest:"
    )
    for loss, p, top in sorted(losses, reverse=True)[:5]:
        print(f"  {loss:5.1f}  {p} ({top})")
    print()


def halved(scores, pairs, names):
    """How far auto falls short of the best by half of the rows, judged by the other half: luck of the rows is no part of it."""
    rng = np.random.default_rng(1)
    losses = [halvings(told(scores, p, names), rng) for p in pairs]
    print(
        f"regret, the best of them chosen by half of the scored rows and judged by the other half ({HALVINGS} halvings): "
        f"{np.mean(losses):.1f} on average, {np.median(losses):.1f} in the median; the five largest:"
    )
    for loss, p in sorted(zip(losses, pairs, strict=True), reverse=True)[:5]:
        print(f"  {loss:5.1f}  {p}")
    print()


def told(scores, pair, names):
    """Which rows each that was run has right (m, n), `auto` first."""
    own = ["auto", *[n for n in names if n != "auto" and "right" in scores.get((pair, n), {})]]
    return np.array([[int(mark) for mark in scores[pair, n]["right"]] for n in own])


def halvings(right, rng):
    """Points that the first falls short, on rows that had no part in choosing the best."""
    n, short = right.shape[1], []
    for _ in range(HALVINGS):
        order = rng.permutation(n)
        for choose_by, judge_by in ((order[: n // 2], order[n // 2 :]), (order[n // 2 :], order[: n // 2])):
            best = int(right[:, choose_by].mean(1).argmax())
            short.append(100 * (right[best, judge_by].mean() - right[0, judge_by].mean()))
    return float(np.mean(short))


def gained(path):
    """What the examination measured for `auto`: the score by task and pair."""
    rows = json.loads(path.read_text()) if path else []
    return {
        (r["task"], f"{r['dataset']}: {r['source']} -> {r['target']}"): r["auto"]["score"] for r in rows if "score" in r.get("auto", {})
    }


def named(strategies):
    """The strategies by name; of `all`, the cheap ones first."""
    if "all" not in strategies.split(","):
        return strategies.split(",")
    free = {n: s for n, s in every("strategy").items() if not s.needs.target_labels and s.needs.sources == s.needs.labels == 1}
    fit = [n for n, s in free.items() if not s.needs.differing and n != "source-only"]
    return [*sorted(fit, key=lambda n: (list(Cost).index(free[n].cost), n)), *(["auto"] if "auto" in strategies.split(",") else [])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--strategies", default=DEFAULT)
    parser.add_argument("--tasks", default="classification,regression")
    parser.add_argument("-o", "--output", type=Path, default=Path("open_tables.jsonl"))
    parser.add_argument("--print", type=Path, dest="shown")
    parser.add_argument("--auto", type=Path)
    given = parser.parse_args()
    if given.shown is None:
        warnings.filterwarnings("ignore")
        bench = examination(given.bench)
        for name, source, target in bench.pairs_of(given.tables, 40, 1):
            rows = [json.loads(line) for line in given.output.read_text().splitlines()] if given.output.exists() else []
            done = {(r["pair"], r["strategy"]) for r in rows}
            one(bench, name, source, target, named(given.strategies), done, given.output, given.tasks.split(","))
    shown([json.loads(line) for line in (given.shown or given.output).read_text().splitlines()], gained(given.auto))


if __name__ == "__main__":
    main()
