"""NumPy arrays, `.npy` and `.npz`, never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.declare import reader
from mdshift.errors import DataError
from mdshift.readers.base import Ask, Block, Place, Reader, reading, stem

if TYPE_CHECKING:
    import pyarrow as pa

CHANNELS = (1, 3, 4)
PIXEL = 255
LARGEST = 64  # images are brought to at most this many pixels a side


@reader
class Npy(Reader):
    """`.npy` holds X; `.npz` holds X and, with labels, y. In a folder, `X.npy` and `y.npy` belong together.

    X is (n, d): features; (n, h, w, c), (n, c, h, w), or uint8 (n, h, w): images; else the axes after the first are flattened.
    """

    name: ClassVar[str] = "npy"
    suffixes: ClassVar[tuple[str, ...]] = (".npy", ".npz")

    def batches(self, place: Place, ask: Ask) -> Iterator[Block]:
        """Blocks of rows; a file of labels is read with the file of features that it belongs to."""
        features = tuple(f for f in place.files if stem(f).lower() not in ("y", "labels"))
        yield from super().batches(replace(place, files=features or place.files), ask)

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[Block]:
        """Blocks of rows; a `.npy` is mapped, not loaded."""
        X, y = load(file, shown)
        if X.dtype.kind not in "biuf":
            raise DataError(
                "array is not of numbers", f"{shown}: dtype {X.dtype}", "save X as numbers, and words as columns of a CSV or Parquet file"
            )
        if X.ndim == 0 or not len(X):
            raise DataError("no rows", f"{shown}: shape {X.shape}", "X is (rows, features) or (rows, height, width, channels)")
        if y is not None and (y.ndim != 1 or len(y) != len(X)):
            raise DataError("X and y differ in rows", f"{shown}: X {X.shape}, y {y.shape}", "one label a row")
        rows = max(1, min(ask.rows, (1 << 24) // max(1, X[0].size)))
        for start in range(0, len(X), rows):
            part = X[start : start + rows]
            labels = None if y is None else _labels(y[start : start + rows], shown)
            ask.reach.within = min(1.0, (start + rows) / len(X))
            yield Block(images(part, shown, ask) if is_images(X) else matrix(part), labels)
            _let_go(X)


def _let_go(X: Any) -> None:
    """Give the memory of a mapped file back: what is still looked at is read again."""
    import mmap

    base = getattr(X, "base", None)
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def is_images(X: Any) -> bool:
    """Whether an array is read as images: four axes of which one is of channels, or three of bytes."""
    four = X.ndim == 4 and (X.shape[3] in CHANNELS or X.shape[1] in CHANNELS)  # noqa: PLR2004 - the axes
    return four or (X.ndim == 3 and X.dtype.kind == "u" and X.dtype.itemsize == 1)  # noqa: PLR2004


def load(file: Path, shown: str) -> tuple[Any, Any]:
    """X and y (or None) of a file, without unpickling anything.

    Raises DataError for Python objects, a damaged file, or an archive without X.
    """
    import numpy as np

    try:
        with reading(shown, "array"):
            stored = _opened(file)
            if not isinstance(stored, np.lib.npyio.NpzFile):
                beside = file.with_name("y.npy")
                y = np.load(beside, allow_pickle=False) if stem(file).lower() in ("x", "features") and beside.exists() else None
                return stored, y
            with stored:
                return _from_archive(stored, shown)
    except zipfile.BadZipFile:
        raise DataError("cannot read array", f"{shown}: a damaged archive", "write it again") from None
    except DataError as error:
        if any(word in error.seen for word in ("pickle", "Object arrays", "Python objects")):
            raise DataError(
                "array holds Python objects", shown, "these would have to be unpickled, which could run code: save numbers instead"
            ) from None
        raise


def _opened(file: Path) -> Any:
    import numpy as np

    try:
        return np.load(file, allow_pickle=False, mmap_mode="r" if file.suffix.lower() == ".npy" else None)
    except (MemoryError, OSError, ValueError):
        raise
    except Exception as error:  # noqa: BLE001 - numpy evaluates the header as Python, and a damaged one raises what it likes
        raise ValueError(f"damaged header: {error}") from None


def _from_archive(stored: Any, shown: str) -> tuple[Any, Any]:
    names = {n.lower(): n for n in stored.files}
    x_name = next((names[n] for n in ("x", "features", "data", "images") if n in names), None)
    if x_name is None and len(names) == 1:
        x_name = stored.files[0]
    if x_name is None:
        raise DataError("archive without an array X", f"{shown}: {', '.join(stored.files[:8]) or 'empty'}", "np.savez(file, X=..., y=...)")
    y_name = next((names[n] for n in ("y", "label", "labels", "target") if n in names), None)
    try:
        return stored[x_name], None if y_name is None else stored[y_name]
    except (MemoryError, OSError, ValueError, zipfile.BadZipFile):
        raise
    except Exception as error:  # noqa: BLE001 - as above, for a header inside the archive; or an unknown compression
        raise ValueError(f"damaged: {error}") from None


def matrix(part: Any) -> Any:
    """Rows as (n, d) float64."""
    import numpy as np

    return np.asarray(part.reshape(len(part), -1), dtype=np.float64)


def _labels(y: Any, shown: str) -> pa.Array:
    import pyarrow as pa

    if y.dtype.kind not in "biufU":
        raise DataError("labels are neither numbers nor words", f"{shown}: dtype {y.dtype}", "save y as numbers or as str")
    return pa.array(y.tolist()) if y.dtype.kind == "U" else pa.array(y, from_pandas=True)


def images(part: Any, shown: str, ask: Ask) -> Any:
    """Rows as (n, h, w, c) uint8 of the common shape. Raises DataError for values that are no pixels."""
    import numpy as np

    from mdshift.readers.images import fit

    part = np.asarray(part)
    if part.ndim == 3:  # noqa: PLR2004 - grey
        part = part[..., None]
    elif part.shape[3] not in CHANNELS:
        part = part.transpose(0, 2, 3, 1)
    if part.dtype.kind == "f":
        high = np.nanmax(part) if part.size else 0
        part = np.nan_to_num(part) * (PIXEL if high <= 1 else 1)
    if part.size and (part.min() < 0 or part.max() > PIXEL):
        raise DataError(
            "pixels out of range",
            f"{shown}: {part.min():g} to {part.max():g}",
            "save 0 to 255, or 0 to 1; features that are no pixels as (rows, features)",
        )
    pixels = np.rint(part).astype(np.uint8)
    h, w, c = pixels.shape[1:]
    shape = ask.shape or (min(h, LARGEST), min(w, LARGEST), 1 if c == 1 else 3)
    return pixels if pixels.shape[1:] == shape else np.stack([fit(image, shape) for image in pixels])
