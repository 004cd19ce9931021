"""Calibration of every probe where nothing changed: rejections at level .05 on three kinds of data, beside the binomial bound.

Both sides are drawn alike. normal: 5 independent normals. table: skewed numbers with holes, a category, an indicator. embeddings: 64 columns
of rank 8 in 4 clusters. The label has two classes (table), four (embeddings), or is a number (normal).
The bound is the 99.9 % point of Binomial(repeats, .05): with 40 cells one in 25 runs of the whole benchmark breaks it by chance.
"reading" is the share of pairs on which the reading says anything at all, with labels and without.

    python null.py [--repeats 500] [--rows 50 500 5000] [--kinds normal table embeddings] [--workers 2] [-o null.txt]
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

from mdshift.declare import every, generator
from mdshift.engine import reading
from mdshift.engine.diagnose import weigh
from mdshift.probes.base import view
from mdshift.types import Column, Domain, Problem, Schema

LEVEL = 0.05
ASKED = ("marginal", "features", "label", "within-class", "conditional", "prior")


def normal(rng, n):
    X = rng.standard_normal((n, 5))
    return X, np.zeros((n, 0), np.int32), X @ [1, -1, 0.5, 0, 0] + rng.standard_normal(n)


def table(rng, n):
    X = np.column_stack([rng.lognormal(size=n), rng.integers(0, 6, n), rng.standard_t(3, n), rng.random(n) < 0.3]).astype(float)
    colour = rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    y = (np.log(X[:, 0]) + 0.5 * X[:, 3] + (colour == 1) + rng.logistic(size=n) > 0.4).astype(np.int64)
    X[rng.random(n) < 0.15, 2] = np.nan
    return X, colour[:, None].astype(np.int32), y


CENTRES = np.random.default_rng(5).standard_normal((4, 8))
LOADING = np.random.default_rng(6).standard_normal((8, 64))


def embeddings(rng, n):
    y = rng.integers(0, 4, n)
    X = (CENTRES[y] + rng.standard_normal((n, 8))) @ LOADING + 0.5 * rng.standard_normal((n, 64))
    return X, np.zeros((n, 0), np.int32), y


KINDS = {"normal": normal, "table": table, "embeddings": embeddings}


def problem(kind, rng, n):
    sides = []
    for name in ("source", "target"):
        X, codes, y = KINDS[kind](rng, n)
        sides.append(Domain(name, X, codes, np.zeros((n, 0), object), None, y, np.arange(n), n))
    numbers = tuple(Column(f"x{j}", "number") for j in range(X.shape[1]))
    categories = tuple(Column(f"c{j}", "category", levels=("a", "b", "c", "d")) for j in range(codes.shape[1]))
    task = "classification" if y.dtype.kind == "i" else "regression"
    classes = tuple(map(str, range(int(y.max()) + 1))) if task == "classification" else ()
    return Problem((sides[0],), sides[1], Schema("table", numbers + categories), task, "y", classes, len(classes))


def once(kind, n, repeat):
    """Every p-value of one pair, None where a probe did not answer."""
    rng = generator(3, "null", kind, n, repeat)
    seen = view(problem(kind, rng, n), repeat)
    found = {name: every("probe")[name]().measure(seen, rng, alpha=LEVEL) for name in ASKED}
    x = found["marginal"].evidence
    out = {"mmd": x["mmd"]["p_value"], "classifier": x["classifier"]["p_value"], "columns": x["columns"]["p_value"]}
    out |= {name: f.p_value for name, f in found.items()}
    out["re-weighting fits"] = (found["prior"].evidence.get("fit") or {}).get("p_value")
    evidence = weigh(seen, found)
    blind = replace(evidence, y=None, x_given_y=None, y_given_x=None, has_labels=False, some_labels=0, few_labels=False)
    for name, ev in (("reading, labels", evidence), ("reading, none", blind)):
        said = reading.read(ev, LEVEL)
        out[name] = 0.0 if said.kinds or said.unclear else 1.0
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--rows", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    bound = stats.binom.ppf(0.999, options.repeats, LEVEL) / options.repeats
    lines = [
        f"rejections at level {LEVEL} where nothing changed, {options.repeats} repeats; at most {bound:.3f} is inside the binomial bound"
    ]
    print(lines[0], flush=True)
    for n in options.rows:
        for kind in options.kinds:
            began = time.perf_counter()
            with ProcessPoolExecutor(options.workers) as pool:
                rows = list(pool.map(partial(once, kind, n), range(options.repeats), chunksize=5))
            cells = []
            for name in rows[0]:
                known = [r[name] for r in rows if r[name] is not None]
                rate = np.mean([p <= LEVEL for p in known]) if known else np.nan
                cells.append(
                    f"{name} {rate:.3f}{'' if not rate > bound else ' ABOVE'}{'' if len(known) == len(rows) else f' ({len(known)})'}"
                )
            lines.append(f"{kind}, n = {n}: " + "; ".join(cells))
            print(lines[-1], f"[{time.perf_counter() - began:.0f} s]", flush=True)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
