"""The manual: pages made from declarations, for `explain` and for `docs/`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, get_args

from mdshift.declare import Kind, every, parameters
from mdshift.errors import UsageError, nearest

KINDS: tuple[Kind, ...] = get_args(Kind)
PLURALS = {"strategy": "strategies", "probe": "probes", "rule": "rules", "validator": "validators", "reader": "readers"}


def index() -> dict[str, Any]:
    """Everything that is declared, by kind, with its first sentence."""
    return {"index": {PLURALS[kind]: [{"name": n, "summary": summary(t)} for n, t in every(kind).items()] for kind in KINDS if every(kind)}}


def summary(thing: Any) -> str:
    """The sentence of a rule, else the first line of the docstring."""
    return thing.sentence if hasattr(thing, "sentence") else _paragraphs(thing)[0]


def _paragraphs(thing: Any) -> list[str]:
    text = thing.__doc__ if hasattr(thing, "sentence") else inspect.getdoc(thing)
    parts = re.split(r"\n\s*\n", inspect.cleandoc(text or "").strip())
    return [re.sub(r"\s*\n\s*", " ", p) for p in parts]


def entry(name: str) -> dict[str, Any]:
    """The manual page of one declared thing; KIND/NAME tells two of one name apart.

    Raises UsageError with the nearest name when there is none.
    """
    wanted, slash, bare = name.partition("/")
    found = [k for k in KINDS if (bare if slash else name) in every(k) and (not slash or k == wanted)]
    if not found:
        raise UsageError("nothing of this name", repr(name), nearest(name, [n for kind in KINDS for n in every(kind)]))
    kind, own = found[0], bare if slash else name
    page = describe(kind, own, every(kind)[own])
    page["commands"] += [f"mdshift explain {other}/{own}" for other in found[1:]]
    return page


def describe(kind: Kind, name: str, thing: Any) -> dict[str, Any]:
    """Text, facts, parameters and examples of a declared thing."""
    paragraphs = _paragraphs(thing)
    found: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "summary": summary(thing),
        "text": paragraphs if kind == "rule" else paragraphs[1:],
        "facts": {},
        "parameters": [],
        "examples": {},
        "commands": [],
    }
    if kind == "strategy":
        found["facts"] = {"family": _family(thing), "cost": thing.cost.value, **_needs(thing.needs), "source": thing.cites}
        found["parameters"] = [
            {
                "name": p.name,
                "default": p.default,
                "low": p.low,
                "high": p.high,
                "choices": list(p.choices),
                "range": _range(p),
                "help": p.help,
            }
            for p in parameters(thing)
        ]
        found["commands"] = [f"mdshift adapt SOURCE... TARGET --strategy {name}"]
    elif kind == "rule":
        from mdshift.rules.thresholds import THRESHOLDS

        reads = [f for f in thing.facts if f not in THRESHOLDS]
        found["facts"] = {"source": thing.cites, "reads": ", ".join(reads)}
        found["facts"].update({f: f"{THRESHOLDS[f].value:g}: {THRESHOLDS[f].reason}" for f in thing.facts if f in THRESHOLDS})
        found["examples"] = {
            "It fires on": [_example(thing, e) for e in thing.fires],
            "It is silent on": [_example(thing, e) for e in thing.silent],
        }
    elif getattr(thing, "cites", None):
        found["facts"] = {"source": thing.cites}
    return found


def _family(thing: Any) -> str:
    named = [b.__name__ for b in thing.__mro__ if b.__module__ == "mdshift.families" and b.__name__ != "Strategy"]
    return named[0] if named else "its own"


def _needs(needs: Any) -> dict[str, str]:
    told = {
        "target labels": str(needs.target_labels) if needs.target_labels else "none",
        "sources": f"{needs.sources} or more",
        "target data": "needed" if needs.target else "not needed",
        "tasks": ", ".join(needs.tasks),
        "data": ", ".join(needs.modalities),
    }
    return {**told, "extra": f"pip install 'mdshift[{needs.extra}]'"} if needs.extra else told


def _range(p: Any) -> str:
    if p.choices:
        return " | ".join(p.choices)
    if isinstance(p.default, bool):
        return "true | false"
    if p.low is None and p.high is None:
        return "any"
    return f"[{'-inf' if p.low is None else f'{p.low:g}'}, {'inf' if p.high is None else f'{p.high:g}'}]"


def _example(rule: Any, facts: Mapping[str, Any]) -> str:
    from mdshift.rules.thresholds import THRESHOLDS, defaults

    given = {k: v for k, v in facts.items() if k not in THRESHOLDS}
    said = rule.function(**{k: v for k, v in {**defaults(), **facts}.items() if k in rule.facts})
    told = ", ".join(f"{k} = {v}" for k, v in given.items())
    return f"{told}: {_said(said)}" if said else told


def _said(said: Mapping[str, Any]) -> str:
    """Points, settings, exclusions and advice in words."""
    parts = [f"{name} {value:+g}" for name, value in said.items() if name not in ("params", "exclude", "advice")]
    parts += [f"{s} {k}={v}" for s, settings in said.get("params", {}).items() for k, v in settings.items()]
    parts += [f"{name} is ruled out" for name in said.get("exclude", {})]
    return "; ".join([*parts, *([said["advice"]] if said.get("advice") else [])])
