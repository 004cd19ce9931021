"""Jensen-Shannon divergence in bits, less what chance alone gives (Lin 1991)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SUM_LIMIT = 4_000  # counts of a bin from which the expansion is exact enough to replace the sum


def contributions(p: Floats, q: Floats) -> Floats:
    """What every bin adds to the divergence of two distributions p and q (same shape), in bits."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log2(p / middle), 0.0)
        right = np.where(q > 0, q * np.log2(q / middle), 0.0)
    out: Floats = (left + right) / 2
    return out


def js_bits(p: Floats, q: Floats) -> Floats:
    """Divergence along the first axis: 0 for equal distributions, 1 for disjoint ones."""
    out: Floats = contributions(np.asarray(p, float), np.asarray(q, float)).sum(axis=0)
    return out


def corrected_js(source: Ints, target: Ints) -> Floats:
    """Divergence of two tables of counts (bins, ...), chance-corrected like an adjusted index, in [0, 1].

    The expectation E under the null is exact: given the pooled counts of a bin, the target's count is hypergeometric.
    (JS - E) / (1 - E) keeps disjoint samples at 1, and is then shrunk by 1 - (2 / t)^4 where t is its distance from E in
    standard deviations of the null: below two it reads 0, so that two samples of one law do at any pair of sizes, and
    beyond five nothing is taken away.
    """
    n, m = source.sum(axis=0), target.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = js_bits(source / n, target / m)
    pooled = source + target
    sizes = np.stack(np.broadcast_arrays(pooled, n, m), axis=-1).reshape(-1, 3).astype(np.int64)
    unique, back = np.unique(sizes, axis=0, return_inverse=True)
    chance = _expected(unique)[back.ravel()].reshape(pooled.shape).sum(axis=0)
    free = np.maximum((pooled > 0).sum(axis=0) - 1, 1)
    spread = chance * np.sqrt(2 / free)  # 8 ln 2 JS / (1/n + 1/m) is about chi-square with `free` degrees of freedom
    return shrunk(np.nan_to_num(plain), chance, spread)


def shrunk(plain: Any, chance: Any, spread: Any) -> Floats:
    """A divergence less its expectation under the null, shrunk to 0 within two standard deviations of the null; see `corrected_js`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(spread > 0, (plain - chance) / spread, np.inf * np.sign(plain - chance))
        kept = np.where(t > 2, 1 - (2 / t) ** 4, 0.0)  # noqa: PLR2004 - two standard deviations
    out: Floats = np.clip((plain - chance) / np.maximum(1 - chance, 1e-9), 0.0, 1.0) * kept
    return out


def _expected(sizes: Ints) -> Floats:
    """Expected contribution of a bin with pooled count c, for every (c, n, m), under random sides."""
    from scipy.special import gammaln

    out = np.zeros(len(sizes))
    for i, (c, n, m) in enumerate(sizes.tolist()):
        if c == 0 or n == 0 or m == 0:
            continue
        size = n + m
        if min(c * n, c * m) / size > SUM_LIMIT:
            out[i] = (1 - c / size) * (1 / n + 1 / m) / (8 * np.log(2))
            continue
        mean = c * m / size
        reach = 8 * np.sqrt(mean * (1 - c / size) * n / max(size - 1, 1) + 1) + 3
        b = np.arange(max(0, c - n, int(mean - reach)), min(c, m, int(mean + reach)) + 1)
        log = (
            gammaln(c + 1) - gammaln(b + 1) - gammaln(c - b + 1)
            + gammaln(size - c + 1) - gammaln(m - b + 1) - gammaln(size - c - m + b + 1)
            - gammaln(size + 1) + gammaln(m + 1) + gammaln(n + 1)
        )  # fmt: skip
        out[i] = float(np.exp(log) @ contributions((c - b) / n, b / m))
    return out
