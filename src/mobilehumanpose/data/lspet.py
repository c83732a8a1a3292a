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
* ``R_Hand``, ``L_Hand``: the taught index knuckles; ``R_Toe``, ``L_Toe``: the taught toes; each
  kept only where the label it hangs on agrees;
* depth of ``Head_top``: that of the taught ears, and on by ``HEAD_TOP_BEYOND_EARS`` of the way from
  thorax to ears; kept only where the ears lie between its label and the thorax's;
* ``Head``: ``HEAD_SHARE`` of the way from thorax to crown, as in MuCo.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..skeleton import LIMB_JOINTS, LSP_14, MUCO_21, map_joints
from .crops import person_box
from .images import ZipImages, image_size
from .samples import PoseDataset, PoseSamples

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
#: MuCo's ``Head`` is the upper neck. In frames of MPI-INF-3DHP, which MuCo is made of, it lies 0.33
#: and 0.35 of the way from thorax to crown.
HEAD_SHARE = 1 / 3
#: A taught joint further than this from its label, in torso lengths, teaches no depth.
MAX_DISAGREEMENT_TORSOS = 0.4
#: Photographs whose number ends in this digit are the validation tenth, never trained on.
VALIDATION_DIGIT = 0


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


def load_lspet(folder: Path) -> PoseDataset:
    """Read ``lspet-train.npz`` (labels and BlazePose's answers) and ``lspet-train.zip``.

    Raises:
        UserError: a file is absent or lacks an array, or a photograph shows no labelled person.
    """
    npz_path = folder / "lspet-train.npz"
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
    is_whole = has_px[:, head_top] & has_px[:, thorax]
    agrees = np.linalg.norm(ears_px - middle_px, axis=-1) < MAX_DISAGREEMENT_TORSOS * torso_px
    depth_mm[:, head_top] = ears_depth_mm + HEAD_TOP_BEYOND_EARS * (
        ears_depth_mm - depth_mm[:, thorax]
    )
    has_depth[:, head_top] = has_depth[:, head] = is_whole & has_depth[:, thorax] & agrees
    has_px[:, head] = is_whole
    for values in (px, depth_mm):
        values[:, head] = values[:, thorax] + HEAD_SHARE * (values[:, head_top] - values[:, thorax])
    images = ZipImages(folder / "lspet-train.zip")
    names = [str(name) for name in file_names]
    sizes = np.array([image_size(images, name) for name in names], np.int32)
    samples = PoseSamples(
        skeleton=MUCO_21,
        image_names=np.array([name.encode() for name in names]),
        image_sizes=sizes,
        image_ids=np.array([_number(name) for name in names], np.int64),
        cameras=np.full((len(px), 4), np.nan, np.float32),
        image_index=np.arange(len(px), dtype=np.int32),
        boxes_xywh=_boxes(px, has_px, sizes, [images.describe(name) for name in names]),
        keypoints_px=px,
        depth_mm=depth_mm,
        has_px=has_px,
        has_depth=has_depth & (np.abs(depth_mm) < 1000),
        roots_mm=np.full((len(px), 3), np.nan, np.float32),
    )
    return PoseDataset(name="lspet", samples=samples, images=images)


def _boxes(
    keypoints_px: NDArray[np.floating],
    has_px: NDArray[np.bool_],
    sizes: NDArray[np.integer],
    descriptions: list[str],
) -> NDArray[np.float32]:
    boxes = np.empty((len(sizes), 4), np.float32)
    for i, (width, height) in enumerate(sizes.tolist()):
        box = person_box(keypoints_px[i], has_px[i], (width, height))
        if box is None:
            raise UserError(f"{descriptions[i]}: has no labelled person inside it")
        boxes[i] = box
    return boxes


def _number(file_name: str) -> int:
    """12 of ``im00012.jpg``."""
    digits = Path(file_name).stem.removeprefix("im")
    if not digits.isdecimal():
        raise UserError(f"photograph {file_name!r}: its name must be im and a number")
    return int(digits)


def split(dataset: PoseDataset) -> tuple[PoseDataset, PoseDataset]:
    """Training and validation set, told apart by the last digit of the photograph's number."""
    samples = dataset.samples
    is_validation = samples.image_ids[samples.image_index] % 10 == VALIDATION_DIGIT
    return (
        replace(dataset, samples=samples.subset(~is_validation)),
        replace(dataset, samples=samples.subset(is_validation)),
    )
