"""Pinhole cameras, person boxes, affine crops and alignment of point sets, as plain functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UserError

FloatArray = NDArray[np.floating]

#: Field of view across the longer image side that is assumed for a photo of an unknown camera:
#: between a phone's main camera (65–75°) and a portrait lens; the default of MeTRAbs too.
DEFAULT_FOV_DEGREES = 55.0

#: How far a crop reaches beyond the person's box, as in 3DMPPE and MobileHumanPose.
BOX_MARGIN = 1.25


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera without distortion: x right, y down, z forward, in mm and px.

    Attributes:
        focal_px: (fx, fy).
        center_px: (cx, cy), the principal point.
    """

    focal_px: tuple[float, float]
    center_px: tuple[float, float]

    def __post_init__(self) -> None:
        try:
            pairs = [[float(value) for value in pair] for pair in (self.focal_px, self.center_px)]
        except (TypeError, ValueError, OverflowError):
            pairs = []
        if (
            [len(pair) for pair in pairs] != [2, 2]
            or not all(math.isfinite(value) for pair in pairs for value in pair)
            or min(pairs[0]) <= 0
        ):
            raise UserError(
                f"camera with focal_px={self.focal_px}, center_px={self.center_px}: "
                "two positive focal lengths and two finite centre coordinates are needed"
            )

    @classmethod
    def from_fov(cls, degrees: float, size: tuple[int, int]) -> Self:
        """A camera whose longer image side spans ``degrees``; ``size`` is (width, height) in px.

        The principal point is half of the size, as is usual: half a pixel off the middle where
        pixels are numbered by their centres.

        Raises:
            UserError: the angle is not between 1 and 179 degrees, or the size is not positive.
        """
        if not 1 <= degrees <= 179:  # also refuses NaN
            raise UserError(f"field of view {degrees}: 1 to 179 degrees are possible")
        width, height = size
        if min(size) < 1:
            raise UserError(f"image size {size}: width and height must be positive")
        focal = max(size) / 2 / math.tan(math.radians(degrees) / 2)
        return cls(focal_px=(focal, focal), center_px=(width / 2, height / 2))


def project(points_mm: FloatArray, camera: Camera) -> FloatArray:
    """Camera-space (…, 3) mm → (…, 2) px."""
    return points_mm[..., :2] / points_mm[..., 2:] * camera.focal_px + camera.center_px


def back_project(points_px: FloatArray, depth_mm: FloatArray, camera: Camera) -> FloatArray:
    """Pixels (…, 2) at ``depth_mm`` (…) along the optical axis → camera-space (…, 3) mm."""
    rays = (points_px - np.asarray(camera.center_px)) / camera.focal_px
    return np.concatenate([rays * depth_mm[..., None], depth_mm[..., None]], axis=-1)


def world_to_camera(
    points_mm: FloatArray, rotation: FloatArray, translation_mm: FloatArray
) -> FloatArray:
    """World (…, 3) mm → camera: R·X + t, where t is the extrinsic translation, not the centre."""
    return points_mm @ np.asarray(rotation).T + translation_mm


def checked_box(box_xywh: ArrayLike, name: str = "box") -> FloatArray:
    """The box as four finite numbers of positive width and height.

    Raises:
        UserError: it is not.
    """
    try:
        box = np.asarray(box_xywh, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name} {box_xywh!r}: four numbers x, y, width, height needed") from None
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= 0).any():
        raise UserError(
            f"{name} {np.round(box, 2).tolist()}: x, y, width and height must be finite, "
            "and width and height positive"
        )
    return box


def square_to_crop(box_xywh: ArrayLike, image_size: tuple[int, int], name: str) -> FloatArray:
    """The square to crop around a box that a user gave; what of it lies outside is left off first.

    Raises:
        UserError: nothing of the box lies in the image of (width, height), or not enough.
    """
    box = checked_box(box_xywh, name)
    x, y, width, height = box.tolist()
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(image_size[0], x + width), min(image_size[1], y + height)
    said = f"{name} {[round(value, 2) for value in (x, y, width, height)]}"
    if right <= left or bottom <= top:
        raise UserError(f"{said} lies outside the picture of {image_size[0]}×{image_size[1]} px")
    inside = np.array([left, top, right - left, bottom - top])
    square = process_bbox(inside, image_size)
    if square is None:
        raise UserError(f"{said} holds no more than a pixel of the picture")
    return square


def tight_box(points_px: FloatArray, enlarge: float = 1.2) -> FloatArray:
    """The (4,) xywh box around (J, 2) joints, enlarged about its centre.

    Human3.6M's annotation boxes are made this way (with 1.2): joints lie inside the body, so a
    box of a person reaches beyond them.
    """
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    size = (high - low) * enlarge
    return np.concatenate([(low + high - size) / 2, size])


