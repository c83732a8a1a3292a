"""MuPoTS-3D: 20 sequences of several people, with 3D labels to test on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..skeleton import MUPOTS_17
from .annotations import OnProblem, read_coco, refuse
from .assemble import assemble, image_columns
from .bbox_root import find_bbox_root
from .images import ImageFolder
from .samples import PoseDataset

_FILE_NAME = re.compile(r"TS(\d+)/img_(\d+)\.\w+")


def load_mupots(data_root: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """MuPoTS-3D, from ``MuPoTS/data/MuPoTS-3D.json``: people whose annotation is valid.

    Every image stays, also one that shows nobody valid. ``image_tags`` holds ``sequence`` (1 … 20
    of TS1 … TS20) and ``frame``.

    Args:
        data_root: the folder that holds ``MuPoTS``.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    folder = data_root / "MuPoTS" / "data"
    images, annotations = read_coco(folder / "MuPoTS-3D.json", on_problem)
    cameras = images.cameras("intrinsic")
    columns = image_columns(images, cameras=cameras)
    numbers = np.zeros((len(images), 2), np.int32)
    for at in np.flatnonzero(images.ok):
        name = columns.names[at].decode()
        match = _FILE_NAME.fullmatch(name)
        if match:
            numbers[at] = int(match[1]), int(match[2])
        else:
            images.refuse_row(at, f"field 'file_name' is {name!r}; TSn/img_nnnnnn.jpg is right")
    columns = replace(columns, tags={"sequence": numbers[:, 0], "frame": numbers[:, 1]})

    people = annotations.select(annotations.ok & (annotations.numbers("is_valid") != 0))
    joints = MUPOTS_17.num_joints
    index = people.refer_to("image_id", images)
    keypoints_mm = people.numbers("keypoints_cam", (joints, 3))
    keypoints_px = people.numbers("keypoints_img", (joints, 2))
    boxes = people.crop_boxes(columns.sizes[index])
    samples = assemble(
        MUPOTS_17,
        columns,
        usable=people.ok,
        image_index=index,
        boxes_xywh=boxes,
        keypoints_px=keypoints_px,
        has_px=np.ones(keypoints_px.shape[:2], bool),
        keypoints_mm=keypoints_mm,
        keeps_empty_images=True,
    )
    images_folder = ImageFolder(folder / "MultiPersonTestSet")
    return PoseDataset(name="mupots", samples=samples, images=images_folder)


def mupots_bbox_root(data_root: Path) -> Path:
    """The file of detected boxes and roots, by the name in the original's code or its README."""
    names = ("bbox_root_mupots_output.json", "bbox_mupots_output.json")
    return find_bbox_root(data_root / "MuPoTS" / "bbox_root", names)
