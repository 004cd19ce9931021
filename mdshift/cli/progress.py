"""How far long work is, on standard error: one line that is rewritten on a terminal, elsewhere a line a minute."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from typing import TextIO

from mdshift.pace import Work
from mdshift.report.text import clean

REDRAWN = 0.25  # seconds between two looks at the work, on a terminal
TOLD = 60.0  # seconds between two lines elsewhere
SETTLED = 1.0  # seconds after which a rate means something
NAMES = 32  # characters of a work's name
MINUTE, HOUR = 60, 3600
COLUMNS = 80


class Display:
    """A progress function for people: it takes sentences, and shows the work that goes on.

    terminal: sentences are printed. live: the line of the work is rewritten in its place (a terminal that can do that), and leaves nothing
    behind; else it is printed, at most once in `TOLD` seconds. A thread looks at the work while there is some; watched False: nobody
    looks but by `draw`.
    """

    def __init__(
        self, stream: TextIO, *, terminal: bool, live: bool, clock: Callable[[], float] = time.monotonic, watched: bool = True
    ) -> None:
        self.stream, self.terminal, self.live, self.clock, self.watched = stream, terminal, live, clock, watched
        self.works: dict[Work, tuple[float, int]] = {}  # when each began, and what was done of it by then
        self.lock = threading.Lock()
        self.told, self.drawn, self.closed = clock(), 0, False
        self.stop = threading.Event()

    def __call__(self, text: str, /) -> None:
        """A step of the work: printed on a terminal; elsewhere where nothing was for a minute."""
        if self.terminal or self._due():
            self.say(text)

    def say(self, text: str) -> None:
        """One line that stays, above the line of the work."""
        with self.lock:
            self._erase()
            self.told = self.clock()
            self.stream.write(clean(text, 800) + "\n")
            self.stream.flush()

    # --- work -----------------------------------------------------------------------------

    def begin(self, work: Work) -> None:
        """Show this work from now on."""
        with self.lock:
            if self.closed:
                return
            first = not self.works
            self.works[work] = (self.clock(), work.done)
            if not (first and self.watched):
                return
            self.stop = threading.Event()
            watch = threading.Thread(target=self._watch, args=(self.stop,), daemon=True, name="progress")
        try:
            watch.start()
        except RuntimeError:  # no thread is to be had: the work is more than its display
            self.close()

    def end(self, work: Work) -> None:
        """Show it no more. With the first that began end all that began within it."""
        with self.lock:
            if work not in self.works:
                return
            if next(iter(self.works)) is work:
                self._clear()
            else:
                del self.works[work]

    def close(self) -> None:
        """Show nothing any more."""
        with self.lock:
            self.closed = True
            self._clear()

    def draw(self) -> None:
        """Look at the work, and show it where that is due."""
        with self.lock:
            if not self.works or (not self.live and not self._due()):
                return
            now = self.clock()
            text = "; ".join(told(work, now - began, work.done - before) for work, (began, before) in self._shown())
            if not self.live:
                self.told = now
                self.stream.write(f"{text}\n")
            else:
                from rich.cells import cell_len, set_cell_size

                room = self._columns() - 1  # a full line would break
                fitting = text if cell_len(text) <= room else f"{set_cell_size(text, room - 1)}…"
                wide = cell_len(fitting)
                self.stream.write(f"\r{fitting}{' ' * (min(self.drawn, room) - wide)}")
                self.drawn = wide
            self.stream.flush()

    def _shown(self) -> list[tuple[Work, tuple[float, int]]]:
        """What is counted, and the latest of what goes on within."""
        items = list(self.works.items())
        return [item for item in items[:-1] if not item[0].rated] + items[-1:]

    def _due(self) -> bool:
        return self.clock() - self.told >= TOLD

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(REDRAWN if self.live else max(REDRAWN, self.told + TOLD - self.clock())):
            try:
                self.draw()
            except (OSError, ValueError):  # nobody listens, or the stream is closed
                return

    def _clear(self) -> None:
        self.works.clear()
        self.stop.set()
        try:
            self._erase()
        except (OSError, ValueError):  # the work is done, whoever listens
            self.drawn = 0

    def _erase(self) -> None:
        if self.drawn:
            self.stream.write(f"\r{' ' * min(self.drawn, self._columns() - 1)}\r")
            self.stream.flush()
            self.drawn = 0

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or COLUMNS
        except (OSError, ValueError):
            return COLUMNS


def told(work: Work, seconds: float, gained: int) -> str:
    """How far a work is after so many seconds in which so much was gained: the part that is done, then rate and time left, or the time spent."""
    name = clean(work.what)
    name = name if len(name) <= NAMES else f"{name[: NAMES // 2]}…{name[1 - NAMES // 2 :]}"
    done, total = work.done, work.total
    if total == 1 or (not done and not total and work.rated):
        return f"{name}: {duration(seconds)}"
    if not work.rated:
        return f"{name}: {done:,}{'' if total is None else f' of {total:,}'} {work.unit}, {duration(seconds)}"
    share = done / total if total else work.share
    if work.lap and total:
        laps = math.ceil(total / work.lap)
        parts = [f"{name}: epoch {min(laps, int(done // work.lap) + 1):,} of {laps:,}"]
    else:
        of = f" of {total:,}" if total else ""
        parts = [f"{name}: {done:,}{of} {work.unit}{'' if share is None else f' ({share:.0%})'}"]
    if seconds >= SETTLED and gained > 0:
        rate = gained / seconds
        parts.append(f"{rate:,.{0 if rate >= 10 else 1}f} {work.unit}/s")  # noqa: PLR2004 - two figures
        if total:
            parts.append(f"{duration(max(0, total - done) / rate)} left")
        elif share:
            parts.append(f"{duration(seconds * (1 - share) / share)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A time in two units at most."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
