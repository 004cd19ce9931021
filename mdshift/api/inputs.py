"""What a caller hands over, as the readers take it: a data frame, an array, a path, or several of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdshift.config import COLUMN_KINDS, OPTIONS, convert
from mdshift.errors import UsageError, nearest

if TYPE_CHECKING:
    from mdshift.readers.memory import Memory
    from mdshift.types import DataSpec

SPEC = ("task", "domain_column", "time", "encoding", "on_schema")


@dataclass(frozen=True, eq=False)
class Given:
    """Where the data are: paths, and names that stand for what is in memory."""

    spec: DataSpec
    held: Mapping[str, Memory]

    @property
    def in_memory(self) -> bool:
        """Whether the command line could not find these data again."""
        return bool(self.held)


def given(source: Any, target: Any, y_source: Any, y_target: Any, columns: Mapping[str, Any]) -> Given:
    """The data under names. columns: the arguments `label`, `text`, `drop`, `kinds`, and those of `SPEC`.

    Raises UsageError for a wrong argument, DataError for what is neither a table, an array nor a path.
    """
    from mdshift.types import DataSpec

    if source is None:
        raise UsageError("the source is missing", "None", "diagnose(source, target): a data frame, an array, a path, or several sources")
    held: dict[str, Memory] = {}
    sources = [_taken(name, data, y, held) for name, data, y in _sources(source, y_source)]
    if target is None and y_target is not None:
        raise UsageError("labels of a target that is not given", "y_target", "give the target, too")
    found = None if target is None else _taken("target", target, y_target, held)
    checked = {name: columns[name] for name in SPEC if columns.get(name) is not None}
    spec = DataSpec(
        sources=tuple(sources),
        target=found,
        labels=names_of("label", columns.get("label")),
        text=names_of("text", columns.get("text")),
        drop=names_of("drop", columns.get("drop")),
        kinds=_kinds(mapping("kinds", columns.get("kinds"))),
        **{name: option(name, value) for name, value in checked.items()},
    )
    return Given(spec, held)


def _sources(source: Any, y: Any) -> Iterator[tuple[str, Any, Any]]:
    """The sources by name, each with its labels, if they lie apart."""
    if isinstance(source, Mapping):
        named = {str(name): data for name, data in source.items()}
    elif isinstance(source, list | tuple):
        named = {f"source {i}": data for i, data in enumerate(source, 1)} if len(source) != 1 else {"source": source[0]}
        if any(isinstance(data, int | float | bool | list | tuple) for data in source):
            raise UsageError(
                "a list is read as several sources", f"{type(source[0]).__name__} in it", "numpy.array(source), if it is one matrix"
            )
    else:
        yield "source", source, y
        return
    if not named:
        raise UsageError("no source data", repr(source), "give at least one source")
    if y is None:
        ys: dict[str, Any] = dict.fromkeys(named)
    elif isinstance(y, Mapping):
        ys = {str(name): labels for name, labels in y.items()}
    elif isinstance(y, list | tuple) and len(y) == len(named):
        ys = dict(zip(named, y, strict=True))
    else:
        raise UsageError(
            "y_source does not fit to several sources", type(y).__name__, "one array of labels for each source, in the same form"
        )
    beyond = [name for name in ys if name not in named]
    if beyond:
        raise UsageError("labels of a source that is not given", repr(beyond[0]), nearest(beyond[0], named))
    yield from ((name, data, ys.get(name)) for name, data in named.items())


def _taken(name: str, data: Any, y: Any, held: dict[str, Memory]) -> str:
    """The name that stands for the data; those in memory are put into `held`."""
    from mdshift.readers.memory import Memory

    if isinstance(data, str | os.PathLike):
        if y is not None:
            raise UsageError("labels apart from a file", f"{os.fspath(data)!r}", "name the column: label=NAME")
        path = os.fspath(data)
        if path in ("-", "/dev/stdin"):
            raise UsageError("standard input is read by the command line alone", repr(path), "give a path, a data frame or an array")
        return str(path)
    unused = name if name not in held else next(n for i in range(2, len(held) + 3) if (n := f"{name} ({i})") not in held)
    held[unused] = Memory(unused, data, y)
    return unused


def names_of(argument: str, value: Any) -> tuple[str, ...]:
    """One column name, or several.

    Raises UsageError for anything else.
    """
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Sequence) else (value,)
    if any(isinstance(n, bool | bytes) or not isinstance(n, str | int) for n in names):
        raise UsageError(f"{argument} must be a column name, or a list of them", repr(value)[:80], f"{argument}='y'")
    return tuple(str(n) for n in names)


def option(name: str, value: Any) -> Any:
    """An argument as the command line's option of this name has it.

    Raises UsageError for a wrong type, a value out of bounds, or an unknown choice.
    """
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    return convert(OPTIONS[name], value, f"argument {name!r}")


def mapping(argument: str, value: Any) -> Mapping[Any, Any]:
    """Values by name; None is none of them.

    Raises UsageError for anything else.
    """
    if value is not None and not isinstance(value, Mapping):
        raise UsageError(f"{argument} must be a mapping from names to values", repr(value)[:80], f"{argument}={{'name': value}}")
    return value or {}


def path(argument: str, value: Any) -> str:
    """A path as text.

    Raises UsageError for what is none.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(found := os.fspath(value), str):
        raise UsageError(f"{argument} must be a path", repr(value)[:80], f"{argument}='mdshift-model'")
    return found


def listener(value: Any) -> Callable[[str], None]:
    """What is told of every step; nobody, for None.

    Raises UsageError for what cannot be called.
    """
    if value is not None and not callable(value):
        raise UsageError("progress must be a function of one text", repr(value)[:80], "progress=print")
    return value or _silence


def _silence(text: str) -> None:
    """No word of progress."""


def _kinds(kinds: Mapping[str, str]) -> dict[str, str]:
    for column, kind in kinds.items():
        if kind not in COLUMN_KINDS:
            raise UsageError(f"the kind of column {column!r} is unknown", repr(kind), nearest(str(kind), COLUMN_KINDS))
    return {str(column): kind for column, kind in kinds.items()}


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Sums in one thread, as under the command line (the last digits depend on it), and no library's warnings; after it, all is as before."""
    import warnings

    # the libraries must be there before their threads can be counted
    import scipy.linalg  # noqa: F401 - as above
    import sklearn.utils.validation  # noqa: F401
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield
