"""How a thing is declared once, and how all of a kind are found.

A declared thing is a class (strategy, probe, validator, reader) or a function (rule) that stands in a module
of its package. Nothing is listed by hand: `every(kind)` walks the package. Modules that declare
must stay light: heavy imports (torch, sklearn, scipy, pandas) stand inside functions.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import math
import pkgutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING as UNSET
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from mdshift.errors import UsageError, nearest

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["strategy", "probe", "rule", "validator", "reader"]
PACKAGES: Mapping[str, str] = {
    "strategy": "mdshift.strategies",
    "probe": "mdshift.probes",
    "rule": "mdshift.rules",
    "validator": "mdshift.validators",
    "reader": "mdshift.readers",
}
T = TypeVar("T")


class Cost(enum.Enum):
    """What a strategy costs, relative to training the source model once."""

    LOW = "low"  # at most a few refits
    MEDIUM = "medium"  # a network trained once
    HIGH = "high"  # several networks, or an adversary


@dataclass(frozen=True)
class Needs:
    """What a strategy cannot do without.

    target_labels: the number of labelled target rows. sources: the number of source domains. labels: the number of label columns.
    differing: it is shown the columns that one side lacks, too.
    tasks, modalities: what it claims to handle. extra: the optional extra that it imports.
    """

    target_labels: int = 0
    sources: int = 1
    labels: int = 1
    differing: bool = False
    target: bool = True
    tasks: tuple[str, ...] = ("classification", "regression")
    modalities: tuple[str, ...] = ("table", "array", "image", "text")
    extra: str | None = None


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: its bounds and choices hold for `--set` too. tries: values that `auto` tries beside the default where compute is high."""

    name: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    tries: tuple[Any, ...] = ()


def param(
    default: Any,
    help: str,  # noqa: A002 - reads as the field's help
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    tries: tuple[Any, ...] = (),
) -> Any:
    """Declare a parameter of a strategy as a dataclass field."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices, "tries": tries})


def _register(kind: Kind) -> Callable[[T], T]:
    def mark(thing: T) -> T:
        thing.__declared__ = kind  # type: ignore[attr-defined]
        return thing

    return mark


strategy = _register("strategy")
probe = _register("probe")
validator = _register("validator")
reader = _register("reader")


@dataclass(frozen=True)
class Rule:
    """A rule: a plain function of named facts, with its sentence, source and examples.

    The function returns a mapping of strategy name to points (None or {} when silent); the key
    "params" may map strategy names to parameter settings, "exclude" strategy names to the reason why they are ruled out, and
    "advice" is a sentence for the user. Thresholds are read like facts, by name. A fact that is missing silences the rule.
    fires, silent: examples of facts, which are its tests and stand in its manual page.
    """

    name: str
    sentence: str
    cites: str
    function: Callable[..., Mapping[str, Any] | None]
    fires: tuple[Mapping[str, Any], ...]
    silent: tuple[Mapping[str, Any], ...]

    @property
    def facts(self) -> tuple[str, ...]:
        """The names of the facts that the rule reads."""
        return tuple(inspect.signature(self.function).parameters)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """The docstring of the function: the rule's manual page."""
        return self.function.__doc__ or ""


def rule(
    name: str,
    *,
    sentence: str,
    cites: str,
    fires: tuple[Mapping[str, Any], ...],
    silent: tuple[Mapping[str, Any], ...],
) -> Callable[[Callable[..., Mapping[str, Any] | None]], Rule]:
    """Declare a rule; see `Rule`."""

    def make(function: Callable[..., Mapping[str, Any] | None]) -> Rule:
        made = Rule(name, sentence, cites, function, fires, silent)
        object.__setattr__(made, "__declared__", "rule")
        return made

    return make


@cache
def every(kind: Kind) -> Mapping[str, Any]:
    """All declared things of a kind by name, sorted; found by walking their package."""
    package = importlib.import_module(PACKAGES[kind])
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for thing in vars(module).values():
            owner = getattr(thing, "__module__", module.__name__) if inspect.isclass(thing) else module.__name__
            # vars(): a subclass must declare itself, it does not inherit the mark
            marked = vars(thing).get("__declared__") if hasattr(thing, "__dict__") else None
            if marked == kind and owner == module.__name__:
                found[thing.name] = thing
    return dict(sorted(found.items()))


def lookup(kind: Kind, name: str) -> Any:
    """The declared thing of this name.

    Raises UsageError with the nearest name when there is none.
    """
    known = every(kind)
    if name not in known:
        raise UsageError(f"unknown {kind}", repr(name), nearest(name, known))
    return known[name]


def parameters(thing: Any) -> tuple[Parameter, ...]:
    """The declared parameters of a strategy."""
    return tuple(
        Parameter(f.name, f.default if f.default is not UNSET else None, **f.metadata) for f in fields(thing) if "help" in f.metadata
    )


def variants(thing: Any) -> tuple[Mapping[str, Any], ...]:
    """The settings of a strategy that are worth a try beside its defaults, one parameter at a time."""
    return tuple({p.name: value} for p in parameters(thing) for value in p.tries)


def configure(thing: Any, settings: Mapping[str, Any]) -> Any:
    """Make an instance of a declared strategy with these settings (strings are converted).

    Raises UsageError for an unknown name (nearest one given), a wrong type, or a value out of bounds.
    """
    known = {p.name: p for p in parameters(thing)}
    values: dict[str, Any] = {}
    for key, given in settings.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UsageError(f"strategy {thing.name!r} has no parameter", repr(key), nearest(name, known))
        values[name] = _convert(known[name], given)
    return thing(**values)


def _convert(p: Parameter, given: Any) -> Any:
    kind = type(p.default)
    try:
        if kind is bool:
            value: Any = (
                given
                if isinstance(given, bool)
                else {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(given).lower()]
            )
        elif kind is int:
            value = int(str(given))
        elif kind is float:
            value = float(given)
        else:
            value = str(given)
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"parameter {p.name!r} must be {kind.__name__}", repr(given), p.help) from None
    if p.choices and value not in p.choices:
        raise UsageError(f"parameter {p.name!r} must be one of {', '.join(p.choices)}", repr(given), p.help)
    out = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (not math.isfinite(value) or (p.low is not None and value < p.low) or (p.high is not None and value > p.high))
    )
    if out:
        low, high = ("-inf" if p.low is None else p.low), ("inf" if p.high is None else p.high)
        how = "lie" if math.isfinite(value) else "be a finite number"
        raise UsageError(f"parameter {p.name!r} must {how} in [{low}, {high}]", repr(given), p.help)
    return value


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A random generator keyed by the seed and the name of the unit of work, so that order never matters."""
    import numpy as np

    keys = [n if isinstance(n, int) else zlib.crc32(n.encode()) for n in names]
    return np.random.default_rng([seed, *keys])
