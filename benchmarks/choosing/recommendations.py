"""Ten recommendations on real pairs, printed in full as a user sees them.

    OMP_NUM_THREADS=1 python benchmarks/choosing/recommendations.py --tables DIR [--rows 2000] [--seed 1]

At most `rows` rows of a domain, drawn at random; the target is given without its labels. The seconds of a ranking are foretold by a power law, and no part of
what is printed depends on the machine but these.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

PAIRS = (
    ("adult_origin", "us", "asia"),
    ("amazon_reviews_bow", "books", "kitchen"),
    ("coil20", "coil1", "coil2"),
    ("elec2", "1997h1", "1998h2"),
    ("heart_disease", "cleveland", "hungarian"),
    ("newsgroups_comp_sci", "task1", "task2"),
    ("office_caltech_surf", "caltech", "webcam"),
    ("promise_defects", "ant_1_7", "velocity_1_6"),
    ("wine_quality", "white", "red"),
    ("wisdm_users", "user14", "user34"),
)
WIDTH = "80"  # columns of the terminal


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("$ python benchmarks/choosing/recommendations.py --tables DIR")
    print(f"Ten pairs of open domains, at most {given.rows:,} rows a side, the target without its labels.")
    for name, *domains in PAIRS:
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for domain in domains:
                table = pd.read_parquet(given.tables / name / f"{domain}.parquet")
                label = next(c for c in ("label", "target") if c in table)
                table = table.sample(n=min(given.rows, len(table)), random_state=given.seed)
                files.append(f"{name}/{domain}.parquet")
                (Path(folder) / name).mkdir(exist_ok=True)
                (table if domain == domains[0] else table.drop(columns=label)).to_parquet(Path(folder) / files[-1])
            asked = ["recommend", *files, "--label", label]
            run = subprocess.run(
                [Path(sys.executable).parent / "mdshift", *asked],
                cwd=folder, env={**os.environ, "COLUMNS": WIDTH}, capture_output=True, text=True, check=True,
            )  # fmt: skip
            print(f"\n$ mdshift {' '.join(asked)}\n{run.stdout.rstrip()}", flush=True)


if __name__ == "__main__":
    main()
