"""Stick figures: made-up bodies before a camera, and pictures of them."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import Camera, project, tight_box
from ..media import make_folder, write_file
from ..skeleton import Skeleton

DOT_RADIUS_PX = 2

#: A standing person of 1.7 m facing the camera, as it sees her, x right, y down, z forward, mm
#: from the pelvis. Of joints on both sides those on the left, which the camera sees on its right.
_MIDDLE = {
    "Pelvis": (0, 0, 0), "Spine": (0, -230, 10), "Torso": (0, -230, 10), "Neck": (0, -520, 10),
    "Thorax": (0, -470, 0), "Nose": (0, -610, -110), "Head": (0, -640, -10),
    "Head_top": (0, -750, 0),
}  # fmt: skip
_LEFT = {
    "Hip": (120, 0, 0), "Knee": (130, 420, -30), "Ankle": (140, 820, 30), "Toe": (160, 870, -130),
    "Shoulder": (180, -470, 0), "Elbow": (240, -210, 40), "Wrist": (270, 20, -60),
    "Hand": (280, 90, -90), "Eye": (35, -640, -100), "Ear": (75, -620, 0),
}  # fmt: skip
#: Joints that are moved together, with what hangs on them.
_MOVES = (
    ("Knee", "Ankle", "Toe"),
    ("Ankle", "Toe"),
    ("Elbow", "Wrist", "Hand"),
    ("Wrist", "Hand"),
)


def joint_color(skeleton: Skeleton, joint: int) -> tuple[int, int, int]:
    """RGB of a joint's dot: its hue is its place in the skeleton."""
    rgb = colorsys.hsv_to_rgb(joint / skeleton.num_joints, 1.0, 0.6 + 0.4 * (joint % 2))
    red, green, blue = (round(255 * value) for value in rgb)
    return red, green, blue


@dataclass(frozen=True, kw_only=True)
class Person:
    """A body before a camera: (J, 3) mm in its space, (J, 2) px, and the tight (4,) box."""

    keypoints_mm: NDArray[np.float64]
    keypoints_px: NDArray[np.float64]
    box_xywh: NDArray[np.float64]


def random_body_mm(skeleton: Skeleton, rng: np.random.Generator) -> NDArray[np.float64]:
    """(J, 3) a posture around the pelvis, x right, y down."""
    joints = {joint: np.array(place, float) for joint, place in _MIDDLE.items()}
    for side, sign in (("L", 1), ("R", -1)):
        part = {joint: np.array(place) * (sign, 1, 1) for joint, place in _LEFT.items()}
        part = {joint: place.astype(float) for joint, place in part.items()}
        for moved in _MOVES:
            step_mm = rng.uniform(-70, 70, 3)
            for joint in moved:
                part[joint] += step_mm
        joints |= {f"{side}_{joint}": place for joint, place in part.items()}
    joints["Thorax"] = (joints["L_Shoulder"] + joints["R_Shoulder"]) / 2
    return np.stack([joints[joint] for joint in skeleton.joint_names])


def person_before(keypoints_mm: NDArray[np.floating], camera: Camera) -> Person:
    """A body of (J, 3) mm in the camera's space, as the camera sees it."""
    points_mm = np.asarray(keypoints_mm, np.float64)
    points_px = np.asarray(project(points_mm, camera), np.float64)
    box = np.asarray(tight_box(points_px), np.float64)
    return Person(keypoints_mm=points_mm, keypoints_px=points_px, box_xywh=box)


def random_people(
    skeleton: Skeleton,
    places_mm: Sequence[tuple[float, float, float]],
    camera: Camera,
    rng: np.random.Generator,
) -> list[Person]:
    """People of random posture with their pelvis at each of the places in camera space."""
    return [person_before(random_body_mm(skeleton, rng) + place, camera) for place in places_mm]


def draw_people(people: Sequence[Person], skeleton: Skeleton, path: Path, size: int) -> None:
    """Draw people, the nearest last, and write a JPEG that keeps colours (4:4:4)."""
    image = np.full((size, size, 3), 128, np.uint8)
    for person in sorted(people, key=lambda p: -p.keypoints_mm[:, 2].mean()):
        pixels = [(round(x), round(y)) for x, y in person.keypoints_px.tolist()]
        for a, b in skeleton.edges:
            cv2.line(image, pixels[a], pixels[b], (90, 90, 90), 1)
        for joint in np.argsort(-person.keypoints_mm[:, 2]):
            color = joint_color(skeleton, int(joint))[::-1]
            cv2.circle(image, pixels[joint], DOT_RADIUS_PX, color, cv2.FILLED)
    options = [cv2.IMWRITE_JPEG_QUALITY, 100]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, encoded = cv2.imencode(".jpg", image, options)
    make_folder(path.parent)
    write_file(path, encoded.tobytes())
