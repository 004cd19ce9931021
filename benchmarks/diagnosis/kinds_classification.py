"""Kinds of shift, classification (Polo et al., A unified framework for dataset shift diagnostics, 2023).

y ~ Bernoulli(.5), X|y ~ N(y 1_3, I); target y ~ Bernoulli(.5 + delta), mean + gamma; 5,000 rows a side, level .05.

    python benchmarks/diagnosis/kinds_classification.py --repeats 200
"""

import time

import numpy as np
from pairs import arguments, rate, table

from mdshift.probes.label import Label
from mdshift.probes.withinclass import WithinClass

ROWS = 5_000
PUBLISHED = {0.005: (0.060, 0.063), 0.025: (0.285, 0.408), 0.045: (0.750, 0.876), 0.065: (0.973, 0.994)}  # P(X|Y), P(Y)


class Bare(WithinClass):
    """The test without its effect, which takes no part in it and needs a model of the domain more."""

    def _effect(self, *_):
        return None, None, None


def draw(gamma, delta):
    def made(rng):
        y, yt = ((rng.random(ROWS) < 0.5 + d).astype(np.int64) for d in (0, delta))
        return y[:, None] + rng.standard_normal((ROWS, 3)), y, yt[:, None] + gamma + rng.standard_normal((ROWS, 3)), yt

    return made


def main():
    a = arguments(__doc__, 200)
    began = time.perf_counter()
    rows = [[0.0, rate(Bare(), draw(0, 0.1), a.repeats, a.seed)[0], "-", rate(Label(), draw(0.1, 0), a.repeats, a.seed)[0], "-"]]
    for size, (theirs, theirs_y) in PUBLISHED.items():
        found = rate(Bare(), draw(size, 0), a.repeats, a.seed)[0]
        rows.append([size, found, theirs, rate(Label(), draw(0, size), a.repeats, a.seed)[0], theirs_y])
    table("rejection rates at level .05", ["shift", "P(X|Y)", "published", "P(Y)", "published"], rows, began)


if __name__ == "__main__":
    main()
