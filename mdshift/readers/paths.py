"""From a path on the command line to the files behind it and the reader that claims them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mdshift.declare import every
from mdshift.errors import DataError, EnvironmentFault, nearest
from mdshift.readers.base import PACKED, UNPACK, Place, Reader, packing

ASIDE = ("readme", "license", "licence", "copying", "changelog", "notice")  # files that lie beside data
MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\x93NUMPY": "npy", b"PK\x03\x04": "npy"}
PICKLES = tuple(bytes([n]) for n in range(2, 6))  # the protocol that follows the mark
SNIFFED = 4096


def reader(name: str) -> Reader:
    """The reader of this name."""
    found: Reader = every("reader")[name]()
    return found


@contextlib.contextmanager
def located(given: str) -> Iterator[Place]:
    """Look a path up; standard input and pipes are spooled to a temporary file that is gone afterwards.

    Raises DataError: nothing there (with the nearest name), an empty folder, files of several kinds, an unknown format.
    """
    path = Path(given)
    if given in ("-", "/dev/stdin") or _is_pipe(path):
        with tempfile.TemporaryDirectory(prefix="mdshift-") as folder:
            file = Path(folder) / ("stdin" if given in ("-", "/dev/stdin") else path.name)
            _spool(path, given, file)
            if not file.stat().st_size:
                raise DataError(
                    "standard input is empty" if given == "-" else "the pipe is empty", given, "pipe CSV, JSONL or Parquet into it"
                )
            _unpack(file, given)
            yield Place("-" if given == "/dev/stdin" else given, file, (file,), sniff(file, given), piped=True)
        return
    yield _lookup(path, given)


def _spool(path: Path, given: str, file: Path) -> None:
    """Copy standard input or a pipe to a file: formats are told apart, and some read, from both ends."""
    try:
        with file.open("wb") as out:
            if given in ("-", "/dev/stdin"):
                if sys.stdin is not None:
                    shutil.copyfileobj(sys.stdin.buffer, out)
            else:
                with path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, out)
    except OSError as error:
        raise EnvironmentFault(
            "cannot keep what is piped", f"{file}: {error.strerror or error}", "set TMPDIR to a place with more room"
        ) from None


def _unpack(file: Path, given: str) -> None:
    """Put in the place of what was piped, where it is compressed and no name says so, what it holds."""
    if file.suffix.lower() in PACKED:  # a named pipe: its reader unpacks
        return
    with file.open("rb") as f:
        head = f.read(SNIFFED)
    packed_by = packing(head)
    if packed_by is None or packed_by == "xz":  # which Arrow does not know
        return
    import pyarrow as pa

    whole = file.with_name("unpacked")
    try:
        with pa.input_stream(str(file), compression=packed_by) as packed, whole.open("wb") as out:
            shutil.copyfileobj(packed, out)
    except (OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise EnvironmentFault(
                "cannot unpack what is piped", f"{given}: {error.strerror}", "set TMPDIR to a place with more room"
            ) from None
        raise DataError("what is piped is damaged", f"{given}: {packed_by}", "send it again: it does not unpack to its end") from None
    whole.replace(file)


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):  # not there, or no name that could be
        return False


def _lookup(path: Path, given: str) -> Place:
    try:
        there = path.exists()
    except (OSError, ValueError):  # a name too long, a NUL inside
        there = False
    if not there:
        raise DataError("path not found", repr(given), _neighbour(path))
    if path.is_dir():
        return _folder(path, given)
    if not path.is_file():
        raise DataError("neither a file nor a folder", repr(given), "give a data file or a folder of data files")
    if not os.access(path, os.R_OK):
        raise DataError("no permission to read", repr(given), "chmod +r, or ask its owner")
    kind = kind_of(path)
    if kind in (None, "text"):
        kind = sniff(path, given)
    return Place(given, path, (path,), kind or "csv")


def kind_of(path: Path) -> str | None:
    """The name of the reader that claims a file by its ending."""
    return next((name for name, cls in every("reader").items() if cls.claims(path)), None)


def sniff(path: Path, given: str) -> str:
    """The reader for a file whose name does not tell: by its first bytes."""
    with path.open("rb") as f:
        head = f.read(SNIFFED)
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[:1] == b"\x80" and head[1:2] in PICKLES:
        raise DataError("a pickle is not read", given, "it could run code: save the data as CSV, Parquet or .npz")
    if (packed_by := packing(head)) is not None:
        raise DataError("unknown format", f"{given}: compressed by {packed_by}", f"unpack it first: {UNPACK[packed_by]} < FILE > UNPACKED")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return "jsonl"
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            "unknown format", f"{given}: binary", "CSV, TSV, JSONL, Parquet, Feather, .npy, .npz, or a folder of these, of images, of .txt"
        )
    return "csv"


def _neighbour(path: Path) -> str:
    """A hint at the nearest name that exists, in the nearest folder that exists."""
    folder, wanted = path.parent, path.name
    with contextlib.suppress(OSError, ValueError):
        while not folder.is_dir() and folder != folder.parent:
            folder, wanted = folder.parent, folder.name
        names = {p.name: str(p) for p in folder.iterdir() if p.name[:1] != "." or wanted[:1] == "."}  # no lock of a run that goes on
        hint = nearest(wanted, names)
        for name, full in names.items():
            if hint == f"did you mean {name!r}?":
                return f"did you mean {full!r}?"
        return f"in {str(folder)!r}: {hint}"
    return "check the path"


def _folder(root: Path, given: str) -> Place:
    skipped: list[tuple[str, str]] = []
    files = list(_walk(root, root, {root.resolve()}, skipped))
    kinds = {f: kind_of(f) for f in files}
    counts = Counter(k for f, k in kinds.items() if k and not _aside(f))
    if "jsonl" in counts and len(counts) > 1 and all(f.suffix == ".json" for f, k in kinds.items() if k == "jsonl"):
        del counts["jsonl"]  # a JSON file beside data describes them
    if not counts:
        seen = f"{given}: {len(files)} files, none of a known format" if files else given
        raise DataError(
            "no data in the folder", seen, "known endings: " + ", ".join(sorted(s for r in every("reader").values() for s in r.suffixes))
        )
    if len(counts) > 1:
        raise DataError(
            "folder holds files of several kinds",
            f"{given}: " + ", ".join(f"{n} {k}" for k, n in counts.most_common()),
            "keep one kind in a folder",
        )
    kind = next(iter(counts))
    skipped += [(str(f), "another kind of file") for f, k in kinds.items() if k != kind and not _aside(f)]
    return Place(given, root, tuple(f for f, k in kinds.items() if k == kind and not _aside(f)), kind, tuple(skipped))


def _aside(file: Path) -> bool:
    return file.name.lower().startswith(ASIDE)


def _walk(folder: Path, root: Path, above: set[Path], skipped: list[tuple[str, str]]) -> Iterator[Path]:
    """Files below a folder in the order of their names; links are followed, but never in a circle."""
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        skipped.append((str(folder), error.strerror or "unreadable"))
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith((".", "_")):
            continue
        try:
            mode = path.stat().st_mode
        except OSError:
            skipped.append((str(path), "a link that leads nowhere"))
            continue
        if stat.S_ISDIR(mode):
            real = path.resolve()
            if real in above:
                skipped.append((str(path), "a link in a circle"))
            else:
                yield from _walk(path, root, above | {real}, skipped)
        elif stat.S_ISREG(mode):
            yield path
        else:
            kind = "a FIFO" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
            skipped.append((str(path), kind))
