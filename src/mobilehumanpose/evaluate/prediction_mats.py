"""Predictions of MuPoTS-3D and COCO in MATLAB files, as the original writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import MUPOTS_17
from .inputs import check_absolute, checked_numbers, predicted_joints, unique_images
from .mat_files import load_mat, save_mat
from .mupots_truth import mupots_frames
from .predictions import Predictions

MatKind = Literal["mupots", "coco"]


def mat_keys(samples: PoseSamples, kind: MatKind) -> list[str]:
    """The variable of each image: ``TS1_img_000000``, or ``coco_`` and twelve digits.

    Raises:
        UserError: an image is none of MuPoTS-3D, or two would share a variable.
    """
    if kind == "mupots":
        keys = [f"TS{sequence}_img_{frame:06d}" for sequence, frame in mupots_frames(samples)]
    else:
        keys = [f"coco_{image_id:012d}" for image_id in samples.image_ids]
    unique_images(keys, samples)
    return keys


def write_mat(
    path_2d: Path, path_3d: Path, samples: PoseSamples, predictions: Predictions, *, kind: MatKind
) -> None:
    """Write ``preds_2d_kpt_*.mat`` and ``preds_3d_kpt_*.mat`` for the MATLAB evaluation.

    One variable per image, N × 17 × 2 px and N × 17 × 3 mm. An image without people has an empty
    one; the original left it out, and its MATLAB script then failed.

    Raises:
        UserError: joints are missing, a number is not finite, the predictions are root-relative,
            or a file cannot be written.
    """
    check_absolute(predictions, path_3d)
    px, mm = predicted_joints(predictions, MUPOTS_17, samples)
    keys = mat_keys(samples, kind)
    order = np.argsort(predictions.image_index, kind="stable")
    ends = np.searchsorted(predictions.image_index[order], np.arange(1, len(keys)))
    rows_of = dict(zip(keys, np.split(order, ends), strict=True))
    save_mat(path_2d, {key: px[rows] for key, rows in rows_of.items()})
    save_mat(path_3d, {key: mm[rows] for key, rows in rows_of.items()})


def read_mat(path_2d: Path, path_3d: Path, samples: PoseSamples, *, kind: MatKind) -> Predictions:
    """Read what :func:`write_mat`, the original or MATLAB wrote.

    An image without a variable, or with an empty one, has nobody. Scores are ones: the files have
    none. Positions are taken for absolute, as the original's are.

    Raises:
        UserError: a file is damaged, an image is unknown, or a variable has the wrong shape.
    """
    by_path = {path_2d: load_mat(path_2d), path_3d: load_mat(path_3d)}
    image_of = {key: image for image, key in enumerate(mat_keys(samples, kind))}
    for path, variables in by_path.items():
        for key in variables:
            if key not in image_of:
                raise UserError(f"{path}: variable {key!r} is no image of this test set")
    images, px, mm = [], [], []
    for key, image in image_of.items():
        px_here = _mat_people(by_path[path_2d].get(key), 2, f"{path_2d}: {key}")
        mm_here = _mat_people(by_path[path_3d].get(key), 3, f"{path_3d}: {key}")
        if len(px_here) != len(mm_here):
            raise UserError(
                f"{path_3d}: {key}: has {len(mm_here)} people, {path_2d.name} {len(px_here)}"
            )
        images += [image] * len(px_here)
        px.append(px_here)
        mm.append(mm_here)
    return Predictions(
        skeleton=MUPOTS_17,
        image_index=np.array(images, np.int64),
        keypoints_px=np.concatenate(px),
        keypoints_mm=np.concatenate(mm),
        scores=np.ones(len(images)),
        is_absolute=True,
    )


def _mat_people(values: Any, width: int, where: str) -> NDArray[np.float64]:
    if values is None or np.size(values) == 0:
        return np.zeros((0, 17, width))
    return checked_numbers(values, (None, 17, width), where)
