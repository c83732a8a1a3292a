"""What an estimate is, and the files it is written to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .files import parse_json
from .geometry import Camera
from .skeleton import Skeleton, get_skeleton

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One person in one picture.

    Attributes:
        keypoints_px: (J, 2) pixels in the photo, as it is shown upright.
        keypoints_mm: (J, 3) camera space: x right, y down, z forward.
        root_relative_mm: (J, 3), the same pose with its root at the origin.
        scores: (J,) 0…1, see :mod:`mobilehumanpose.decode`.
        box_xywh: (4,) pixels, the square that was cropped. People who lean were shown it turned
            upright about its centre.
        skeleton: the joint set: names, edges, root.
        camera: the intrinsics that camera space rests on.
        camera_is_assumed: True where no camera was given, and a default field of view stands in.
        track_id: who this is over the frames of a video; None for a photo.
        time_s: when the frame is shown, by the video's own clock; None for a photo.
    """

    keypoints_px: NDArray[np.floating]
    keypoints_mm: NDArray[np.floating]
    root_relative_mm: NDArray[np.floating]
    scores: NDArray[np.floating]
    box_xywh: NDArray[np.floating]
    skeleton: Skeleton
    camera: Camera
    camera_is_assumed: bool
    track_id: int | None = None
    time_s: float | None = None


def poses_to_json(
    poses: Sequence[Pose], *, image_name: str, image_size: tuple[int, int], model: str
) -> str:
    """One photo's poses as JSON text: names and units beside every number, positions to 0.01.

    Raises:
        UserError: a pose holds a number that is not finite.
    """
    document = {
        "format": "mobilehumanpose-poses",
        "format_version": FORMAT_VERSION,
        "image": image_name,
        "image_size_px": list(image_size),
        "model": model,
        "people": [pose_to_dict(pose, number) for number, pose in enumerate(poses)],
    }
    return json.dumps(document, indent=1, allow_nan=False)


def pose_to_dict(pose: Pose, number: int) -> dict[str, object]:
    """One person as it stands in JSON; ``number`` names it in errors.

    Raises:
        UserError: a number is not finite.
    """

    def rounded(name: str, digits: int = 2) -> list:
        values = np.asarray(getattr(pose, name))
        if not np.isfinite(values).all():
            raise UserError(f"person {number}: {name} holds a number that is not finite")
        return np.round(values.astype(np.float64), digits).tolist()

    return {
        "track_id": pose.track_id,
        "joint_set": pose.skeleton.name,
        "joint_names": list(pose.skeleton.joint_names),
        "edges": [list(edge) for edge in pose.skeleton.edges],
        "box_xywh_px": rounded("box_xywh"),
        "scores": rounded("scores", 4),
        "keypoints_px": rounded("keypoints_px"),
        "keypoints_mm": rounded("keypoints_mm"),
        "root_relative_mm": rounded("root_relative_mm"),
        "camera": {
            "focal_px": list(pose.camera.focal_px),
            "center_px": list(pose.camera.center_px),
            "is_assumed": pose.camera_is_assumed,
        },
    }


def poses_from_json(text: str, source: str) -> list[Pose]:
    """Read what :func:`poses_to_json` wrote; ``source`` names it in errors.

    Raises:
        UserError: it is no such text, or a field has the wrong shape.
    """
    document = parse_json(text, source)
    if not isinstance(document, dict) or document.get("format") != "mobilehumanpose-poses":
        raise UserError(f"{source}: field 'format' is not 'mobilehumanpose-poses'")
    if document.get("format_version") != FORMAT_VERSION:
        raise UserError(
            f"{source}: format_version is {document.get('format_version')!r}; "
            f"{FORMAT_VERSION} can be read"
        )
    people = document.get("people")
    if not isinstance(people, list):
        raise UserError(f"{source}: field 'people' is no list")
    return [pose_from_dict(person, f"{source}: person {i}") for i, person in enumerate(people)]


def pose_from_dict(person: object, source: str, time_s: float | None = None) -> Pose:
    """Read what :func:`pose_to_dict` made; ``source`` names it in errors.

    Raises:
        UserError: a field is absent, has the wrong shape, or cannot be.
    """
    if not isinstance(person, dict):
        raise UserError(f"{source}: is {person!r:.40}, no object")
    try:
        skeleton = get_skeleton(person["joint_set"])
        if person["joint_names"] != list(skeleton.joint_names):
            raise UserError(f"{source}: joint_names are not those of {skeleton.name!r}")
        camera, is_assumed = person["camera"], person["camera"]["is_assumed"]
        if not isinstance(is_assumed, bool):
            raise UserError(f"{source}: is_assumed is {is_assumed!r}, not true or false")
        if type(person["track_id"]) not in (int, NoneType):
            raise UserError(f"{source}: track_id is {person['track_id']!r}, no whole number")
        return Pose(
            **_arrays(person, skeleton.num_joints, source),
            skeleton=skeleton,
            camera=Camera(focal_px=tuple(camera["focal_px"]), center_px=tuple(camera["center_px"])),
            camera_is_assumed=is_assumed,
            track_id=person["track_id"],
            time_s=time_s,
        )
    except KeyError as error:
        raise UserError(f"{source}: lacks the field {error}") from None
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{source}: {error}") from None


def _arrays(person: dict, num_joints: int, source: str) -> dict[str, NDArray[np.floating]]:
    shapes = {
        "keypoints_px": (num_joints, 2),
        "keypoints_mm": (num_joints, 3),
        "root_relative_mm": (num_joints, 3),
        "scores": (num_joints,),
        "box_xywh": (4,),
    }
    arrays: dict[str, NDArray[np.floating]] = {}
    for name, shape in shapes.items():
        key = "box_xywh_px" if name == "box_xywh" else name
        arrays[name] = np.asarray(person[key], dtype=np.float64)
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise UserError(f"{source}: {key} is not {shape} finite numbers")
    if (arrays["scores"] < 0).any() or (arrays["scores"] > 1).any():
        raise UserError(f"{source}: scores are not all in 0…1")
    return arrays