def process_bbox(
    box_xywh: FloatArray, image_size: tuple[int, int], *, margin: float = BOX_MARGIN
) -> FloatArray | None:
    """Clip a person's box to the image, make it square, and widen it to what is cropped.

    The rule of 3DMPPE, which its datasets and published numbers rest on. The result is centred
    on the clipped box and may reach beyond the image.

    Args:
        box_xywh: (4,) px.
        image_size: (width, height) px.
        margin: factor on the square's side.

    Returns:
        (4,) xywh, square; None where nothing of the box lies inside the image.
    """
    x, y, width, height = box_xywh
    left, top = max(0.0, x), max(0.0, y)
    right = min(image_size[0] - 1.0, left + max(0.0, width - 1))
    bottom = min(image_size[1] - 1.0, top + max(0.0, height - 1))
    if not (width * height > 0 and right >= left and bottom >= top):
        return None
    side = max(right - left, bottom - top)
    if side <= 0:  # one pixel: the square around it would have no size
        return None
    side *= margin
    return np.array([(left + right - side) / 2, (top + bottom - side) / 2, side, side])


def crop_affine(
    box_xywh: FloatArray,
    crop_px: int,
    *,
    rotation_degrees: float = 0.0,
    scale: float = 1.0,
    flip: bool = False,
) -> FloatArray:
    """The (2, 3) affine map from image pixels to the pixels of a ``crop_px`` × ``crop_px`` crop.

    The crop is the box, scaled and turned about its centre. With ``flip``, the image and the box
    in it are mirrored first, as training augmentation does.

    The corners are matched as in the original: the box centre falls on pixel ``crop_px / 2``.
    """
    # In plain numbers: training makes one for each crop, and small arrays take their time.
    x, y, width, height = map(float, box_xywh)
    center_x, center_y = x + width / 2, y + height / 2
    angle = math.radians(rotation_degrees)
    # Crop px per image px along the axes of the turned box.
    right, down = crop_px / (width * scale), crop_px / (height * scale)
    rows = [
        [math.cos(angle) * right, math.sin(angle) * right],
        [-math.sin(angle) * down, math.cos(angle) * down],
    ]
    if flip:  # about any line: the box goes along
        rows = [[-a, b] for a, b in rows]
    return np.array([[a, b, crop_px / 2 - a * center_x - b * center_y] for a, b in rows])


def invert_affine(affine: FloatArray) -> FloatArray:
    """The (2, 3) inverse of a (2, 3) affine map."""
    (a, b, x), (c, d, y) = affine.tolist()  # plain numbers, as in crop_affine
    determinant = a * d - b * c
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def apply_affine(points: FloatArray, affine: FloatArray) -> FloatArray:
    """Map (…, 2) points by a (2, 3) affine map."""
    return points @ affine[:, :2].T + affine[:, 2]


