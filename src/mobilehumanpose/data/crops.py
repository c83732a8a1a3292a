"""From a photograph and its labels to a training crop: one warp, then cheap work on the crop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry import apply_affine, crop_affine, process_bbox, tight_box, warp_crop
from ..skeleton import Skeleton
from .images import Images, read_image

#: Half the depth that the heat-map spans: joints up to a metre before or behind the root.
HALF_DEPTH_MM = 1000.0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training crops are varied; the defaults suit a small set of hard photographs.

    Attributes:
        scale_spread: the box is scaled by 1 + spread · N(0, 1), clipped to one deviation.
        rotation_degrees: deviation of the turn in the picture's plane, clipped to two.
        rotation_share: of crops that are turned so.
        flip_share: of crops that are mirrored.
        color_gain: each colour channel is multiplied by 1 ± up to this.
        brightness_gain: all channels together are multiplied by 1 ± up to this.
        full_turn_share: of crops turned by any angle instead, for people in any position.
        shift: the box is moved by up to this share of its side, since no detector is exact.
        zoom_share: of crops of a square of 40–80 % somewhere in the box, which shows a part of the
            person, as portraits and crowded pictures do.
        gray_share: of crops without colour.
        saturation_gain: how far colours lie from grey is multiplied by 1 ± up to this.
        tone_octaves: crops are made lighter or darker in the middle, black and white staying as
            they are, by an exponent of 2 to the power of ± up to this.
        occlusion_share: of crops with a rectangle of noise over the person's box.
        occlusion_area: the largest share of the box that such a rectangle takes.
        coarse_share: of crops that are made as coarse as small people's are.
        coarse_px: what the side of such a crop is shrunk to at least, before it is enlarged again.
        sharpen_share: of crops whose edges are raised, as phones do, and which makes up for
            photographs of little resolution.
        part_share: of crops around a part of the body only, see :mod:`~.data.body_parts`:
            detectors give such boxes of people behind tables or cut off by the picture's edge.
        cut_share: of those, the share whose picture ends at the part, as portraits do. What lies
            beyond is black, as beyond every picture, and joints there are outside.
    """

    scale_spread: float = 0.25
    rotation_degrees: float = 30.0
    rotation_share: float = 0.6
    flip_share: float = 0.5
    color_gain: float = 0.2
    brightness_gain: float = 0.2
    full_turn_share: float = 0.15
    shift: float = 0.08
    zoom_share: float = 0.3
    gray_share: float = 0.1
    saturation_gain: float = 0.0
    tone_octaves: float = 0.0
    occlusion_share: float = 0.3
    occlusion_area: float = 0.15
    coarse_share: float = 0.0
    coarse_px: int = 48
    sharpen_share: float = 0.0
    part_share: float = 0.0
    cut_share: float = 0.0


#: As 3DMPPE and MobileHumanPose vary their crops.
PUBLISHED_AUGMENTATION = Augmentation(
    brightness_gain=0.0,
    full_turn_share=0.0,
    shift=0.0,
    zoom_share=0.0,
    gray_share=0.0,
    occlusion_share=0.5,
    occlusion_area=0.7,
)
#: Height by width of an occluding rectangle, as published.
OCCLUSION_RATIOS = (0.3, 1 / 0.3)
#: The original draws rectangles until one fits into the picture, which may never happen. One that
#: has not fitted after so many draws is left out.
MAX_OCCLUSION_DRAWS = 20
#: Places in the ready noise that a piece of it begins at.
NUM_NOISE_STARTS = 1 << 16
#: Edges are raised over so many px of the crop, and at most by so much of what a blur takes away.
SHARPEN_SIGMA_PX = 2.0
MAX_SHARPENING = 1.5
#: Shares of R, G and B in a pixel's brightness (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114])


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
    augmentation: Augmentation,
    rng: np.random.Generator,
    *,
    lean_degrees: float = 0.0,
) -> tuple[NDArray[np.floating], bool]:
    """A varied crop of the box: its (2, 3) affine map, and whether the picture is mirrored.

    With ``lean_degrees``, of the person, the variations start from where the person is upright.
    """
    a = augmentation
    scale = 1 + a.scale_spread * _clipped_normal(1, rng)
    box = box_xywh.copy()
    if rng.random() < a.zoom_share:
        part = rng.uniform(0.4, 0.8)
        box[:2] += rng.uniform(0, 1 - part, 2) * box[2:]
        box[2:] *= part
    if rng.random() < a.full_turn_share:
        rotation = rng.uniform(-180, 180)
    elif rng.random() < a.rotation_share:
        rotation = a.rotation_degrees * _clipped_normal(2, rng)
    else:
        rotation = 0.0
    box[:2] += rng.uniform(-a.shift, a.shift, 2) * box[2:]
    flip = bool(rng.random() < a.flip_share)
    affine = crop_affine(
        box,
        crop_px,
        rotation_degrees=rotation + (-lean_degrees if flip else lean_degrees),
        scale=scale,
        flip=flip,
    )
    return affine, flip


def _clipped_normal(limit: float, rng: np.random.Generator) -> float:
    return max(-limit, min(limit, rng.standard_normal()))


