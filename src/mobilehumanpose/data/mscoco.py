"""MS COCO 2017: 2D labels to train and test on, and detected people of its validation set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..skeleton import COCO_19, MUPOTS_17
from .annotations import OnProblem, read_coco, refuse
from .assemble import assemble, image_columns
from .bbox_root import read_bbox_root, with_boxes
from .coco_format import read_people
from .images import ImageFolder
from .samples import PoseDataset

#: The focal length in px that the root depths of ``bbox_root_coco_output.json`` rest on.
ASSUMED_FOCAL_PX = 1500.0
#: COCO labels all but the last two joints; those lie midway between two others.
NUM_LABELLED = 17
MIDWAY = {"Thorax": ("L_Shoulder", "R_Shoulder"), "Pelvis": ("L_Hip", "R_Hip")}


def load_mscoco_train(data_root: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """COCO's training set, from ``MSCOCO/annotations/person_keypoints_train2017.json``.

    Thorax and Pelvis are midway between shoulders and hips, where both of these are known.

    Args:
        data_root: the folder that holds ``MSCOCO``.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    return _load_labelled(data_root, "train2017", on_problem, keeps_empty_images=False)


def load_mscoco_validation(data_root: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """COCO's validation set, as :func:`load_mscoco_train`; images without a labelled person stay.

    Args:
        data_root: the folder that holds ``MSCOCO``.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    return _load_labelled(data_root, "val2017", on_problem, keeps_empty_images=True)


def mscoco_annotations(data_root: Path, part: str) -> Path:
    """The annotation file of ``"train2017"`` or ``"val2017"``."""
    return data_root / "MSCOCO" / "annotations" / f"person_keypoints_{part}.json"


def _load_labelled(
    data_root: Path, part: str, on_problem: OnProblem, *, keeps_empty_images: bool
) -> PoseDataset:
    images, annotations = read_coco(mscoco_annotations(data_root, part), on_problem)
    columns = image_columns(images, prefix=f"{part}/")
    people = read_people(images, columns.sizes, annotations, NUM_LABELLED)
    shape = (len(people.table), COCO_19.num_joints)
    keypoints_px, has_px = np.zeros((*shape, 2)), np.zeros(shape, bool)
    keypoints_px[:, :NUM_LABELLED], has_px[:, :NUM_LABELLED] = people.keypoints_px, people.has_px
    for name, between in MIDWAY.items():
        joint, pair = COCO_19.index(name), COCO_19.indices(between)
        keypoints_px[:, joint] = keypoints_px[:, pair].mean(axis=1)
        has_px[:, joint] = has_px[:, pair].all(axis=1)
    samples = assemble(
        COCO_19,
        columns,
        usable=people.table.ok,
        image_index=people.image_index,
        boxes_xywh=people.boxes_xywh,
        keypoints_px=keypoints_px,
        has_px=has_px,
        keeps_empty_images=keeps_empty_images,
    )
    return PoseDataset(
        name="mscoco", samples=samples, images=ImageFolder(data_root / "MSCOCO" / "images")
    )


def load_mscoco_test(data_root: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """People that were detected in COCO's validation images, in ``bbox_root_coco_output.json``.

    They have boxes and roots, and no labels of the joints that are predicted there, MuPoTS's 17.

    Args:
        data_root: the folder that holds ``MSCOCO``.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    images, _ = read_coco(mscoco_annotations(data_root, "val2017"), on_problem)
    sizes = images.image_sizes()
    cameras = np.concatenate([np.full(sizes.shape, ASSUMED_FOCAL_PX), sizes / 2], axis=1)
    columns = image_columns(images, prefix="val2017/", cameras=cameras.astype(np.float32))
    joints = MUPOTS_17.num_joints
    nobody = assemble(
        MUPOTS_17,
        columns,
        usable=np.empty(0, bool),
        image_index=np.empty(0, np.intp),
        boxes_xywh=np.empty((0, 4)),
        keypoints_px=np.empty((0, joints, 2)),
        has_px=np.empty((0, joints), bool),
        keeps_empty_images=True,
    )
    boxes_path = mscoco_bbox_root(data_root)
    boxes = read_bbox_root(boxes_path, on_problem)
    samples = with_boxes(nobody, boxes, boxes_path, on_problem=on_problem)
    return PoseDataset(
        name="mscoco", samples=samples, images=ImageFolder(data_root / "MSCOCO" / "images")
    )


def mscoco_bbox_root(data_root: Path) -> Path:
    """The file of detected boxes and roots."""
    return data_root / "MSCOCO" / "bbox_root" / "bbox_root_coco_output.json"
