"""The cameras of Human3.6M's annotation files, in both forms that are about.

The files that 3DMPPE distributes hold the extrinsic translation ``t`` of R·X + t. The script that
it ships to make them writes the camera's centre C under the same name, with t = −R·C. Which of the
two a file holds shows when its people are projected: by the wrong one they miss their boxes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..geometry import Camera, project, world_to_camera
from .annotations import OnProblem, Problem, find_fault, read_json, shown

_SHAPES = {"R": (3, 3), "t": (3,), "f": (2,), "c": (2,)}
#: How far R·Rᵀ may be from the identity: files hold six digits or more.
MAX_ROTATION_ERROR = 1e-3
#: By the right reading nearly all joints lie in front of the camera and in the person's box, by
#: the wrong one nearly none.
MIN_SHARE_IN_BOX = 0.5


@dataclass(frozen=True, kw_only=True)
class StudioCamera:
    """A camera in world space.

    Attributes:
        rotation: (3, 3) from world to camera.
        translation_mm: (3,) t of R·X + t.
        intrinsics: focal lengths and principal point.
    """

    rotation: NDArray[np.float64]
    translation_mm: NDArray[np.float64]
    intrinsics: Camera

    def joints_mm(self, world_mm: NDArray[np.floating]) -> NDArray[np.floating]:
        """World (…, 3) → camera space (…, 3)."""
        return world_to_camera(world_mm, self.rotation, self.translation_mm)

    def with_centre(self, centre_mm: NDArray[np.floating]) -> StudioCamera:
        """The same camera standing at ``centre_mm`` in the world."""
        return replace(self, translation_mm=-self.rotation @ centre_mm)


def read_cameras(path: Path, on_problem: OnProblem) -> dict[int, StudioCamera]:
    """The cameras of a ``Human36M_subject*_camera.json`` by number, as they are written there.

    Args:
        path: the file.
        on_problem: is told what is wrong; that camera is left out.
    """
    content = read_json(path, on_problem)
    if content is not None and not isinstance(content, dict):
        on_problem(Problem(file=path, message=f"is {shown(content)}; an object is right"))
    cameras = {}
    for number, fields in (content if isinstance(content, dict) else {}).items():
        fault = _camera_fault(number, fields)
        if fault:
            on_problem(Problem(file=path, where=f"camera {number}", message=fault))
            continue
        cameras[int(number)] = StudioCamera(
            rotation=np.array(fields["R"], np.float64),
            translation_mm=np.array(fields["t"], np.float64),
            intrinsics=Camera(focal_px=tuple(fields["f"]), center_px=tuple(fields["c"])),
        )
    return cameras


def _camera_fault(number: str, fields: object) -> str | None:
    if not number.isdecimal():
        return "is no camera's number"
    if not isinstance(fields, dict):
        return f"is {shown(fields)}; an object is right"
    for name, shape in _SHAPES.items():
        if name not in fields:
            return f"lacks the field '{name}'"
        fault = find_fault(fields[name], shape)
        if fault:
            return f"field '{name}' {fault}"
    if min(fields["f"]) <= 0:
        return f"field 'f' is {shown(fields['f'])}; focal lengths are positive"
    rotation = np.array(fields["R"], np.float64)
    error = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if error > MAX_ROTATION_ERROR or np.linalg.det(rotation) < 0:
        return f"field 'R' is no rotation: R·Rᵀ differs from the identity by {error:.3g}"
    return None


def resolve_translation(
    camera: StudioCamera,
    world_mm: NDArray[np.floating],
    boxes_xywh: NDArray[np.floating],
    path: Path,
    number: int,
    on_problem: OnProblem,
) -> StudioCamera | None:
    """The camera by whichever reading of its ``t`` puts the people into their boxes.

    Args:
        camera: as it is written.
        world_mm: (N, J, 3) people that it sees.
        boxes_xywh: (N, 4) their boxes in px.
        path: its file, for messages.
        number: its number in the file.
        on_problem: is told where the centre was written, which is handled, and where neither fits.

    Returns:
        The camera; None where neither reading fits.
    """
    if _share_in_box(camera, world_mm, boxes_xywh) >= MIN_SHARE_IN_BOX:
        return camera
    where = f"camera {number}"
    converted = camera.with_centre(camera.translation_mm)
    if _share_in_box(converted, world_mm, boxes_xywh) >= MIN_SHARE_IN_BOX:
        message = "field 't' holds the camera's centre: converted by t = −R·C"
        on_problem(Problem(file=path, where=where, message=message, is_handled=True))
        return converted
    message = (
        "puts people outside their boxes, whether 't' is read as translation or as camera centre"
    )
    on_problem(Problem(file=path, where=where, message=message))
    return None


def _share_in_box(
    camera: StudioCamera, world_mm: NDArray[np.floating], boxes_xywh: NDArray[np.floating]
) -> float:
    """Share of joints in front of the camera and inside the person's box."""
    points_mm = camera.joints_mm(world_mm)
    with np.errstate(divide="ignore", invalid="ignore"):
        points_px = project(points_mm, camera.intrinsics)
    low, size = boxes_xywh[:, None, :2], boxes_xywh[:, None, 2:]
    inside = ((points_px >= low) & (points_px <= low + size)).all(axis=-1)
    return float((inside & (points_mm[..., 2] > 0)).mean())
