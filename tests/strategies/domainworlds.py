"""Small problems of several source domains, for strategies that learn from their differences."""

import numpy as np
from made import prepared


def spurious(seed=0, sizes=(200, 200), flips=(0.05, 0.35), target=0.9, m=800, keep=0.25):
    """A cause tells the label wrongly in a share `keep` of the rows everywhere; an effect does in `flips` of each source, `target` of the target.

    The best that the cause allows is an accuracy of 1 - keep.
    """
    rng = np.random.default_rng(seed)

    def drawn(size, flip):
        cause = rng.integers(0, 2, size)
        y = np.where(rng.random(size) < keep, 1 - cause, cause)
        effect = np.where(rng.random(size) < flip, 1 - y, y)
        return np.column_stack([2 * cause - 1, 2 * effect - 1]) + 0.3 * rng.normal(size=(size, 2)), y

    parts = [drawn(n, flip) for n, flip in zip(sizes, flips, strict=True)]
    Xt, yt = drawn(m, target)
    X, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return prepared(X, y, Xt, domain=np.repeat(np.arange(len(sizes)), sizes), modality="array"), yt


def spurious_number(seed=0, sizes=(200, 200), m=800, spreads=(0.1, 1.0), target=4.0, noise=0.5, turned=False):
    """A number made from a cause with noise, and an effect of the number whose noise differs over the sources (Arjovsky 2019, section 2).

    In the target the effect has the spread `target`, and where it is `turned` the other sign. What the cause allows is an R2 of
    1 / (1 + noise^2).
    """
    rng = np.random.default_rng(seed)

    def drawn(size, spread, sign=1):
        cause = rng.normal(size=size)
        y = cause + noise * rng.normal(size=size)
        return np.column_stack([cause, sign * y + spread * rng.normal(size=size)]), y

    parts = [drawn(n, spread) for n, spread in zip(sizes, spreads, strict=True)]
    Xt, yt = drawn(m, target, -1 if turned else 1)
    X, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return prepared(X, y, Xt, domain=np.repeat(np.arange(len(sizes)), sizes), modality="array"), yt


def turned_number(seed=0, spreads=(0.1, 1.5)):
    """A number whose effect, less noisy than its cause, turns its sign in the target: the cause allows an R2 of 0.5."""
    return spurious_number(seed, (250, 250), spreads=spreads, target=0.5, noise=1.0, turned=True)
