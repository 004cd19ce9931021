"""Folders of plain text files, with or without class folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mdshift.declare import reader
from mdshift.errors import DataError
from mdshift.readers.base import Ask, Place, Reader, reading

if TYPE_CHECKING:
    import pyarrow as pa

FILES = 512  # files of a batch


@reader
class Text(Reader):
    """A folder of `.txt` files: each is a row with the one column `text`; a class folder is its label."""

    name: ClassVar[str] = "text"
    suffixes: ClassVar[tuple[str, ...]] = (".txt",)
    folders: ClassVar[bool] = True

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[pa.RecordBatch]:
        """The one row of one file."""
        import pyarrow as pa

        with reading(shown, "text"):
            raw = file.read_bytes()
        encoding = ask.encoding or "utf-8"
        if b"\0" in raw and not encoding.lower().startswith(("utf-16", "utf-32", "utf_")):
            raise DataError("NUL byte in a text file", f"{shown}: offset {raw.index(0)}", "--encoding utf-16, if that is what it is")
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode(encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                f"not {encoding.upper()}", f"{shown}: byte {error.start} does not decode", "name its encoding, such as --encoding latin-1"
            ) from None
        except LookupError:
            raise DataError("unknown encoding", repr(encoding), "such as utf-8, latin-1, utf-16, cp1252") from None
        yield pa.RecordBatch.from_arrays([pa.array([text], pa.large_string())], names=["text"])

    def batches(self, place: Place, ask: Ask) -> Iterator[pa.RecordBatch]:
        """Batches of some hundred files; the label column is there when a class folder is."""
        import pyarrow as pa

        classes = class_folders(place)
        for start in range(0, len(place.files), FILES):
            files = place.files[start : start + FILES]
            column = pa.concat_arrays([b.column(0) for f in files for b in self.read(f, place.shown(f), ask)])
            if classes is None:
                yield pa.RecordBatch.from_arrays([column], names=["text"])
            else:
                y = pa.array(classes[start : start + FILES], pa.string())
                yield pa.RecordBatch.from_arrays([column, y], names=["text", ask.label])


def class_folders(place: Place) -> list[str | None] | None:
    """The class of every file: the first folder below the root, None for a file in the root itself.

    None altogether when all lie in the root.
    """
    found = [f.relative_to(place.root).parts for f in place.files] if place.root.is_dir() else []
    classes = [parts[0] if len(parts) > 1 else None for parts in found]
    return classes if any(c is not None for c in classes) else None
