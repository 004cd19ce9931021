"""The typer application that the commands hang themselves on."""

from __future__ import annotations

import os
from typing import Any

import typer
from typer.core import TyperGroup

from mdshift import __version__

EPILOG = "Exit codes: 0 done, 1 a tripped --fail-on, 2 usage or data, 3 environment, 70 a bug, 130 interrupted."


class Root(TyperGroup):
    """The command, which answers a shell that asks what may stand next."""

    def main(self, *arguments: Any, **named: Any) -> Any:
        """Complete, or run."""
        if os.environ.get("_MDSHIFT_COMPLETE"):
            from mdshift.cli import completion  # it reads the commands that are registered here

            completion.speak()
            return 0
        return super().main(*arguments, **named)


app = typer.Typer(
    name="mdshift",
    cls=Root,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True, epilog=EPILOG)
def root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Diagnose the shift between two data sets, recommend a strategy, adapt a model, prove that it helped."""
    if version:
        typer.echo(f"mdshift {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
