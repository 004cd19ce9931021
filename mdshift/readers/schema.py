"""The schema of a problem, and its domains' values under it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.errors import DataError
from mdshift.readers.categories import settle
from mdshift.readers.collect import Raw
from mdshift.readers.columns import Found, treat
from mdshift.readers.notes import Notes, listed
from mdshift.readers.screen import screen
from mdshift.types import Column, DataSpec, Note, Problem, Schema

if TYPE_CHECKING:
    import pyarrow as pa

ARRAY_WIDTH = 50  # from so many numbered columns of numbers on, a table is an array
FEW_ROWS = 20  # with so few rows a column may be constant by chance
SHOWN = 40  # columns that a note lists


def build(
    spec: DataSpec,
    raws: list[Raw],
    names: list[str],
    n_sources: int,
    notes: Notes,
    *,
    has_images: bool,
    where: Mapping[str, Any] | None = None,
) -> tuple[Schema, list[Any], list[Any], list[Any]]:
    """Settle every column of all domains (the first `n_sources` are sources). where: the side of the columns that one side alone has.

    Returns the schema, and the numbers (n, p), category codes (n, q) and texts (n, t) of each domain.
    Raises DataError when no column is of use.
    """
    import numpy as np

    notes.index = [r.index for r in raws]
    rows = [len(r.index) for r in raws]
    left: dict[str, Column] = {}
    kept: dict[str, Column] = {}
    if not has_images and all(r.matrix is not None and r.matrix.shape == (len(r.index), len(names)) for r in raws):
        number_names, matrices, whole = names, [np.array(r.matrix) for r in raws], [False] * len(names)
        found: dict[str, Found] = {}
    else:
        domains, typed = [r.name for r in raws], all(r.typed for r in raws)
        found = {
            n: settle(
                treat(n, [_array(r, n) for r in raws], spec, domains, notes, typed=typed), n_sources, rows, notes, alone=n in (where or {})
            )
            for n in names
        }
        number_names = [n for n, f in found.items() if f.column.kind in ("number", "date")]
        matrices = [np.empty((r, len(number_names))) for r in rows]
        for j, n in enumerate(number_names):
            for matrix, v in zip(matrices, found[n].values, strict=True):
                matrix[:, j] = v
        whole = [found[n].whole and found[n].column.kind == "number" and n not in spec.kinds for n in number_names]
    few = min(rows) <= FEW_ROWS
    mask, out = screen(number_names, matrices, whole, n_sources, [r.index for r in raws], notes, alone=where or {})
    constant = [n for n, c in out.items() if c.kind == "constant"]
    if (
        few
        and constant
        and not has_images
        and not mask.any()
        and not any(found[n].column.kind in ("category", "text") for n in names if found)
    ):
        # so few rows say nothing, and are to be read as that: not as data without columns
        mask = mask | np.isin(number_names, constant)
        out = {n: c for n, c in out.items() if n not in constant}
    left |= out
    for n in names:
        column = found[n].column if found else Column(n, "number")
        if n in left:
            continue
        if where and n in where:
            column = replace(column, where=where[n])
        (kept if column.kind in ("number", "date", "category", "text") else left)[n] = column
    _twin_categories(kept, left, found)
    _missing_somewhere(notes, raws)
    schema = Schema(
        _modality(kept, raws, has_images=has_images),
        tuple(kept.values()),
        tuple(left[n] for n in names if n in left),
        None if raws[0].images is None else raws[0].images.shape[1:],
    )
    if not kept and not has_images:
        raise DataError(
            "no column that could be compared",
            ", ".join(f"{c.name} ({c.kind})" for c in list(left.values())[:8]),
            "all were left out; `kinds` in mdshift.toml overrides what was decided",
        )
    numbers = [m if mask.all() else m[:, mask] for m in matrices]
    codes = [_stack([found[c.name].values[d] for c in schema.categories], r, np.int32) for d, r in enumerate(rows)]
    texts = [_stack([found[c.name].values[d] for c in schema.texts], r, object) for d, r in enumerate(rows)]
    return schema, numbers, codes, texts


def _stack(columns: list[Any], rows: int, dtype: Any) -> Any:
    import numpy as np

    made = np.empty((rows, len(columns)), dtype=dtype)
    for j, column in enumerate(columns):
        made[:, j] = column
    return made


def _array(raw: Raw, name: str) -> pa.Array:
    import pyarrow as pa

    if name in raw.positions:
        return raw.column(name)
    assert raw.matrix is not None
    return pa.array(raw.matrix[:, int(name[1:])], from_pandas=True)


def _twin_categories(kept: dict[str, Column], left: dict[str, Column], found: Mapping[str, Found]) -> None:
    """Leave out categories whose codes and levels equal those of an earlier column."""
    seen: dict[Any, str] = {}
    for name in [n for n, c in kept.items() if c.kind == "category"]:
        key = (kept[name].levels, b"".join(v.tobytes() for v in found[name].values))
        twin = seen.setdefault(key, name)
        if twin != name:
            left[name] = Column(name, "duplicate", note=f"the same as {twin!r}")
            del kept[name]


def _missing_somewhere(notes: Notes, raws: list[Raw]) -> None:
    gone = notes.counted.pop("all_missing", {})
    if gone:
        notes.counted["all_missing"] = {raws[int(d)].name: columns for d, columns in gone.items()}
    for d, columns in gone.items():
        notes.say("warning", f"all missing in {raws[int(d)].name!r}", listed(columns))


def _modality(kept: Mapping[str, Column], raws: list[Raw], *, has_images: bool) -> Any:
    """Images; text when text columns are at least a third of the columns; an array when it was one, or has 50 numbered columns; else a table."""
    if has_images:
        return "image"
    kinds = [c.kind for c in kept.values()]
    texts = kinds.count("text")
    if texts and 3 * texts >= len(kinds):
        return "text"
    numbered = {m[1] if (m := re.fullmatch(r"(.*?)\d+", n)) else None for n in kept}
    if all(k == "number" for k in kinds) and (
        raws[0].matrix is not None or (len(kinds) >= ARRAY_WIDTH and len(numbered) == 1 and None not in numbered)
    ):
        return "array"
    return "table"


def describe(problem: Problem) -> tuple[Note, ...]:
    """What was decided for each column, as notes of level `info`."""
    schema = problem.schema
    said = [f"modality: {schema.modality}"]
    if schema.image_shape:
        said.append("images: {} x {} pixels, {} channels".format(*schema.image_shape))
    by_kind: dict[str, list[str]] = {}
    for column in schema.columns:
        text = f"{column.name} ({len(column.levels)} levels)" if column.kind == "category" else column.name
        by_kind.setdefault(column.kind, []).append(text)
    said += [f"{kind}: {listed(names, SHOWN)}" for kind, names in by_kind.items()]
    said += [f"left out: {c.name} ({c.kind}{': ' + c.note if c.note else ''})" for c in schema.left_out[:SHOWN]]
    if len(schema.left_out) > SHOWN:
        said.append(f"left out: {len(schema.left_out) - SHOWN} more")
    return tuple(Note("info", text) for text in said)
