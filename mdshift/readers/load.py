"""From paths to a problem: read, settle the columns once for all domains, encode."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.errors import DataError, UsageError, nearest
from mdshift.readers import labels as label_rules
from mdshift.readers.base import Ask, Place
from mdshift.readers.collect import Raw, gather
from mdshift.readers.columns import Found, Notes, screen, settle, treat
from mdshift.readers.domains import named_apart, split
from mdshift.readers.images import common_shape, survey
from mdshift.readers.overlap import repeated
from mdshift.readers.paths import located
from mdshift.types import Column, DataSpec, Domain, Note, Problem, Schema, concatenate

if TYPE_CHECKING:
    import pyarrow as pa

ARRAY_WIDTH = 50  # from so many numbered columns of numbers on, a table is an array


def load(
    spec: DataSpec,
    *,
    seed: int,
    max_rows: int | None = None,
    need_label: bool = False,
    need_target: bool = True,
    progress: Callable[[str], None] = lambda text: None,
) -> Problem:
    """Read sources and target under one schema.

    max_rows: at most so many rows of each path are held, a seeded sample in input order. With a domain column and a
    single path, the domain whose name is `spec.target`, or else the last one in sorted order, is the target.

    Raises DataError for anything in the files that stands in the way, UsageError for paths that make no sense.
    """
    notes = Notes()
    asked = [*spec.sources, *([] if spec.target is None else [spec.target])]
    if not spec.sources:
        raise UsageError("no source data", "", "give at least one source and a target: mdshift … SOURCE TARGET")
    if sum(a in ("-", "/dev/stdin") for a in asked) > 1:
        raise UsageError("standard input can be read once", "- stands twice", "give one of the two as a file")
    with ExitStack() as stack:
        sources, target = _read(spec, stack, seed, max_rows, progress, notes)
    if target is None and need_target:
        raise UsageError("no target data", "", "the last path is the target: mdshift … SOURCE TARGET")
    return _problem(spec, sources, target, need_label, notes)


def _read(
    spec: DataSpec, stack: ExitStack, seed: int, limit: int | None, progress: Callable[[str], None], notes: Notes
) -> tuple[list[Raw], Raw | None]:
    from pathlib import Path

    value = spec.target if spec.domain_column and spec.target not in (None, "-") and not Path(str(spec.target)).exists() else None
    given = [*spec.sources, *([spec.target] if spec.target is not None and value is None else [])]
    places = [stack.enter_context(located(g)) for g in given]
    shape = _shape(places)
    raws = []
    for i, place in enumerate(places):
        progress(f"reading {place.given}")
        ask = Ask(encoding=spec.encoding, shape=shape, label=spec.labels[0] if spec.labels else "label")
        raws.append(gather(place, ask, limit=limit, rng=generator(seed, "read", i)))
        for text, level in ask.told.items():
            notes.say(level, text)
        for file, why in [*place.skipped, *ask.skipped]:
            notes.counted.setdefault("skipped", {})[file] = why
    skipped = notes.counted.get("skipped", {})
    if skipped:
        first = next(iter(skipped.items()))
        notes.say("warning", f"{len(skipped)} files were skipped, such as {first[0]} ({first[1]})")
    last = len(spec.sources)
    names = named_apart(places)
    raws = [replace(r, name=n) for n, r in zip(names, raws, strict=True)]
    if spec.domain_column is None:
        return raws[:last], (raws[last] if len(raws) > last else None)
    return split(raws[:last], raws[last] if len(raws) > last else None, spec.domain_column, value)


def _shape(places: Sequence[Place]) -> Any:
    from collections import Counter

    found: Counter[tuple[int, int, int]] = Counter()
    for place in places:
        if place.reader in ("images", "npy"):
            found += survey(place)
    return common_shape(found) if found or any(p.reader == "images" for p in places) else None


def _problem(spec: DataSpec, sources: list[Raw], target: Raw | None, need_label: bool, notes: Notes) -> Problem:
    raws = [*sources, *([] if target is None else [target])]
    label = _label(spec, sources, target, need_label, notes)
    names = _shared_names(spec, sources, target, label, notes)
    images = [r.images for r in raws]
    if any(i is None for i in images) and any(i is not None for i in images):
        raise DataError("images and tables cannot be compared", ", ".join(r.name for r in raws), "give the same kind of data on both sides")
    schema, numbers, codes, texts = _columns(spec, raws, names, len(sources), notes, has_images=images[0] is not None)
    read = None
    if label is not None:
        columns = [r.column(label) if label in r.positions else None for r in raws]
        read = label_rules.encode(label, columns, len(sources), spec)
        _label_notes(read, label, raws, len(sources), need_label, notes)
    domains = tuple(
        Domain(r.name, numbers[d], codes[d], texts[d], images[d], None if read is None else read.ys[d], r.index, r.rows)
        for d, r in enumerate(raws)
    )
    quality: dict[str, Any] = {"rows": {d.name: d.rows for d in domains}, **notes.counted}
    quality["repeated"] = again = repeated(concatenate(domains[: len(sources)]), domains[-1] if target is not None else None)
    if again.get("suspicious"):
        notes.say(
            "warning",
            f"{again['shared_rows']} target rows ({again['shared_share']:.0%}) stand in the source too: a model is tested on what it has seen",
        )
    problem = Problem(
        sources=domains[: len(sources)],
        target=domains[-1] if target is not None else None,
        schema=schema,
        task=None if read is None else read.task,  # type: ignore[arg-type]
        label=label,
        classes=() if read is None else read.classes,
        source_classes=0 if read is None else read.source_classes,
        spec=spec,
        notes=tuple(Note(level, text) for level, text in notes.said),  # type: ignore[arg-type]
        quality=quality,
    )
    return replace(problem, notes=problem.notes + describe(problem))


def _label(spec: DataSpec, sources: list[Raw], target: Raw | None, need_label: bool, notes: Notes) -> str | None:
    known = list(dict.fromkeys(n for r in sources for n in r.names))
    beyond = [] if target is None else [n for n in target.names if n not in known]
    wanted = spec.labels[0] if spec.labels else None
    if wanted in beyond and not need_label:
        notes.say("warning", f"the label {wanted!r} is in the target alone: the source is read without labels")
        return wanted
    if wanted in beyond:
        raise DataError("the source has no label column", repr(wanted), "labels in the source are what is learnt from")
    label = label_rules.pick(spec, known)
    if label is None and need_label:
        raise DataError("no label column", f"columns: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}", "--label NAME")  # noqa: PLR2004 - a line
    return label


def _label_notes(read: label_rules.Labels, label: str, raws: list[Raw], n_sources: int, need_label: bool, notes: Notes) -> None:
    import numpy as np

    notes.say("info", f"label {label!r}: {read.task}, since {read.why}")
    there = [y for y in read.ys[:n_sources] if y is not None]
    if not there and need_label:
        raise DataError("the source has no labels", f"column {label!r} is all missing", "labels in the source are what is learnt from")
    for raw, y in zip(raws[:n_sources], read.ys[:n_sources], strict=True):
        if y is None:
            notes.say("warning", f"source {raw.name!r} has no labels: it is not learnt from")
    if read.task == "classification" and there:
        counts = np.bincount(np.concatenate([y[y >= 0] for y in there]), minlength=len(read.classes))
        if read.source_classes < 2:  # noqa: PLR2004 - nothing to tell apart
            said = f"column {label!r} holds {read.classes[0]!r} alone" if read.classes else f"column {label!r}"
            if need_label:
                raise DataError("the source has one class only", said, "a model needs at least two classes to tell apart")
            notes.say("warning", f"the source has one class only: {said}")
        lonely = [read.classes[i] for i in np.flatnonzero(counts[: read.source_classes] == 1)]
        if lonely:
            notes.say("warning", f"classes with one source row: {', '.join(lonely[:8])}; they cannot be cross-validated")
        if len(read.classes) > read.source_classes and there:
            new = read.classes[read.source_classes :]
            notes.say(
                "warning", f"classes that the source lacks: {', '.join(new[:8])}; a model trained on the source alone never predicts them"
            )
    if len(raws) > n_sources:
        y = read.ys[-1]
        n = 0 if y is None else int((y >= 0).sum() if y.dtype.kind == "i" else (~np.isnan(y)).sum())
        if n < len(raws[-1].index):
            notes.say("info", f"target rows with a label: {n} of {len(raws[-1].index)}")


def _shared_names(spec: DataSpec, sources: list[Raw], target: Raw | None, label: str | None, notes: Notes) -> list[str]:
    """The feature columns that all domains have, in the first source's order."""
    raws = [*sources, *([] if target is None else [target])]
    aside = {label, spec.domain_column, spec.time, *spec.drop, *spec.labels}
    for name in (*spec.drop, *spec.text, *spec.kinds, *([spec.time] if spec.time else [])):
        if all(name not in r.names for r in raws):
            known = list(dict.fromkeys(n for r in raws for n in r.names))
            raise DataError("column not found", repr(name), nearest(name, known))
    have = [dict.fromkeys(r.names) for r in raws]
    everywhere = [n for n in have[0] if n not in aside and all(n in h for h in have[1:])]
    for raw, h in zip(raws, have, strict=True):
        lacking = [n for n in dict.fromkeys(n for other in have for n in other) if n not in h and n not in aside]
        if lacking:
            text = f"{raw.name!r} lacks {len(lacking)} columns that others have: {', '.join(lacking[:8])}{' …' if len(lacking) > 8 else ''}"  # noqa: PLR2004 - a line
            if spec.on_schema == "fail":
                raise DataError("the columns differ", text, "--on-schema intersect leaves them out")
            notes.say("warning", f"{text}; left out everywhere")
    if not everywhere and raws[0].images is None:
        raise DataError(
            "no column in common",
            ", ".join(f"{r.name}: {', '.join(r.names[:5])}" for r in raws),
            "source and target need the same feature columns",
        )
    return everywhere


