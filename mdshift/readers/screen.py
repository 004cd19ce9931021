"""Columns of numbers: made finite, and looked through for those of no use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdshift.readers.categories import CERTAIN
from mdshift.readers.notes import Notes, listed
from mdshift.types import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 1e150  # magnitudes beyond it are cut: their squares would overflow
ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|idx|rowid|row_?num(ber)?)$|^column \d+$", re.IGNORECASE)
CAMEL_ID = re.compile(r"[a-z](ID|Id)$")


def screen(
    names: Sequence[str],
    matrices: Sequence[NDArray[np.float64]],
    whole: Sequence[bool],
    n_sources: int,
    index: Sequence[Any],
    notes: Notes,
    *,
    alone: Mapping[str, str] | None = None,
) -> tuple[NDArray[np.bool_], dict[str, Column]]:
    """Clean columns of numbers in place (no infinity, no huge value) and find those to leave out.

    matrices: one (n_d, p) a domain. alone: columns that one side alone has. Returns the mask (p,) of those kept, and the others with the reason.
    """
    import numpy as np

    p = len(names)
    infinite, huge = np.zeros(p, dtype=np.int64), np.zeros(p, dtype=np.int64)
    for m in matrices:
        wild = ~(np.abs(m) <= LARGEST) & ~np.isnan(m)
        if wild.any():
            infinite += np.isinf(m).sum(axis=0)
            huge += (wild & np.isfinite(m)).sum(axis=0)
            m[np.isinf(m)] = np.nan
            np.clip(m, -LARGEST, LARGEST, out=m)
    for what, counts, does in (
        ("infinite", infinite, "are infinite: treated as missing"),
        ("huge", huge, f"are beyond {LARGEST:g}: cut to it"),
    ):
        for j in np.flatnonzero(counts).tolist():
            notes.count(what, names[j], int(counts[j]))
        if counts.any():
            notes.say("warning", f"{int(counts.sum())} numbers {does}", listed([names[j] for j in np.flatnonzero(counts).tolist()]))
    present = [(~np.isnan(m)).sum(axis=0) for m in matrices]
    low = np.min([np.where(np.isnan(m), np.inf, m).min(axis=0, initial=np.inf) for m in matrices], axis=0)
    high = np.max([np.where(np.isnan(m), -np.inf, m).max(axis=0, initial=-np.inf) for m in matrices], axis=0)
    everywhere = sum(present) == sum(len(m) for m in matrices)
    out: dict[str, Column] = {}
    for j in np.flatnonzero(sum(present) == 0).tolist():
        out[names[j]] = Column(names[j], "empty", note="all missing")
    learnt = sum(present[:n_sources])
    lone = np.array([n in (alone or {}) for n in names], dtype=bool)
    for j in np.flatnonzero((learnt == 0) & (sum(present) > 0) & ~lone).tolist():
        notes.say("warning", "all missing in the source, and left out: nothing can be learnt from it", names[j])
        out[names[j]] = Column(names[j], "empty", note="all missing in the source")
    for d in range(len(matrices)):
        gone = [names[j] for j in np.flatnonzero((present[d] == 0) & (learnt > 0) & ~lone).tolist()]
        if gone and len(matrices[d]):
            notes.count("all_missing", str(d), gone)
    for j in np.flatnonzero(everywhere & (low == high)).tolist():
        out.setdefault(names[j], Column(names[j], "constant", note=f"always {low[j]:g}"))
    for j, name in enumerate(names):
        if (
            whole[j]
            and everywhere[j]
            and name not in out
            and high[j] - low[j] >= CERTAIN - 1
            and _counts_rows(name, [m[:, j] for m in matrices], index)
        ):
            out[name] = Column(name, "identifier", note="it numbers the rows")
    for j, twin in _twins(names, matrices, out).items():
        out[names[j]] = Column(names[j], "duplicate", note=f"the same as {names[twin]!r}")
    return np.array([n not in out for n in names], dtype=bool), out


def _counts_rows(name: str, columns: Sequence[Any], index: Sequence[Any]) -> bool:
    """Whether whole numbers only tell rows apart: they count along with the rows, or differ everywhere under a name such as `id`."""
    import numpy as np

    def counted(v: Any, i: Any) -> bool:
        if len(v) < 2 or len(np.unique(v)) < len(v):  # noqa: PLR2004 - one value counts nothing
            return False
        along = bool((np.diff(v - i) == 0).all())
        return along or v.max() - v.min() == len(v) - 1

    long = [(v, i) for v, i in zip(columns, index, strict=True) if len(v) >= CERTAIN]
    if long and all(counted(v, i) for v, i in long):
        return True
    named = bool(ID_NAME.search(name) or CAMEL_ID.search(name))
    return named and all(len(np.unique(v)) == len(v) for v in columns)


def _twins(names: Sequence[str], matrices: Sequence[Any], out: Mapping[str, Column]) -> dict[int, int]:
    """Columns whose values equal those of an earlier one in every row."""
    import hashlib

    import numpy as np

    seen: dict[bytes, int] = {}
    found: dict[int, int] = {}
    step = max(1, (1 << 22) // max(1, sum(len(m) for m in matrices)))
    for start in range(0, len(names), step):
        blocks = [np.ascontiguousarray(m[:, start : start + step].T + 0.0) for m in matrices]  # + 0.0: one zero
        for k in range(min(step, len(names) - start)):
            j = start + k
            if names[j] in out:
                continue
            digest = hashlib.blake2b(digest_size=16)
            for b in blocks:
                digest.update(b[k].tobytes())
            twin = seen.setdefault(digest.digest(), j)
            if twin != j:
                found[j] = twin
    return found
