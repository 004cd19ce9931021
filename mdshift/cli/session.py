"""One run of a command: its settled options, what it says on standard error, and where its result goes."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mdshift import config
from mdshift.cli.progress import Display
from mdshift.errors import EnvironmentFault, UsageError
from mdshift.report.text import clean

REPORT_ENDINGS = (".json", ".html", ".md")
SETTINGS_TOLD = ("alpha", "seed", "device", "goal", "compute", "strategy", "budget")  # what a result depends on: not workers, not output


@dataclass
class Session:
    """Options by name as settled, and the channels to the user."""

    names: Sequence[str]
    flags: Mapping[str, Any]
    configuration: config.Configuration
    settings: dict[str, Any]
    plan: Mapping[str, Any] | None = None
    began: float = field(default_factory=time.perf_counter)
    marks: dict[str, float] = field(default_factory=dict)

    @classmethod
    def open(cls, names: Sequence[str], flags: Mapping[str, Any]) -> Session:
        """Read the configuration, settle the options, warn of variables that mean nothing.

        Raises UsageError for a wrong value, EnvironmentFault for an engine that is not installed or a device that is not there.
        """
        configuration = config.read()
        session = cls(names, flags, configuration, config.settle(names, flags, os.environ, configuration))
        for name in config.variables(os.environ)[1]:
            session.warn(f"the variable {name} means nothing to mdshift")
        if session.settings.get("engine") == "ray" and importlib.util.find_spec("ray") is None:
            raise EnvironmentFault("the engine 'ray' is not installed", "", "pip install 'mdshift[ray]'")
        if session.settings.get("device") == "cuda":  # "auto" is settled where a network is trained: asking takes torch
            from mdshift.nn.passes import pick_device

            pick_device("cuda")
        return session

    def follow(self, plan: Mapping[str, Any]) -> None:
        """Settle again with the settings of a plan; flags stay above them."""
        self.plan = plan
        data = dict(plan.get("data") or {})
        stated = {**dict(plan.get("settings") or {}), **data}
        known = [n for n in self.names if config.OPTIONS[n].section in ("data", "settings") and n not in ("strategy", "out")]
        given = {n: stated[n] for n in known if stated.get(n) is not None}
        if data.get("labels") and "label" in self.names:
            given["label"] = data["labels"]
        checked = {k: config.convert(config.OPTIONS[k], v, f"the plan's {k}") for k, v in given.items()}
        self.settings = config.settle(self.names, self.flags, os.environ, self.configuration, checked)

    def __getitem__(self, name: str) -> Any:
        """The settled value of an option."""
        return self.settings[name]

    # --- speaking -------------------------------------------------------------------------

    def message(self, text: str) -> None:
        """Something the user should know, on standard error unless -q."""
        if not self.settings.get("quiet"):
            shown = self.progress
            (shown.say if isinstance(shown, Display) else say)(text)

    def warn(self, text: str) -> None:
        """A warning on standard error unless -q."""
        self.message(f"warning: {text}")

    @cached_property
    def progress(self) -> Callable[[str], None]:
        """What takes the steps of the work: with -v it prints each; on a terminal, too, and shows how far long work is; elsewhere a line a minute."""
        if self.settings.get("verbose"):
            return say
        if self.settings.get("quiet") or sys.stderr is None:
            return lambda _: None
        terminal = sys.stderr.isatty()
        return Display(sys.stderr, terminal=terminal, live=terminal and os.environ.get("TERM") != "dumb")

    def notes(self, notes: Sequence[Any]) -> None:
        """What the readers and the engine noted: warnings always, the rest with -v."""
        for note in notes:
            if note.level == "warning":
                self.warn(note.text)
            elif self.settings.get("verbose"):
                self.message(f"note: {note.text}")

    def mark(self, name: str) -> None:
        """The seconds since the last mark, under this name."""
        now = time.perf_counter() - self.began
        self.marks[name] = now - sum(self.marks.values())

    @property
    def seconds(self) -> dict[str, float]:
        """The marks and their total."""
        return {**self.marks, "total": time.perf_counter() - self.began}

    def told(self, **more: Any) -> dict[str, Any]:
        """The `settings` part of a document."""
        return {**{k: self.settings[k] for k in SETTINGS_TOLD if k in self.settings and self.settings[k] is not None}, **more}

    # --- the result -----------------------------------------------------------------------

    def check_output(self, endings: Sequence[str] = REPORT_ENDINGS) -> None:
        """Find out BEFORE any work whether --output can be written.

        Raises UsageError for an unknown ending or a place that is no file, EnvironmentFault where writing is denied.
        """
        output = self.settings.get("output")
        if output is None:
            return
        path = Path(output)
        if path.suffix.lower() not in endings:
            raise UsageError("the ending of --output is unknown", repr(output), f"use one of {', '.join(endings)}")
        check_writable(path)

    def emit(self, document: Mapping[str, Any]) -> None:
        """The document to --output in the form of its ending, and to standard output: as JSON with --json, as text where no file was asked for."""
        from mdshift.report import json, pages

        output = self.settings.get("output")
        if output is not None:
            ending = Path(output).suffix.lower()
            if ending == ".json":
                text = json.dumps(document)
            elif ending == ".md":
                from mdshift.report import markdown

                text = markdown.render(pages.page(document))
            else:
                from mdshift.report import html

                text = html.render(pages.page(document))
            write_text(Path(output), text)
            self.message(f"wrote {output}")
        if self.settings.get("json"):
            write_out(json.dumps(document))
        elif output is None:
            self.show(pages.page(document))

    def show(self, page: Any) -> None:
        """A page as text on standard output."""
        from mdshift.report import terminal

        write_out(terminal.render(page, colour=self.colour))

    @property
    def colour(self) -> bool:
        """Colour: on a terminal only, unless refused (https://no-color.org)."""
        return bool(sys.stdout is not None and sys.stdout.isatty() and not self.settings.get("no_color") and not os.environ.get("NO_COLOR"))


def say(text: str) -> None:
    """One line on standard error."""
    if sys.stderr is not None:
        sys.stderr.write(clean(text, 800) + "\n")
        sys.stderr.flush()


def write_out(text: str) -> None:
    """The result on standard output.

    Raises EnvironmentFault when standard output is closed.
    """
    if sys.stdout is None:
        raise EnvironmentFault("standard output is closed", "", "write the result to a file with -o FILE")
    sys.stdout.write(text)
    sys.stdout.flush()


def check_writable(path: Path) -> None:
    """Whether a regular file can be written here: one is made beside its place, and removed.

    Raises UsageError for a place that is no file, EnvironmentFault where writing is denied.
    """
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise UsageError("the output is not a regular file", repr(str(path)), "name a file")
    folder = path.parent
    if not folder.is_dir():
        raise UsageError("the folder of the output does not exist", repr(str(folder)), f"make it: mkdir -p {folder}")
    if path.exists() and not os.access(path, os.W_OK):
        raise EnvironmentFault("the output cannot be written", repr(str(path)), "choose another place, or change its permissions")
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(dir=path.resolve().parent, prefix=".mdshift-"):
            pass
    except OSError as e:
        seen = f"{str(path)!r}: {e.strerror or e}"
        raise EnvironmentFault("the output cannot be written", seen, "choose another place, or change its permissions") from None


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place and rename it, so that an old one stays whole when something fails. A link is written through."""
    import tempfile

    place = path.resolve()
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
