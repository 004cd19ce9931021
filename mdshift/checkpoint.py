"""Checkpoints: what a run has finished, on disk, so that a run that was killed goes on from there and ends in the same bytes.

A unit of work (the choice of the source model, a candidate, a training within one) depends on its inputs and the seed alone, so
that its result, once kept, stands for running it again. Each is one file: a hash of the run's key and of what follows, then safetensors
with the JSON (see `packing`) in the header. A file that is damaged, or another run's, does not fit its hash and is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mdshift.nn import slot
from mdshift.packing import Unpackable, digest, pack, unpack

if TYPE_CHECKING:
    from mdshift.families import Strategy
    from mdshift.learners.base import Context, Prepared, Trained
    from mdshift.types import Problem

T = TypeVar("T")
Say = Callable[[str], None]

LEAST = 1.0  # seconds that a unit must have taken to be kept: less is done again as fast as it is read
OLD, RECENT = 30 * 86_400.0, 86_400.0  # seconds since a checkpoint was touched: abandoned; perhaps still at work
MOST = 20  # checkpoints beside one another
SEED = 32  # bytes of the hash before a file's content
FOREIGN = "the checkpoint is not of these data, settings and versions: the run begins anew"
DAMAGED = "a part of the checkpoint is damaged: it is made again"


def versions() -> dict[str, str]:
    """What a result's bits depend on beside data and settings: the packages, and the processor's kind."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"machine": platform.machine(), "python": platform.python_version()}
    for name in ("mdshift", "numpy", "scipy", "scikit-learn", "torch", "transformers", "pot"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def data(problem: Problem) -> tuple[Any, ...]:
    """What a result depends on in the data that were read: not where they lie, nor what was noted of them."""
    p = problem
    return p.sources, p.target, p.schema, p.task, p.label, p.classes, p.source_classes, p.further


def fingerprint(*folders: str | Path | None) -> list[list[Any]]:
    """The names, sizes and times of the files in these folders: another model there, or one made anew, shows."""
    files = [p for folder in folders if folder is not None for p in sorted(Path(folder).rglob("*")) if p.is_file()]
    return [[str(p), p.stat().st_size, p.stat().st_mtime_ns] for p in files]


def prune(folder: Path) -> None:
    """Remove the checkpoints beside this one that were abandoned: not touched for 30 days, or for a day and more than 20 are younger."""
    now, found = time.time(), []
    with suppress(OSError):
        for other in folder.parent.iterdir():
            if other != folder and other.is_dir() and not other.is_symlink():
                with suppress(OSError):
                    found.append((now - max(p.stat().st_mtime for p in (other, *other.iterdir())), other))
    for rank, (age, other) in enumerate(sorted(found)):
        if age > OLD or (rank >= MOST and age > RECENT):
            shutil.rmtree(other, ignore_errors=True)


class Checkpoint:
    """The finished units of one run in a folder; of none where there is no folder: then every unit is run and nothing is kept.

    say: what is told on the way; warn: what the user should know.
    """

    def __init__(self, folder: Path | None = None, key: str = "", say: Say = lambda _: None, warn: Say = lambda _: None) -> None:
        self.folder, self.key, self.say, self.warn = folder, key, say, warn
        self._refused, self._lock = False, threading.Lock()

    def __reduce__(self) -> tuple[type[Checkpoint], tuple[()]]:
        """Sent elsewhere it keeps nothing: the folder is here."""
        return Checkpoint, ()

    @classmethod
    def open(cls, folder: Path, of: Any, *, resume: bool, say: Say, warn: Say) -> Checkpoint:
        """The checkpoint of the run that `of` (data, settings, versions) describes. What another run left is cleared away, abandoned ones too.

        Without `resume` the run begins anew.
        """
        try:
            found = cls(folder, digest(of), say, warn)
        except Unpackable:
            return cls()
        prune(folder)
        there = folder.is_dir() and any(folder.iterdir())
        if there and not (resume and found.is_own()):
            if resume:
                warn(FOREIGN)
            found.clear()
        return found

    def is_own(self) -> bool:
        """Whether the folder holds this run's units."""
        with suppress(OSError):
            return (cast("Path", self.folder) / "key").read_text() == self.key
        return False

    def clear(self) -> None:
        """Remove all that was kept."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- units --------------------------------------------------------------------------------

    def unit(self, name: str, of: Callable[[], Any], make: Callable[[], T]) -> T:
        """What `make` gives, or what it gave when the run was begun. of: the inputs that the result depends on, beside the run's own.

        Units stand in one another: what an inner one kept is removed when the outer one is finished.
        """
        if self.folder is None:
            return make()
        try:
            name = f"{name}-{digest(of())}"
        except Unpackable:
            return make()
        with self._inside(name) as place:
            found = self._read(place.path)
            if found is not None:
                self.say(f"{name.rpartition('-')[0]}: taken up as it was finished")
                return cast("T", found[0])
            begun = time.perf_counter()
            made = make()
            if time.perf_counter() - begun >= LEAST and self._write(place.path, (made,)):
                self._drop_within(place.path)
            return made

    def resumable(self, strategy: Strategy) -> Strategy:
        """The strategy; each of its runs is a unit."""
        return strategy if self.folder is None else cast("Strategy", _Resumable(strategy, self))

    @contextmanager
    def _inside(self, name: str) -> Iterator[_Place]:
        outer = slot.current.get()
        place = _Place(self, f"{outer.path}.{name}" if isinstance(outer, _Place) else name)
        token = slot.current.set(place)
        try:
            yield place
        finally:
            slot.current.reset(token)

    # --- files --------------------------------------------------------------------------------

    def _file(self, path: str) -> Path:
        parts = path.split(".")
        short = [parts[0], *(hashlib.blake2b(p.encode(), digest_size=8).hexdigest() for p in parts[1:])]
        return cast("Path", self.folder) / ".".join(short)

    def _hash(self, content: bytes) -> bytes:
        return hashlib.sha256(self.key.encode() + content).digest()

    def _read(self, path: str) -> Any:
        """What stands under this path; None where there is nothing, or nothing that can be used."""
        try:
            data = self._file(path).read_bytes()
        except OSError:
            return None
        try:
            return _opened(data[SEED:]) if data[:SEED] == self._hash(data[SEED:]) else self._damaged(path)
        except Exception:  # noqa: BLE001 - whatever the bytes provoke: the unit is run again
            return self._damaged(path)

    def _damaged(self, path: str) -> None:
        self.warn(DAMAGED)
        with suppress(OSError):
            self._file(path).unlink()

    def _write(self, path: str, value: Any) -> bool:
        """Write a value under this path; whether it is there now. The first time that the disk refuses it is told, and no more is tried."""
        from safetensors.numpy import save

        arrays: dict[str, Any] = {}
        try:
            tree = pack(value, arrays)
        except Unpackable:
            return False
        folder = cast("Path", self.folder)
        try:
            if self._refused:
                return False
            content = save(arrays, {"tree": json.dumps(tree)})
            folder.mkdir(parents=True, exist_ok=True)
            if not self.is_own():
                replace_file(folder / "key", self.key.encode())
            replace_file(self._file(path), self._hash(content) + content)
        except OSError as error:
            with self._lock:
                first, self._refused = not self._refused, True
            if first:
                self.warn(f"no checkpoint can be kept, the run goes on without: {error.strerror or error}")
            return False
        return True

    def _drop_within(self, path: str) -> None:
        """Remove what the units and trainings inside of this one kept."""
        start = f"{self._file(path).name}."
        for file in cast("Path", self.folder).glob("*"):
            if file.name.startswith(start):
                with suppress(OSError):
                    file.unlink()


class _Place:
    """The slot of a unit that runs: the trainings in it keep their state there."""

    def __init__(self, checkpoint: Checkpoint, path: str) -> None:
        self.checkpoint, self.path = checkpoint, path

    def read(self, name: str) -> Any:
        """The state of a training, or None."""
        return self.checkpoint._read(f"{self.path}.{name}")  # noqa: SLF001 - one module

    def write(self, name: str, value: Any) -> None:
        """Keep the state of a training."""
        self.checkpoint._write(f"{self.path}.{name}", value)  # noqa: SLF001 - one module

    def said(self, text: str) -> None:
        """Tell what is taken up."""
        self.checkpoint.say(text)


class _Resumable:
    """Stands for a strategy: the same in everything, but that a run which was finished before is not run again."""

    def __init__(self, strategy: Strategy, checkpoint: Checkpoint) -> None:
        self._strategy, self._checkpoint = strategy, checkpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strategy, name)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Run it, or give what it gave."""

        def of() -> Any:
            drawn = int(context.rng("checkpoint").integers(2**62))  # the seed, and whose generators these are
            return self._strategy, inputs(prepared), drawn

        return self._checkpoint.unit(f"run of {self._strategy.name}", of, lambda: self._strategy.run(prepared, context))


def _opened(content: bytes) -> Any:
    """The value in a file's content: safetensors, with the JSON as what they call metadata."""
    from safetensors.numpy import load

    size = int.from_bytes(content[:8], "little")
    return unpack(json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["tree"]), load(content))


def inputs(prepared: Prepared) -> tuple[Any, ...]:
    """What a result depends on in a problem: the rows and their labels."""
    p = prepared
    further = [(f.name, f.y_source, f.y_target) for f in p.further]
    return p.X_source, p.y_source, p.X_target, p.y_target, p.domain, p.kinds, p.only_source, p.only_target, further


def replace_file(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it there; on the disk when this returns.

    Raises OSError; nothing is left behind then.
    """
    made = path.parent / f".{secrets.token_hex(6)}.new"
    try:
        with made.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except BaseException:
        with suppress(OSError):
            made.unlink()
        raise
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
