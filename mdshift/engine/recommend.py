"""Recommend: rank every strategy that fits by what the rules say of the facts, and say why the others do not fit.

A rule returns points by strategy: 3 decides, 2 is strong, 1 mild, half a point breaks ties; less than 0 speaks against. Beside
points it may return `params` (settings by strategy), `exclude` (reasons by strategy) and `advice` (a sentence). Points are
added; ties go to the cheaper strategy.
"""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mdshift.declare import Rule, configure, every, parameters
from mdshift.engine.cost import expected
from mdshift.engine.facts import facts_of, machine
from mdshift.errors import UsageError
from mdshift.rules.thresholds import defaults
from mdshift.types import Excluded, Note, Ranked, Reason, Recommendation

EXTRAS = {"ot": "ot", "hf": "transformers", "ray": "ray", "tune": "optuna"}  # extra: the module that it brings
ORDER = {"low": 0, "medium": 1, "high": 2}
# what `adapt` takes when nothing is said, so that a command need not say it; a test compares them with the command line's
DEFAULTS: Mapping[str, Any] = {
    "task": "auto",
    "on_schema": "intersect",
    "alpha": 0.05,
    "seed": 0,
    "goal": "target",
    "compute": "medium",
    "out": "mdshift-model",
}
RESERVED = ("params", "exclude", "advice")
Z_LEVEL, Z_POWER = 1.6449, 0.8416  # one-sided 5 %, power 80 %
MOST = {"low": 3, "medium": 3, "high": 6}  # strategies that `auto` tries with their defaults, by compute


@dataclass
class _Hearing:
    """What the rules said."""

    points: dict[str, float] = field(default_factory=dict)
    params: dict[str, dict[str, Any]] = field(default_factory=dict)
    why: dict[str, list[tuple[float, Reason]]] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    trace: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def recommend(
    document: Mapping[str, Any], *, goal: str = "target", compute: str | None = None, thresholds: Mapping[str, float] | None = None
) -> Recommendation:
    """Rank the strategies for a `mdshift.diagnosis/1` document.

    goal: "target" or "general". compute: "low", "medium" or "high"; None reads it off the machine.
    thresholds: values that replace those of `rules/thresholds.py`.
    """
    able = machine()
    limits = {**defaults(), **(thresholds or {})}
    facts = facts_of(document, goal, compute or _allowed(able), limits)
    heard = _hear(facts, limits)
    ranked: list[Ranked] = []
    excluded: list[Excluded] = []
    for name, strategy in every("strategy").items():
        because = None if name == "source-only" else (_unfit(strategy, facts) or heard.excluded.get(name))
        if because:
            excluded.append(Excluded(name, because))
            continue
        params = _settable(strategy, heard.params.get(name, {}))
        command = command_for(document, name, params, goal, facts["compute"])
        why = tuple(reason for _, reason in sorted(heard.why.get(name, ()), key=lambda w: (-w[0], w[1].rule)))  # the weightiest first
        ranked.append(Ranked(name, round(heard.points.get(name, 0.0), 3), params, strategy.cost.value, why, command, _seconds(name, facts)))
    ranked.sort(key=lambda r: (-r.score, ORDER[r.cost], r.strategy != "source-only", r.strategy))
    told = {**facts, **{f"machine_{k}": v for k, v in able.items() if v is not None}}
    needed = labels_needed(facts, limits, float((document.get("settings") or {}).get("alpha") or DEFAULTS["alpha"]))
    return Recommendation(tuple(ranked), tuple(excluded), told, needed, limits, tuple(heard.trace), tuple(heard.notes))


def _seconds(name: str, facts: Mapping[str, Any]) -> float | None:
    """How long a strategy takes on data of this size, to two digits; None where that is not known."""
    if not facts.get("n_source") or facts.get("n_features") is None:
        return None
    rows = (facts["n_source"] + facts.get("n_target", 0)) / (2 if facts.get("n_target") else 1)
    found = expected(name, rows, facts["n_features"], str(facts.get("modality")))
    return None if found is None else float(f"{found:.2g}")


def _allowed(able: Mapping[str, Any]) -> str:
    """The compute that a machine allows when nobody says it."""
    return "high" if able["gpu"] else "medium"