def warp_crop(image: NDArray[np.uint8], affine: FloatArray, crop_px: int) -> NDArray[np.uint8]:
    """Cut (H, W, 3) by :func:`crop_affine`'s map: bilinear, black beyond the image."""
    # When the crop shrinks the image, bilinear sampling skips pixels; averaging first keeps the
    # picture's content. Only from a factor of 2 on, so that ordinary crops stay one warp.
    (a, b, _), (c, d, _) = affine.tolist()
    shrink = 1 / math.sqrt(abs(a * d - b * c))
    if shrink >= 2:
        image, affine = _shrunk(image, affine, crop_px, int(shrink))
    return cv2.warpAffine(  # type: ignore[return-value]
        image, affine, (crop_px, crop_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )


def _shrunk(
    image: NDArray[np.uint8], affine: FloatArray, crop_px: int, factor: int
) -> tuple[NDArray[np.uint8], FloatArray]:
    """What a crop shows of an image, averaged over ``factor`` px, and the crop's map from it."""
    # In plain numbers, as in crop_affine: they take less time than the averages do.
    (a, b, x), (c, d, y) = affine.tolist()
    rows = invert_affine(affine).tolist()
    corners = ((0, 0), (crop_px, 0), (0, crop_px), (crop_px, crop_px))
    parts = []
    for (along, across, offset), side in zip(rows, image.shape[1::-1], strict=True):
        seen = [along * u + across * v + offset for u, v in corners]
        parts.append(_averaged_part(min(seen), max(seen), side, factor))
    (left, right, columns, step_x), (top, bottom, lines, step_y) = parts
    small = cv2.resize(
        image[top:bottom, left:right], (columns, lines), interpolation=cv2.INTER_AREA
    )
    # A pixel's centre is at index + 0.5 before and after.
    first_x, first_y = left + step_x / 2 - 0.5, top + step_y / 2 - 0.5
    from_small = [
        [a * step_x, b * step_y, a * first_x + b * first_y + x],
        [c * step_x, d * step_y, c * first_x + d * first_y + y],
    ]
    return small, np.array(from_small)  # type: ignore[return-value]


def _averaged_part(low: float, high: float, side: int, factor: int) -> tuple[int, int, int, float]:
    """Where to average along one side of an image, of which a crop shows ``low`` to ``high``.

    The averages are those of the whole image: a part lies on whole ones of them, and along a side
    that ``factor`` does not divide, where they begin between pixels, it is all of the image. It
    reaches beyond the crop by more than interpolation does.

    Returns:
        start and end of the part in pixels, the averages in it, and the pixels of each.
    """
    whole = max(side // factor, 1)
    if side % factor:
        return 0, side, whole, side / whole
    first = min(max(math.floor(low / factor) - 2, 0), whole - 1)
    last = min(max(math.ceil(high / factor) + 2, first + 1), whole)
    return first * factor, last * factor, last - first, factor


def flip_points_px(points_px: FloatArray, image_width: int) -> FloatArray:
    """Mirror (…, 2 or 3) pixel coordinates: x → image_width − 1 − x; joints keep their order."""
    flipped = points_px.copy()
    flipped[..., 0] = image_width - 1 - flipped[..., 0]
    return flipped


def rigid_align(points: FloatArray, target: FloatArray) -> FloatArray:
    """Turn and shift (J, D) ``points`` onto ``target`` with the least squared error (Kabsch 1976).

    No scale: this is the alignment of the original's "protocol 1".
    """
    return _align(points, target, with_scale=False)


def similarity_align(points: FloatArray, target: FloatArray) -> FloatArray:
    """Turn, shift and scale (J, D) ``points`` onto ``target`` (Umeyama, PAMI 1991)."""
    return _align(points, target, with_scale=True)


def _align(points: FloatArray, target: FloatArray, *, with_scale: bool) -> FloatArray:
    points_mean, target_mean = points.mean(axis=0), target.mean(axis=0)
    points_centred, target_centred = points - points_mean, target - target_mean
    u, singular, vt = np.linalg.svd(points_centred.T @ target_centred)
    # A reflection would align better in some cases, but no body moves that way.
    signs = np.ones(len(singular))
    signs[-1] = np.sign(np.linalg.det(u @ vt)) or 1.0
    rotation = (u * signs) @ vt
    scale = 1.0
    variance = float((points_centred**2).sum())
    if with_scale and variance > 0:  # all points in one place have no size to scale
        scale = float((singular * signs).sum() / variance)
    return scale * points_centred @ rotation + target_mean


def fit_translation(
    keypoints_px: FloatArray,
    root_relative_mm: FloatArray,
    camera: Camera,
    weights: Sequence[float] | FloatArray | None = None,
) -> FloatArray:
    """The (3,) translation in mm that makes a root-relative pose project onto its 2D joints.

    Full perspective: from x·(Z + z_j) = f·(X + x_j), with x measured from the principal point,
    each joint gives two equations that are linear in the translation (X, Y, Z); weighted least
    squares solves them all, exactly so where the input has no noise. MeTRAbs places its poses in
    the same way (Sárándi et al., T-BIOM 2021).

    Args:
        keypoints_px: (J, 2).
        root_relative_mm: (J, 3), origin at the root, metric.
        camera: the intrinsics.
        weights: (J,) non-negative, e.g. joint scores; equal when None.

    Raises:
        UserError: fewer than two joints carry weight, or all of them lie in one place, so that no
            depth can be told.
    """
    weights = np.ones(len(keypoints_px)) if weights is None else np.asarray(weights, np.float64)
    if (weights > 0).sum() < 2:
        raise UserError("placing a pose in the camera's space takes at least two scored joints")
    rays = (keypoints_px - np.asarray(camera.center_px)) / camera.focal_px
    # X − ray·Z = right side.
    right_side = rays * root_relative_mm[:, 2:] - root_relative_mm[:, :2]
    z = -float(np.vdot(distance_weights(rays, weights), right_side))
    xy = (weights / weights.sum()) @ (right_side + rays * z)
    return np.array([*xy, z])


def distance_weights(rays: FloatArray, weights: FloatArray) -> FloatArray:
    """What the least squares of :func:`fit_translation` make of each joint's two equations.

    Whatever Z is, the best X and Y are weighted means; put in, they leave a line through the origin
    to be fitted to centred rays, whose slope is Z = −Σ of these weights times the right sides.

    Args:
        rays: (J, 2), x and y at unit depth.
        weights: (J,) non-negative.

    Returns:
        (J, 2).

    Raises:
        UserError: all joints of weight lie on one ray.
    """
    centred = rays - (weights / weights.sum()) @ rays
    weighted = centred * weights[:, None]
    spread = float(np.vdot(weighted, centred))
    # A thousandth of a pixel is 1e-7 of a ray at least; rounding leaves 1e-16 of a single one.
    if spread <= 1e-24 * weights.sum():
        raise UserError("placing a pose in the camera's space takes joints at different pixels")
    return weighted / spread


def rootnet_k_mm(
    box_xywh: FloatArray, camera: Camera, person_size_mm: tuple[float, float] = (2000.0, 2000.0)
) -> float:
    """RootNet's distance measure k = √(area_mm² · fx · fy / area_px²) in mm.

    The distance at which a person's 2 m × 2 m square would fill the processed box (Moon et al.,
    ICCV 2019). A rough guide for a box alone: a crouching person comes out too far away.
    """
    area_px = float(box_xywh[2] * box_xywh[3])
    area_mm = person_size_mm[0] * person_size_mm[1]
    return math.sqrt(area_mm * camera.focal_px[0] * camera.focal_px[1] / area_px)
