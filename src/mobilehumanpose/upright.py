"""Crops in which a person stands upright.

A small network that must know people in any position knows none of them well. So the picture is
turned until the torso stands, as BlazePose's pipeline does it (Bazarevsky et al. 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .geometry import BOX_MARGIN, tight_box
from .skeleton import Skeleton

FloatArray = NDArray[np.floating]


def torso_lean_degrees(
    keypoints_px: FloatArray, known: NDArray[np.bool_], skeleton: Skeleton
) -> float | None:
    """How far a person's torso leans to the right of upright in the picture, −180…180.

    It is what :func:`~mobilehumanpose.geometry.crop_affine` must turn by to make the torso stand.

    Args:
        keypoints_px: (J, 2).
        known: (J,).
        skeleton: names the joints.

    Returns:
        From the middle of the known hips to that of the known shoulders; None where there are
        none, or no distance between them.
    """
    shoulders = skeleton.indices(["L_Shoulder", "R_Shoulder"])
    hips = skeleton.indices(["L_Hip", "R_Hip"])
    shoulders, hips = shoulders[known[shoulders]], hips[known[hips]]
    if not (len(shoulders) and len(hips)):
        return None
    right, down = keypoints_px[shoulders].mean(axis=0) - keypoints_px[hips].mean(axis=0)
    if right == 0 and down == 0:
        return None
    return float(np.degrees(np.arctan2(right, -down)))


def turned_square(
    points_px: FloatArray, lean_degrees: float, *, margin: float = BOX_MARGIN
) -> FloatArray:
    """The (4,) xywh square to crop around (K, 2) points, in a crop turned by ``lean_degrees``.

    It is as large as the points reach along the turned axes, times ``margin``, and centred there.

    Returns:
        A square whose own sides lie along the picture's axes, for
        :func:`~mobilehumanpose.geometry.crop_affine`, which turns it about its centre.
    """
    angle = np.radians(lean_degrees)
    # Rows: the turned crop's axes in the picture.
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    x, y, width, height = tight_box(points_px @ axes.T)
    center = np.array([x + width / 2, y + height / 2]) @ axes
    side = max(width, height) * margin
    return np.array([center[0] - side / 2, center[1] - side / 2, side, side])
