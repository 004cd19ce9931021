"""How far may a confidence be trusted on the target? Calibration error of the source model, of a map, and of the plain mean of `consensus`, before and after scaling.

    python benchmarks/choosing/confidence.py FOLDER...        (folders of collect.py that hold linear-ot and ot-map)

The error is the mean gap between confidence and accuracy over ten bins of confidence, on all target rows. `scaled`: the members carry the slope
that suits the source model's out-of-fold scores (the source model itself always does).
"""

import sys
from pathlib import Path

import numpy as np

from mdshift.stats.calibration import fit_temperature, scale


def error(scores, y):
    sure, right = scores.max(axis=1), scores.argmax(axis=1) == y
    bins = np.minimum((10 * sure).astype(int), 9)
    return sum((bins == b).mean() * abs(sure[bins == b].mean() - right[bins == b].mean()) for b in np.unique(bins))


def pair(folder):
    base = np.load(folder / "base.npz")
    if str(base["task"]) != "classification":
        return None
    slope = fit_temperature(base["cv_scores"], base["y_source"][base["cv_rows"]])
    files = (base, np.load(folder / "linear-ot.npz"), np.load(folder / "ot-map.npz"))
    plain, straight, bent = (np.concatenate([f["target"], f["test"]]) for f in files)
    y = np.concatenate([base["y_target"], base["y_test"]])
    scaled = [scale(s, slope) for s in (straight, bent)]
    means = (plain + straight + bent) / 3, (plain + scaled[0] + scaled[1]) / 3
    right = [(s.argmax(axis=1) == y).mean() for s in (plain, *means)]
    return [
        slope,
        error(plain, y),
        error(straight, y),
        error(scaled[0], y),
        *(error(m, y) for m in means),
        right[1] - right[0],
        right[2] - right[0],
    ]


def main():
    found = [
        made
        for folder in map(Path, sys.argv[1:])
        for at in sorted(folder.iterdir())
        if (at / "linear-ot.npz").exists() and (at / "ot-map.npz").exists() and (made := pair(at)) is not None
    ]
    heads = ("slope", "source-only", "linear-ot", "scaled", "plain mean", "scaled", "gain", "scaled")
    print(f"{len(found)} pairs (one of several seeds counts each time): means")
    print("".join(f"{h:>13}" for h in heads))
    print("".join(f"{v:>13.3f}" for v in np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
