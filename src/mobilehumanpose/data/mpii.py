"""MPII Human Pose: 2D labels of single people, as 3DMPPE parsed them."""

from __future__ import annotations

from pathlib import Path

from ..skeleton import MPII_16
from .annotations import OnProblem, read_coco, refuse
from .assemble import assemble, image_columns
from .coco_format import read_people
from .images import ImageFolder
from .samples import PoseDataset


def load_mpii(data_root: Path, *, on_problem: OnProblem = refuse) -> PoseDataset:
    """MPII's training set, from ``MPII/annotations/train.json``.

    Args:
        data_root: the folder that holds ``MPII``.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    folder = data_root / "MPII"
    images, annotations = read_coco(folder / "annotations" / "train.json", on_problem)
    columns = image_columns(images)  # their file names begin with images/
    people = read_people(images, columns.sizes, annotations, MPII_16.num_joints)
    samples = assemble(
        MPII_16,
        columns,
        usable=people.table.ok,
        image_index=people.image_index,
        boxes_xywh=people.boxes_xywh,
        keypoints_px=people.keypoints_px,
        has_px=people.has_px,
    )
    return PoseDataset(name="mpii", samples=samples, images=ImageFolder(folder))
