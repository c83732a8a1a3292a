"""Many pictures of a synthetic set on one sheet, to look at: plain, or with their skeletons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.images import read_image
from ..data.synth import ShardImages, Split, find_shards, read_shard
from ..draw import draw_poses
from ..errors import UserError
from ..geometry import Camera
from ..results import Pose
from ..skeleton import MUCO_21

CELL_PX = 240
COLUMNS = 8


def contact_sheet(folder: Path, split: Split, count: int, *, skeletons: bool) -> NDArray[np.uint8]:
    """The (H, W, 3) RGB sheet of ``count`` pictures, evenly over the shards of a folder.

    Joints that are hidden are drawn hollow, their limbs thin.

    Raises:
        UserError: no picture is asked for, there are no shards, or one is damaged.
    """
    shards = find_shards(folder, split)
    if count < 1:
        raise UserError(f"count {count}: at least one picture is needed")
    if not shards:
        raise UserError(f"{folder}: holds no {split}-00000.zip, which mhp data synth writes")
    contents = [read_shard(path) for path in shards]
    found = [
        (path, content, image)
        for path, content in zip(shards, contents, strict=True)
        for image in content["images"]
    ]
    chosen = np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int))
    images = ShardImages(folder)
    cells = []
    for path, content, image in (found[i] for i in chosen):
        bgr = read_image(images, f"{path.name}/{image['file_name']}")
        picture: NDArray[np.uint8] = np.ascontiguousarray(bgr[..., ::-1])
        if skeletons:
            people = [p for p in content["annotations"] if p["image_id"] == image["id"]]
            picture = draw_poses(picture, [_pose(person, image) for person in people])
        cells.append(_cell(picture))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
    rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
    return np.vstack(rows)


def _pose(person: dict[str, Any], image: dict[str, Any]) -> Pose:
    keypoints = np.array(person["keypoints"], np.float64).reshape(-1, 3)
    keypoints_mm = np.array(person["keypoints_cam"], np.float64)
    return Pose(
        keypoints_px=keypoints[:, :2],
        keypoints_mm=keypoints_mm,
        root_relative_mm=keypoints_mm - keypoints_mm[MUCO_21.root],
        scores=keypoints[:, 2] / 2 - 0.25,  # in sight 0.75, hidden 0.25
        box_xywh=np.array(person["bbox"], np.float64),
        skeleton=MUCO_21,
        camera=Camera(focal_px=tuple(image["f"]), center_px=tuple(image["c"])),
        camera_is_assumed=False,
    )


def _cell(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = CELL_PX / max(picture.shape[:2])
    size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cell = np.zeros((CELL_PX, CELL_PX, 3), np.uint8)
    top, left = (CELL_PX - size[1]) // 2, (CELL_PX - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    return cell
