"""COCO's own file of results, which its server and most tools of 2D pose read and write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..data.samples import PoseSamples
from ..errors import UserError
from ..media import write_file
from .coco_ap import COCO_17, PERSON, coco_entries
from .inputs import predicted_joints, unique_images
from .prediction_files import entry_field, entry_images, load_json
from .predictions import Predictions

_DIGITS = 3  # of a pixel


def write_coco_results(path: Path, samples: PoseSamples, predictions: Predictions) -> None:
    """Write a list with ``image_id``, ``category_id``, ``keypoints`` and ``score`` of each person.

    Raises:
        UserError: joints are missing, a number is not finite, two images share their number, or
            the file cannot be written.
    """
    px, _ = predicted_joints(predictions, COCO_17, samples)
    unique_images(samples.image_ids.tolist(), samples)
    entries = coco_entries(np.round(px, _DIGITS), samples, predictions)
    write_file(path, json.dumps(entries).encode())


def read_coco_results(path: Path, samples: PoseSamples) -> Predictions:
    """Read what :func:`write_coco_results` or another tool wrote; there is no third dimension.

    Raises:
        UserError: the file is no such list, an image is unknown, or an entry lacks or misshapes a
            field.
    """
    entries = load_json(path)
    if not isinstance(entries, list):
        raise UserError(f"{path}: is no list of entries")
    images = entry_images(entries, samples, path)
    joints = COCO_17.num_joints
    keypoints, scores = [], []
    for number, entry in enumerate(entries):
        where = f"{path}: entry {number}"
        if entry.get("category_id") != PERSON:
            found = entry.get("category_id")
            raise UserError(f"{where}: category_id is {found!r}; people have {PERSON}")
        keypoints.append(entry_field(entry, "keypoints", (3 * joints,), where))
        scores.append(entry_field(entry, "score", (), where))
    return Predictions(
        skeleton=COCO_17,
        image_index=images,
        keypoints_px=np.array(keypoints).reshape(-1, joints, 3)[..., :2],
        keypoints_mm=np.zeros((len(entries), joints, 3)),
        scores=np.array(scores).reshape(-1),
        is_absolute=False,
    )
