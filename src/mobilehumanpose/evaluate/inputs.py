"""What every evaluator asks of its inputs: joints by name, finite numbers, images that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.samples import PoseSamples
from ..errors import UserError
from ..skeleton import Skeleton, map_joints
from .predictions import Predictions

FloatArray = NDArray[np.float64]


def image_label(samples: PoseSamples, image: int) -> str:
    """Name and number of an image, for messages."""
    return f"{samples.image_names[image].decode()} (image_id {samples.image_ids[image]})"


def predicted_joints(
    predictions: Predictions, target: Skeleton, samples: PoseSamples
) -> tuple[FloatArray, FloatArray]:
    """(P, J, 2) px and (P, J, 3) mm of the predictions in the joints of ``target``, by name.

    Raises:
        UserError: a joint is missing, a number is not finite, or an image does not exist.
    """
    source = predictions.skeleton
    missing = [name for name in target.joint_names if name not in source.joint_names]
    if missing:
        raise UserError(
            f"predictions of joint set {source.name!r} lack {', '.join(missing)}, "
            f"which this evaluation ({target.name!r}) measures"
        )
    images = predictions.image_index
    if len(images) and not (images.min() >= 0 and images.max() < len(samples.image_names)):
        raise UserError(
            f"predictions for images {images.min()} to {images.max()}: "
            f"the test set has images 0 to {len(samples.image_names) - 1}"
        )
    for name in ("keypoints_px", "keypoints_mm", "scores"):
        values = getattr(predictions, name)
        bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        if bad.any():
            image = int(images[np.argmax(bad)])
            raise UserError(
                f"{image_label(samples, image)}: predicted {name} holds a number that is not finite"
            )
    joints = source.indices(target.joint_names)
    return (
        predictions.keypoints_px[:, joints].astype(np.float64),
        predictions.keypoints_mm[:, joints].astype(np.float64),
    )


def true_joints_mm(samples: PoseSamples, target: Skeleton) -> FloatArray:
    """(N, J, 3) true joints in camera space, in the joints of ``target``, by name.

    Raises:
        UserError: a joint of ``target`` is missing or unknown for somebody, or a camera or root is.
    """
    source = samples.skeleton
    missing = [name for name in target.joint_names if name not in source.joint_names]
    if missing:
        raise UserError(f"labels of joint set {source.name!r} lack {', '.join(missing)}")
    joints = source.indices(target.joint_names)
    known = (samples.has_px & samples.has_depth)[:, joints]
    cameras = samples.cameras.astype(np.float64)[samples.image_index]
    for what, complete in (
        ("3D truth of every joint", known.all(axis=1)),
        ("camera", np.isfinite(cameras).all(axis=1)),
        ("root position", np.isfinite(samples.roots_mm).all(axis=1)),
    ):
        if not complete.all():
            image = int(samples.image_index[np.argmin(complete)])
            raise UserError(f"{image_label(samples, image)}: lacks the {what}")
    depth_mm = samples.depth_mm[:, joints].astype(np.float64) + samples.roots_mm[:, 2:]
    rays = (samples.keypoints_px[:, joints] - cameras[:, None, 2:]) / cameras[:, None, :2]
    return np.concatenate([rays * depth_mm[..., None], depth_mm[..., None]], axis=-1)


def one_to_one(
    image_index: NDArray[np.integer], predictions: Predictions, samples: PoseSamples
) -> NDArray[np.intp]:
    """(N,) row of the predictions for each true person, one in each image.

    Args:
        image_index: (N,) image of each true person.
        predictions: in any order, of images that exist (see :func:`predicted_joints`).
        samples: for the images' names.

    Raises:
        UserError: an image has two true people, no prediction, more than one, or one for nobody.
    """
    num_images = len(samples.image_names)
    true = np.bincount(image_index, minlength=num_images)
    found = np.bincount(predictions.image_index, minlength=num_images)
    for bad, what in (
        (true > 1, "more than one true person"),
        ((true == 1) & (found == 0), "no prediction"),
        ((true == 1) & (found > 1), "more than one prediction"),
        ((true == 0) & (found > 0), "a prediction, but no true person"),
    ):
        if bad.any():
            label = image_label(samples, int(np.argmax(bad)))
            others = f" (and {int(bad.sum()) - 1} images more)" if bad.sum() > 1 else ""
            raise UserError(f"{label}: has {what}{others}; one of each is needed")
    row_of_image = np.full(num_images, -1, dtype=np.intp)
    row_of_image[predictions.image_index] = np.arange(len(predictions))
    return row_of_image[image_index]


def nearest_sample(
    samples: PoseSamples, image: int, keypoints_px: NDArray[np.floating], skeleton: Skeleton
) -> int:
    """Which person of an image lies nearest to a pose, by the mean distance of known joints.

    Args:
        samples: the labels.
        image: index into their images.
        keypoints_px: (J, 2).
        skeleton: the J joints, matched by name.

    Returns:
        Index into the samples; −1 where the image has nobody.
    """
    people = np.flatnonzero(samples.image_index == image)
    if len(people) < 2:
        return int(people[0]) if len(people) else -1
    placed_px, present = map_joints(keypoints_px, skeleton, samples.skeleton)
    known = samples.has_px[people] & present
    distance = np.linalg.norm(samples.keypoints_px[people] - placed_px, axis=-1)
    total = np.where(known, distance, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    return int(people[np.argmin(np.where(count > 0, total / np.maximum(count, 1), np.inf))])


def check_absolute(predictions: Predictions, path: Path) -> None:
    """Refuse to write a file of absolute positions from predictions that have none.

    Raises:
        UserError: they are root-relative.
    """
    if not predictions.is_absolute:
        raise UserError(f"{path}: holds absolute positions, but the predictions are root-relative")


def unique_images(names: list[Any], samples: PoseSamples) -> dict[Any, int]:
    """Image by its name or number in a file.

    Raises:
        UserError: two images would share one, and could not be told apart.
    """
    image_of: dict[Any, int] = {}
    for image, name in enumerate(names):
        if name in image_of:
            raise UserError(
                f"{image_label(samples, image)} and {image_label(samples, image_of[name])} "
                f"are both {name} in a file of predictions"
            )
        image_of[name] = image
    return image_of


def checked_numbers(values: Any, shape: tuple[int | None, ...], where: str) -> NDArray[np.float64]:
    """Finite numbers of a shape, in which None stands for any length; ``where`` names them.

    Raises:
        UserError: they are no such numbers.
    """
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.empty(0, object)
    fits = array.ndim == len(shape) and all(
        wanted in (None, length) for length, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype.kind not in "fiu":
        size = " × ".join("N" if n is None else str(n) for n in shape) or "one"
        raise UserError(f"{where}: has shape {array.shape}, not {size} numbers")
    if not np.isfinite(array).all():
        raise UserError(f"{where}: holds a number that is not finite")
    return array.astype(np.float64)
