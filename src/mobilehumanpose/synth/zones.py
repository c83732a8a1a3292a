"""Where on the body a vertex lies, as two numbers that clothes are cut by."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..skeleton import MUCO_21

#: Zone of what hair grows on; all of the rest of the head lies between −1 and −2.
SCALP = -3.0
#: Along the arm: shoulder, elbow, wrist. What is no arm has ``NO_ARM``.
NO_ARM = -0.2


def body_zones(
    vertices_mm: NDArray[np.floating], joints_mm: NDArray[np.floating]
) -> NDArray[np.float32]:
    """(V, 2) zones of a standing body at rest, the same for every shape of one mesh.

    The first number runs along the arms: 0 at the shoulder, 0.5 at the elbow, 1 at the wrist, more
    on the hand, and ``NO_ARM`` elsewhere. The second runs down the body: −2 at the crown, −1 at
    the base of the neck, 0 at the hips, 0.5 at the knees, 1 at the ankles, more on the foot;
    ``SCALP`` where hair grows.

    Args:
        vertices_mm: (V, 3) in the body frame: y down, facing −z.
        joints_mm: (21, 3) in MuCo's order.
    """
    joint = {name: joints_mm[i] for i, name in enumerate(MUCO_21.joint_names)}
    heights = [joint[name][1] for name in ("Head_top", "Thorax", "R_Hip", "R_Knee", "R_Ankle")]
    sole_mm = max(float(vertices_mm[:, 1].max()), heights[-1] + 1)
    down = np.interp(vertices_mm[:, 1], [*heights, sole_mm], [-2, -1, 0, 0.5, 1, 1.2])

    to_arm = np.full(len(vertices_mm), np.inf)
    arm = np.zeros(len(vertices_mm))
    for side in "LR":
        chain = [joint[f"{side}_{name}"] for name in ("Shoulder", "Elbow", "Wrist", "Hand")]
        for i, (start, end) in enumerate(pairwise(chain)):
            along, distance = _segment(vertices_mm, start, end, open_end=i == 2)
            nearer = distance < to_arm
            to_arm[nearer] = distance[nearer]
            arm[nearer] = (i + along[nearer]) / 2
    to_rest = np.full(len(vertices_mm), np.inf)
    for first, second in (
        ("Head_top", "Thorax"), ("Thorax", "Pelvis"), ("Pelvis", "R_Hip"), ("Pelvis", "L_Hip"),
        ("R_Hip", "R_Knee"), ("L_Hip", "L_Knee"), ("R_Knee", "R_Ankle"), ("L_Knee", "L_Ankle"),
    ):  # fmt: skip
        _, distance = _segment(vertices_mm, joint[first], joint[second])
        # The trunk is thick: its surface is far from its axis.
        to_rest = np.minimum(to_rest, distance - (60 if second in ("Pelvis", "Thorax") else 0))
    is_arm = (to_arm < to_rest) & (arm > 0)
    zones = np.stack([np.where(is_arm, arm, NO_ARM), down], axis=1)

    head_mm = joint["Thorax"][1] - joint["Head_top"][1]
    above = (joint["Thorax"][1] - vertices_mm[:, 1]) / head_mm
    middle_z = joint["Head"][2]
    behind = vertices_mm[:, 2] > middle_z - 10
    zones[~is_arm & ((above > 0.86) | ((above > 0.5) & behind)), 1] = SCALP
    return zones.astype(np.float32)


def _segment(
    points: NDArray[np.floating],
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    *,
    open_end: bool = False,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """(N,) share of the way from start to end of each point's nearest point, and distance."""
    axis = end - start
    along = np.clip((points - start) @ axis / (axis @ axis), 0, 3 if open_end else 1)
    return along, np.linalg.norm(points - start - along[:, None] * axis, axis=1)
