"""From paths to a problem: read, settle the columns once for all domains, encode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.errors import DataError, UsageError, nearest
from mdshift.readers import labels as label_rules
from mdshift.readers.aside import read_aside
from mdshift.readers.base import Ask, Place
from mdshift.readers.collect import Raw, gather
from mdshift.readers.domains import named_apart, split
from mdshift.readers.images import common_shape, survey
from mdshift.readers.notes import Notes, listed
from mdshift.readers.overlap import repeated
from mdshift.readers.paths import located
from mdshift.readers.schema import build, describe
from mdshift.readers.tally import held
from mdshift.stats.summaries import Levels, Numbers, Summary
from mdshift.types import MISSING, DataSpec, Domain, Label, Note, Problem, Schema, concatenate

if TYPE_CHECKING:
    from mdshift.readers.apply import Odd
    from mdshift.readers.memory import Memory

__all__ = ["describe", "domain_for", "load"]

ENOUGH = 50_000  # rows of a path that a diagnosis holds: every figure it prints stands by then, and memory stays bounded
FEW_LABELS = 2_000  # labelled rows of a domain from which on more of them settle little


def load(
    spec: DataSpec,
    *,
    seed: int,
    max_rows: int | None = None,
    need_label: bool = False,
    need_target: bool = True,
    union: bool = False,
    aside: Mapping[str, str] | None = None,
    held: Mapping[str, Memory] | None = None,
    progress: Callable[[str], None] = lambda text: None,  # noqa: ARG005 - silence
) -> Problem:
    """Read sources and target under one schema.

    union: columns that one side lacks are kept, all missing there (`Column.where` tells); else the common ones are.
    max_rows: at most so many rows of each path are held, a seeded sample in input order. With a domain column and a
    single path, the domain whose name is `spec.target`, or else the last one in sorted order, is the target.
    aside: columns of the sources to be kept beside the features, by use (see `Domain.aside`).
    held: data that are in memory, by the name that stands for them in `spec` in the place of a path.

    Raises DataError for anything in the files that stands in the way, UsageError for paths that make no sense.
    """
    notes = Notes()
    asked = [*spec.sources, *([] if spec.target is None else [spec.target])]
    if not spec.sources:
        raise UsageError("no source data", "", "give at least one source and a target: mdshift … SOURCE TARGET")
    if sum(a in ("-", "/dev/stdin") for a in asked) > 1:
        raise UsageError("standard input can be read once", "- stands twice", "give one of the two as a file")
    with ExitStack() as stack:
        sources, target = _read(spec, stack, seed, max_rows, progress, notes, held or {}, need_target=need_target)
    if target is None and need_target:
        raise UsageError("no target data", "", "the last path is the target: mdshift … SOURCE TARGET")
    return _problem(spec, sources, target, need_label, notes, aside or {}, union=union)


def _read(
    spec: DataSpec,
    stack: ExitStack,
    seed: int,
    limit: int | None,
    progress: Callable[[str], None],
    notes: Notes,
    held: Mapping[str, Memory],
    *,
    need_target: bool,
) -> tuple[list[Raw], Raw | None]:
    from pathlib import Path

    path = spec.target in (None, "-") or spec.target in held or Path(str(spec.target)).exists()
    value = spec.target if spec.domain_column and not path else None
    given = [*spec.sources, *([spec.target] if spec.target is not None and value is None else [])]
    places = [held[g].place if g in held else stack.enter_context(located(g)) for g in given]
    shape = _shape(places, held)
    raws = []
    for i, place in enumerate(places):
        progress(f"reading {place.given}")
        ask = Ask(encoding=spec.encoding, shape=shape, label=spec.labels[0] if spec.labels else "label")
        raws.append(gather(place, ask, limit=limit, rng=generator(seed, "read", i), source=held.get(place.given), progress=progress))
        for text, level in ask.told.items():
            notes.say(level, text)
        for file, why in [*place.skipped, *ask.skipped]:
            notes.count("skipped", file, why)
            notes.say("warning", "skipped", f"{file} ({why})")
    last = len(spec.sources)
    names = named_apart(places)
    raws = [replace(r, name=n) for n, r in zip(names, raws, strict=True)]
    for raw in raws:
        if len(raw.index) < raw.rows:
            notes.say("warning", "a seeded sample of the rows is looked at", f"{len(raw.index):,} of {raw.rows:,} of {raw.name!r}")
    if spec.domain_column is None:
        return raws[:last], (raws[last] if len(raws) > last else None)
    return split(raws[:last], raws[last] if len(raws) > last else None, spec.domain_column, value, need_target=need_target)


def _shape(places: Sequence[Place], held: Mapping[str, Memory]) -> Any:
    from collections import Counter

    found: Counter[tuple[int, int, int]] = Counter()
    for place in places:
        if place.reader in ("images", "npy"):
            found += survey(place)
        elif place.given in held and (shape := held[place.given].shape):
            found[shape] += held[place.given].rows
    return common_shape(found) if found or any(p.reader == "images" for p in places) else None


def _problem(
    spec: DataSpec, sources: list[Raw], target: Raw | None, need_label: bool, notes: Notes, aside: Mapping[str, str], *, union: bool
) -> Problem:
    label = _label(spec, sources, target, need_label, notes)
    beside = read_aside(aside, sources, spec if label is None else replace(spec, labels=(label, *spec.labels[1:])), notes)
    given, spec = spec, replace(spec, drop=tuple(dict.fromkeys((*spec.drop, *aside.values())))) if aside else spec
    where: dict[str, str] = {}
    if union and target is not None:
        sources, target, where = _filled(spec, sources, target, label)
        for side in ("source", "target"):
            alone = [n for n, s in where.items() if s == side]
            if alone:
                notes.say("warning", f"columns that the {side} alone has", listed(alone))
    raws = [*sources, *([] if target is None else [target])]
    names = _shared_names(spec, sources, target, label, notes)
    images = [r.images for r in raws]
    if any(i is None for i in images) and any(i is not None for i in images):
        raise DataError("images and tables cannot be compared", ", ".join(r.name for r in raws), "give the same kind of data on both sides")
    schema, numbers, codes, texts = build(spec, raws, names, len(sources), notes, has_images=images[0] is not None, where=where)
    read = None
    if label is not None:
        columns = [r.column(label) if label in r.positions else None for r in raws]
        read = label_rules.encode(label, columns, len(sources), spec)
        label_rules.tell(read, label, raws, len(sources), notes, need_label=need_label)
    further = [_further(name, raws, len(sources), spec, notes) for name in spec.labels[1:] if read is not None]
    more = [tuple(f[1][d] for f in further) for d in range(len(raws))]
    domains = tuple(
        Domain(r.name, numbers[d], codes[d], texts[d], images[d], None if read is None else read.ys[d], r.index, r.rows, s, more[d], a)
        for d, (r, s, a) in enumerate(zip(raws, _summaries(raws, schema, numbers, codes, notes), [*beside, {}][: len(raws)], strict=True))
    )
    for raw, domain in zip(raws, domains, strict=True):
        _tell_labels(domain, None if label is None else raw.summaries.get(label), notes)
    quality: dict[str, Any] = {"rows": {d.name: d.rows for d in domains}, **notes.counted}
    quality["repeated"] = again = repeated(concatenate(domains[: len(sources)]), domains[-1] if target is not None else None)
    if again.get("suspicious"):
        notes.say(
            "warning",
            f"{again['shared_rows']} target rows ({again['shared_share']:.0%}) stand in the source too: a model is tested on what it has seen",
        )
    return Problem(
        sources=domains[: len(sources)],
        target=domains[-1] if target is not None else None,
        schema=schema,
        task=None if read is None else read.task,  # type: ignore[arg-type]
        label=label,
        classes=() if read is None else read.classes,
        source_classes=0 if read is None else read.source_classes,
        spec=given,
        notes=tuple(Note(level, text) for level, text in notes.said),  # type: ignore[arg-type]
        quality=quality,
        further=tuple(f[0] for f in further),
    )


def _further(name: str, raws: list[Raw], n_sources: int, spec: DataSpec, notes: Notes) -> tuple[Label, list[Any]]:
    """A label after the first: what it is, and its codes or numbers in every domain (MISSING or NaN where it has none)."""
    import numpy as np

    if all(name not in r.positions for r in raws[:n_sources]):
        raise DataError("label column not found", repr(name), nearest(name, list(dict.fromkeys(n for r in raws for n in r.names))))
    columns = [r.column(name) if name in r.positions else None for r in raws]
    read = label_rules.encode(name, columns, n_sources, replace(spec, task="auto"))
    if all(y is None for y in read.ys[:n_sources]):
        raise DataError("the source has no labels", f"column {name!r} is all missing", "labels in the source are what is learnt from")
    notes.say("info", f"label {name!r}: {read.task}, since {read.why}")
    label_rules.tell_wild(read, name, notes)
    blank: Any = np.nan if read.task == "regression" else MISSING
    dtype = np.float64 if read.task == "regression" else np.int64
    ys = [np.full(len(r.index), blank, dtype) if y is None else y for r, y in zip(raws, read.ys, strict=True)]
    return Label(name, read.task, read.classes, read.source_classes), ys  # type: ignore[arg-type]


def _filled(spec: DataSpec, sources: list[Raw], target: Raw, label: str | None) -> tuple[list[Raw], Raw, dict[str, str]]:
    """Every domain with every column, all missing where it lacks one; and which columns one side alone has."""
    import pyarrow as pa

    aside = {label, spec.domain_column, spec.time, *spec.drop, *spec.labels}
    raws = [*sources, target]
    union = [n for n in dict.fromkeys(n for r in raws for n in r.names) if n not in aside]
    in_source, in_target = {n for r in sources for n in r.names}, set(target.names)
    where = {n: "source" if n not in in_target else "target" for n in union if n not in in_target or n not in in_source}
    made = []
    types = {n: f.type for r in raws for n, f in zip(r.table.column_names, r.table.schema, strict=True)}
    for raw in raws:
        have, table = set(raw.names), raw.table
        for name in union:
            if name not in have:
                table = table.append_column(name, pa.nulls(len(raw.index), types.get(name, pa.float64())))
        made.append(replace(raw, table=table))
    return made[:-1], made[-1], where


def _summaries(raws: Sequence[Raw], schema: Schema, numbers: Sequence[Any], codes: Sequence[Any], notes: Notes) -> list[dict[str, Summary]]:
    """The summaries of all rows of every domain, of the columns that are used; none where all rows of all domains are held."""
    if not any(r.summaries for r in raws):
        return [{} for _ in raws]
    made = [r.summaries if len(r.index) < r.rows else held(schema, numbers[d], codes[d]) for d, r in enumerate(raws)]
    sorts = {c.name: Numbers for c in schema.numbers} | {c.name: Levels for c in schema.categories}
    out = [{n: s for n, s in m.items() if isinstance(s, sorts.get(n, ())) and getattr(s, "counts", {}) is not None} for m in made]
    lacking = [n for n in sorts if any(n not in m for m in out)]
    notes.say("info", "means, spreads and shares of the columns are of all rows; what is tested, and quantiles, are of the sample")
    if lacking:
        notes.say("info", "columns of which all figures are of the sample, since they could not be counted in one pass", listed(lacking))
    return [{n: s for n, s in m.items() if n not in lacking} for m in out]


def _tell_labels(domain: Domain, whole: Summary | None, notes: Notes) -> None:
    """Warn where a uniform sample has few labels because few rows have one: it holds more only of a file of these rows alone."""
    seen = int(domain.labelled.sum())
    if whole is not None and seen < FEW_LABELS and whole.known > seen:
        notes.say(
            "warning",
            "few rows with a label are in the sample: to test with all of them, give them as a file of their own",
            f"{seen:,} of {whole.known:,} in {domain.name!r}",
        )


def _label(spec: DataSpec, sources: list[Raw], target: Raw | None, need_label: bool, notes: Notes) -> str | None:
    known = dict.fromkeys(n for r in sources for n in r.names)
    beyond = set() if target is None else set(target.names) - set(known)
    wanted = spec.labels[0] if spec.labels else None
    if wanted in beyond and not need_label:
        notes.say("warning", f"the label {wanted!r} is in the target alone: the source is read without labels")
        return wanted
    if wanted in beyond:
        raise DataError("the source has no label column", repr(wanted), "labels in the source are what is learnt from")
    label = label_rules.pick(spec, known)
    alone = None if label is not None else label_rules.pick(replace(spec, labels=()), beyond)
    if alone is not None and target is not None:
        if need_label:
            raise DataError(
                "the source has no label column",
                f"{alone!r} stands in the target {target.name!r} alone",
                "the last path is the target: are the two swapped? else --label NAME names the source's label",
            )
        notes.say("warning", f"the label {alone!r} stands in the target alone: the source has none, so nothing can be said of labels", "")
    if label is None and need_label:
        raise DataError("no label column", f"columns: {listed(list(known))}", "--label NAME")
    return label


def _shared_names(spec: DataSpec, sources: list[Raw], target: Raw | None, label: str | None, notes: Notes) -> list[str]:
    """The feature columns that all domains have, in the first source's order."""
    raws = [*sources, *([] if target is None else [target])]
    aside = {label, spec.domain_column, spec.time, *spec.drop, *spec.labels}
    for name in (*spec.drop, *spec.text, *spec.kinds, *([spec.time] if spec.time else [])):
        if all(name not in r.names for r in raws):
            known = list(dict.fromkeys(n for r in raws for n in r.names))
            raise DataError("column not found", repr(name), nearest(name, known))
    if spec.time:
        notes.say("info", f"column {spec.time!r} is the time of the rows, and no feature")
    have = [dict.fromkeys(r.names) for r in raws]
    everywhere = [n for n in have[0] if n not in aside and all(n in h for h in have[1:])]
    union = dict.fromkeys(n for h in have for n in h)
    lacking = [(r.name, [n for n in union if n not in h and n not in aside]) for r, h in zip(raws, have, strict=True)]
    told = [f"{name} lacks {listed(names)}" for name, names in lacking if names]
    if told and spec.on_schema == "fail":
        raise DataError("the columns differ", "; ".join(told), "--on-schema intersect leaves them out")
    for text in told:
        notes.say("warning", "columns left out, since not all domains have them", text)
    for name, names in lacking:
        if names:
            notes.count("lacking", name, names)
    if not everywhere and raws[0].images is None:
        raise DataError(
            "no column in common",
            "; ".join(f"{r.name}: {', '.join([n for n in r.names if n not in aside][:5]) or 'nothing but the label'}" for r in raws),
            "source and target need the same feature columns",
        )
    return everywhere


def domain_for(
    schema: Schema,
    task: str | None,
    classes: Sequence[str],
    path: str,
    *,
    label: str | None = None,
    labels_wanted: bool = False,
    spec: DataSpec | None = None,
    odd: Odd | None = None,
) -> Iterator[Domain]:
    """New data read by a saved model's schema, in batches, in input order; see `mdshift.readers.apply`."""
    from mdshift.readers.apply import batches

    return batches(schema, task, classes, path, label=label, labels_wanted=labels_wanted, spec=spec or DataSpec(), odd=odd)
