"""Is the target's X a re-weighting of the source's classes? Goodness of fit of label shift, without target labels.

Features are corrected by the classifier's scores so that every class has the same mean; under label shift (P(X|Y) equal) their mean in the
target is that same value whatever the target's class shares are. A mean that moved contradicts every re-weighting of the classes. This is the
test of over-identifying restrictions (Hansen 1982) for the moments of black-box shift estimation (Lipton 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdshift.stats import bank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DRAWS = 499


@dataclass(frozen=True, eq=False)
class Fit:
    """p_value: of "the target's X is a re-weighting of the source's classes"; prior (k,): the class shares that fit best."""

    p_value: float
    statistic: float
    prior: Floats
    groups: dict[str, float]


def goodness(
    Z_source: Floats, y: Ints, scores_source: Floats, Z_target: Floats, scores_target: Floats, rng: np.random.Generator, draws: int = DRAWS
) -> Fit | None:
    """Test label shift. scores: P(y|x) out of fold, (n, k) and (m, k); None where fewer than two classes have two rows."""
    counts = np.bincount(y, minlength=scores_source.shape[1])
    classes = np.flatnonzero(counts >= 2)  # noqa: PLR2004 - a spread needs two rows
    if len(classes) < 2:  # noqa: PLR2004
        return None
    rows = np.isin(y, classes)
    Z_source, y, scores_source = Z_source[rows], np.searchsorted(classes, y[rows]), scores_source[rows]
    n, k = len(y), len(classes)
    made = bank.bank_of(np.concatenate([Z_source, Z_target]), rng)
    g = np.concatenate([scores_source, scores_target])[:, classes[1:]]
    onehot = np.eye(k)[y]
    share = onehot.mean(axis=0)
    to_means = onehot.T / onehot.sum(axis=0)[:, None]
    mean_g, mean_phi = to_means @ g[:n], to_means @ made.phi[:n]
    centre_g, centre_phi = share @ mean_g, share @ mean_phi
    slope = np.linalg.lstsq(np.sqrt(share)[:, None] * (mean_g - centre_g), np.sqrt(share)[:, None] * (mean_phi - centre_phi), rcond=1e-3)[0]
    free = made.phi - g @ slope
    prior = class_shares(mean_g, g[n:].mean(axis=0), share)
    corrected = bank.Bank(
        np.concatenate([free, g], axis=1),
        (*made.groups, bank.Group("outside the classes", np.arange(free.shape[1], free.shape[1] + k - 1), "max", 1.0)),
    )
    sums = _sums(corrected.phi, to_means, prior, y, draws, rng)
    out = bank.judge(sums, corrected.groups)
    full = np.zeros(len(counts))
    full[classes] = prior
    return Fit(out.p_value, out.statistic, full, out.groups)


def _sums(phi: Floats, to_means: Floats, prior: Floats, y: Ints, draws: int, rng: np.random.Generator) -> Floats:
    """The target's mean less the re-weighted source's (first row), and multiplier draws of its sampling error."""
    n = len(y)
    m = len(phi) - n
    means, mean_target = to_means @ phi[:n], phi[n:].mean(axis=0)
    error = np.concatenate([phi[:n] - means[y], phi[n:] - mean_target])
    counts = np.bincount(y, minlength=len(prior))
    # each class and the target loses a degree of freedom to its mean
    inflate = np.sqrt(counts / np.maximum(counts - 1, 1))
    size = np.concatenate([-(prior / counts * inflate)[y], np.full(m, np.sqrt(m / max(m - 1, 1)) / m)])
    noise = rng.standard_normal((draws, len(phi)), dtype=np.float32) * size.astype(np.float32)
    return np.concatenate([(mean_target - prior @ means)[None, :], bank.products(error, noise)])


def class_shares(means: Floats, target: Floats, share: Floats) -> Floats:
    """The class shares q >= 0 with sum 1 whose mixture of the class means (k, d) is nearest to the target's mean (d,)."""
    from scipy.optimize import nnls

    scale = np.maximum(np.sqrt(share @ (means - share @ means) ** 2), 1e-9)
    weight = 1e3  # of the sum-to-one condition
    A = np.concatenate([(means / scale).T, np.full((1, len(means)), weight)])
    q, _ = nnls(A, np.concatenate([target / scale, [weight]]))
    return np.asarray(q / q.sum()) if q.sum() > 0 else share
