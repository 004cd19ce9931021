"""Yardstick F: time and memory of `mdshift diagnose` on two tables, whole process, beside the published row.

The pair is 2 x ROWS x COLUMNS normal numbers with a label, the target's first column moved by a tenth of a standard deviation.
alibi-detect 0.13's `MMDDrift` with 100 permutations took 321 s and 5.6 GB for its MMD alone at 10,000 rows and 20 columns, on a 2-core machine.

    python speed.py [--rows 10000] [--columns 20] [--command "mdshift"] [-o speed.txt]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PUBLISHED = {(10_000, 20): (321.0, 5.6), (5_000, 20): (79.0, None), (2_000, 20): (13.0, None), (1_000, 20): (4.3, None)}


def write(path, rows, columns, shift, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, columns))
    X[:, 0] += shift
    y = (X[:, 0] + X[:, 1] + rng.standard_normal(rows) > 0).astype(int)
    pq.write_table(pa.table({**{f"x{j}": X[:, j] for j in range(columns)}, "label": y}), path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--command", default="mdshift")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.parquet", Path(folder) / "target.parquet"
        write(source, options.rows, options.columns, 0.0, 1)
        write(target, options.rows, options.columns, 0.1, 2)
        began = time.perf_counter()
        command = [*shlex.split(options.command), "diagnose", str(source), str(target), "--label", "label", "--json"]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
        seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(run.stdout)
    peak, cpu = used.ru_maxrss / 1e6, used.ru_utime + used.ru_stime
    load = os.getloadavg()[0]
    published, memory = PUBLISHED.get((options.rows, options.columns), (None, None))
    lines = [
        f"mdshift diagnose, 2 x {options.rows} rows x {options.columns} columns: {seconds:.1f} s ({cpu:.1f} s CPU), {peak:.2f} GB, kinds {found['kinds']}",
        f"machine: {os.cpu_count()} cores, load {load:.1f} at the end; seconds by part: {found['seconds']}",
    ]
    if published:
        share = f"; ratio 1/{published / seconds:.0f}"
        lines.append(f"alibi-detect 0.13 MMDDrift alone, 100 permutations: {published} s" + (f", {memory} GB" if memory else "") + share)
    print("\n".join(lines))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