def _hear(facts: Mapping[str, Any], limits: Mapping[str, float]) -> _Hearing:
    """Ask every rule; note for each whether it fired, was silent, or lacked a fact."""
    heard = _Hearing()
    known = every("strategy")
    for name, rule in every("rule").items():
        given = {**limits, **facts}
        lacking = lacks(rule, given)
        if lacking:
            heard.trace.append({"rule": name, "status": "lacked", "lacking": lacking})
            continue
        seen = {f: given[f] for f in rule.facts if f in given}
        said = rule.function(**seen)
        if not said:
            heard.trace.append({"rule": name, "status": "silent", "facts": seen})
            continue
        points = {k: v for k, v in said.items() if k not in RESERVED}
        reason = Reason(name, rule.sentence, seen, rule.cites)
        for strategy, value in points.items():
            heard.points[strategy] = heard.points.get(strategy, 0.0) + value
        for strategy, settings in said.get("params", {}).items():
            heard.params.setdefault(strategy, {}).update(settings)
        for strategy in known:
            if points.get(strategy, 0) > 0 or said.get("params", {}).get(strategy):
                heard.why.setdefault(strategy, []).append((points.get(strategy, 0), reason))
        heard.excluded.update(said.get("exclude", {}))
        entry = {"rule": name, "status": "fired", "facts": seen, "points": {k: v for k, v in points.items() if k in known}}
        absent = sorted(k for k in points if k not in known)
        heard.trace.append({**entry, **({"absent": absent} if absent else {}), **({"advice": said["advice"]} if "advice" in said else {})})
        if "advice" in said:
            heard.notes.append(Note("info", f"{said['advice']} ({rule.cites})"))
    return heard


def lacks(rule: Rule, given: Mapping[str, Any]) -> list[str]:
    """The facts that a rule needs and that are not there; a fact with a default is not needed."""
    import inspect

    needed = [p.name for p in inspect.signature(rule.function).parameters.values() if p.default is p.empty]
    return [n for n in needed if n not in given]


def _unfit(strategy: Any, facts: Mapping[str, Any]) -> str | None:
    """Why a strategy cannot run on these facts, by its declared needs."""
    needs = strategy.needs
    if needs.target and not facts.get("has_target", True):
        return "it needs target data, and there are none"
    if facts.get("task") not in (None, *needs.tasks):
        return (
            f"it is for {' and '.join(needs.tasks)}, and the task is {facts['task']}"
            if facts["task"] != "none"
            else "it needs a label to predict, and there is none"
        )
    if facts.get("modality") not in (None, *needs.modalities):
        return f"it is for {', '.join(needs.modalities)} data, and these are {facts['modality']} data"
    if facts.get("n_target_labelled", 0) < needs.target_labels:
        return f"it needs {needs.target_labels} target labels or more, and there are {facts.get('n_target_labelled', 0)}"
    if facts.get("n_sources", 1) < needs.sources:
        return f"it needs {needs.sources} source domains or more, and there are {facts.get('n_sources', 1)}"
    if facts.get("n_labels", 1) < needs.labels:
        return f"it needs {needs.labels} label columns or more, and there is {facts.get('n_labels', 1)}"
    return without_extra(strategy)


def missing_module(strategy: Any) -> str | None:
    """The module that this strategy imports and that is not installed, or None."""
    extra = strategy.needs.extra
    module = EXTRAS.get(extra, extra) if extra else None
    return module if module and importlib.util.find_spec(module) is None else None


def without_extra(strategy: Any) -> str | None:
    """Why a strategy cannot run for want of its extra, in a sentence, or None."""
    return f"its extra is not installed: pip install 'mdshift[{strategy.needs.extra}]'" if missing_module(strategy) else None


