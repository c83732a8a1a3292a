"""One self-contained HTML page: the photograph, and its people in 3D, to be turned."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .draw import MIN_SCORE, SIDE_COLORS, edge_side, joint_side
from .errors import UserError
from .media import encode_jpeg, write_file
from .results import Pose

#: The photo is shown no larger than this.
MAX_PHOTO_PX = 1280


def write_page(path: Path, image_rgb: NDArray[np.uint8], poses: Sequence[Pose], title: str) -> None:
    """Write :func:`render_page` to a file.

    Raises:
        UserError: it cannot be written, or a pose holds a number that is not finite.
    """
    write_file(path, render_page(image_rgb, poses, title).encode())


def render_page(image_rgb: NDArray[np.uint8], poses: Sequence[Pose], title: str) -> str:
    """The page's text: everything it needs is inside, and nothing is fetched.

    Args:
        image_rgb: (H, W, 3) the photo.
        poses: of its people.
        title: shown above, e.g. the file's name.

    Raises:
        UserError: a pose holds a number that is not finite.
    """
    height, width = image_rgb.shape[:2]
    shrink = min(1.0, MAX_PHOTO_PX / max(height, width))
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        shown = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)
    else:
        shown = image_rgb
    photo = base64.b64encode(encode_jpeg(shown, quality=88)).decode()  # type: ignore[arg-type]
    scene = {
        "title": title,
        "image_size_px": [width, height],
        "min_score": MIN_SCORE,
        "colors": {side: "rgb({},{},{})".format(*rgb) for side, rgb in SIDE_COLORS.items()},
        "people": [_person(pose, number) for number, pose in enumerate(poses)],
    }
    data = json.dumps(scene, allow_nan=False)
    # Inside a script element only these can end it or open another.
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    template = resources.files(__package__).joinpath("viewer.html").read_text(encoding="utf-8")
    parts = {"TITLE": html.escape(title), "PHOTO": photo, "SCENE": data}
    # Split once at the places, so that nothing inside the parts is taken for a place.
    pieces = template.split("@@")
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _person(pose: Pose, number: int) -> dict[str, object]:
    arrays = {
        "keypoints_px": pose.keypoints_px,
        "keypoints_mm": pose.keypoints_mm,
        "scores": pose.scores,
    }
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise UserError(f"person {number}: {name} holds a number that is not finite")
    skeleton = pose.skeleton
    return {
        "id": number if pose.track_id is None else pose.track_id,
        "joint_names": skeleton.joint_names,
        "joint_sides": [joint_side(name) for name in skeleton.joint_names],
        "edges": [[a, b, edge_side(skeleton, (a, b))] for a, b in skeleton.edges],
        "root": skeleton.root,
        "camera": {
            "focal_px": pose.camera.focal_px,
            "center_px": pose.camera.center_px,
            "is_assumed": pose.camera_is_assumed,
        },
        **{name: np.round(np.float64(values), 3).tolist() for name, values in arrays.items()},
    }
