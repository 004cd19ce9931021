"""Yardstick F, size: `mdshift diagnose` on tables of Parquet that are too large to hold, beside pyarrow's time to read them once.

A table of ROWS rows stands in two files, the source's half and the target's half. Its columns: `label`, five of words with 2 to 40
levels, four of whole numbers, the rest float64, a tenth of these with 5 % missing; row groups of GROUP rows, snappy. The target's
first column lies a tenth of a standard deviation higher. Reading: every batch of every column once in a process of its own, without
reading ahead (the faster way, and the leaner), its fastest of three; the files lie in the page cache for both.

    python size.py [--rows 1000000 10000000] [--columns 50] [--command "mdshift"] [--folder DIR] [-o size.txt]
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 250_000
LEVELS = (2, 5, 10, 20, 40)
REACH = {"times reading": 5.0, "peak GB": 2.0, "memory, large / small": 1.2}
READ = """
import sys, time
import pyarrow as pa, pyarrow.parquet as pq
began, spent, rows = time.perf_counter(), time.process_time(), 0
for path in sys.argv[1:]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=65536):
            rows += batch.num_rows
print(time.perf_counter() - began, time.process_time() - spent, rows, pa.cpu_count())
"""


def batch(rows, columns, shift, rng):
    made = {"label": np.zeros(rows, np.int64)}
    for j in range(columns - 10):
        x = rng.standard_normal(rows)
        made[f"x{j}"] = pa.array(x, mask=rng.random(rows) < 0.05) if j % 10 == 9 else x
    made["x0"] += shift
    made["label"] = (made["x0"] + made["x1"] + rng.standard_normal(rows) > 0).astype(np.int64)
    for j in range(4):
        made[f"n{j}"] = rng.poisson(3.0 * 10**j, rows)
    for j, k in enumerate(LEVELS):
        words = pa.array([f"level {i}" for i in range(k)])
        made[f"c{j}"] = words.take(pa.array(rng.integers(0, k, rows)))
    return pa.table(made)


def write(path, rows, columns, shift, seed):
    rng = np.random.default_rng(seed)
    part = f"{path}.part"
    with pq.ParquetWriter(part, batch(1, columns, shift, rng).schema) as file:
        for start in range(0, rows, GROUP):
            file.write_table(batch(min(GROUP, rows - start), columns, shift, rng))
    Path(part).rename(path)  # a file that was broken off is not taken for a whole one


def run(command, folder):
    """Standard output, seconds and peak resident GB of a process."""
    out = Path(folder) / "out"
    began = time.perf_counter()
    with out.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return out.read_text(), seconds, used.ru_maxrss / 1e6, used.ru_utime + used.ru_stime


def measure(rows, columns, command, kept):
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(kept or folder) / f"{side}-{rows}-{columns}.parquet") for side in ("source", "target")]
        for path, half, shift, seed in ((paths[0], rows // 2, 0.0, 1), (paths[1], rows - rows // 2, 0.1, 2)):
            if not Path(path).exists():
                write(path, half, columns, shift, seed)
        size = sum(Path(p).stat().st_size for p in paths) / 1e9
        told, _, read_peak, _ = min(
            (run([sys.executable, "-c", READ, *paths], folder) for _ in range(3)), key=lambda r: float(r[0].split()[0])
        )
        (reading, reading_cpu), (seen, threads) = map(float, told.split()[:2]), map(int, told.split()[2:])
        text, seconds, peak, cpu = run([*shlex.split(command), "diagnose", *paths, "--label", "label", "--json"], folder)
    found = json.loads(text)
    assert seen == rows == sum(found["quality"]["rows"].values())
    return {
        "rows": rows,
        "columns": columns,
        "file GB": size,
        "reading s": reading,
        "its CPU s": reading_cpu,
        "reading GB": read_peak,
        "threads": threads,
        "diagnose s": seconds,
        "CPU s": cpu,
        "read s": found["seconds"]["read"],
        "peak GB": peak,
        "times reading": seconds / reading,
        "CPU by CPU": cpu / reading_cpu,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--command", default="mdshift")
    parser.add_argument("--folder", type=Path, help="where the files are made, and stay for the next time")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = [measure(rows, options.columns, options.command, options.folder) for rows in options.rows]
    names = (
        "rows",
        "file GB",
        "reading s",
        "its CPU s",
        "reading GB",
        "diagnose s",
        "CPU s",
        "read s",
        "peak GB",
        "times reading",
        "CPU by CPU",
    )
    lines = [
        f"mdshift diagnose of a table of {options.columns} columns (float64, whole numbers, words), whole process, beside pyarrow reading it once",
        "  ".join(f"{n:>14}" for n in names),
    ]
    lines += ["  ".join(f"{f[n]:>14,}" if n == "rows" else f"{f[n]:>14.2f}" for n in names) for f in found]
    large, small = found[-1], found[0]
    ratios = {k: large[k] for k in ("times reading", "peak GB")} | {"memory, large / small": large["peak GB"] / small["peak GB"]}
    lines += [f"{k}: {v:.2f} (to reach: at most {REACH[k]:g})" for k, v in ratios.items()]
    lines.append(f"machine: {os.cpu_count()} cores, {large['threads']} threads of pyarrow, load {os.getloadavg()[0]:.1f} at the end")
    print("\n".join(lines))
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
