"""The manual: pages made from declarations, for `explain` and for `docs/`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, get_args

from mdshift.declare import Kind, every, parameters
from mdshift.errors import UsageError, nearest

KINDS: tuple[Kind, ...] = get_args(Kind)
PARTS = ("Assumes", "Helps", "Hurts", "Cost")  # labels in a docstring, or in that of its module
COSTS = {
    "low": "at most a few refits of the source model",
    "medium": "a network trained once",
    "high": "several networks, an adversary, or an expert a source",
}
COMMANDS = {
    "probe": "mdshift diagnose SOURCE... TARGET --label NAME",
    "rule": "mdshift recommend SOURCE... TARGET --label NAME",
    "validator": "mdshift adapt SOURCE... TARGET --label NAME --strategy auto",
}
PLURALS = {"strategy": "strategies", "probe": "probes", "rule": "rules", "validator": "validators", "reader": "readers"}


def index(name: str | None = None) -> dict[str, Any]:
    """Everything that is declared, by kind, with its first sentence; only that of one kind where `name` is one ("probe" or "probes")."""
    wanted = [kind for kind in KINDS if name in (None, kind, PLURALS[kind])]
    return {"index": {PLURALS[kind]: [{"name": n, "summary": summary(t)} for n, t in every(kind).items()] for kind in wanted}}


def page(name: str | None) -> dict[str, Any]:
    """The index, that of a kind, or the manual page of a declared thing; see `entry`."""
    kind = None if name is None else name.removesuffix("/")
    return index(kind) if name is None or kind in {*PLURALS, *PLURALS.values()} else entry(name)


def summary(thing: Any) -> str:
    """The sentence of a rule, else the first line of the docstring."""
    return thing.sentence if hasattr(thing, "sentence") else _paragraphs(thing)[0]


def _paragraphs(thing: Any) -> list[str]:
    return _split((thing.__doc__ if hasattr(thing, "sentence") else inspect.getdoc(thing)) or "")


def _split(text: str) -> list[str]:
    return [re.sub(r"\s*\n\s*", " ", p) for p in re.split(r"\n\s*\n", inspect.cleandoc(text).strip())]


def _parted(thing: Any) -> tuple[list[str], dict[str, str]]:
    """The paragraphs after the summary, and the labelled parts: the thing's own, else those of its module."""
    module = inspect.getmodule(getattr(thing, "function", thing))
    own = _paragraphs(thing)[0 if hasattr(thing, "sentence") else 1 :]
    plain: list[str] = []
    parts: dict[str, str] = {}
    for text in [*own, *(_split(module.__doc__ or "") if module else ())]:
        pieces = re.split(rf"(?:^|\s)({'|'.join(PARTS)}): ", text)
        if pieces[0].strip() and text in own:
            plain.append(pieces[0].strip())
        for label, told in zip(pieces[1::2], pieces[2::2], strict=True):
            parts.setdefault(label.lower(), told.strip())
    return plain, parts


def entry(name: str) -> dict[str, Any]:
    """The manual page of one declared thing; KIND/NAME tells two of one name apart.

    Raises UsageError with the nearest name when there is none.
    """
    wanted, slash, bare = name.partition("/")
    own = bare if slash else name
    found = [k for k in KINDS if own in every(k) and (not slash or wanted in (k, PLURALS[k]))]
    if not found:
        raise UsageError("nothing of this name", repr(name), nearest(own, [n for kind in KINDS for n in every(kind)]))
    kind = found[0]
    told = describe(kind, own, every(kind)[own])
    told["commands"] += [f"mdshift explain {other}/{own}" for other in found[1:]]
    return told


def describe(kind: Kind, name: str, thing: Any) -> dict[str, Any]:
    """Text, facts, parameters and examples of a declared thing; what it assumes, where it helps and where it hurts end the text."""
    text, parts = _parted(thing)
    found: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "summary": summary(thing),
        "text": [*text, *(f"{label}: {parts[label.lower()]}" for label in PARTS if label != "Cost" and label.lower() in parts)],
        "facts": {"cost": parts["cost"]} if "cost" in parts else {},
        "parameters": [],
        "examples": {},
        "commands": [COMMANDS[kind].format(name=name)] if kind in COMMANDS else [],
    }
    if kind == "strategy":
        _strategy(found, thing)
    elif kind == "rule":
        _rule(found, thing)
    else:
        if kind == "validator":
            found["facts"] |= {
                "tasks": ", ".join(thing.tasks),
                "has a vote": "yes" if thing.votes else "no",
            }
            found["facts"] |= {"parameters": "none"}
        if kind == "probe":
            found["facts"] |= {"parameters": "--alpha (level), --seed"}
        if getattr(thing, "cites", None):
            found["facts"] |= {"source": thing.cites}
    return found


def _strategy(found: dict[str, Any], thing: Any) -> None:
    cost = thing.cost.value
    found["facts"] = {"family": _family(thing), "cost": f"{cost}: {COSTS[cost]}", **_needs(thing.needs), "source": thing.cites}
    keys = ("name", "default", "low", "high", "help")
    found["parameters"] = [{**{k: getattr(p, k) for k in keys}, "choices": list(p.choices), "range": _range(p)} for p in parameters(thing)]
    needs = thing.needs
    data = "SOURCE... TARGET" if needs.sources == 1 else " ".join([*(f"SOURCE{i + 1}" for i in range(needs.sources)), "TARGET"])
    label = " ".join(f"--label NAME{i + 1 if needs.labels > 1 else ''}" for i in range(needs.labels))
    command = f"mdshift adapt {data} {label} --strategy {found['name']}"
    found["commands"] = [command]
    first = next((p for p in found["parameters"] if p["default"] not in (None, "")), None)
    if first:
        default = str(first["default"]).lower() if isinstance(first["default"], bool) else first["default"]
        found["commands"].append(f"{command} --set {first['name']}={default}")


def _rule(found: dict[str, Any], thing: Any) -> None:
    from mdshift.rules.thresholds import THRESHOLDS

    reads = [f for f in thing.facts if f not in THRESHOLDS]
    found["facts"] = {"cost": "none: it reads facts that are there", "source": thing.cites, "reads": ", ".join(reads)}
    found["facts"].update({f: f"{THRESHOLDS[f].value:g}: {THRESHOLDS[f].reason}" for f in thing.facts if f in THRESHOLDS})
    found["examples"] = {
        "It fires on": [_example(thing, e) for e in thing.fires],
        "It is silent on": [_example(thing, e) for e in thing.silent],
    }


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
    if needs.labels > 1:
        told["label columns"] = f"{needs.labels} or more"
    if needs.differing:
        told["columns"] = "source and target may have different ones"
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
