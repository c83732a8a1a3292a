"""Poses drawn over the photograph."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .results import Pose
from .skeleton import Skeleton

Color = tuple[int, int, int]

#: RGB of the body's sides, from Okabe & Ito's palette, which most colour-blind people tell apart.
SIDE_COLORS: dict[str, Color] = {
    "left": (230, 159, 0),
    "right": (86, 180, 233),
    "center": (0, 158, 115),
}
OUTLINE: Color = (20, 20, 20)
#: Joints below this score are drawn hollow and their limbs thin: they are more often wrong than
#: right, as the tables of scores in the models' cards show.
MIN_SCORE = 0.5
#: Fractional bits of OpenCV's drawing coordinates: limbs end where joints are, not at whole px.
_SHIFT = 4


def joint_side(joint_name: str) -> str:
    """``"left"``, ``"right"`` or ``"center"``, by the prefix of the joint's name.

    The 3D page tells sides by the same rule.
    """
    return {"L_": "left", "R_": "right"}.get(joint_name[:2], "center")


def edge_side(skeleton: Skeleton, edge: tuple[int, int]) -> str:
    """The side of a limb: that of either end that has one."""
    sides = [joint_side(skeleton.joint_names[joint]) for joint in edge]
    return next((side for side in sides if side != "center"), "center")


def draw_poses(
    image_rgb: NDArray[np.uint8], poses: Sequence[Pose], *, min_score: float = MIN_SCORE
) -> NDArray[np.uint8]:
    """A copy of the (H, W, 3) RGB photo with every pose over it.

    Limbs are coloured by the body's side; their width follows the person's size in the picture.
    With more than one person, each carries its number (its track id in a video) above its head.
    """
    canvas = image_rgb.copy()
    # The farthest person first, so that nearer ones are drawn over it.
    order = sorted(range(len(poses)), key=lambda i: -float(poses[i].keypoints_mm[:, 2].mean()))
    for number in order:
        _draw_pose(canvas, poses[number], min_score)
        if len(poses) > 1:
            _draw_label(canvas, poses[number], number)
    return canvas


def _draw_pose(canvas: NDArray[np.uint8], pose: Pose, min_score: float) -> None:
    side = min(float(pose.box_xywh[2]), max(canvas.shape))  # a portrait's box is much larger
    thickness = max(1, round(side / 110))
    is_sure = pose.scores >= min_score
    points = [_fixed_point(point) for point in pose.keypoints_px]

    def line(edge: tuple[int, int], color: Color, width: int) -> None:
        cv2.line(canvas, points[edge[0]], points[edge[1]], color, width, cv2.LINE_AA, _SHIFT)

    # Far limbs first. The dark outline keeps every colour visible on every background.
    edges = sorted(
        pose.skeleton.edges, key=lambda edge: -float(pose.keypoints_mm[list(edge), 2].sum())
    )
    for edge in edges:
        color = SIDE_COLORS[edge_side(pose.skeleton, edge)]
        if is_sure[list(edge)].all():
            line(edge, OUTLINE, thickness + 2)
            line(edge, color, thickness)
        else:
            line(edge, color, 1)
    radius = max(2, thickness)
    for joint, point in enumerate(points):
        color = SIDE_COLORS[joint_side(pose.skeleton.joint_names[joint])]
        if is_sure[joint]:
            rim = (radius + 1) << _SHIFT
            cv2.circle(canvas, point, rim, OUTLINE, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, point, radius << _SHIFT, color, -1, cv2.LINE_AA, _SHIFT)
        else:
            cv2.circle(canvas, point, radius << _SHIFT, color, 1, cv2.LINE_AA, _SHIFT)


def _draw_label(canvas: NDArray[np.uint8], pose: Pose, number: int) -> None:
    label = str(number if pose.track_id is None else pose.track_id)
    scale = float(np.clip(pose.box_xywh[2] / 400, 0.4, 1.2))
    topmost = pose.keypoints_px[int(np.argmin(pose.keypoints_px[:, 1]))]
    (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = int(np.clip(topmost[0] - width / 2, 0, max(0, canvas.shape[1] - width)))
    y = int(np.clip(topmost[1] - height, height, max(height, canvas.shape[0])))
    for color, thickness in ((OUTLINE, 4), ((255, 255, 255), 1)):
        cv2.putText(
            canvas, label, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness, cv2.LINE_AA
        )


def _fixed_point(point_px: NDArray[np.floating]) -> tuple[int, int]:
    # OpenCV's coordinates are 32-bit; a joint far outside the photo still points the right way.
    x, y = np.clip(point_px, -1e5, 1e5) * (1 << _SHIFT)
    return round(float(x)), round(float(y))
