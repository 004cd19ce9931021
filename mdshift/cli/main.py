"""The console script: find the command, run it, turn every ending into a documented exit code."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

import typer

from mdshift.cli import adapt, diagnose, doctor, entry, evaluate, explain, predict, recommend, runs, samples
from mdshift.cli.app import app
from mdshift.cli.options import PipeClosed
from mdshift.cli.session import say
from mdshift.config import OPTIONS
from mdshift.errors import Interrupted, MdshiftError, UsageError, nearest
from mdshift.nn.slot import halt

COMMANDS = tuple(m.__name__.rsplit(".", 1)[1] for m in (diagnose, recommend, adapt, predict, evaluate, explain, runs, samples, doctor))
app.registered_commands.sort(key=lambda c: COMMANDS.index(c.name or ""))  # the help tells them in the order of the work
BUG, INTERRUPTED = 70, 130
LATER = 0.02  # seconds until an interrupt within an import is tried again
NOTHING = "nothing was written"
GRACE = 3.0  # seconds that trainings have, after an interrupt, to end their step and keep their state
NO_MEMORY = re.compile(r"out of memory|(can't|cannot|unable to) allocate", re.IGNORECASE)
BAD_NEWS_OF_TYPER: Any = typer.BadParameter.__mro__[2]  # ClickException, wherever this version of typer keeps it


def run() -> None:
    """The console script."""
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, entry.early):  # a run in the background may have it ignored
        signal.signal(signal.SIGINT, _terminated)
    code = main(sys.argv[1:])
    if code == INTERRUPTED:
        until = time.monotonic() + GRACE  # trainings beside the one that was waited for keep their state, too
        while halt.trainings and time.monotonic() < until:
            time.sleep(LATER)
        os._exit(code)  # an orderly end would wait for units that nobody wants any more, and take libraries apart for seconds
    sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code, and never raises."""
    debug = "--debug" in arguments or os.environ.get("MDSHIFT_DEBUG", "").strip().lower() in ("1", "true", "yes", "on")
    _quiet_surroundings(debug)
    code = 0
    try:
        code = _invoke(arrange(arguments))
        if code == INTERRUPTED:  # typer ends so, and says nothing, where no command had begun
            _report("interrupted", NOTHING, code)
        _flush()
    except (PipeClosed, BrokenPipeError):
        _detach_output()
    except KeyboardInterrupt:
        code = _report("interrupted", NOTHING, INTERRUPTED)
    except MdshiftError as e:
        _trace(debug)
        code = _report(str(e), e.hint, e.exit_code)
    except BAD_NEWS_OF_TYPER as e:
        _trace(debug)
        code = _report(*_usage(e), 2)
    except typer.Abort:
        code = _report("interrupted", NOTHING, INTERRUPTED)
    except MemoryError as e:
        _trace(debug)
        code = _report(*_no_memory(e), 3)
    except OSError as e:
        _trace(debug)
        code = _report(
            f"{e.strerror or type(e).__name__}{f': {e.filename}' if e.filename else ''}", "check the disk, the path and its permissions", 3
        )
    except SystemExit as e:  # typer's own word for a closed pipe while it prints help
        code = e.code if isinstance(e.code, int) and e.code in (0, 2) else 0
    except Exception as e:  # noqa: BLE001 - the last net: whatever it is, it is a bug and says so in one line
        _trace(debug)
        if isinstance(e, RuntimeError) and NO_MEMORY.search(str(e)):  # torch's, outside of the one loop, which halves its batches
            code = _report(*_no_memory(e), 3)
        else:
            code = _report(f"a bug in mdshift: {type(e).__name__}: {e}", "run it again with --debug and report the traceback", BUG)
    _calm()
    if code:
        try:
            _flush()
        except OSError:
            _detach_output()
    return code


def _invoke(arguments: list[str]) -> int:
    returned = typer.main.get_command(app).main(args=arguments, prog_name="mdshift", standalone_mode=False)
    return returned if isinstance(returned, int) else 0


