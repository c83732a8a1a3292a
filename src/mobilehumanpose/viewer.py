"""One self-contained HTML page: the photograph, and its people in 3D, to be turned."""

from __future__ import annotations

import base64
import html
import json
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .draw import MIN_SCORE, SIDE_COLORS
from .media import encode_jpeg, write_file

#: The photo is shown no larger than this.
MAX_PHOTO_PX = 1280


def write_page(path: Path, image_rgb: NDArray[np.uint8], document: str) -> None:
    """Write :func:`render_page` to a file.

    Raises:
        UserError: it cannot be written.
    """
    write_file(path, render_page(image_rgb, document).encode(errors="replace"))


def render_page(image_rgb: NDArray[np.uint8], document: str) -> str:
    """The page's text: everything it needs is inside, and nothing is fetched.

    Args:
        image_rgb: (H, W, 3) the photo.
        document: its people, as :func:`~mobilehumanpose.results.poses_to_json` writes them; the
            page offers the same text for download.
    """
    height, width = image_rgb.shape[:2]
    shrink = min(1.0, MAX_PHOTO_PX / max(height, width))
    shown = image_rgb
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        shown = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    look = {
        "min_score": MIN_SCORE,
        "colors": {side: "rgb({},{},{})".format(*rgb) for side, rgb in SIDE_COLORS.items()},
    }
    parts = {
        "TITLE": html.escape(json.loads(document)["image"]),
        "PHOTO": base64.b64encode(encode_jpeg(shown, quality=88)).decode(),
        "LOOK": json.dumps(look),
        "DOCUMENT": _inside_script(document),
    }
    template = resources.files(__package__).joinpath("viewer.html").read_text(encoding="utf-8")
    # Split once at the places, so that nothing inside the parts is taken for a place.
    pieces = template.split("@@")
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _inside_script(text: str) -> str:
    """JSON that cannot end the script element that it stands in, nor open another."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
