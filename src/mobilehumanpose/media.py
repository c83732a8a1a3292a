"""Photographs in and files out, both without surprises; :mod:`mobilehumanpose.video` reads videos.

Pictures come from strangers. Pillow reads them rather than OpenCV because it tells a picture's
size before it decodes it, refuses one that is cut short (OpenCV fills the rest with grey), and
can be held to a list of formats.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import UserError

PHOTO_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm")
PHOTO_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
#: Larger pictures are refused before they are decoded: 100 megapixels are 300 MB of memory.
MAX_PIXELS = 100_000_000


def load_photo(path: Path) -> NDArray[np.uint8]:
    """Read a photograph as it is meant to be seen: (H, W, 3) RGB, turned by its EXIF orientation.

    Raises:
        UserError: the file is absent, no picture, cut short, or larger than ``MAX_PIXELS``.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with Image.open(path, formats=PHOTO_FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise UserError(f"{path}: {width}×{height} pixels; at most {MAX_PIXELS:,} are read")
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except UnidentifiedImageError:
        raise UserError(
            f"{path}: not a picture of a known format ({', '.join(PHOTO_FORMATS)})"
        ) from None
    except Image.DecompressionBombError:
        raise UserError(f"{path}: more than {MAX_PIXELS:,} pixels") from None
    # Pillow's decoders report damage in all of these ways.
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged or unreadable picture: {error}") from None


def checked_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An array that is an RGB photograph.

    Raises:
        UserError: it is not (H, W, 3) uint8, or has no pixels.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise UserError(f"image of type {kind}: an H×W×3 uint8 RGB array is needed")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise UserError(f"image of shape {image.shape}: an H×W×3 uint8 RGB array is needed")
    return image


def find_photos(sources: Iterable[Path]) -> Iterator[Path]:
    """The photographs among files and folders, see :func:`find_files`."""
    return find_files(sources, PHOTO_SUFFIXES, "photograph")


def find_files(sources: Iterable[Path], suffixes: Sequence[str], what: str) -> Iterator[Path]:
    """The files among files and folders: files as named, folders by suffix, sorted.

    Raises:
        UserError: a source does not exist, or a folder holds no such file; ``what`` names them.
    """
    for source in sources:
        if source.is_dir():
            found = sorted(p for p in source.iterdir() if p.suffix.lower() in suffixes)
            if not found:
                raise UserError(f"{source}: holds no {what} ({', '.join(suffixes)})")
            yield from found
        elif source.exists():
            yield source
        else:
            raise UserError(f"{source}: no such file or folder")


def write_file(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then rename: all of it or nothing.

    Raises:
        UserError: the folder cannot be written to.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty temporary file beside ``path``, to be filled; afterwards it takes that name.

    After an exception it is removed instead, and ``path`` is as it was.

    Raises:
        UserError: the folder cannot be written to.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes private files
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make an output folder and those above it.

    Raises:
        UserError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be made a folder: {error.strerror}") from None


def encode_jpeg(image_rgb: NDArray[np.uint8], quality: int = 92) -> bytes:
    """The JPEG file of a (H, W, 3) RGB picture."""
    bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
    ok, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise UserError(f"a picture of {image_rgb.shape} cannot be written as JPEG")
    return encoded.tobytes()
