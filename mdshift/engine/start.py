"""Where a run begins: the problem as numbers, under the treatment of columns of its own or of the model that it goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.errors import DataError, UsageError
from mdshift.types import UNKNOWN, Column, Domain, Problem, Schema

if TYPE_CHECKING:
    import numpy as np

    from mdshift.learners.base import Prepared
    from mdshift.learners.construct import Construction, Recipe
    from mdshift.learners.encode import Encoder
    from mdshift.store import Model


def begin(
    problem: Problem, start: Model | None, backbone: str | None = None, recipe: Recipe | None = None, seed: int = 0
) -> tuple[Problem, Encoder, Prepared]:
    """The problem (read by the pretrained network in the folder `backbone`, where one is given; carried to the schema and classes of `start`, if there is one), its encoder, and its numbers, with the recipe that its training data are built by.

    Raises UsageError where the recipe needs a column that was not read, DataError where the model's columns are not in the data, or its task is another.
    """
    from mdshift.learners.encode import fit_encoder, prepare

    built = None if recipe is None else bound(problem, recipe, seed)
    if start is None:
        encoder = fit_encoder(problem, backbone)
        return problem, encoder, replace(prepare(problem, encoder), construction=built)
    if start.task != problem.task:
        raise DataError("the model to start from has another task", f"{start.task}, here: {problem.task}", "start without --from")
    problem = carried(problem, start.schema, start.classes)
    return problem, start.encoder, replace(prepare(problem, start.encoder), construction=built)


def bound(problem: Problem, recipe: Recipe, seed: int) -> Construction:
    """The recipe with what it needs to know of the labelled source rows.

    Raises UsageError where a source was read without the column.
    """
    import numpy as np

    from mdshift.learners.construct import Construction
    from mdshift.readers.overlap import fingerprints

    columns = recipe.columns(problem.spec.time)
    rows = [d.take(d.labelled) for d in problem.sources]
    lacking = [(use, d.name) for use in columns for d in rows if use not in d.aside]
    if lacking:
        raise UsageError(
            f"the {lacking[0][0]} column was not read", f"{columns[lacking[0][0]]!r} of {lacking[0][1]!r}", "read it with the data"
        )
    kept = {use: np.concatenate([d.aside[use] for d in rows]) for use in columns}
    twin = np.concatenate([fingerprints(d) for d in rows]) if recipe.clean else None
    return Construction(recipe, seed, kept.get("time"), kept.get("group"), twin, next(iter(columns.values()), ""))


def carried(problem: Problem, schema: Schema, classes: Sequence[str]) -> Problem:
    """The same rows under another schema of the same columns, and with the classes in that order (new ones after them).

    Raises DataError where a column or the kind of data differs.
    """
    if schema.modality != problem.schema.modality or schema.image_shape != problem.schema.image_shape:
        seen = f"{schema.modality}, here: {problem.schema.modality}"
        raise DataError("the model to start from was trained on another kind of data", seen, "start without --from")
    for part in ("numbers", "categories", "texts"):
        here = {c.name for c in getattr(problem.schema, part)}
        lacking = [c.name for c in getattr(schema, part) if c.name not in here]
        if lacking:
            raise DataError("the data lack a column of the model to start from", ", ".join(map(repr, lacking[:5])), "start without --from")
    names = (*classes, *(c for c in problem.classes if c not in classes)) if problem.task == "classification" else ()
    order = [names.index(c) for c in problem.classes]
    sources = tuple(_carry(d, problem.schema, schema, order) for d in problem.sources)
    target = None if problem.target is None else _carry(problem.target, problem.schema, schema, order)
    return replace(problem, sources=sources, target=target, schema=schema, classes=tuple(names))


def _carry(domain: Domain, old: Schema, new: Schema, order: list[int]) -> Domain:
    import numpy as np

    def columns(part: str) -> list[int]:
        at = {c.name: j for j, c in enumerate(getattr(old, part))}
        return [at[c.name] for c in getattr(new, part)]

    codes = np.empty((len(domain), len(new.categories)), np.int32)
    for j, (column, at) in enumerate(zip(new.categories, columns("categories"), strict=True)):
        codes[:, j] = _recode(domain.categories[:, at], old.categories[at], column)
    y: Any = domain.y
    if y is not None and y.dtype.kind == "i":
        y = np.where(y >= 0, np.array(order)[np.maximum(y, 0)], y)
    return replace(domain, numbers=domain.numbers[:, columns("numbers")], categories=codes, texts=domain.texts[:, columns("texts")], y=y)


def _recode(codes: np.ndarray[Any, Any], old: Column, new: Column) -> np.ndarray[Any, Any]:
    import numpy as np

    known = {level: i for i, level in enumerate(new.levels)}
    to = np.array([*(known.get(level, UNKNOWN) for level in old.levels), UNKNOWN], dtype=np.int32)
    return np.where(codes < 0, codes, to[np.clip(codes, 0, len(old.levels))])
