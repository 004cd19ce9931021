"""The rows that the probes of labels look at, and the models that they share: drawn and fitted once a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.probes.base import View
    from mdshift.stats.nuisance import Scores

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST, LEAST, CELLS = 5_000, 1_000, 300_000  # rows a side: as many as keep the cells of a side below CELLS, within these bounds
STRATA = 5  # bands of a number, where its law is estimated as if they were classes


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled source rows and target rows, (n, d) and (m, d), float64; y_target is MISSING or NaN where unlabelled, or None."""

    Z_source: Floats
    y_source: NDArray[Any]
    Z_target: Floats
    y_target: NDArray[Any] | None
    classes: int  # 0: y is a number
    sampled: bool

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Mask (m,) of the target rows with a label."""
        if self.y_target is None:
            return np.zeros(len(self.Z_target), dtype=bool)
        return np.asarray(self.y_target >= 0 if self.classes else ~np.isnan(self.y_target))

    def pair(self) -> tuple[Floats, NDArray[Any], Ints]:
        """The labelled rows of both sides: Z, y, and the domain (0 source, 1 target)."""
        seen = self.labelled
        assert self.y_target is not None
        Z = np.concatenate([self.Z_source, self.Z_target[seen]])
        y = np.concatenate([self.y_source, self.y_target[seen]])
        return Z, y, np.repeat([0, 1], [len(self.Z_source), int(seen.sum())])


def rows(view: View) -> Rows | None:
    """The rows of a view that carry what the tests of labels need; None without source labels."""
    return view.once("rows", lambda: _draw(view))


def _draw(view: View) -> Rows | None:
    task = view.problem.task
    if task is None or view.y_source is None:
        return None
    seen = np.flatnonzero(view.source.labelled)
    if not len(seen):
        return None
    most = int(np.clip(CELLS // max(view.Z_source.shape[1], 1), LEAST, MOST))
    rng = view.rng("rows")
    take = np.sort(rng.choice(seen, most, replace=False)) if len(seen) > most else seen
    other = np.arange(view.n_target)
    if view.n_target > most:
        known = np.flatnonzero(view.target.labelled)
        rest = np.flatnonzero(~view.target.labelled)
        # rows with a label are the scarce ones: they are kept first
        first = rng.choice(known, most, replace=False) if len(known) > most else known
        other = np.sort(np.concatenate([first, rng.choice(rest, most - len(first), replace=False) if len(first) < most else rest[:0]]))
    y = view.y_target
    return Rows(
        view.Z_source[take].astype(np.float64),
        view.y_source[take],
        view.Z_target[other].astype(np.float64),
        None if y is None or not view.target.labelled.any() else y[other],
        len(view.problem.classes) if task == "classification" else 0,
        len(take) < len(seen) or len(other) < view.n_target,
    )


def bands(y: Floats) -> Ints:
    """Quantile bands of a number, as class codes from 0."""
    cuts = np.unique(np.quantile(y, np.linspace(0, 1, STRATA + 1)[1:-1]))
    return np.asarray(np.unique(np.searchsorted(cuts, y, side="right"), return_inverse=True)[1], dtype=np.int64)


def scores(view: View) -> tuple[Ints, int, Scores] | None:
    """Class codes of the source rows (bands of a number), how many, and cross-fitted scores of source and target rows."""
    return view.once("scores", lambda: _scores(view))


def _scores(view: View) -> tuple[Ints, int, Scores] | None:
    from mdshift.stats import nuisance

    found = rows(view)
    if found is None or len(found.Z_source) < 2 * nuisance.FOLDS:
        return None
    y, k = (found.y_source, found.classes) if found.classes else (bands(found.y_source), STRATA)
    if len(np.unique(y)) < 2:  # noqa: PLR2004 - one class: nothing to score
        return None
    return y, k, nuisance.classify(found.Z_source, y, k, view.rng("scores"), found.Z_target)


def predictions(view: View) -> Scores | None:
    """Cross-fitted predictions of source and target rows: class probabilities, or means of a number, (n, 1)."""
    found = rows(view)
    if found is None or found.classes:
        made = scores(view)
        return None if made is None else made[2]

    def make() -> Scores | None:
        from mdshift.stats import nuisance

        if len(found.Z_source) < 2 * nuisance.FOLDS:
            return None
        return nuisance.regress(found.Z_source, found.y_source, view.rng("predictions"), found.Z_target)

    return view.once("predictions", make)


def propensity(view: View) -> Floats | None:
    """P(target | X) of the source rows and then the target rows, cross-fitted, (n + m,)."""

    def make() -> Floats | None:
        from mdshift.stats import nuisance

        found = rows(view)
        if found is None or min(len(found.Z_source), len(found.Z_target)) < nuisance.FOLDS:
            return None
        Z = np.concatenate([found.Z_source, found.Z_target])
        domain = np.repeat([0, 1], [len(found.Z_source), len(found.Z_target)])
        return nuisance.classify(Z, domain, 2, view.rng("propensity")).fitted[:, 1]

    return view.once("propensity", make)


def outcome(view: View) -> Floats | None:
    """Cross-fitted predictions of the label on the labelled rows of both sides (`Rows.pair`), (n, classes) or (n, 1)."""

    def make() -> Floats | None:
        from mdshift.stats import conditional

        found = rows(view)
        if found is None or not found.labelled.any():
            return None
        Z, y, _ = found.pair()
        return conditional.outcome(Z, y, found.classes, view.rng("outcome"))

    return view.once("outcome", make)
