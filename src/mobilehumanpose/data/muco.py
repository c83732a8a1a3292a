"""MuCo-3DHP: pictures composited of several people of MPI-INF-3DHP, with 3D labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..skeleton import MUCO_21
from .annotations import OnProblem, read_coco, refuse
from .assemble import assemble, image_columns
from .images import ImageFolder
from .samples import PoseDataset

#: People whose pelvis is nearer than this to another's, across the line of sight, hide or are
#: hidden too much to train on, unless they are in front.
MIN_DISTANCE_MM = 500.0


def load_muco(data_root: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """MuCo's training set, from ``MuCo/data/MuCo-3DHP.json``.

    Args:
        data_root: the folder that holds ``MuCo``.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    folder = data_root / "MuCo" / "data"
    images, people = read_coco(folder / "MuCo-3DHP.json", on_problem)
    columns = image_columns(images, cameras=images.cameras("f", "c"))
    joints = MUCO_21.num_joints
    index = people.refer_to("image_id", images)
    keypoints_mm = people.numbers("keypoints_cam", (joints, 3))
    keypoints_px = people.numbers("keypoints_img", (joints, 2))
    pelvis_mm = keypoints_mm[:, MUCO_21.index("Pelvis")]
    # People are chosen before boxes are judged, as in the original: one without a box still hides.
    chosen = people.ok.copy()
    chosen[chosen] = choose_people(index[chosen], pelvis_mm[chosen])
    boxes = people.crop_boxes(columns.sizes[index])
    samples = assemble(
        MUCO_21,
        columns,
        usable=people.ok & chosen,
        image_index=index,
        boxes_xywh=boxes,
        keypoints_px=keypoints_px,
        has_px=np.ones(keypoints_px.shape[:2], bool),
        keypoints_mm=keypoints_mm,
    )
    return PoseDataset(name="muco", samples=samples, images=ImageFolder(folder))


def choose_people(
    image_index: NDArray[np.integer], pelvis_mm: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """The people of each image that can be seen well enough, as the original chooses them.

    The nearest person of an image is always taken; another only if its pelvis is at least
    ``MIN_DISTANCE_MM`` from everybody else's in X and Y. (The original asks the same of the
    distance in space, which is never shorter.)

    Args:
        image_index: (N,).
        pelvis_mm: (N, 3) in camera space.

    Returns:
        (N,) mask.
    """
    chosen = np.zeros(len(image_index), bool)
    order = np.argsort(image_index, kind="stable")
    _, starts, counts = np.unique(image_index[order], return_index=True, return_counts=True)
    for count in np.unique(counts):  # images with equally many people at once
        people = order[starts[counts == count][:, None] + np.arange(count)]  # (images, count)
        pelvis = pelvis_mm[people]
        distance_mm = np.linalg.norm(pelvis[:, :, None, :2] - pelvis[:, None, :, :2], axis=-1)
        distance_mm[:, np.arange(count), np.arange(count)] = np.inf
        apart = (distance_mm >= MIN_DISTANCE_MM).all(axis=2)
        apart[np.arange(len(people)), pelvis[..., 2].argmin(axis=1)] = True
        chosen[people] = apart
    return chosen
