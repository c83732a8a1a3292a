"""From a photograph and its labels to a training crop: one warp, then cheap work on the crop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import apply_affine, crop_affine, process_bbox, tight_box
from ..skeleton import Skeleton

#: Half the depth that the heat-map spans: joints up to a metre before or behind the root.
HALF_DEPTH_MM = 1000.0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training crops are varied. The first five defaults are MobileHumanPose's.

    Attributes:
        scale_spread: the box is scaled by 1 + spread · N(0, 1), clipped to one deviation.
        rotation_degrees: deviation of the turn in the picture's plane, clipped to two.
        rotation_share: of crops that are turned so.
        flip_share: of crops that are mirrored.
        color_gain: each colour channel is multiplied by 1 ± up to this.
        full_turn_share: of crops turned by any angle instead, for people in any position.
        shift: the box is moved by up to this share of its side, since no detector is exact.
        zoom_share: of crops of a square of 40–80 % somewhere in the box, which shows a part of the
            person, as portraits and crowded pictures do.
        gray_share: of crops without colour.
        occlusion_share: of crops with a rectangle of noise.
        occlusion_area: the largest share of the crop that such a rectangle takes.
    """

    scale_spread: float = 0.25
    rotation_degrees: float = 30.0
    rotation_share: float = 0.6
    flip_share: float = 0.5
    color_gain: float = 0.2
    full_turn_share: float = 0.15
    shift: float = 0.08
    zoom_share: float = 0.3
    gray_share: float = 0.1
    occlusion_share: float = 0.3
    occlusion_area: float = 0.15


def person_box(
    keypoints_px: NDArray[np.floating], has_px: NDArray[np.bool_], image_size: tuple[int, int]
) -> NDArray[np.floating] | None:
    """The square to crop around the labelled joints of one person, or None if there is none."""
    if has_px.sum() < 2:
        return None
    return process_bbox(tight_box(keypoints_px[has_px]), image_size)


def random_affine(
    box_xywh: NDArray[np.floating],
    crop_px: int,
    image_width: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[NDArray[np.floating], bool]:
    """A varied crop of the box: its (2, 3) affine map, and whether the picture is mirrored."""
    a = augmentation
    scale = 1 + a.scale_spread * float(np.clip(rng.standard_normal(), -1, 1))
    box = box_xywh.copy()
    if rng.random() < a.zoom_share:
        part = rng.uniform(0.4, 0.8)
        box[:2] += rng.uniform(0, 1 - part, 2) * box[2:]
        box[2:] *= part
    if rng.random() < a.full_turn_share:
        rotation = rng.uniform(-180, 180)
    elif rng.random() < a.rotation_share:
        rotation = a.rotation_degrees * float(np.clip(rng.standard_normal(), -2, 2))
    else:
        rotation = 0.0
    box[:2] += rng.uniform(-a.shift, a.shift, 2) * box[2:]
    flip = bool(rng.random() < a.flip_share)
    affine = crop_affine(
        box,
        crop_px,
        rotation_degrees=rotation,
        scale=scale,
        flip=flip,
        image_width=image_width,
    )
    return affine, flip


def vary_pixels(
    crop: NDArray[np.uint8], augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Change the colours of a (H, W, 3) crop and perhaps hide a part of it."""
    a = augmentation
    gains = rng.uniform(1 - a.color_gain, 1 + a.color_gain, 3) * rng.uniform(0.8, 1.2)
    table = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
    crop = cv2.LUT(crop, table[None])  # type: ignore[assignment]
    if rng.random() < a.gray_share:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)  # type: ignore[assignment]
    if rng.random() < a.occlusion_share:
        side = crop.shape[0]
        area = rng.uniform(0.01, a.occlusion_area) * side * side
        ratio = np.exp(rng.uniform(np.log(0.3), -np.log(0.3)))
        height = int(np.clip(np.sqrt(area * ratio), 1, side))
        width = int(np.clip(np.sqrt(area / ratio), 1, side))
        top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
        noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        crop[top : top + height, left : left + width] = noise
    return crop


def normalized_targets(
    keypoints_px: NDArray[np.floating],
    has_px: NDArray[np.bool_],
    depth_mm: NDArray[np.floating],
    has_depth: NDArray[np.bool_],
    affine: NDArray[np.floating],
    crop_px: int,
    *,
    flip: bool,
    skeleton: Skeleton,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Labels of one person → (J, 3) targets in shares of the grid, and (J, 3) which are known.

    x and y are shares of the crop's side, z of the 2 m of depth with the root in the middle.
    A joint outside the crop is unknown, its depth too, but keeps its x and y, which tell that it
    is outside; those of an unlabelled joint are 0. Depth keeps its value under scaling and turning
    in the plane. Cells are these shares times the grid's size.
    """
    order = skeleton.flip_permutation if flip else np.arange(skeleton.num_joints)
    xy = apply_affine(keypoints_px[order], affine) / crop_px
    labelled = has_px[order]
    inside = labelled & ((xy >= 0) & (xy < 1)).all(axis=-1)
    z = (depth_mm[order] / HALF_DEPTH_MM + 1) / 2
    z_known = has_depth[order] & inside & (z >= 0) & (z < 1)
    targets = np.concatenate([xy, z[:, None]], axis=-1).astype(np.float32)
    known = np.stack([inside, inside, z_known], axis=-1)
    return np.where(np.stack([labelled, labelled, z_known], axis=-1), targets, 0), known
