"""`mdshift adapt` on 100,000 rows of 50 columns a side, 10 epochs: peak memory and seconds of the whole process.

    python benchmarks/strategies/memory.py [--rows 100000] [--strategy mmd]

The rows are made here (seed 0): the target's first ten columns are moved, and it has no labels.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd


def made(rows, by, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 50)) + by * (np.arange(50) < 10)
    table = pd.DataFrame(X, columns=[f"v{chr(97 + j // 26)}{chr(97 + j % 26)}" for j in range(50)])
    table["label"] = (X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=rows) > 0).astype(int)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--strategy", default="mmd")
    parser.add_argument("--epochs", default="10")
    given = parser.parse_args()
    command = shutil.which("mdshift") or str(Path(sys.executable).parent / "mdshift")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made(given.rows, 0.0, 0).to_parquet(place / "source.parquet")
        test = made(given.rows, 0.4, 1)
        test.drop(columns="label").to_parquet(place / "target.parquet")
        test.to_parquet(place / "labelled.parquet")
        begun = time.perf_counter()
        words = [command, "adapt", str(place / "source.parquet"), str(place / "target.parquet"), "--label", "label"]
        words += ["--strategy", given.strategy, "--set", f"epochs={given.epochs}", "--out", str(place / "model"), "--json", "-q"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begun
        if done.returncode:
            raise SystemExit(done.stderr)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        said = json.loads(done.stdout)
        scored = subprocess.run(
            [command, "evaluate", str(place / "model"), str(place / "labelled.parquet"), "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        accuracy = json.loads(scored.stdout)["scores"][0]["value"] if isinstance(json.loads(scored.stdout)["scores"], list) else None
    steps = [h["step"] for h in said["history"]][-1:] or [0]
    print(
        f"{given.strategy}, {given.rows:,} rows a side x 50 columns, {given.epochs} epochs ({steps[0]} steps): {seconds:.0f} s, peak {peak:.2f} GB, kept {said['kept']}, accuracy {accuracy}"
    )


if __name__ == "__main__":
    main()
