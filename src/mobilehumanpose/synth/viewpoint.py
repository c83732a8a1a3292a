"""Where a photograph is taken from, and the part of it that is kept around one person.

The whole photograph is thought of first, with a person anywhere in it, even half outside; only a
window around the person is drawn. So people off the optical axis are seen as real cameras see them,
and a person at the edge is cut by the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Camera
from .viewing import View

#: Longer side of the main person's visible box in the finished picture.
PERSON_PX = (220.0, 300.0)
#: How much more than that box is kept around it, so that training can still turn and shift.
WINDOW_SHARE = (1.55, 2.0)
MIN_WINDOW_PX = 200
ASPECTS = (1.0, 4 / 3, 3 / 2, 16 / 9)
#: Nothing of a person is nearer than this.
MIN_DEPTH_MM = 300.0
#: The camera stays so far above the ground.
MIN_HEIGHT_MM = 150.0
#: Share of the main person's box that the photograph must hold.
MIN_INSIDE = 0.45
#: Share of photographs that are drawn without care for where the person is in them.
CUT_SHARE = 0.25
_MAX_DRAWS = 20


@dataclass(frozen=True, kw_only=True)
class Viewpoint:
    """A camera and what of its photograph is drawn.

    Attributes:
        view: the window's camera.
        is_below_ground: whether it looks up from where the ground would be: then there is none.
    """

    view: View
    is_below_ground: bool


def random_viewpoint(rng: np.random.Generator, points_mm: NDArray[np.floating]) -> Viewpoint | None:
    """A camera that sees the main person, given as (N, 3) points of the surface in the world.

    None if no camera could be found: the person is drawn anew then.
    """
    for _ in range(_MAX_DRAWS):
        found = _draw(rng, points_mm)
        if found is not None:
            return found
    return None


def _random_elevation(rng: np.random.Generator) -> tuple[float, bool]:
    """How far above the person's level the camera looks down from, in radians; below ground?"""
    kind = rng.random()
    if kind < 0.55:
        return math.radians(rng.normal(4, 8)), False
    if kind < 0.8:
        return math.radians(rng.uniform(-20, 35)), False
    if kind < 0.95:
        return math.radians(rng.uniform(30, 88)), False
    return math.radians(rng.uniform(-65, -10)), True


def _random_roll(rng: np.random.Generator) -> float:
    if rng.random() < 0.04:
        return float(rng.choice([-1, 1])) * math.pi / 2 + rng.normal(0, 0.1)
    return math.radians(rng.normal(0, 4) if rng.random() < 0.8 else rng.normal(0, 14))


def _draw(rng: np.random.Generator, points_mm: NDArray[np.floating]) -> Viewpoint | None:
    aspect = float(rng.choice(ASPECTS))
    frame = np.array([1.0, 1 / aspect] if rng.random() < 0.6 else [1 / aspect, 1.0])
    fov = math.radians(math.exp(rng.uniform(math.log(22), math.log(92))))
    focal = 0.5 / math.tan(fov / 2)  # in lengths of the frame's longer side
    elevation, below = _random_elevation(rng)
    roll = _random_roll(rng)
    # Most people are wholly in the picture; portraits and people at its edge are not.
    is_cut = rng.random() < CUT_SHARE
    share = math.exp(rng.uniform(math.log(0.3), math.log(1.3 if is_cut else 0.8)))
    place = np.clip(rng.normal(0.5, 0.25 if is_cut else 0.12, 2), -0.1, 1.1) * frame
    ray = np.array([*(place - frame / 2) / focal, 1.0])
    ray /= np.linalg.norm(ray)
    low, high = points_mm.min(axis=0), points_mm.max(axis=0)
    target = (low + high) / 2
    extent = float(np.linalg.norm(high - low))

    distance = extent * focal / share
    for _ in range(4):  # the size in the picture is nearly inverse to the distance
        distance = max(distance, extent / 2 + MIN_DEPTH_MM)
        tilt = elevation
        if not below:
            lowest = (target[1] + MIN_HEIGHT_MM) / distance
            tilt = max(tilt, math.asin(float(np.clip(lowest, -1, 1))))
        rotation, position = _look(target, distance, tilt, roll, ray)
        camera_mm = (points_mm - position) @ rotation.T
        if camera_mm[:, 2].min() < MIN_DEPTH_MM:
            distance *= 1.3
            continue
        at = camera_mm[:, :2] / camera_mm[:, 2:] * focal + frame / 2
        box_low, box_high = at.min(axis=0), at.max(axis=0)
        distance *= float((box_high - box_low).max()) / share
    if camera_mm[:, 2].min() < MIN_DEPTH_MM or (not below and position[1] > -MIN_HEIGHT_MM / 2):
        return None
    # The last step changed the distance, not the camera: box and camera belong together.
    inside_low, inside_high = np.maximum(box_low, 0), np.minimum(box_high, frame)
    inside = np.maximum(inside_high - inside_low, 0)
    if inside.prod() < MIN_INSIDE * (box_high - box_low).prod():
        return None
    scale = rng.uniform(*PERSON_PX) / float(inside.max())
    side = float(inside.max()) * rng.uniform(*WINDOW_SHARE)
    middle = (inside_low + inside_high) / 2 + rng.normal(0, 0.04, 2) * side
    start = np.floor(np.maximum(middle - side / 2, 0) * scale)
    end = np.floor(np.minimum(middle + side / 2, frame) * scale)
    width, height = (end - start).astype(int).tolist()
    if min(width, height) < MIN_WINDOW_PX:
        return None
    # Pixel centres are whole numbers; the frame begins at the first pixel's edge.
    center = frame / 2 * scale - start - 0.5
    camera = Camera(
        focal_px=(focal * scale, focal * scale), center_px=(float(center[0]), float(center[1]))
    )
    view = View(rotation=rotation, position_mm=position, camera=camera, size=(width, height))
    return Viewpoint(view=view, is_below_ground=below)


def _look(
    target: NDArray[np.floating],
    distance: float,
    tilt: float,
    roll: float,
    ray: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation (world to camera) and position of a camera that sees the target along the ray."""
    c, s = math.cos(tilt), math.sin(tilt)
    level = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    c, s = math.cos(roll), math.sin(roll)
    rolled = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ level
    rotation = _turn_forward_to(ray) @ rolled
    return rotation, target - distance * level[2]


def _turn_forward_to(ray: NDArray[np.floating]) -> NDArray[np.float64]:
    """The shortest turn of (0, 0, 1) to a unit vector before the camera (Rodrigues)."""
    axis = np.cross([0.0, 0.0, 1.0], ray)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + ray[2])
