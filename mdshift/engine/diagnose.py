"""Diagnose a source against a target: what shifted, of which kind, how much, where, and what it costs.

Facts that a rule may read (`Diagnosis.facts`); a fact that cannot be known is absent:

    sizes      n_source, n_target            rows held in memory (rows_source, rows_target: rows in the files)
               n_source_labelled, n_target_labelled
               n_sources                     source domains
               n_features                    columns used (n_numbers, n_categories, n_texts of them)
               n_classes                     classes in the sources (absent for a regression)
               n_labels                      label columns
               min_class_count               rows of the rarest source class
               min_target_class_count        labelled target rows of the rarest class that has any
    what       modality                      "table" | "array" | "image" | "text"
               task                          "classification" | "regression" | "none"
               has_target, has_time, has_text  true | false
    shift      kinds                         the reading: a list out of "covariate", "label", "concept"
               verdicts, severities          {"covariate": ..., "label": ..., "concept": ...}
               similarity                    "high" | "medium" | "low"
               js_mean, js_max               Jensen-Shannon divergence of the features, bits
               auc                           of the domain classifier, .5 to 1
               mmd                           kernel distance of X
               overlap                       share of the target that lies where the source has data, 0 to 1
               prior_distance                total variation between the class shares, 0 to 1 (estimated without labels)
               shifted_features              share of the columns with an adjusted p-value below alpha
    relation   label_overlap                 share of classes in common, 0 to 1
               feature_overlap               share of columns in common, 0 to 1
    quality    missing_share, duplicates_share, outlier_share, leakage_share  0 to 1
               imbalance                     rows of the largest source class over those of the rarest
    cost       metric                        "accuracy" | "r2"
               source_score                  cross-validated on the source
               expected_score                expected on the target, without its labels
               expected_low, expected_high   its interval
               target_score                  measured on the target's labels
               drop                          source_score less target_score, or less expected_score
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mdshift.declare import every, generator
from mdshift.errors import DataError
from mdshift.executor import map_units
from mdshift.pace import follow
from mdshift.types import Diagnosis, Finding, Note, Problem

if TYPE_CHECKING:
    from mdshift.probes.base import View


def diagnose(
    problem: Problem,
    *,
    alpha: float = 0.05,
    seed: int = 0,
    workers: int = 1,
    engine: str = "local",  # noqa: ARG001 - a view is shared memory: its probes run in threads under any engine
    progress: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Ask every probe, read the kinds of shift from their answers, and assemble the document.

    Raises DataError without a target: there is nothing to compare the source with.
    """
    from mdshift.engine import assemble, reading
    from mdshift.probes.base import view
    from mdshift.probes.rows import rows

    if problem.target is None:
        raise DataError("a diagnosis needs a target", "no target", "give at least two paths: sources first, the target last")
    progress("encoding")
    shared = view(problem, seed)
    found = measure(shared, alpha, seed, workers, progress)
    evidence = weigh(shared, found)
    kinds, shifts = reading.shifts(evidence, alpha)
    places = assemble.places(problem, found)
    doubtful = tuple(k for k, s in shifts.items() if s.verdict == "unclear")
    cost = assemble.performance(found["performance"], kinds, places["numbers"]["overlap"], doubtful)
    prior = None if evidence.has_labels else evidence.prior
    label = assemble.label(problem, prior, evidence.has_labels)
    tests = {
        "x": assemble.tested(evidence.x),
        "y": assemble.tested(evidence.y if evidence.has_labels else None),
        "x_given_y": assemble.tested(evidence.x_given_y),
        "y_given_x": assemble.tested(evidence.y_given_x),
    }
    facts = assemble.facts(problem, shared) | assemble.shift_facts(kinds, shifts, places, cost, label, alpha)
    drawn = rows(shared)
    notes = [*problem.notes, *assemble.notes(shared, drawn is not None and drawn.sampled, places), *unreachable(alpha)]
    return Diagnosis(
        kinds=kinds,
        shifts=shifts,
        tests=tests,
        features=tuple(places["features"]),
        label=label,
        performance=cost,
        overlap=places["overlap"],
        relatedness=places["relatedness"],
        quality=places["quality"],
        similarity=places["similarity"],
        facts={k: v for k, v in facts.items() if v is not None},
        notes=tuple(notes),
        where=places["where"],
        causes=tuple(places["causes"]),
        sources=places["sources"],
    )


