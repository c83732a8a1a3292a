"""One self-contained HTML page: the photograph, and its people in 3D, to be turned.

The page fetches nothing and runs no foreign code. What it shows is embedded as two JSON blocks:
the poses exactly as :func:`~mobilehumanpose.results.poses_to_json` writes them, which its download
button hands out again, and the look that it shares with :mod:`mobilehumanpose.draw`.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .draw import (
    DEFAULT_MIN_SCORE,
    SIDE_COLORS,
    joint_sides,
    limb_sides,
    person_color,
    person_number,
)
from .media import checked_image, encode_jpeg, write_file
from .results import Pose, poses_to_json

#: The photo is embedded with its longer side no larger than this.
MAX_PHOTO_PX = 1280
_JPEG_QUALITY = 88


def write_page(
    path: Path,
    image_rgb: NDArray[np.uint8],
    poses: Sequence[Pose],
    title: str,
    *,
    model: str = "unknown",
) -> None:
    """Write :func:`render_page` to a file.

    Raises:
        UserError: the file cannot be written, or as :func:`render_page`.
    """
    write_file(path, render_page(image_rgb, poses, title, model=model).encode())


def render_page(
    image_rgb: NDArray[np.uint8],
    poses: Sequence[Pose],
    title: str,
    *,
    model: str = "unknown",
) -> str:
    """The text of the page; the same arguments give the same text.

    Args:
        image_rgb: (H, W, 3) the photo.
        poses: its people; with none, the page says so.
        title: the heading, and ``image`` in the JSON: the name of the photo's file.
        model: what estimated the poses, for the JSON.

    Raises:
        UserError: the image is not (H, W, 3) uint8, or a pose holds a number that is not finite.
    """
    height, width = checked_image(image_rgb).shape[:2]
    document = poses_to_json(poses, image_name=title, image_size=(width, height), model=model)
    numbers = [person_number(pose, index) for index, pose in enumerate(poses)]
    style = {
        "sideColors": SIDE_COLORS,
        "minScore": DEFAULT_MIN_SCORE,
        "people": [
            {
                "number": number,
                "color": person_color(number),
                "jointSides": joint_sides(pose.skeleton),
                "limbSides": limb_sides(pose.skeleton),
            }
            for number, pose in zip(numbers, poses, strict=True)
        ],
    }
    parts = {
        "TITLE": html.escape(title),
        "PHOTO": base64.b64encode(encode_jpeg(_reduced(image_rgb), _JPEG_QUALITY)).decode(),
        "DOCUMENT": _script_safe(document),
        "STYLE": _script_safe(json.dumps(style)),
    }
    template = resources.files(__package__).joinpath("viewer.html").read_text(encoding="utf-8")
    # All places at once, so that a title that looks like a place is not taken for one.
    return re.sub(r"@@([A-Z]+)@@", lambda place: parts[place[1]], template)


def _reduced(image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image_rgb.shape[:2]
    shrink = MAX_PHOTO_PX / max(height, width)
    if shrink >= 1:
        return image_rgb
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _script_safe(json_text: str) -> str:
    """The same JSON without the characters that could end a script element or open a comment."""
    return re.sub("[<>&]", lambda found: f"\\u{ord(found[0]):04x}", json_text)
