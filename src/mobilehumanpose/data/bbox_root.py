"""Detected boxes with root positions, as RootNet writes them: ``bbox_root_*.json``.

A flat list with ``image_id``, ``bbox`` (x, y, width, height in px; already square and widened by
1.25), ``root_cam`` (mm in camera space) and, in some files, ``score``; any number per image.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..media import write_file
from .annotations import OnProblem, Problem, Table, read_json, refuse
from .samples import PoseSamples


@dataclass(frozen=True, kw_only=True)
class BoxRoots:
    """B boxes, in the order of their file.

    Attributes:
        image_ids: (B,) int64, the dataset's own numbers.
        boxes_xywh: (B, 4) px, the squares to crop as they are.
        roots_mm: (B, 3) in camera space.
        scores: (B,) of the detection; NaN where the file has none.
    """

    image_ids: NDArray[np.int64]
    boxes_xywh: NDArray[np.float64]
    roots_mm: NDArray[np.float64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.image_ids)


def find_bbox_root(folder: Path, names: Sequence[str]) -> Path:
    """The first of the names that exists in a folder; the first of all where none does.

    The original's README and its code name the file of MuPoTS differently.
    """
    paths = [folder / name for name in names]
    return next((path for path in paths if path.is_file()), paths[0])


def read_bbox_root(path: Path, on_problem: OnProblem = refuse) -> BoxRoots:
    """Read a ``bbox_root_*.json``.

    Args:
        path: the file.
        on_problem: is told what is wrong; the default stops at the first.

    Raises:
        UserError: from ``on_problem``.
    """
    content = read_json(path, on_problem)
    if content is None:
        content = []
    table = Table(path, "detection", content, on_problem, has_ids=False)
    image_ids = table.integers("image_id")
    boxes = table.numbers("bbox", (4,))
    for at in np.flatnonzero((boxes[:, 2:] <= 0).any(axis=1)):
        table.refuse_row(at, f"field 'bbox' is {boxes[at].tolist()}; width and height are positive")
    roots = table.numbers("root_cam", (3,))
    scores = np.full(len(table), np.nan)
    has_score = np.array(["score" in row for row in table.rows], bool)
    scores[has_score] = table.select(has_score).numbers("score")
    return BoxRoots(
        image_ids=image_ids[table.ok],
        boxes_xywh=boxes[table.ok],
        roots_mm=roots[table.ok],
        scores=scores[table.ok],
    )


def write_bbox_root(path: Path, boxes: BoxRoots) -> None:
    """Write a ``bbox_root_*.json``: all of it, or nothing.

    Raises:
        UserError: a number is not finite (a score may be missing), or the folder is not writable.
    """
    for name in ("boxes_xywh", "roots_mm"):
        bad = ~np.isfinite(getattr(boxes, name)).all(axis=1)
        if bad.any():
            raise UserError(f"{path}: {name} of box {np.argmax(bad)} is not finite")
    entries = []
    for image_id, box, root, score in zip(
        boxes.image_ids.tolist(),
        boxes.boxes_xywh.tolist(),
        boxes.roots_mm.tolist(),
        boxes.scores.tolist(),
        strict=True,
    ):
        entry = {"image_id": image_id, "bbox": box, "root_cam": root}
        if np.isfinite(score):
            entry["score"] = score
        entries.append(entry)
    write_file(path, json.dumps(entries).encode())


def with_boxes(
    samples: PoseSamples,
    boxes: BoxRoots,
    path: Path,
    *,
    one_per_image: bool = False,
    on_problem: OnProblem = refuse,
) -> PoseSamples:
    """The same images with people as they were detected: boxes and roots, no labels.

    Args:
        samples: the test set, for its images.
        boxes: what :func:`read_bbox_root` read.
        path: its file, for messages.
        one_per_image: as Human3.6M is tested: each of the images has one box, and boxes of other
            frames are left out. Otherwise every box must be of one of the images.
        on_problem: is told what is wrong; the default stops at the first.

    Returns:
        People in the order of the boxes, which are cropped as they are.

    Raises:
        UserError: from ``on_problem``: a box of no image, or an image without exactly one box.
    """
    image_of = {image_id: at for at, image_id in enumerate(samples.image_ids.tolist())}
    index = np.array([image_of.get(wanted, -1) for wanted in boxes.image_ids.tolist()], np.int32)
    known = index >= 0
    if one_per_image:
        counts = np.bincount(index[known], minlength=len(image_of))
        for image in np.flatnonzero(counts != 1):
            message = f"has {counts[image]} boxes; one is right"
            where = f"image_id {samples.image_ids[image]}"
            on_problem(Problem(file=path, where=where, message=message))
    else:
        for box in np.flatnonzero(~known):
            message = f"field 'image_id' is {boxes.image_ids[box]}; the set has no such image"
            where = f"detection number {box} in the file"
            on_problem(Problem(file=path, where=where, message=message))
    shape = (int(known.sum()), samples.skeleton.num_joints)
    return replace(
        samples,
        image_index=index[known],
        boxes_xywh=boxes.boxes_xywh[known].astype(np.float32),
        keypoints_px=np.zeros((*shape, 2), np.float32),
        depth_mm=np.zeros(shape, np.float32),
        has_px=np.zeros(shape, bool),
        has_depth=np.zeros(shape, bool),
        roots_mm=boxes.roots_mm[known].astype(np.float32),
    )
