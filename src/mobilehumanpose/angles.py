"""Angles of joints in degrees, from positions in 3D."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .skeleton import Skeleton

#: Joints that an angle lies between, sides left out. It is the one at the second of them, which it
#: is named after: 180° where the three are in line.
_JOINT_ANGLES = (
    ("Elbow", "Shoulder", "Hip"),
    ("Shoulder", "Elbow", "Wrist"),
    ("Elbow", "Wrist", "Hand"),
    ("Shoulder", "Hip", "Knee"),
    ("Hip", "Knee", "Ankle"),
    ("Knee", "Ankle", "Toe"),
)
#: The angle between the trunk and the camera's upward direction: 0° for who stands before a level
#: camera.
TRUNK_LEAN = "Trunk_lean"
_TRUNK = ("Pelvis", "Thorax")
_UP = np.array([0.0, -1.0, 0.0])


def joint_angles_degrees(
    positions_mm: NDArray[np.floating], skeleton: Skeleton
) -> dict[str, NDArray[np.floating]]:
    """Angles at the elbows, knees and other joints of a body.

    Args:
        positions_mm: (…, J, 3) camera space or root-relative: x right, y down.
        skeleton: the joint set.

    Returns:
        By name, (…,) degrees in 0…180: those angles whose joints the set has. NaN where two of an
        angle's joints are in one place.
    """
    at = {name: positions_mm[..., joint, :] for joint, name in enumerate(skeleton.joint_names)}
    angles = {}
    for joints in _JOINT_ANGLES:
        for side in ("R", "L"):
            first, middle, last = (f"{side}_{joint}" for joint in joints)
            if {first, middle, last} <= at.keys():
                angles[middle] = _between(at[first] - at[middle], at[last] - at[middle])
    if set(_TRUNK) <= at.keys():
        pelvis, thorax = _TRUNK
        angles[TRUNK_LEAN] = _between(at[thorax] - at[pelvis], _UP)
    return angles


def _between(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.floating]:
    """(…,) degrees between (…, 3) vectors; the arc cosine of their product loses small angles."""
    across = np.linalg.norm(np.cross(first, second), axis=-1)
    along = (first * second).sum(axis=-1)
    has_length = (np.linalg.norm(first, axis=-1) > 0) & (np.linalg.norm(second, axis=-1) > 0)
    return np.where(has_length, np.degrees(np.arctan2(across, along)), np.nan)
