"""P(Y|X) under covariate shift: three scenarios of the Cond2ST benchmark, level .05.

S1U: X ~ N((1,1,-1,-1,0,...), I) against N(0, I), d = 10; Y linear with t2 noise; alternative + .5. S1B: the same truncated to [-.5, .5].
S2U: Y ~ N(sum X, 10^2); alternative: the last coefficient dropped and variance about 10 to 20.
S5U: d = 5, X_j ~ Beta(.5,2) against Beta(2,2), Y nonlinear; alternative + .5.

    python benchmarks/diagnosis/conditional.py --repeats 200
"""

import time

import numpy as np
from pairs import arguments, rate, table

from mdshift.probes.conditional import Conditional

ROWS = 1_000
MEAN = np.array([1.0, 1, -1, -1, 0, 0, 0, 0, 0, 0])
PUBLISHED = {  # null / power of GCM, PCM, RCIT
    "S1U": (".060/.804", ".032/.924", ".082/.918"),
    "S2U": (".040/.062", ".018/.996", ".074/.964"),
    "S5U": (".074/.952", ".028/.172", ".090/.852"),
    "S1B": ("-", "-", "-"),
}


def truncated(rng, mean, bound=0.5):
    """Normal rows with unit variance within [-bound, bound], by inversion."""
    from scipy.stats import norm

    low, high = norm.cdf(-bound - mean), norm.cdf(bound - mean)
    return norm.ppf(low + (high - low) * rng.random((ROWS, len(mean)))) + mean


def linear(rng, X, shift):
    return X @ np.array([1.0, -1, -1, 1, 0, 0, 0, 0, 0, 0]) + rng.standard_t(2, ROWS) + shift


def s1u(rng, changed):
    X, Xt = rng.standard_normal((ROWS, 10)) + MEAN, rng.standard_normal((ROWS, 10))
    return X, linear(rng, X, 0), Xt, linear(rng, Xt, 0.5 * changed)


def s1b(rng, changed):
    X, Xt = truncated(rng, MEAN), truncated(rng, np.zeros(10))
    return X, linear(rng, X, 0), Xt, linear(rng, Xt, 0.5 * changed)


def s2u(rng, changed):
    X, Xt = rng.standard_normal((ROWS, 10)) + MEAN, rng.standard_normal((ROWS, 10))
    y = X.sum(axis=1) + 10 * rng.standard_normal(ROWS)
    if not changed:
        return X, y, Xt, Xt.sum(axis=1) + 10 * rng.standard_normal(ROWS)
    near = Xt.copy()
    near[np.arange(10), np.arange(10)] -= 0.5
    variance = 10 + 10 * np.exp(-np.linalg.norm(near) / 64)
    return X, y, Xt, Xt[:, :9].sum(axis=1) + np.sqrt(variance) * rng.standard_normal(ROWS)


def s5u(rng, changed):
    def answer(X):
        return np.sin(2 * np.pi * X[:, 0]) + 0.5 * np.log1p(10 * X[:, 1]) + 0.3 * (X[:, 2] - 0.5) ** 2 + rng.standard_normal(ROWS)

    X, Xt = rng.beta(0.5, 2, (ROWS, 5)), rng.beta(2, 2, (ROWS, 5))
    return X, answer(X), Xt, answer(Xt) + 0.5 * changed


def main():
    a = arguments(__doc__, 200)
    began = time.perf_counter()
    rows = []
    for name, scenario in (("S1U", s1u), ("S2U", s2u), ("S5U", s5u), ("S1B", s1b)):
        null, lost = rate(Conditional(), lambda rng, s=scenario: s(rng, False), a.repeats, a.seed)
        power, lost_too = rate(Conditional(), lambda rng, s=scenario: s(rng, True), a.repeats, a.seed + 1)
        rows.append([name, null, power, *PUBLISHED[name], lost + lost_too])
    table("rejection rates at level .05", ["scenario", "null", "power", "GCM", "PCM", "RCIT", "unanswered"], rows, began)


if __name__ == "__main__":
    main()