def cut_crop(
    images: Images, name: str, affine: NDArray[np.floating], crop_px: int, *, may_shrink: bool
) -> NDArray[np.uint8]:
    """Read a picture and cut (crop_px, crop_px, 3) RGB from it by ``affine``.

    With ``may_shrink``, a JPEG that holds at least twice the crop's resolution is decoded at a
    half, a quarter or an eighth of its size, which is much faster and also averages what the warp
    would skip.

    Raises:
        UserError: the picture cannot be read.
    """
    shrink = 1
    if may_shrink:
        image_px_per_crop_px = 1 / np.sqrt(abs(np.linalg.det(affine[:, :2])))
        shrink = next((factor for factor in (8, 4, 2) if image_px_per_crop_px >= factor), 1)
    image = read_image(images, name, shrink=shrink)
    if shrink > 1:
        # Pixel centres: full = shrink · (small + 1/2) − 1/2.
        offset = (shrink - 1) / 2
        affine = np.column_stack(
            [affine[:, :2] * shrink, affine[:, 2] + affine[:, :2].sum(1) * offset]
        )
    return cv2.cvtColor(warp_crop(image, affine, crop_px), cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def vary_colors(
    crop: NDArray[np.uint8], augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The (H, W, 3) crop as (3, H, W) planes of varied tone and colour.

    Networks take planes, and a multiplied plane costs hardly more than a copied one.
    """
    a = augmentation
    if a.tone_octaves:
        exponent = 2 ** rng.uniform(-a.tone_octaves, a.tone_octaves)
        tones = np.round(255 * np.linspace(0, 1, 256) ** exponent).astype(np.uint8)
        crop = cv2.LUT(crop, tones)  # type: ignore[assignment]
    gains = rng.uniform(1 - a.color_gain, 1 + a.color_gain, 3)
    gains *= rng.uniform(1 - a.brightness_gain, 1 + a.brightness_gain)
    planes = np.empty((3, *crop.shape[:2]), np.uint8)
    if rng.random() < a.gray_share:
        planes[:] = cv2.transform(crop, (LUMA * gains)[None])
    else:
        if a.saturation_gain:
            saturation = 1 + rng.uniform(-a.saturation_gain, a.saturation_gain)
            mixed = saturation * np.eye(3) + (1 - saturation) * LUMA
            crop = cv2.transform(crop, mixed)  # type: ignore[assignment]
        cv2.split(crop, list(planes))
        for plane, gain in zip(planes, gains, strict=True):
            cv2.convertScaleAbs(plane, plane, gain)
    return planes


def vary_sharpness(
    crop: NDArray[np.uint8], augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The (P, P, 3) crop, perhaps with less detail than it had, or with its edges raised.

    How sharp a crop is depends on how many pixels of the picture it was cut from, which differs
    from set to set more than people do.
    """
    a = augmentation
    if not a.coarse_share + a.sharpen_share:
        return crop
    crop_px = crop.shape[0]
    chance = rng.random()
    if chance < a.coarse_share:
        # Even in the logarithm: half the side is as usual as a quarter.
        shrink = (min(a.coarse_px, crop_px) / crop_px) ** rng.random()
        small = cv2.resize(crop, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (crop_px, crop_px), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
    if chance < a.coarse_share + a.sharpen_share:
        blurred = cv2.GaussianBlur(crop, (0, 0), SHARPEN_SIGMA_PX)
        amount = rng.uniform(0, MAX_SHARPENING)
        return cv2.addWeighted(crop, 1 + amount, blurred, -amount, 0)  # type: ignore[return-value]
    return crop


@cache
def _noise(num_bytes: int) -> NDArray[np.uint8]:
    """Random bytes, the same in every process."""
    return np.random.default_rng(0).integers(0, 256, num_bytes, np.uint8)


def occlude(
    crop: NDArray[np.uint8],
    box_xywh: NDArray[np.floating],
    affine: NDArray[np.floating],
    image_size: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> None:
    """Perhaps cover a rectangle of the person's box with noise, in place.

    The original puts the noise into the picture before the warp. Here the rectangle's corners go
    through the warp and the noise straight into the crop, which spares work on the whole picture.

    Args:
        crop: (P, P, 3), contiguous.
        box_xywh: (4,) the person's box in the picture's px.
        affine: from the picture to the crop.
        image_size: the picture's (width, height).
        augmentation: how often and how much.
        rng: of the draws.
    """
    if rng.random() >= augmentation.occlusion_share:
        return
    # Plain numbers: arrays of two take longer than the pixels do.
    x, y, width, height = box_xywh.tolist()
    low, high = OCCLUSION_RATIOS
    for _ in range(MAX_OCCLUSION_DRAWS):
        area, ratio, right, down = rng.random(4).tolist()
        area *= augmentation.occlusion_area * width * height
        ratio = low + ratio * (high - low)
        x0, y0 = x + right * width, y + down * height
        x1, y1 = x0 + math.sqrt(area / ratio), y0 + math.sqrt(area * ratio)
        if x0 >= 0 and y0 >= 0 and x1 < image_size[0] and y1 < image_size[1]:
            break
    else:
        return
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    polygon = np.round(apply_affine(corners, affine)).astype(np.int32)
    left, top, width_px, height_px = cv2.boundingRect(polygon)
    right_px, bottom_px = min(left + width_px, crop.shape[1]), min(top + height_px, crop.shape[0])
    left, top = max(left, 0), max(top, 0)
    if left >= right_px or top >= bottom_px:
        return
    part = crop[top:bottom_px, left:right_px]
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, polygon - (left, top), 1)
    # A piece of ready noise: to draw every pixel anew takes longer than all else here.
    start = int(rng.random() * NUM_NOISE_STARTS)
    noise = _noise(crop.size + NUM_NOISE_STARTS)[start : start + part.size].reshape(part.shape)
    cv2.copyTo(noise, mask, part)


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