def _settable(strategy: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that this strategy has, within its bounds; a rule may speak of more than a strategy can."""
    declared = {p.name for p in parameters(strategy)}
    kept: dict[str, Any] = {}
    for name, value in settings.items():
        if name in declared:
            try:
                configure(strategy, {name: value})
            except UsageError:
                continue
            kept[name] = value
    return kept


def command_for(document: Mapping[str, Any], strategy: str, params: Mapping[str, Any], goal: str, compute: str) -> str:
    """The command line that runs this strategy on the diagnosed data, quoted for a shell."""
    data, settings = document.get("data", {}), document.get("settings", {})
    words = ["mdshift", "adapt", *data.get("sources", ()), *([data["target"]] if data.get("target") else [])]
    for key, flag in (("labels", "--label"), ("text", "--text"), ("drop", "--drop")):
        words += [word for value in data.get(key, ()) for word in (flag, value)]
    stated = {key: data.get(key) for key in ("task", "domain_column", "time", "encoding", "on_schema")}
    stated |= {"alpha": settings.get("alpha"), "seed": settings.get("seed"), "goal": goal, "compute": compute}
    for key, value in stated.items():
        if value is not None and value != DEFAULTS.get(key):
            words += [f"--{key.replace('_', '-')}", str(value)]
    words += ["--strategy", strategy]
    for name, value in params.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join([*words, "--out", DEFAULTS["out"]])


def labels_needed(facts: Mapping[str, Any], limits: Mapping[str, float], alpha: float = 0.05) -> dict[str, Any]:
    """How many labelled target rows show, with 80 % power, that one model beats another that both are scored on.

    For one candidate fixed beforehand, at a one-sided 5 %. Classes: the share of rows on which exactly one of the two is right is the gain
    plus `churn`, so n = (z_level + z_power)^2 (gain + churn) / gain^2 (after McNemar 1947, Connor 1987): 124 rows for 10 points, 371 for 5.
    Numbers: n = ((z_level + z_power) / d)^2, d the gain in squared error over the standard deviation of its differences.
    `auto` is the same at the level at which `adapt` keeps one of several candidates (`trials`): two-sided alpha, divided by their number;
    the maps that a candidate is made of count too and ask for more. `buys` says what such labels are good for.
    """
    from mdshift.stats.resample import two_sided

    have, numbers, churn = facts.get("n_target_labelled", 0), facts.get("task") == "regression", limits["churn"]
    tried = MOST[facts.get("compute", DEFAULTS["compute"])]

    def rows(gain: float, z_level: float) -> int:
        scale = (z_level + Z_POWER) ** 2
        return int(-(-scale / gain**2 // 1)) if numbers else int(-(-scale * (gain + churn) / gain**2 // 1))

    large, small = (0.25, 0.125) if numbers else (0.10, 0.05)
    wide, fine = (rows(gain, Z_LEVEL) for gain in (large, small))
    more, most = (rows(gain, two_sided(alpha / tried)) for gain in (large, small))
    gains = ("of a quarter of a standard deviation of the paired squared errors", "of an eighth") if numbers else ("of 10 points", "of 5")
    beside = "" if numbers else f", {100 * churn:g} % churn"
    sentence = (
        f"{wide} target labels show a gain {gains[0]}, {fine} one {gains[1]} (one candidate fixed beforehand, one-sided 5 %, power 80 %{beside}); "
        f"with {tried} candidates `auto` asks for {more} and {most}; there are {have}"
    )
    return {
        "large_gain": wide,
        "small_gain": fine,
        "have": have,
        "level": 0.05,
        "power": 0.8,
        "auto": {"candidates": tried, "large_gain": more, "small_gain": most},
        "sentence": sentence,
        "buys": _buys(wide, more, have, tried, str(facts.get("task")), churn),
    }


def smallest_gain(rows: int, task: str, churn: float) -> float | None:
    """The smallest gain that so many labels show: the number of `labels_needed`, turned round. None where no gain is large enough.

    Classes: a share of the rows. Numbers: in standard deviations of the paired differences in squared error.
    """
    if rows <= 0:
        return None
    s = (Z_LEVEL + Z_POWER) ** 2 / rows
    if task == "regression":
        return float(s**0.5)
    gain = (s + (s * s + 4 * s * churn) ** 0.5) / 2  # n gain^2 = scale (gain + churn)
    return float(gain) if gain <= 1 else None


def words_of_gain(gain: float, task: str) -> str:
    """A gain in words: points of accuracy, or standard deviations of the paired squared errors."""
    if task == "regression":
        return f"{gain:.2g} standard deviations of the paired squared errors"
    return f"{100 * gain:.0f} points"


def _buys(wide: int, more: int, have: int, tried: int, task: str, churn: float) -> str:
    """What labels are good for: what they show, how surely, and what `auto` does with them."""
    gain = (
        "a quarter of a standard deviation of the paired squared errors"
        if task == "regression"
        else "10 points (10 more of 100 rows right)"
    )
    now = smallest_gain(have, task, churn)
    told = (
        f"One strategy, fixed beforehand, that truly gains {gain} is seen to do so in 4 cases of 5 with {wide} labels drawn at random; "
        "one that gains nothing passes in 1 case of 20. "
    )
    if have:
        told += f"The {have} that there are show {'hardly any gain' if now is None else f'gains from {words_of_gain(now, task)} on'}. "
    return told + (
        "With labels `auto` compares every candidate with the source model on labelled target rows that the candidate was not trained on, keeps one "
        f"only where the gain is sure (the more are tried, the more labels that takes: {more} for {tried}, and more where the maps that they are "
        "made of are tried along), and can try those that learn from labels; "
        "without any it has validators alone to go by. --label-plan FILE writes which rows to label first"
    )
