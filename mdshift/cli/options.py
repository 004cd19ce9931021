"""What the commands share: options made from the one table in `config`, and the wrapper that gives typer its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from mdshift.cli.app import app
from mdshift.config import OPTIONS, Option
from mdshift.errors import Interrupted

Flags = Mapping[str, Any]

READING = ("encoding", "on_schema")
DATA = ("label", "task", "domain_column", "time", "text", "drop", *READING)
TESTING = ("alpha", "seed")
RUNNING = ("device", "engine", "workers")
SPEECH = ("quiet", "verbose", "debug", "no_color")
RESULT = ("json", "output", *SPEECH)
# the order of a help page: what this command alone has, data, settings, output


def argument(name: str, help: str, *, many: bool = False, required: bool = False) -> inspect.Parameter:  # noqa: A002 - reads as typer's help
    """A positional argument."""
    default = typer.Argument(... if required else None, help=help, metavar=name.upper(), show_default=False)
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=list[str] if many else str)


def _typer_option(option: Option) -> inspect.Parameter:
    """The option for typer. Values arrive as text: `config.convert` checks flags, variables and TOML alike."""
    flags = option.flags or (option.flag,)
    kind: Any = bool if option.kind is bool else (list[str] if option.many else str)
    metavar = None if option.kind is bool else ("|".join(option.choices) or option.metavar or option.name.upper())
    default = typer.Option(None, *flags, help=describe(option), metavar=metavar, show_default=False)
    return inspect.Parameter(f"{option.name}_", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind | None)


def describe(option: Option) -> str:
    """The help of an option with its default."""
    told = option.default is not None and option.default is not False and option.default != () and "[default" not in option.help
    number = f"{option.default:g}" if isinstance(option.default, float) else option.default
    return f"{option.help} [default: {number}]" if told else option.help


@dataclass(frozen=True)
class Command:
    """A command as declared: what the manual is made from."""

    name: str
    text: str
    arguments: tuple[tuple[str, str], ...]
    options: tuple[str, ...]


REGISTERED: dict[str, Command] = {}


class PipeClosed(Exception):
    """The reader of standard output went away (`| head`): a quiet end."""


def command(
    name: str, short: str, arguments: Sequence[inspect.Parameter], options: Sequence[str]
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register `function(*arguments, flags)`; `flags` maps option names to what was given (None where nothing was)."""

    def wrap(function: Callable[..., int]) -> Callable[..., int]:
        parameters = [*arguments, *(_typer_option(OPTIONS[o]) for o in options)]

        def call(**given: Any) -> None:
            values = [given[a.name] for a in arguments]
            try:
                code = function(*values, {o: given[f"{o}_"] for o in options})
            except BrokenPipeError:  # caught here: typer would make it an exit with 1
                raise PipeClosed from None
            except KeyboardInterrupt:
                raise Interrupted("interrupted", name, "nothing was written") from None
            raise typer.Exit(code)

        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__doc__ = function.__doc__
        told = tuple((a.name, a.default.help) for a in arguments)
        REGISTERED[name] = Command(name, inspect.getdoc(function) or "", told, tuple(options))
        app.command(name, short_help=short, options_metavar="[OPTIONS]")(call)
        return function

    return wrap
