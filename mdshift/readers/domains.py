"""Several domains: their names, and a column that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mdshift.errors import DataError, nearest
from mdshift.readers.base import Place
from mdshift.readers.collect import Raw
from mdshift.readers.labels import names_of

MOST = 200  # more domains than this are rather an identifier
NAMELESS = "(missing)"


def named_apart(places: Sequence[Place]) -> list[str]:
    """A name for each domain: the file's or folder's, with its folder where two are equal, numbered where those are too."""
    names = [p.name for p in places]
    names = [
        f"{p.root.resolve().parent.name}/{n}" if names.count(n) > 1 and p.given != "-" else n for p, n in zip(places, names, strict=True)
    ]
    seen: dict[str, int] = {}
    out = []
    for n in names:
        seen[n] = seen.get(n, 0) + 1
        out.append(n if seen[n] == 1 else f"{n} ({seen[n]})")
    return out


def split(
    sources: list[Raw], target: Raw | None, column: str, wanted: str | None, *, need_target: bool = True
) -> tuple[list[Raw], Raw | None]:
    """Make every value of a column in the sources a domain.

    Without a target path, the domain called `wanted` is the target, else the last in sorted order: of years, the
    latest. Raises DataError when the column is not there, or tells too many or too few domains apart.
    """
    import numpy as np

    found: dict[str, list[Raw]] = {}
    for raw in sources:
        if column not in raw.positions:
            raise DataError("domain column not found", f"{column!r} in {raw.name}", nearest(column, raw.names))
        values = np.array([NAMELESS if v is None else v for v in names_of(raw.column(column))], dtype=object)
        unique = sorted(set(values))
        if len(unique) > MOST:
            raise DataError(
                "too many domains", f"column {column!r} has {len(unique)} values", f"a domain column tells at most {MOST} domains apart"
            )
        for value in unique:
            found.setdefault(value, []).append(raw.take(values == value, value))
    names = _in_order(list(found))
    merged = {n: _merge(found[n]) for n in names}
    if target is not None:
        taken = target.name in merged
        return [merged[n] for n in names], (replace(target, name=f"{target.name} (target)") if taken else target)
    if wanted is None and not need_target:
        return [merged[n] for n in names], None
    if wanted is not None and wanted not in merged:
        raise DataError("neither a path nor a domain", repr(wanted), nearest(wanted, names))
    if len(names) < 2:  # noqa: PLR2004 - one cannot be source and target
        raise DataError("one domain only", f"column {column!r} holds {names[0]!r} alone", "give the target as the last path")
    last = wanted or names[-1]
    return [merged[n] for n in names if n != last], merged[last]


def _in_order(names: list[str]) -> list[str]:
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _merge(parts: list[Raw]) -> Raw:
    """One domain out of its rows in several files."""
    import numpy as np

    from mdshift.readers.collect import joined

    if len(parts) == 1:
        return parts[0]
    table = joined([b for p in parts for b in p.table.to_batches()], parts[0].name)
    X = None if parts[0].X is None else np.concatenate([p.X for p in parts if p.X is not None])
    return replace(parts[0], table=table, X=X, index=np.concatenate([p.index for p in parts]), rows=sum(p.rows for p in parts))
