"""Predictions of a whole test set in JSON files: the original's for Human3.6M, and this project's.

For those of MATLAB see :mod:`~mobilehumanpose.evaluate.prediction_mats`.

A file names images by their numbers or file names, so that it can be read against any selection
of the same test set that holds them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.samples import PoseSamples
from ..errors import UserError
from ..media import write_file
from ..skeleton import SKELETONS, Skeleton
from .human36m import HUMAN36M_17
from .inputs import (
    check_absolute,
    checked_numbers,
    image_label,
    one_to_one,
    predicted_joints,
    unique_images,
)
from .predictions import Predictions

FORMAT = "mobilehumanpose-predictions"
FORMAT_VERSION = 1
_DIGITS = 3  # of a pixel and a millimetre


def write_human36m_json(path: Path, samples: PoseSamples, predictions: Predictions) -> None:
    """Write ``bbox_root_pose_human36m_output.json``: a list, one entry an image.

    Each has ``image_id``, ``joint_cam`` (17 × 3 mm around the pelvis), ``bbox`` (the square that
    was cropped, xywh px) and ``root_cam`` (mm). The original aligns ``joint_cam`` to the truth
    when it measures its protocol 1; this one never does.

    Raises:
        UserError: predictions and samples are not one to one, joints are missing, the predictions
            are root-relative, or the file cannot be written.
    """
    check_absolute(predictions, path)
    _, mm = predicted_joints(predictions, HUMAN36M_17, samples)
    rows = one_to_one(samples.image_index, predictions, samples)
    entries = [
        {
            "image_id": int(samples.image_ids[image]),
            "joint_cam": np.round(mm[row] - mm[row, 0], _DIGITS).tolist(),
            "bbox": np.round(box.astype(np.float64), _DIGITS).tolist(),
            "root_cam": np.round(mm[row, 0], _DIGITS).tolist(),
        }
        for row, image, box in zip(rows, samples.image_index, samples.boxes_xywh, strict=True)
    ]
    write_file(path, json.dumps(entries).encode())


def read_human36m_json(path: Path, samples: PoseSamples) -> Predictions:
    """Read what :func:`write_human36m_json` or the original wrote.

    Pixels are the joints' projections. Other keys, such as ``bbox``, are not needed.

    Raises:
        UserError: the file is no such list, an image or its camera is unknown, or an entry lacks
            or misshapes a field.
    """
    entries = load_json(path)
    if not isinstance(entries, list):
        raise UserError(f"{path}: is no list of entries")
    images = entry_images(entries, samples, path)
    joints = [
        entry_field(entry, "joint_cam", (17, 3), f"{path}: entry {number}")
        + entry_field(entry, "root_cam", (3,), f"{path}: entry {number}")
        for number, entry in enumerate(entries)
    ]
    mm = np.array(joints).reshape(-1, 17, 3)
    cameras = samples.cameras[images].astype(np.float64)
    for what, bad in (
        ("lies behind the camera", (mm[..., 2] <= 0).any(axis=1)),
        ("is in an image whose camera is unknown", ~np.isfinite(cameras).all(axis=1)),
    ):
        if bad.any():
            number = int(np.argmax(bad))
            label = image_label(samples, int(images[number]))
            raise UserError(f"{path}: entry {number}: {label}: joint_cam + root_cam {what}")
    return Predictions(
        skeleton=HUMAN36M_17,
        image_index=images,
        keypoints_px=mm[..., :2] / mm[..., 2:] * cameras[:, None, :2] + cameras[:, None, 2:],
        keypoints_mm=mm,
        scores=np.ones(len(images)),
        is_absolute=True,
    )


def write_json(path: Path, samples: PoseSamples, predictions: Predictions) -> None:
    """Write any predictions as this project's plain JSON, positions to 0.001.

    ``format``, ``format_version``, ``joint_names``, ``is_absolute``, ``uses_true_roots`` and
    ``people``, each with ``image_id``, ``score``, ``keypoints_px`` and ``keypoints_mm``.

    Raises:
        UserError: a number is not finite, two images share their number, or the file cannot be
            written.
    """
    px, mm = predicted_joints(predictions, predictions.skeleton, samples)
    unique_images(samples.image_ids.tolist(), samples)
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "joint_names": list(predictions.skeleton.joint_names),
        "is_absolute": predictions.is_absolute,
        "uses_true_roots": predictions.uses_true_roots,
        "people": [
            {
                "image_id": int(samples.image_ids[image]),
                "score": float(score),
                "keypoints_px": np.round(px[row], _DIGITS).tolist(),
                "keypoints_mm": np.round(mm[row], _DIGITS).tolist(),
            }
            for row, (image, score) in enumerate(
                zip(predictions.image_index, predictions.scores, strict=True)
            )
        ],
    }
    write_file(path, json.dumps(document).encode())


def read_json(path: Path, samples: PoseSamples) -> Predictions:
    """Read what :func:`write_json` wrote, or another tool in its format.

    Joints may come in any order and number: evaluations look them up by their names.

    Raises:
        UserError: the file is not of this format, an image is unknown, or a field is missing or
            misshaped.
    """
    document = load_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{path}: field 'format' is not {FORMAT!r}")
    if document.get("format_version") != FORMAT_VERSION:
        raise UserError(
            f"{path}: format_version is {document.get('format_version')!r}; "
            f"{FORMAT_VERSION} can be read"
        )
    skeleton = _skeleton(document.get("joint_names"), path)
    for name in ("is_absolute", "uses_true_roots"):
        if not isinstance(document.get(name), bool):
            raise UserError(f"{path}: field {name!r} is {document.get(name)!r}, not true or false")
    people = document.get("people")
    if not isinstance(people, list):
        raise UserError(f"{path}: field 'people' is no list")
    images = entry_images(people, samples, path)
    joints = skeleton.num_joints

    def stacked(name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        fields = [entry_field(p, name, shape, f"{path}: entry {i}") for i, p in enumerate(people)]
        return np.array(fields).reshape(len(people), *shape)

    return Predictions(
        skeleton=skeleton,
        image_index=images,
        keypoints_px=stacked("keypoints_px", (joints, 2)),
        keypoints_mm=stacked("keypoints_mm", (joints, 3)),
        scores=stacked("score", ()),
        is_absolute=document["is_absolute"],
        uses_true_roots=document["uses_true_roots"],
    )


def _skeleton(joint_names: Any, path: Path) -> Skeleton:
    """The known joint set of exactly these names, or one of its own."""
    if (
        not isinstance(joint_names, list)
        or not joint_names
        or not all(isinstance(name, str) for name in joint_names)
        or len(set(joint_names)) < len(joint_names)
    ):
        raise UserError(f"{path}: field 'joint_names' is no list of different names")
    for skeleton in (*SKELETONS.values(), HUMAN36M_17):
        if skeleton.joint_names == tuple(joint_names):
            return skeleton
    return Skeleton(
        name=f"joints of {path.name}",
        joint_names=tuple(joint_names),
        edges=(),
        flip_pairs=(),
        root=joint_names.index("Pelvis") if "Pelvis" in joint_names else None,
    )


def load_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        UserError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no JSON: {error}") from None


def entry_images(entries: list[Any], samples: PoseSamples, path: Path) -> NDArray[np.int64]:
    """(P,) index of each entry's image, by its ``image_id``.

    Raises:
        UserError: an entry is no object, or its image is none of the test set.
    """
    image_of = unique_images(samples.image_ids.tolist(), samples)
    images = []
    for number, entry in enumerate(entries):
        image_id = entry.get("image_id") if isinstance(entry, dict) else None
        if not isinstance(image_id, int) or image_id not in image_of:
            raise UserError(
                f"{path}: entry {number}: image_id {image_id!r} is no image of this test set"
            )
        images.append(image_of[image_id])
    return np.array(images, np.int64)


def entry_field(
    entry: dict[str, Any], name: str, shape: tuple[int, ...], where: str
) -> NDArray[np.float64]:
    """Finite numbers of a shape in an entry's field; ``where`` names the entry.

    Raises:
        UserError: they are missing, or not so.
    """
    if name not in entry:
        raise UserError(f"{where}: lacks the field {name!r}")
    return checked_numbers(entry[name], shape, f"{where}: {name}")