def measure(view: View, alpha: float, seed: int, workers: int, progress: Callable[[str], None]) -> Mapping[str, Finding]:
    """The finding of every declared probe, by name."""
    units: list[tuple[str, Any]] = [(name, declared().measure) for name, declared in every("probe").items()]
    pieces = shared_pieces(view, alpha) if workers > 1 else []
    with follow(progress, "diagnosing", "parts", len(pieces) + len(units), rated=False) as work:

        def make(piece: Callable[[], Any]) -> None:
            piece()
            work.done += 1

        def ask(unit: tuple[str, Any]) -> Finding:
            name, question = unit
            progress(f"asking: {name}")
            answer: Finding = question(view, generator(seed, "probe", name), alpha=alpha)
            work.done += 1
            return answer

        # side by side what several probes wait for, the dearest first; alone, whichever asks first computes it
        map_units(make, pieces, workers=workers)
        answers = map_units(ask, units, workers=workers)
    return dict(zip((name for name, _ in units), answers, strict=True))


def shared_pieces(view: View, alpha: float) -> list[Callable[[], Any]]:
    """What the probes share and is dear: models of the label and of the domain, kernels."""
    from mdshift.probes import rows
    from mdshift.probes.domainclassifier import crossfit
    from mdshift.probes.mmd import kernels_of

    label = [lambda: rows.outcome(view), lambda: rows.propensity(view), lambda: rows.scores(view)]
    inputs = [lambda: kernels_of(view, alpha), lambda: crossfit(view)]
    return [*label, *([] if view.few or not view.Z_source.shape[1] else inputs)]


def weigh(view: View, found: Mapping[str, Finding]) -> Any:
    """What the reading stands on."""
    from mdshift.engine.reading import PARTLY, SETTLED, Evidence
    from mdshift.probes.base import FEW

    problem = view.problem
    labelled = int(view.target.labelled.sum()) if problem.task else 0
    sources = int(view.source.labelled.sum()) if problem.task else 0
    enough = labelled >= FEW and sources >= FEW
    prior = found["prior"]
    fit = prior.evidence.get("fit") or {}
    return Evidence(
        x=found["marginal"],
        y=found["label"] if enough else None,
        x_given_y=found["within-class"] if enough else None,
        y_given_x=found["conditional"] if enough else None,
        prior=prior if prior.p_value is not None else None,
        fit=fit.get("p_value"),
        has_labels=enough,
        has_classes=sources >= FEW,
        few=view.few,
        some_labels=labelled,
        few_labels=labelled < min(PARTLY * len(view.target), SETTLED),
    )


def unreachable(alpha: float) -> list[Note]:
    """A warning where the tests have too few permutations to ever reject at the level that the reading asks for."""
    from mdshift.engine.reading import HYPOTHESES
    from mdshift.probes import conditional, marginal, mmd
    from mdshift.probes.base import draws

    x = 1 / (draws(mmd.PERMUTATIONS, alpha, mmd.MOST) + 1) / marginal.SHARES[0]
    least = max(x, 1 / (draws(conditional.DRAWS, alpha) + 1))
    if alpha / HYPOTHESES > least:
        return []
    text = (
        f"alpha {alpha:g} can't be reached by the number of permutations: "
        f"some tests have no p-value below {least:.2g}, and {alpha / HYPOTHESES:.2g} would be needed; take alpha {HYPOTHESES * least:.2g} or more"
    )
    return [Note("warning", text)]
