"""Photographs in and files out, both without surprises; :mod:`mobilehumanpose.video` reads videos.

Pictures come from strangers. Pillow reads them rather than OpenCV because it tells a picture's
size before it decodes it, refuses one that is cut short (OpenCV fills the rest with grey), and
can be held to a list of formats.
"""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import UserError
from .files import check_file, file_mode

PHOTO_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm")
PHOTO_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
#: Larger pictures are refused before they are decoded: 100 megapixels are 300 MB of memory.
MAX_PIXELS = 100_000_000
#: Of libjpeg.
MAX_JPEG_SIDE_PX = 65_500


def load_photo(path: Path) -> NDArray[np.uint8]:
    """Read a photograph as it is meant to be seen: (H, W, 3) RGB, turned by its EXIF orientation.

    Raises:
        UserError: the file is absent, no picture, cut short, or larger than ``MAX_PIXELS``.
    """
    check_file(path)
    try:
        # Pillow warns of large pictures, which are refused below, and of odd palettes.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=PHOTO_FORMATS) as picture,
        ):
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise UserError(f"{path}: {width}×{height} pixels; at most {MAX_PIXELS:,} are read")
            return _to_rgb(ImageOps.exif_transpose(picture), picture.format, path)
    except UnidentifiedImageError:
        raise UserError(
            f"{path}: not a picture of a known format ({', '.join(PHOTO_FORMATS)})"
        ) from None
    except Image.DecompressionBombError:
        raise UserError(f"{path}: more than {MAX_PIXELS:,} pixels") from None
    # Pillow's decoders report damage in all of these ways.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged or unreadable picture: {error}") from None


def _to_rgb(picture: Image.Image, file_format: str | None, path: Path) -> NDArray[np.uint8]:
    # Pillow's own conversion clips 16 bits to 8: everything would be white.
    if picture.mode.startswith("I;16") or (picture.mode == "I" and file_format == "PNG"):
        return np.repeat((np.asarray(picture) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode in ("I", "F"):
        raise UserError(f"{path}: its pixels have 32 bits; 8 or 16 are needed")
    return np.array(picture.convert("RGB"))


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
        mode = file_mode(source)
        if mode is None:
            raise UserError(f"{source}: no such file or folder")
        if stat.S_ISDIR(mode):
            try:
                found = sorted(p for p in source.iterdir() if p.suffix.lower() in suffixes)
            except OSError as error:
                raise UserError(f"{source}: {error.strerror}") from None
            if not found:
                raise UserError(f"{source}: holds no {what} ({', '.join(suffixes)})")
            yield from found
        else:
            yield source


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
    """The JPEG file of a (H, W, 3) RGB picture.

    Raises:
        UserError: the picture is larger than OpenCV writes.
    """
    height, width = image_rgb.shape[:2]
    if max(width, height) > MAX_JPEG_SIDE_PX:
        raise UserError(
            f"a picture of {width}×{height} px cannot be written as JPEG: "
            f"at most {MAX_JPEG_SIDE_PX:,} px a side"
        )
    bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
    ok, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise UserError(f"a picture of {image_rgb.shape} cannot be written as JPEG")
    return encoded.tobytes()
