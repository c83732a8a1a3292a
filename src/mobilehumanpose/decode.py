"""From grid cells to pixels to camera millimetres.

The network answers, for a square crop, where each joint is in the picture and how far behind the
root (z). What it cannot tell is how far away the person is: a child near by and an adult far away
look the same. The size of the body settles it, see :func:`place_in_camera`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .geometry import Camera, apply_affine, back_project, distance_weights, invert_affine
from .skeleton import Skeleton

FloatArray = NDArray[np.floating]

#: As a share of the grid's width: 1.5 cells of 32, 12 px of a 256 px crop.
SCORE_RADIUS = 1.5 / 32
#: What a heat-map that is as sharp as training asks for (a Gaussian of one cell, see
#: ``train.losses``) holds within 1.5 cells of its centre: more is not to be had, so this scores 1.
SURE_MASS = 1 - math.exp(-(1.5**2) / 2)

#: How a joint's place in the picture follows from its heat-map: the ``"mean"`` of all of it, or
#: where its ``"peak"`` is; see ``models.head``.
Position = Literal["mean", "peak"]
POSITIONS: tuple[Position, ...] = ("mean", "peak")
#: For the peak, the heat-map is smoothed by a Gaussian of this deviation, as a share of the grid's
#: width (1.5 cells of 32), and squared so many times. ``docs/experiments-looks.md`` tells what
#: others bring.
PEAK_SIGMA = 1.5 / 32
PEAK_SQUARINGS = 3

#: Stature that is assumed for a person of unknown size: between the means of adult women and men.
DEFAULT_STATURE_MM = 1700.0

#: (ends of a segment, its length as a share of stature). An end is the middle of its joints.
#: Drillis & Contini 1966, as given in Winter, Biomechanics and Motor Control of Human Movement,
#: figure 4.1: heights of shoulder 0.818, hip 0.530, knee 0.285 and ankle 0.039.
SEGMENTS: tuple[tuple[tuple[str, ...], tuple[str, ...], float], ...] = (
    (("L_Shoulder", "R_Shoulder"), ("L_Hip", "R_Hip"), 0.288),
    (("L_Shoulder",), ("L_Elbow",), 0.186),
    (("R_Shoulder",), ("R_Elbow",), 0.186),
    (("L_Elbow",), ("L_Wrist",), 0.146),
    (("R_Elbow",), ("R_Wrist",), 0.146),
    (("L_Hip",), ("L_Knee",), 0.245),
    (("R_Hip",), ("R_Knee",), 0.245),
    (("L_Knee",), ("L_Ankle",), 0.246),
    (("R_Knee",), ("R_Ankle",), 0.246),
)
#: A segment's part across the line of sight is at least this share of its length: depths are
#: estimates too, and may say more than the segment is long.
MIN_ACROSS = 0.1
#: The nearest that a joint can be to the camera.
MIN_JOINT_DEPTH_MM = 100.0
#: Rounds of the placement; each gets at least four times nearer, see the tests.
PLACEMENT_ROUNDS = 12


@functools.cache
def smoothing_matrix(num_cells: int, sigma_cells: float) -> NDArray[np.float32]:
    """(C, C), read-only, that smooths values at C cells; a row is a Gaussian's bell, of height 1.

    What is less than a float32 of 1 can tell is 0: products with the far end of the bell are
    denormal numbers, which processors are slow with.

    Args:
        num_cells: C, along one axis of the picture's cells.
        sigma_cells: the Gaussian's deviation.
    """
    cells = np.arange(num_cells)
    distance = (cells[:, None] - cells) / sigma_cells
    matrix = np.exp(-(distance**2) / 2).astype(np.float32)
    matrix[matrix < np.finfo(np.float32).eps] = 0
    matrix.setflags(write=False)
    return matrix


def _sharpened(plane: FloatArray) -> FloatArray:
    """(N, J, H, W) probabilities, smoothed and raised to a high power, that sum to 1 again."""
    height, width = plane.shape[2:]
    sigma_cells = PEAK_SIGMA * width
    peak = smoothing_matrix(height, sigma_cells) @ plane @ smoothing_matrix(width, sigma_cells)
    peak /= peak.max(axis=(2, 3), keepdims=True)
    for _ in range(PEAK_SQUARINGS):
        peak *= peak
    return peak / peak.sum(axis=(2, 3), keepdims=True)


def decode_heatmaps(
    heatmaps: FloatArray, num_joints: int, position: Position = "mean"
) -> tuple[FloatArray, FloatArray]:
    """Heat-maps of a file exported without its head → cells and scores, as the head gives them.

    See ``models.head`` for what they mean. It is done in float32, which an app does as well.

    Args:
        heatmaps: (N, J·D, H, W) logits, channel = joint · D + depth.
        num_joints: J.
        position: how x and y follow, as the file's JSON says.

    Returns:
        (N, J, 3) x, y, z in cells and (N, J) scores in 0…1.

    Raises:
        UserError: the channels cannot be J joints of whole depth.
    """
    batch, channels, height, width = heatmaps.shape
    if channels % num_joints:
        raise UserError(f"heat-maps of {channels} channels do not hold {num_joints} joints")
    logits = heatmaps.astype(np.float32).reshape(batch, num_joints, -1, height * width)
    p = np.exp(logits - logits.max(axis=(2, 3), keepdims=True))
    p /= p.sum(axis=(2, 3), keepdims=True)
    plane = p.sum(axis=2).reshape(batch, num_joints, height, width)
    located = plane if position == "mean" else _sharpened(plane)
    cells = np.stack(
        [
            located.sum(axis=2) @ np.arange(width, dtype=np.float32),
            located.sum(axis=3) @ np.arange(height, dtype=np.float32),
            p.sum(axis=3) @ np.arange(p.shape[2], dtype=np.float32),
        ],
        axis=-1,
    )
    columns = np.arange(width) - cells[..., 0:1]
    rows = np.arange(height) - cells[..., 1:2]
    distance_squared = rows[..., :, None] ** 2 + columns[..., None, :] ** 2
    mass = (plane * (distance_squared <= (SCORE_RADIUS * width) ** 2)).sum(axis=(2, 3))
    return cells, np.minimum(mass / np.float32(SURE_MASS), 1)


def cells_to_photo(
    cells: FloatArray,
    affine: FloatArray,
    *,
    grid: tuple[int, int, int],
    crop_px: int,
    depth_range_mm: float,
) -> tuple[FloatArray, FloatArray]:
    """Grid cells of one crop → pixels in the photo and depth behind the root.

    Args:
        cells: (J, 3) x, y, z.
        affine: (2, 3) map from photo to crop, see :func:`~mobilehumanpose.geometry.crop_affine`.
        grid: cells along (x, y, z).
        crop_px: side of the crop.
        depth_range_mm: depth that the grid spans, with the root in the middle.

    Returns:
        (J, 2) px and (J,) mm.
    """
    crop_px_xy = cells[:, :2] * (crop_px / np.array(grid[:2]))
    depth_mm = (cells[:, 2] / grid[2] - 0.5) * depth_range_mm
    return apply_affine(crop_px_xy, invert_affine(affine)), depth_mm


def place_in_camera(
    keypoints_px: FloatArray,
    depth_mm: FloatArray,
    scores: FloatArray,
    *,
    skeleton: Skeleton,
    camera: Camera,
    stature_mm: float = DEFAULT_STATURE_MM,
) -> FloatArray:
    """Camera-space joints from 2D, depth behind the root, intrinsics and the person's stature.

    In turns: seen from the present guess of the root's distance, the pose is widened or narrowed
    across the line of sight until its segments have the lengths that the stature asks for; then
    :func:`~mobilehumanpose.geometry.fit_translation` moves it to where it projects onto its 2D
    joints. Segments that lie across the line of sight count most: they show their length best.
    The result projects exactly onto ``keypoints_px`` and keeps ``depth_mm`` between its joints;
    for a body of the assumed proportions and noise-free input it is the truth. A person of
    another stature comes out at a distance that is wrong by that ratio.

    Args:
        keypoints_px: (J, 2).
        depth_mm: (J,) behind the root.
        scores: (J,) 0…1.
        skeleton: the joint set; it must have the twelve limb joints and a root.
        camera: the intrinsics.
        stature_mm: standing height of the person.

    Returns:
        (J, 3) mm.

    Raises:
        UserError: the stature is not positive, or the joint set lacks limb joints or a root.
    """
    if not 100 <= stature_mm <= 3000:  # also refuses NaN
        raise UserError(f"stature {stature_mm} mm: 100 to 3000 mm are possible")
    if skeleton.root is None:
        raise UserError(f"joint set {skeleton.name!r} has no root joint to place")
    ends = _segment_ends(skeleton)
    length_mm = _SHARES * stature_mm
    # A segment is as sure as its less sure end; never quite zero, so that something is solved.
    joint_weight = np.maximum(scores, 1e-3)
    weight = (ends @ joint_weight).min(axis=0)

    # Seen from the root's distance Z, joint j lies at ray_j·(Z + depth_j) across the line of sight.
    # All else follows from Z in a handful of sums, so that a round is a few plain numbers: a
    # segment's length across, squared, is a polynomial of Z, and of the least squares of
    # fit_translation one number remains: the joints' depth, those far off the middle counting most.
    rays = (keypoints_px - np.asarray(camera.center_px)) / camera.focal_px
    lifted = rays * depth_mm[:, None]
    spread_depth_mm = float(np.vdot(distance_weights(rays, joint_weight), lifted))
    along = (ends[1] - ends[0]) @ np.column_stack([rays, lifted, depth_mm])
    near, shift = along[:, :2], along[:, 2:4]
    across = np.stack([near * near, 2 * near * shift, shift * shift]).sum(axis=2)  # of Z², Z, 1
    across_wanted = np.maximum(length_mm**2 - along[:, 4] ** 2, (MIN_ACROSS * length_mm) ** 2)
    weighted = across * weight
    wanted = (weighted @ across_wanted).tolist()
    # The square of a quadratic polynomial, by the products of its terms.
    (aa, ab, ac), (_, bb, bc), (_, _, cc) = (weighted @ across.T).tolist()
    had = (aa, 2 * ab, 2 * ac + bb, 2 * bc, cc)

    nearest_mm = MIN_JOINT_DEPTH_MM - float(depth_mm.min())
    root_depth_mm = max(nearest_mm, 2 * stature_mm)
    for _ in range(PLACEMENT_ROUNDS):
        # Least squares for s² in Σ w (s² across − wanted)².
        denominator = _polynomial(had, root_depth_mm)
        if denominator <= 0:
            raise UserError("a pose whose joints all lie on one pixel cannot be placed")
        widen = math.sqrt(_polynomial(wanted, root_depth_mm) / denominator)
        root_depth_mm = max(nearest_mm, widen * (root_depth_mm + spread_depth_mm) - spread_depth_mm)
    return back_project(keypoints_px, root_depth_mm + depth_mm, camera)


def _polynomial(coefficients: Iterable[float], x: float) -> float:
    """Its value, by Horner's rule; the highest power comes first."""
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value


_SHARES = np.array([share for _, _, share in SEGMENTS])


@functools.cache
def _segment_ends(skeleton: Skeleton) -> FloatArray:
    """(2, S, J) weights that take the joints to the first and to the second end of each segment."""
    matrix = np.zeros((2, len(SEGMENTS), skeleton.num_joints))
    for row, (first, second, _) in enumerate(SEGMENTS):
        for end, names in enumerate((first, second)):
            matrix[end, row, skeleton.indices(names)] = 1 / len(names)
    return matrix
