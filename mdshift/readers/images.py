"""Folders of images, with or without class folders, brought to one small common shape."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.declare import reader
from mdshift.errors import DataError
from mdshift.readers.base import Ask, Block, Place, Reader
from mdshift.readers.text import class_folders

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdshift.readers.base import Shape

SIDE = 64  # a common shape has at most this many pixels a side
PIXELS = 50_000_000  # an image with more is skipped: decoding it could exhaust the memory
BAD_SHARE = 0.05  # with more unreadable images than this, the folder is refused
FILES = 256  # images of a batch
GREY = ("1", "L", "LA")
COLOUR = ("RGB", "RGBA", "P", "PA", "YCbCr", "HSV", "LAB")


@reader
class Images(Reader):
    """PNG, JPEG and what else Pillow reads; a class folder is the label."""

    name: ClassVar[str] = "images"
    suffixes: ClassVar[tuple[str, ...]] = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
    folders: ClassVar[bool] = True

    def read(self, file: Path, shown: str, ask: Ask) -> Iterator[Block]:
        """The one image of one file. Raises DataError when it cannot be used."""
        import numpy as np

        if ask.shape is None:
            raise ValueError("images are read at a given shape")
        yield Block(fit(np.asarray(_open(file, shown)), ask.shape)[None])

    def batches(self, place: Place, ask: Ask) -> Iterator[Block]:
        """Blocks of uint8 (n, h, w, c); unreadable images are skipped and counted, and refused above 5 %."""
        import numpy as np
        import pyarrow as pa

        classes = class_folders(place)
        bad: list[tuple[str, str]] = []
        for start in range(0, len(place.files), FILES):
            images, index = [], []
            for i, file in enumerate(place.files[start : start + FILES], start):
                try:
                    images.append(next(self.read(file, str(file), ask)).X)
                    index.append(i)
                except DataError as error:
                    bad.append((str(file), error.what))
            if len(bad) > BAD_SHARE * len(place.files):
                raise DataError(
                    f"more than {BAD_SHARE:.0%} of the images cannot be used",
                    f"{bad[0][0]}: {bad[0][1]} (and {len(bad) - 1} more)",
                    "convert or remove them",
                )
            if images:
                y = None if classes is None else pa.array([classes[i] for i in index], pa.string())
                yield Block(np.concatenate(images), y, np.asarray(index, dtype=np.int64))
        ask.skipped.extend(bad)


def _open(file: Path, shown: str) -> Any:
    """The decoded image as grey ("L") or colour ("RGB")."""
    from PIL import Image

    hint = "convert it, such as to PNG"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large images; here they are skipped
        try:
            with Image.open(file) as image:
                _usable(image, shown, hint)
                return image.convert("L" if image.mode in GREY else "RGB")
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 - Pillow's decoders raise what they like on damaged files
            raise DataError("not a readable image", f"{shown}: {' '.join(str(error).split())[:120]}", hint) from None


def _usable(image: Any, shown: str, hint: str) -> None:
    if image.width * image.height > PIXELS:
        raise DataError("image too large", f"{shown}: {image.width} x {image.height}", hint)
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a camera's file: the picture, and previews of it
        raise DataError("animated image", f"{shown}: {image.n_frames} frames", hint)
    if image.mode not in GREY + COLOUR:
        raise DataError(f"image of mode {image.mode}", shown, hint)


def fit(image: NDArray[Any], shape: Shape) -> NDArray[np.uint8]:
    """Bring an image (h, w) or (h, w, c) to this shape: bilinear in size, weighted to grey or repeated to colour."""
    import numpy as np
    from PIL import Image

    pixels = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image  # noqa: PLR2004 - the axes
    made = Image.fromarray(np.ascontiguousarray(pixels))
    made = made.convert("L" if shape[2] == 1 else "RGB")
    if (made.height, made.width) != shape[:2]:
        made = made.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(made, dtype=np.uint8).reshape(shape)


def survey(place: Place) -> Counter[tuple[int, int, int]]:
    """How many images there are of every shape (height, width, channels), from the files' headers or the array's axes."""
    from PIL import Image

    found: Counter[tuple[int, int, int]] = Counter()
    if place.reader == "npy":
        from mdshift.readers.npy import CHANNELS, is_images, load

        for file in place.files:
            X, _ = load(file, place.shown(file))
            if is_images(X):
                axes = (*X.shape[1:], 1) if X.ndim == 3 else X.shape[1:] if X.shape[3] in CHANNELS else (*X.shape[2:], X.shape[1])  # noqa: PLR2004
                found[(axes[0], axes[1], 1 if axes[2] == 1 else 3)] += len(X)
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in place.files:
            try:
                with Image.open(file) as image:
                    if image.width * image.height <= PIXELS:
                        found[(image.height, image.width, 1 if image.mode in GREY else 3)] += 1
            except Exception:  # noqa: BLE001, S112 - counted when it is read
                continue
    return found


def common_shape(found: Counter[tuple[int, int, int]]) -> Shape:
    """One shape for all domains: their own when all are equal and small, else the median side, at most 64; colour if any is."""
    import numpy as np

    if not found:
        raise DataError("no readable image", "", "PNG, JPEG and the like are read")
    heights, widths = (np.repeat([s[axis] for s in found], list(found.values())) for axis in (0, 1))
    channels = 3 if any(s[2] != 1 for s in found) else 1
    return min(SIDE, int(np.median(heights))), min(SIDE, int(np.median(widths))), channels
