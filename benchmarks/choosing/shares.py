"""Move the classes' shares of real domains by hand: where nothing else changed, and where the domain changed too.

    python benchmarks/choosing/shares.py TABLES... -o FOLDER

TABLES: folders of open sets, a folder a set, a Parquet file a domain. Of two domains of each set the second half of the rows is thinned class by class
(FOLDER/alone: half, moved); of up to three pairs (six where there are many domains) the whole target is, beside the whole source (FOLDER/both: whole,
moved). A class keeps a share drawn from a Dirichlet law (.7), over its largest, .06 at least. Fewer than 110 rows left are left out.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

MANY = ("gas_drift", "wisdm_users")  # domains
SETS = ("coil20", "digits", "office_caltech_surf", MANY[1], MANY[0], "keystroke", "mice", "outdoor", "optdigits", "pendigits", "vowel")
LEAST, FEWEST, SMALL = 110, 250, 80  # rows: of what is left, of a domain that is halved, of a source


def thinned(table, rng):
    kinds = table["label"].unique()
    shares = rng.dirichlet(np.full(len(kinds), 0.7))
    kept = dict(zip(kinds, np.maximum(shares / shares.max(), 0.06), strict=True))
    return table[np.array([rng.random() < kept[c] for c in table["label"]])].reset_index(drop=True)


def written(folder, **domains):
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in domains.items():
        rows.to_parquet(folder / f"{name}.parquet")
    source, target = (rows["label"].value_counts(normalize=True) for rows in domains.values())
    print(f"{folder}: {len(domains['moved'])} rows, shares moved by {source.sub(target, fill_value=0).abs().sum() / 2:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    rng = np.random.default_rng(7)
    for name in SETS:
        files = next((sorted(map(str, (t / name).glob("*.parquet"))) for t in given.tables if (t / name).is_dir()), [])
        rng.shuffle(files)
        halved = 0
        for file in files:
            table = pd.read_parquet(file)
            if len(table) < FEWEST or halved == 2:
                continue
            table = table.sample(frac=1, random_state=3).reset_index(drop=True)
            half, moved = table.iloc[: len(table) // 2], thinned(table.iloc[len(table) // 2 :], rng)
            if len(moved) >= LEAST and moved["label"].nunique() > 1:
                written(given.output / "alone" / f"{name}_{halved}", half=half, moved=moved)
                halved += 1
        pairs, both = [(s, t) for s in files for t in files if s != t], 0
        rng.shuffle(pairs)
        for s, t in pairs:
            if both == (6 if name in MANY else 3):
                break
            source, moved = pd.read_parquet(s), thinned(pd.read_parquet(t), rng)
            if len(moved) >= LEAST and len(source) >= SMALL and moved["label"].nunique() > 1:
                written(given.output / "both" / f"{name}_{both}", whole=source, moved=moved)
                both += 1


if __name__ == "__main__":
    main()
