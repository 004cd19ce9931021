"""Domains cut in two at random, so that nothing changed: how often `auto` keeps the source model.

    OMP_NUM_THREADS=1 python benchmarks/choosing/null.py --tables DIR [--cuts 40] [--seed 1] [--rows 2000]

The domains are dealt set by set, the smallest left out (under 120 rows); at most `rows` rows of a domain, half of them the target, without labels.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from mdshift.engine.adapt import adapt
from mdshift.readers.load import load
from mdshift.types import DataSpec

SMALLEST = 120


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=2000)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    sets = [sorted(f.glob("*.parquet")) for f in sorted(given.tables.iterdir()) if f.is_dir()]
    for files in sets:
        rng.shuffle(files)
    turns = [files[i] for i in range(max(map(len, sets))) for files in sets if i < len(files)]
    kept, done = 0, 0
    for file in turns:
        if done == given.cuts:
            break
        table = pd.read_parquet(file)
        label = next((c for c in ("label", "target") if c in table), None)
        if label is None:
            continue
        table = table[table[label].notna()].sample(frac=1, random_state=given.seed).head(given.rows)
        if len(table) < SMALLEST or (label == "label" and table[label].nunique() < 2):
            continue
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            source, target = f"{folder}/s.parquet", f"{folder}/t.parquet"
            table.iloc[::2].to_parquet(source)
            table.iloc[1::2].drop(columns=label).to_parquet(target)
            problem = load(DataSpec(sources=(source,), target=target, labels=(label,)), seed=given.seed, need_label=True)
        found, _ = adapt(problem, strategy="auto", seed=given.seed, out="m")
        done += 1
        kept += found.kept == "source-only"
        print(f"{file.parent.name}/{file.stem:28} {found.kept:12} {found.strategy:14} {time.perf_counter() - began:5.0f} s", flush=True)
    print(f"source-only was kept on {kept} of {done}")


if __name__ == "__main__":
    main()
