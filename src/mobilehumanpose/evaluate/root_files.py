"""Files of root positions as predictions: RootNet's, and whatever writes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.bbox_root import read_bbox_root, with_boxes
from ..data.samples import PoseSamples
from ..errors import UserError
from .predictions import Predictions
from .roots import root_only


def read_bbox_root_predictions(
    path: Path, samples: PoseSamples, *, one_per_image: bool
) -> Predictions:
    """The ``root_cam`` of a ``bbox_root_*.json`` as predictions of one joint, the labels' root.

    Args:
        path: the file; entries without ``score`` count as sure.
        samples: the test set.
        one_per_image: as Human3.6M is tested; boxes of other frames are left out then.

    Raises:
        UserError: the file is damaged, lacks or adds an image, or a root is behind the camera.
    """
    boxes = read_bbox_root(path)
    people = with_boxes(samples, boxes, path, one_per_image=one_per_image)
    roots_mm = people.roots_mm.astype(np.float64)
    cameras = people.cameras[people.image_index].astype(np.float64)
    if not (roots_mm[:, 2] > 0).all():
        at = int(np.argmin(roots_mm[:, 2]))
        raise UserError(f"{path}: {people.image_name(at)}: root_cam lies behind the camera")
    scores = np.ones(len(people)) if one_per_image else np.nan_to_num(boxes.scores, nan=1.0)
    return Predictions(
        skeleton=root_only(samples.skeleton),
        image_index=people.image_index,
        keypoints_px=(roots_mm[:, :2] / roots_mm[:, 2:] * cameras[:, :2] + cameras[:, 2:])[:, None],
        keypoints_mm=roots_mm[:, None],
        scores=scores,
        is_absolute=True,
    )
