"""Arms that run through the person's own trunk or thighs, as they may on a stouter body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..skeleton import MUCO_21
from .body import Body, Posed

_ARM_JOINTS = MUCO_21.indices(
    [f"{side}_{joint}" for side in "LR" for joint in ("Elbow", "Wrist", "Hand")]
)
_SOLID_BONES = ("root", "spine", "pelvis", "upperleg", "neck", "head")
#: Every so many-th triangle of the trunk is enough to tell inside from outside.
_STRIDE = 4


def solid_triangles(body: Body) -> NDArray[np.int32]:
    """(K, 3) a sample of the triangles of trunk, head and thighs, for :func:`arm_depth_mm`."""
    is_solid = np.array([name.startswith(_SOLID_BONES) for name in body.bone_names])
    corners = body.skin_triangles[~body.eye_triangles]
    return corners[is_solid[body.main_bones[corners]].all(axis=1)][::_STRIDE]


def arm_depth_mm(posed: Posed, triangles: NDArray[np.int32]) -> float:
    """How deep an elbow, wrist or hand lies inside the trunk, head or thighs; negative outside.

    Measured along the normal of the nearest of the ``triangles`` of :func:`solid_triangles`.
    """
    corners_mm = posed.vertices_mm[triangles]
    centres_mm = corners_mm.mean(axis=1)
    joints_mm = posed.joints_mm[_ARM_JOINTS]
    squared = ((joints_mm[:, None] - centres_mm) ** 2).sum(axis=-1)
    nearest = squared.argmin(axis=1)
    a, b, c = np.moveaxis(corners_mm[nearest], 1, 0)
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1).clip(1e-9)
    depths_mm = ((centres_mm[nearest] - joints_mm) * normals).sum(axis=1) / lengths
    return float(depths_mm.max())
