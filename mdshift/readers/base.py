"""What a reader is, and the pieces that readers share: batches, places, and errors that name the file."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.errors import DataError, EnvironmentFault

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Shape = tuple[int, int, int]

ROWS = 65_536  # rows of a batch: a few MiB for a usual table
CELLS = 1 << 22  # cells of a batch: fewer rows for a wide one
PACKED = (".gz", ".bz2", ".zst", ".lz4")
PACKINGS = {  # by Arrow's names for them, which has none for xz; the first bytes of each
    "gzip": rb"\x1f\x8b",
    "bz2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",  # a column may be named BZh
    "zstd": rb"\x28\xb5\x2f\xfd",
    "lz4": rb"\x04\x22\x4d\x18",
    "xz": rb"\xfd7zXZ\x00",
}
UNPACK = {"gzip": "gzip -dc", "bz2": "bzip2 -dc", "zstd": "zstd -dc", "lz4": "lz4 -dc", "xz": "xz -dc"}


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that are no table: X is (n, d) float64 or (n, h, w, c) uint8; y the labels of the rows, if there are any.

    index (n,): the rows' numbers in the input where some were left out (an unreadable image).
    """

    X: NDArray[Any]
    y: pa.Array | None = None
    index: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Place:
    """One positional path, looked up: which files, read by which reader, and what was skipped and why."""

    given: str
    root: Path
    files: tuple[Path, ...]
    reader: str
    skipped: tuple[tuple[str, str], ...] = ()
    piped: bool = False

    @property
    def name(self) -> str:
        """The name of the domain: the file's or the folder's, without endings."""
        return "stdin" if self.given == "-" else stem(self.root)

    def shown(self, file: Path) -> str:
        """How an error names this file."""
        return "<stdin>" if self.given == "-" else self.given if self.piped else str(file)


@dataclass
class Reach:
    """How far a place is read, in bytes of its files: of all, of those that are done, of the present one, and the share in [0, 1] of that."""

    total: int = 0
    passed: int = 0
    present: int = 0
    within: float = 0.0

    @property
    def share(self) -> float | None:
        """The share of the bytes in [0, 1], where it is known."""
        reached = self.passed + self.within * self.present
        return min(1.0, reached / self.total) if self.total and reached else None


@dataclass(frozen=True)
class Ask:
    """What the caller wants of a reader.

    shape: the common (height, width, channels) of images. label: the name under which a table holds the class of a
    folder or the `y` of an archive. told: what the reader wants the user to know (level, text), each thing once.
    skipped: (file, reason). reach: how far the place is read.
    """

    encoding: str | None = None
    shape: Shape | None = None
    label: str = "label"
    rows: int = ROWS
    told: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    reach: Reach = field(default_factory=Reach)


class Reader(ABC):
    """One format. Tables come as record batches, arrays and images as blocks; never the whole file at once."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    typed: ClassVar[bool] = True  # whether the format tells text from numbers
    folders: ClassVar[bool] = False  # whether a class folder gives the label

    @classmethod
    def claims(cls, path: Path) -> bool:
        """Whether the ending of the name is this format's."""
        return suffix(path) in cls.suffixes

    @abstractmethod
    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch | Block]:
        """The batches of one file. Raises DataError, naming `shown` and the line or offset."""

    def count(self, place: Place) -> int | None:  # noqa: ARG002 - for the formats that know
        """How many rows a place has, where the format tells without reading them."""
        return None

    def batches(self, place: Place, ask: Ask) -> Iterator[pa.RecordBatch | Block]:
        """The batches of all files of a place, in order. Raises DataError when a file changes while it is read."""
        reach = ask.reach
        reach.total, reach.passed = sum(file.stat().st_size for file in place.files), 0
        for file in place.files:
            before = file.stat()
            reach.present, reach.within = before.st_size, 0.0
            yield from self.read(file, place.shown(file), ask)
            after = file.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise DataError("file changed while it was read", place.shown(file), "wait until it is written, then run again")
            reach.passed, reach.within = reach.passed + before.st_size, 0.0


def rows_for(columns: int, most: int) -> int:
    """Rows of a batch of so many columns: at most `most`, and as few as keep it in CELLS cells."""
    return max(1, min(most, CELLS // max(columns, 1)))


def suffix(path: Path) -> str:
    """The ending in lower case, less that of a compression."""
    endings = [s.lower() for s in path.suffixes]
    while endings and endings[-1] in PACKED:
        endings.pop()
    return endings[-1] if endings else ""


def packing(head: bytes) -> str | None:
    """What the data that begin so are compressed by, or None."""
    return next((name for name, first in PACKINGS.items() if re.match(first, head)), None)


def stem(path: Path) -> str:
    """The name without the endings of format and compression."""
    if path.is_dir():
        return path.resolve().name or "data"
    name = path
    while name.suffix.lower() in PACKED:
        name = name.with_suffix("")
    return name.stem


@contextlib.contextmanager
def reading(shown: str, what: str) -> Iterator[None]:
    """Turn what a library raises into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except MemoryError:  # or sizes that a damaged header claims
        raise EnvironmentFault("not enough memory to read", shown, "is the file damaged, or larger than this machine?") from None
    except (OSError, ValueError, EOFError, KeyError, TypeError, NotImplementedError) as error:  # pyarrow's errors derive from these
        said = " ".join(str(error).split())[:200]
        raise DataError(f"cannot read {what}", f"{shown}: {said}", "is the file whole, and of the format that its ending says?") from None


def distinct_names(names: list[str], shown: str) -> list[str]:
    """Trim the names; a nameless column is called after its position. Raises DataError when two are equal."""
    found = [n.strip() or f"column {i}" for i, n in enumerate(names, 1)]
    if len(set(found)) < len(found):
        seen: set[str] = set()
        twice = next(n for n in found if n in seen or seen.add(n))  # type: ignore[func-returns-value]
        at = [i for i, n in enumerate(found, 1) if n == twice]
        raise DataError("two columns have the same name", f"{shown}: {twice!r} (columns {at[0]} and {at[1]})", "rename one of them")
    return found