def _columns(
    spec: DataSpec, raws: list[Raw], names: list[str], n_sources: int, notes: Notes, *, has_images: bool
) -> tuple[Schema, list[Any], list[Any], list[Any]]:
    """Settle every column; return the schema, and numbers, codes and texts of each domain."""
    import numpy as np

    rows = [len(r.index) for r in raws]
    left: dict[str, Column] = {}
    kept: dict[str, Column] = {}
    if not has_images and all(r.matrix is not None and r.matrix.shape == (len(r.index), len(names)) for r in raws):
        number_names, matrices, whole = names, [np.array(r.matrix) for r in raws], [False] * len(names)
        found: dict[str, Found] = {}
    else:
        domains, typed = [r.name for r in raws], all(r.typed for r in raws)
        found = {n: settle(treat(n, [_array(r, n) for r in raws], spec, domains, notes, typed), n_sources, rows, notes) for n in names}
        number_names = [n for n, f in found.items() if f.column.kind in ("number", "date")]
        matrices = [np.empty((r, len(number_names))) for r in rows]
        for j, n in enumerate(number_names):
            for matrix, v in zip(matrices, found[n].values, strict=True):
                matrix[:, j] = v
        whole = [found[n].whole and found[n].column.kind == "number" and n not in spec.kinds for n in number_names]
    mask, out = screen(number_names, matrices, whole, n_sources, [r.index for r in raws], notes)
    left |= out
    for n in names:
        column = found[n].column if found else Column(n, "number")
        if n in left:
            continue
        (kept if column.kind in ("number", "date", "category", "text") else left)[n] = column
    _twin_categories(kept, left, found)
    _missing_somewhere(notes, raws)
    schema = Schema(
        _modality(kept, raws, has_images=has_images),
        tuple(kept.values()),
        tuple(left[n] for n in names if n in left),
        raws[0].images.shape[1:] if has_images else None,
    )  # type: ignore[union-attr]
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
        notes.say("warning", f"all missing in {raws[int(d)].name!r}: {', '.join(columns[:8])}{' …' if len(columns) > 8 else ''}")  # noqa: PLR2004 - a line


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
    said += [
        f"{kind}: {', '.join(names[:40])}{f' and {len(names) - 40} more' if len(names) > 40 else ''}" for kind, names in by_kind.items()
    ]  # noqa: PLR2004 - a screen
    said += [f"left out: {c.name} ({c.kind}{': ' + c.note if c.note else ''})" for c in schema.left_out[:40]]
    if len(schema.left_out) > 40:  # noqa: PLR2004 - a screen
        said.append(f"left out: {len(schema.left_out) - 40} more")
    return tuple(Note("info", text) for text in said)


def domain_for(
    schema: Schema,
    task: str | None,
    classes: Sequence[str],
    path: str,
    *,
    label: str | None = None,
    labels_wanted: bool = False,
    spec: DataSpec | None = None,
) -> Iterator[Domain]:
    """New data read by a saved model's schema, in batches, in input order; see `mdshift.readers.apply`."""
    from mdshift.readers.apply import batches

    return batches(schema, task, classes, path, label=label, labels_wanted=labels_wanted, spec=spec or DataSpec())
