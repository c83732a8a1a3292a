"""Labels of rendered people in COCO's layout, as ``docs/synthetic-data.md`` describes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.synth import OCCLUDED, OUTSIDE, VISIBLE
from ..geometry import project
from ..skeleton import MUCO_21
from .scene import Person
from .viewing import Rendered, View

#: A joint lies inside the body. It counts as seen where the surface before it is no further in
#: front than the flesh of that place is thick, hair and shoes included: of a stout adult, in mm.
FLESH_MM = {
    "Head_top": 130.0, "Head": 150.0, "Thorax": 150.0, "Spine": 190.0, "Pelvis": 200.0,
    "Shoulder": 120.0, "Elbow": 75.0, "Wrist": 60.0, "Hand": 60.0,
    "Hip": 160.0, "Knee": 90.0, "Ankle": 80.0, "Toe": 75.0,
}  # fmt: skip
_FLESH_MM = np.array([FLESH_MM[name.split("_", 1)[-1]] if name[:2] in ("L_", "R_")
                      else FLESH_MM[name] for name in MUCO_21.joint_names])  # fmt: skip


def joint_visibility(
    joints_mm: NDArray[np.floating], view: View, rendered: Rendered
) -> NDArray[np.int64]:
    """(21,) ``OUTSIDE`` the picture, ``OCCLUDED`` or ``VISIBLE``.

    Args:
        joints_mm: (21, 3) in camera space.
        view: the camera.
        rendered: what it saw.
    """
    px = project(joints_mm, view.camera)
    width, height = view.size
    before = joints_mm[:, 2] > 0
    inside = before & (px >= -0.5).all(axis=1) & (px < (width - 0.5, height - 0.5)).all(axis=1)
    cells = np.floor((np.nan_to_num(px) + 0.5) * rendered.scale).astype(int)
    rows = cells[:, 1].clip(0, rendered.depth_mm.shape[0] - 1)
    columns = cells[:, 0].clip(0, rendered.depth_mm.shape[1] - 1)
    free = rendered.depth_mm[rows, columns] >= joints_mm[:, 2] - _FLESH_MM
    return np.where(inside, np.where(free, VISIBLE, OCCLUDED), OUTSIDE)


def label_person(
    person: Person, number: int, view: View, rendered: Rendered
) -> dict[str, Any] | None:
    """An annotation without ids; None if nothing of the person is in the picture.

    Args:
        person: in the world.
        number: in ``rendered.person``.
        view: the camera.
        rendered: what it saw.
    """
    surface_mm = view.to_camera(person.surface_mm)
    joints_mm = view.to_camera(person.joints_mm)
    if surface_mm[:, 2].min() <= 0:
        return None
    px = project(surface_mm, view.camera)
    low = np.maximum(px.min(axis=0), -0.5)
    high = np.minimum(px.max(axis=0), np.array(view.size) - 0.5)
    if (high <= low).any():
        return None
    visibility = joint_visibility(joints_mm, view, rendered)
    keypoints = np.concatenate([project(joints_mm, view.camera), visibility[:, None]], axis=1)
    return {
        "category_id": 1,
        "iscrowd": 0,
        "bbox": np.round([*low, *(high - low)], 2).tolist(),
        "area": round(float((rendered.person == number).sum()) / rendered.scale**2, 1),
        "num_keypoints": int((visibility > 0).sum()),
        "keypoints": np.round(keypoints, 2).reshape(-1).tolist(),
        "keypoints_cam": np.round(joints_mm, 1).tolist(),
    }
