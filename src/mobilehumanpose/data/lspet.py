"""Leeds Sports Pose Extended: photographs of athletes with 2D labels, and taught depth.

The 2D joints are the human labels (Johnson & Everingham, CVPR 2011). The labels have no depth;
that of each joint comes from the world landmarks that BlazePose GHUM heavy gives for the same
photograph, kept only where its own 2D answer lies near the label: where a limb is found in the
wrong place its depth is wrong as well.

How the 21 MuCo joints are filled:

* the twelve limb joints and ``Head_top``: 2D from the label of the same name;
* ``Thorax``: 2D from the label ``Neck`` (both are the base of the neck), depth midway between the
  shoulders;
* ``Pelvis``: midway between the hips, depth 0; ``Spine``: midway between pelvis and thorax;
* ``Head``: midway between the taught ears; ``R_Hand``, ``L_Hand``: the taught index knuckles;
  ``R_Toe``, ``L_Toe``: the taught toes; each kept only where the label it hangs on agrees;
* depth of ``Head_top``: on from thorax to head by ``HEAD_TOP_BEYOND_EARS`` of that way.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..skeleton import LIMB_JOINTS, LSP_14, MUCO_21, map_joints

#: BlazePose's index of each joint that it teaches.
BLAZEPOSE_INDEX = {
    "L_Shoulder": 11,
    "R_Shoulder": 12,
    "L_Elbow": 13,
    "R_Elbow": 14,
    "L_Wrist": 15,
    "R_Wrist": 16,
    "L_Hand": 19,
    "R_Hand": 20,
    "L_Hip": 23,
    "R_Hip": 24,
    "L_Knee": 25,
    "R_Knee": 26,
    "L_Ankle": 27,
    "R_Ankle": 28,
    "L_Toe": 31,
    "R_Toe": 32,
}
BLAZEPOSE_EARS = (7, 8)
#: The labelled joint whose agreement vouches for a taught joint beyond it.
VOUCHED_BY = {
    "R_Hand": "R_Wrist",
    "L_Hand": "L_Wrist",
    "R_Toe": "R_Ankle",
    "L_Toe": "L_Ankle",
}
#: The crown lies about 0.7 times as far above the ears as those above the shoulders' midpoint
#: (130 of 190 mm: segment lengths of Drillis & Contini 1966 for a stature of 1.7 m).
HEAD_TOP_BEYOND_EARS = 0.7
#: A taught joint further than this from its label, in torso lengths, teaches no depth.
MAX_DISAGREEMENT_TORSOS = 0.4
#: Photographs whose number ends in this digit are the validation tenth, never trained on.
VALIDATION_DIGIT = 0


@dataclass(frozen=True, kw_only=True)
class PoseSamples:
    """N labelled people, one a picture, held as plain arrays.

    Attributes:
        file_names: (N,) within the zip file.
        keypoints_px: (N, J, 2) MuCo-21 joints in the photo's pixels.
        has_px: (N, J) whether the 2D position is known.
        depth_mm: (N, J) depth behind the pelvis.
        has_depth: (N, J) whether that is known.
    """

    file_names: NDArray[np.str_]
    keypoints_px: NDArray[np.float32]
    has_px: NDArray[np.bool_]
    depth_mm: NDArray[np.float32]
    has_depth: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.file_names)

    def subset(self, chosen: NDArray[np.bool_]) -> PoseSamples:
        """The samples where the (N,) mask is True."""
        return PoseSamples(**{name: value[chosen] for name, value in vars(self).items()})


def torso_length_px(
    keypoints_px: NDArray[np.floating], has_px: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """(N,) distance from mid-shoulders to mid-hips in px; NaN unless all four are known.

    Args:
        keypoints_px: (N, 21, 2) MuCo-21 joints.
        has_px: (N, 21).
    """
    shoulders = MUCO_21.indices(["L_Shoulder", "R_Shoulder"])
    hips = MUCO_21.indices(["L_Hip", "R_Hip"])
    length = np.linalg.norm(
        keypoints_px[:, shoulders].mean(axis=1) - keypoints_px[:, hips].mean(axis=1), axis=-1
    )
    known = has_px[:, np.concatenate([shoulders, hips])].all(axis=1)
    return np.where(known, length, np.nan)


def load_labels(npz_path: Path) -> PoseSamples:
    """Read ``lspet-train.npz`` (labels and BlazePose's answers) into MuCo-21 samples.

    Raises:
        UserError: the file is absent, or lacks an array.
    """
    try:
        with np.load(npz_path, allow_pickle=False) as file:
            file_names = file["file_name"]
            labels = file["joints"].astype(np.float32)
            landmarks_px = file["blazepose_landmarks"][..., :2].astype(np.float32)
            world_mm = file["blazepose_world"].astype(np.float32) * 1000
            presence = file["blazepose_presence"].astype(np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{npz_path}: not the labels of LSP Extended: {error}") from None

    keypoints, _ = map_joints(labels, LSP_14, MUCO_21)
    index = MUCO_21.index
    keypoints[:, index("Thorax")] = labels[:, LSP_14.index("Neck")]
    px, has_px = keypoints[..., :2], keypoints[..., 2] > 0

    torso_px = torso_length_px(px, has_px)
    # Persons with a hidden shoulder or hip: the teacher's own torso measures as well as any.
    taught_torso_px = np.linalg.norm(
        landmarks_px[:, [11, 12]].mean(axis=1) - landmarks_px[:, [23, 24]].mean(axis=1), axis=-1
    )
    torso_px = np.where(np.isnan(torso_px), taught_torso_px, torso_px)

    depth_mm = np.zeros(has_px.shape, np.float32)
    has_depth = np.zeros_like(has_px)
    is_confident = (presence > 0.5)[:, None]
    for name in LIMB_JOINTS:
        joint, theirs = index(name), BLAZEPOSE_INDEX[name]
        distance_px = np.linalg.norm(landmarks_px[:, theirs] - px[:, joint], axis=-1)
        depth_mm[:, joint] = world_mm[:, theirs, 2]
        has_depth[:, joint] = has_px[:, joint] & (distance_px < MAX_DISAGREEMENT_TORSOS * torso_px)
    has_depth &= is_confident

    for name, voucher in VOUCHED_BY.items():
        joint, theirs = index(name), BLAZEPOSE_INDEX[name]
        px[:, joint] = landmarks_px[:, theirs]
        depth_mm[:, joint] = world_mm[:, theirs, 2]
        has_px[:, joint] = has_depth[:, joint] = has_depth[:, index(voucher)]

    def midway(joint: str, first: str, second: str) -> None:
        """Fill what ``joint`` lacks with the middle of two others, where both are known."""
        a, b, to = index(first), index(second), index(joint)
        fill = ~has_px[:, to] & has_px[:, a] & has_px[:, b]
        px[fill, to] = (px[fill, a] + px[fill, b]) / 2
        has_px[:, to] |= fill
        depth_mm[:, to] = (depth_mm[:, a] + depth_mm[:, b]) / 2
        has_depth[:, to] = has_depth[:, a] & has_depth[:, b]

    midway("Pelvis", "L_Hip", "R_Hip")
    midway("Thorax", "L_Shoulder", "R_Shoulder")
    midway("Spine", "Pelvis", "Thorax")
    depth_mm[:, index("Pelvis")] = 0  # by definition, wherever the hips are
    has_depth[:, index("Pelvis")] = is_confident[:, 0]

    head, head_top, thorax = index("Head"), index("Head_top"), index("Thorax")
    ears_px = landmarks_px[:, BLAZEPOSE_EARS].mean(axis=1)
    ears_depth_mm = world_mm[:, BLAZEPOSE_EARS, 2].mean(axis=1)
    # Between its two labels: the ears lie well within a torso length of both ends of the head.
    middle_px = (px[:, head_top] + px[:, thorax]) / 2
    agrees = has_px[:, head_top] & has_px[:, thorax] & has_depth[:, thorax]
    agrees &= np.linalg.norm(ears_px - middle_px, axis=-1) < MAX_DISAGREEMENT_TORSOS * torso_px
    px[:, head], depth_mm[:, head] = ears_px, ears_depth_mm
    has_px[:, head] = has_depth[:, head] = has_depth[:, head_top] = agrees
    depth_mm[:, head_top] = ears_depth_mm + HEAD_TOP_BEYOND_EARS * (
        ears_depth_mm - depth_mm[:, thorax]
    )
    return PoseSamples(
        file_names=file_names,
        keypoints_px=px,
        has_px=has_px,
        depth_mm=depth_mm,
        has_depth=has_depth & (np.abs(depth_mm) < 1000),
    )


def split(samples: PoseSamples) -> tuple[PoseSamples, PoseSamples]:
    """Training and validation samples, told apart by the last digit of the photograph's number."""
    digits = np.array([int(Path(str(name)).stem[-1]) for name in samples.file_names])
    is_validation = digits == VALIDATION_DIGIT
    return samples.subset(~is_validation), samples.subset(is_validation)


class ZipImages:
    """Pictures read by name from a zip file.

    Each process opens it for itself: forked ones would share the position in the file.
    """

    def __init__(self, path: Path) -> None:
        if not zipfile.is_zipfile(path):
            raise UserError(f"{path}: no zip file of photographs")
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._opened_by = 0

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_archive": None, "_opened_by": 0}

    def photo(self, name: str) -> NDArray[np.uint8]:
        """The (H, W, 3) RGB photograph of that name, as it lies: labels ignore EXIF orientation.

        Raises:
            UserError: there is none, or it cannot be decoded.
        """
        if self._archive is None or self._opened_by != os.getpid():
            self._archive = zipfile.ZipFile(self.path)
            self._opened_by = os.getpid()
        try:
            encoded = np.frombuffer(self._archive.read(name), np.uint8)
        except KeyError:
            raise UserError(f"{self.path}: has no photograph {name!r}") from None
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if image is None:
            raise UserError(f"{self.path}: photograph {name!r} cannot be decoded")
        return image.astype(np.uint8, copy=False)
