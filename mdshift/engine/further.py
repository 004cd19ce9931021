"""The labels after the first: a model for each, the strategy's own where it trains several at once, else a source model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdshift.declare import generator
from mdshift.errors import DataError

if TYPE_CHECKING:
    from mdshift.learners.base import Further, Predictor, Prepared
    from mdshift.types import Label


def problem_of(prepared: Prepared, label: Further) -> Prepared:
    """The same rows with this label in the first one's place; source rows without it are left out."""
    import numpy as np

    known = label.y_source >= 0 if label.task == "classification" else ~np.isnan(label.y_source)
    part = replace(prepared.part(known), task=label.task, n_classes=label.n_classes, y_target=label.y_target, further=())
    return replace(part, y_source=label.y_source[known])


def models(
    prepared: Prepared,
    labels: tuple[Label, ...],
    trained: Mapping[str, Predictor],
    strategy: str,
    *,
    seed: int,
    progress: Callable[[str], None],
) -> tuple[tuple[tuple[Label, Predictor], ...], tuple[dict[str, Any], ...]]:
    """A predictor of each further label, and what is told of it.

    trained: those that the kept strategy trained along. Both are scored on the target's labels where there are any; the strategy's saw
    them, so that this is told and nothing is decided by it.

    Raises DataError where a label cannot be learnt from the source.
    """
    from mdshift.learners.select import choose, score, source_model

    found: list[tuple[Label, Predictor]] = []
    told: list[dict[str, Any]] = []
    for label, values in zip(labels, prepared.further, strict=True):
        part = problem_of(prepared, values)

        def rng(unit: str, name: str = label.name) -> Any:
            return generator(seed, "source-only", name, unit)

        progress(f"label {label.name}")
        try:
            choice = choose(part, rng, progress=progress)
        except DataError as error:
            raise DataError(f"label {label.name!r}: {error.what}", error.seen, error.hint) from None
        plain = source_model(part, choice, rng("source-model"))
        known = part.labelled
        scores = {
            "source_cross_validated": choice.table[choice.label],
            "source_only_on_target_labels": score(part.task, part.y_target[known], plain.scores(part.X_target[known]))
            if known.any()
            else None,
        }
        kept = trained.get(label.name, plain)
        found.append((label, kept))
        told.append(
            {
                "label": label.name,
                "task": label.task,
                "strategy": strategy if label.name in trained else "source-only",
                "metric": choice.metric,
                "target_labels": int(known.sum()),
                **scores,
            }
        )
    return tuple(found), tuple(told)