def arrange(arguments: Sequence[str]) -> list[str]:
    """Put options that stand before the command behind it: they mean the same in any place.

    Raises UsageError for an unknown command, with the nearest one.
    """
    flags = {f: o for o in OPTIONS.values() for f in (o.flags or (o.flag,))}
    position = 0
    while position < len(arguments):
        token = arguments[position]
        if token in ("--help", "-h", "--version"):
            return [token]
        if not token.startswith("-") or token in ("-", "--"):
            break
        option = flags.get(token)
        if option is None and token.split("=")[0] not in flags:
            raise UsageError("unknown option", repr(token), nearest(token, [*flags, "--help", "--version"]))
        position += 2 if option is not None and option.kind is not bool else 1
    if position >= len(arguments):
        if arguments:
            raise UsageError("no command was given", "", f"commands: {', '.join(COMMANDS)}")
        return []
    name = arguments[position]
    if name not in COMMANDS:
        hint = f"to compare data: mdshift diagnose {' '.join(arguments)}" if os.path.exists(name) else nearest(name, COMMANDS)  # noqa: PTH110 - any text must do
        raise UsageError("unknown command", repr(name), hint)
    return [name, *arguments[:position], *arguments[position + 1 :]]


def _usage(e: Any) -> tuple[str, str]:
    """Typer's complaint as our error and hint."""
    context = getattr(e, "ctx", None)
    message = e.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    help_hint = f"see `{context.command_path} --help`" if context is not None else "see `mdshift --help`"
    option = getattr(e, "option_name", None)
    if option is not None and context is not None:
        known = [f for p in context.command.params for f in p.opts if f.startswith("-")]
        if "requires an argument" in message or option in known:
            return message, help_hint
        return f"unknown option: {option!r}", nearest(option, [*known, "--help"])
    return message, help_hint


def _report(error: str, hint: str, code: int) -> int:
    try:
        say(f"error: {error}")
        if hint:
            say(f"hint: {hint}")
    except OSError:  # nobody listens
        pass
    return code


def _no_memory(e: BaseException) -> tuple[str, str]:
    """An error and hint that name the size, where the library does."""
    said = " ".join(str(e).split())
    return f"out of memory{f': {said}' if said else ''}", "use fewer rows or columns (--drop), or a machine with more memory"


def _trace(debug: bool) -> None:
    if debug and sys.stderr is not None:
        import traceback

        traceback.print_exc()


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _detach_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not complain."""
    if sys.stdout is None:
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a stream without a file behind it
        pass


def _quiet_surroundings(debug: bool) -> None:
    """What a library says to the programmer is not for the user; a termination is an interruption; units run side by side, not their sums."""
    import warnings

    # one thread a unit (`--workers` sets how many units run at once): sums come in one order on every machine, and
    # threads that wait for one another on a busy machine were seen to cost twenty times the work itself; set outright,
    # because with another number in the environment the last digit of a result differs
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"

    if not debug:
        warnings.simplefilter("ignore")
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks must not end the run
    with contextlib.suppress(ValueError):  # not in the main thread: an embedding program keeps its own handlers
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: Any) -> None:  # noqa: ARG001 - the signature of a handler
    """Interrupt: not inside an import, whose lock would stay taken; not in the middle of a training's step; not what is interrupted already.

    Trainings that can keep their state stop between two steps, if that takes no longer than GRACE; a second signal waits for nothing.
    """
    at = frame
    while at is not None and not at.f_code.co_filename.startswith("<frozen importlib"):
        at = at.f_back
    if at is not None and _again_in(LATER):
        return
    if isinstance(sys.exc_info()[1], KeyboardInterrupt | Interrupted):
        return
    if halt.ask() and _again_in(GRACE):
        return
    raise KeyboardInterrupt


def _again_in(seconds: float) -> bool:
    """Have `_terminated` called again; whether this system can."""
    if not hasattr(signal, "setitimer"):
        return False
    signal.signal(signal.SIGALRM, _terminated)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    return True


def _calm() -> None:
    """Nothing more is interrupted: the run has its end."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    halt.forget()
