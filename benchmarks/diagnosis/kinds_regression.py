"""Kinds of shift, regression (Polo et al., A unified framework for dataset shift diagnostics, 2023).

Source X ~ N(0,1), Y|X ~ N(X,1); target X ~ N(lambda,1), Y|X ~ N(X + theta,1); 5,000 rows a side, level .05.

    python benchmarks/diagnosis/kinds_regression.py --repeats 200
"""

import time

from pairs import arguments, rate, table

from mdshift.probes.conditional import Conditional
from mdshift.probes.marginal import Marginal

ROWS = 5_000
PUBLISHED = {  # size of the shift: their test of P(Y|X), an oracle z-test of it, their test of P(X)
    0.01: (0.101, 0.079, 0.068),
    0.05: (0.345, 0.705, 0.513),
    0.09: (0.662, 0.994, 0.935),
    0.15: (0.949, 1.0, 1.0),
}


def draw(shift_x, shift_y):
    def made(rng):
        X, Xt = rng.standard_normal((ROWS, 1)), rng.standard_normal((ROWS, 1)) + shift_x
        y, yt = X[:, 0] + rng.standard_normal(ROWS), Xt[:, 0] + shift_y + rng.standard_normal(ROWS)
        return X, y, Xt, yt

    return made


def main():
    a = arguments(__doc__, 200)
    began = time.perf_counter()
    rows = [["0", rate(Conditional(), draw(0, 0), a.repeats, a.seed)[0], "-", "-", rate(Marginal(), draw(0, 0), a.repeats, a.seed)[0], "-"]]
    for size, (theirs, oracle, theirs_x) in PUBLISHED.items():
        found = rate(Conditional(), draw(0, size), a.repeats, a.seed)[0]
        found_x = rate(Marginal(), draw(size, 0), a.repeats, a.seed)[0]
        rows.append([size, found, theirs, oracle, found_x, theirs_x])
    table("rejection rates at level .05", ["shift", "P(Y|X)", "published", "oracle", "P(X)", "published"], rows, began)


if __name__ == "__main__":
    main()
