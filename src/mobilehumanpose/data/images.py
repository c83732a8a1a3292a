"""Pictures of a dataset, by name, from a folder or a zip file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import IO, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import UserError

#: Factors by which a JPEG decoder can shrink while it decodes, and OpenCV's names for them.
_READ_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class Images(Protocol):
    """What reads a dataset's pictures."""

    def open(self, name: str) -> IO[bytes]:
        """The file of that name, to be read from its beginning and closed.

        Raises:
            UserError: there is none.
        """

    def encoded(self, name: str) -> bytes:
        """The file of that name.

        Raises:
            UserError: there is none.
        """

    def describe(self, name: str) -> str:
        """Where the picture lies, for messages."""


class ImageFolder:
    """Pictures in a folder, named by their paths relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def describe(self, name: str) -> str:
        """The picture's path."""
        return str(self.root / name)

    def open(self, name: str) -> IO[bytes]:
        """The file.

        Raises:
            UserError: it cannot be read, or lies outside the folder.
        """
        path = self.root / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise UserError(f"{path}: lies outside {self.root}")
        try:
            return path.open("rb")
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None

    def encoded(self, name: str) -> bytes:
        """The file's content.

        Raises:
            UserError: it cannot be read, or lies outside the folder.
        """
        with self.open(name) as file:
            return file.read()


class ZipImages:
    """Pictures in a zip file.

    Each process opens it for itself: forked ones would share the position in the file.
    """

    def __init__(self, path: Path) -> None:
        if not zipfile.is_zipfile(path):
            raise UserError(f"{path}: no zip file of photographs")
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._opened_by = 0

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_archive": None, "_opened_by": 0}

    def describe(self, name: str) -> str:
        """The archive and the name in it."""
        return f"{self.path}: {name!r}"

    def open(self, name: str) -> IO[bytes]:
        """The archive's member of that name.

        Raises:
            UserError: there is none.
        """
        if self._archive is None or self._opened_by != os.getpid():
            self._archive = zipfile.ZipFile(self.path)
            self._opened_by = os.getpid()
        try:
            return self._archive.open(name)
        except KeyError:
            raise UserError(f"{self.path}: has no photograph {name!r}") from None

    def encoded(self, name: str) -> bytes:
        """The member's content.

        Raises:
            UserError: there is none.
        """
        with self.open(name) as member:
            return member.read()


def read_image(images: Images, name: str, *, shrink: int = 1) -> NDArray[np.uint8]:
    """The (H, W, 3) BGR picture as it lies in its file: labels ignore EXIF orientation.

    BGR is what OpenCV decodes to; the three channels of a crop are cheaper to swap than those of
    a picture.

    Args:
        images: the dataset's.
        name: the picture's.
        shrink: 1, 2, 4 or 8; sides are divided by it (and rounded up) while a JPEG is decoded,
            at a fraction of the work.

    Raises:
        UserError: there is none, or it cannot be decoded.
    """
    encoded = np.frombuffer(images.encoded(name), np.uint8)
    image = None
    if encoded.size:
        image = cv2.imdecode(encoded, _READ_FLAGS[shrink] | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise UserError(f"{images.describe(name)}: cannot be decoded")
    return image.astype(np.uint8, copy=False)


def image_size(images: Images, name: str) -> tuple[int, int]:
    """(width, height) in px of a picture, from its header, as it lies in its file.

    Raises:
        UserError: there is none, or it is no picture.
    """
    try:
        # Pillow reads on only as far as it must, which is not far where there are many pictures.
        with images.open(name) as file, Image.open(file) as image:
            return image.size
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{images.describe(name)}: is no picture: {error}") from None
