"""A photograph in, people out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .decode import DEFAULT_STATURE_MM, cells_to_photo, place_in_camera
from .errors import UserError
from .geometry import (
    DEFAULT_FOV_DEGREES,
    Camera,
    checked_box,
    crop_affine,
    process_bbox,
    tight_box,
    warp_crop,
)
from .media import checked_image, load_photo
from .results import Pose
from .runtime import PoseNetwork
from .weights import DEFAULT_MODEL, model_path

#: How often a found pose gives the box for another look, when nobody gave one.
MAX_REFINEMENTS = 3
#: A portrait ends at the chest. Its body is looked for in a square this much larger than the
#: picture, with the head near its top: networks know whole people better than giants.
PORTRAIT_SCALE = 2.5
PORTRAIT_TOP = 0.08
#: A box that overlaps its predecessor by this much has settled.
SETTLED_IOU = 0.9
#: Joints below this score do not decide where the person is.
BOX_MIN_SCORE = 0.3
#: The joints around which a box is drawn, at least; fewer sure ones are no person's extent.
BOX_MIN_JOINTS = 4


class PoseEstimator:
    """Finds people's poses in photographs.

    >>> from mobilehumanpose import PoseEstimator
    >>> estimator = PoseEstimator()
    >>> poses = estimator("examples/astronaut.jpg")
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        stature_mm: float = DEFAULT_STATURE_MM,
        num_threads: int | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: name of a bundled model, or path of an ``.onnx`` file.
            stature_mm: standing height of the people in the pictures; how far away they are
                follows from it, see :func:`mobilehumanpose.decode.place_in_camera`.
            num_threads: of the network; all cores when None.

        Raises:
            UserError: there is no such model, or it is damaged.
        """
        self.network = PoseNetwork(model_path(model), num_threads=num_threads)
        self.stature_mm = stature_mm

    def __call__(
        self,
        image: str | Path | NDArray[np.uint8],
        boxes: Sequence[ArrayLike] | NDArray[np.floating] | None = None,
        camera: Camera | None = None,
    ) -> list[Pose]:
        """Estimate the poses in one photograph.

        Args:
            image: path, or (H, W, 3) uint8 RGB array.
            boxes: xywh in px around each person. Without them one person is looked for: in the
                whole picture first, then again in the box around what was found until it settles.
            camera: the intrinsics; without them a field of view of 55° across the longer side is
                assumed, and the poses say so.

        Returns:
            A pose for each box, in order.

        Raises:
            UserError: the picture cannot be read, or a box does not lie in it.
        """
        photo = checked_image(image if isinstance(image, np.ndarray) else load_photo(Path(image)))
        size = (photo.shape[1], photo.shape[0])
        is_assumed = camera is None
        camera = camera or Camera.from_fov(DEFAULT_FOV_DEGREES, size)
        if boxes is None:
            crops = self._settled_crop(photo)
        else:
            crops = [_crop_box(box, number, size) for number, box in enumerate(boxes)]
        return [
            self._pose(keypoints_px, depth_mm, scores, crop, camera, is_assumed)
            for crop, (keypoints_px, depth_mm, scores) in zip(
                crops, self._look(photo, crops), strict=True
            )
        ]

    def _settled_crop(self, photo: NDArray[np.uint8]) -> list[NDArray[np.floating]]:
        """The crop around the one person of a picture, as a list of one."""
        size = (photo.shape[1], photo.shape[0])
        candidates = _search_squares(size)
        looks = self._look(photo, candidates)
        best = int(np.argmax([scores.mean() for _, _, scores in looks]))
        crop, (keypoints_px, _, scores) = candidates[best], looks[best]
        for _ in range(MAX_REFINEMENTS):
            sure = scores >= BOX_MIN_SCORE
            if sure.sum() < BOX_MIN_JOINTS:
                break
            tighter = process_bbox(tight_box(keypoints_px[sure]), size)
            if tighter is None or _iou(crop, tighter) > SETTLED_IOU:
                break
            closer_keypoints_px, _, closer_scores = self._look(photo, [tighter])[0]
            if closer_scores.mean() < scores.mean():
                break  # a closer look that sees less cut something off
            crop, keypoints_px, scores = tighter, closer_keypoints_px, closer_scores
        return [crop]

    def _look(
        self, photo: NDArray[np.uint8], crops: Sequence[NDArray[np.floating]]
    ) -> list[tuple[NDArray, NDArray, NDArray]]:
        """Joints in px, depth in mm and scores for each square of the photo."""
        if not crops:
            return []
        description = self.network.description
        side = description.input_px
        affines = [crop_affine(crop, side) for crop in crops]
        pixels = np.stack([warp_crop(photo, affine, side) for affine in affines])
        cells, scores = self.network(pixels)
        return [
            (
                *cells_to_photo(
                    cells[i].astype(np.float64),
                    affine,
                    grid=description.grid,
                    crop_px=side,
                    depth_range_mm=description.depth_range_mm,
                ),
                scores[i].astype(np.float64),
            )
            for i, affine in enumerate(affines)
        ]

    def _pose(
        self,
        keypoints_px: NDArray,
        depth_mm: NDArray,
        scores: NDArray,
        crop: NDArray[np.floating],
        camera: Camera,
        is_assumed: bool,
    ) -> Pose:
        skeleton = self.network.skeleton
        # The root's depth is zero by definition; the network's answer for it is its error.
        depth_mm = depth_mm - depth_mm[skeleton.root]
        keypoints_mm = place_in_camera(
            keypoints_px,
            depth_mm,
            scores,
            skeleton=skeleton,
            camera=camera,
            stature_mm=self.stature_mm,
        )
        return Pose(
            keypoints_px=keypoints_px,
            keypoints_mm=keypoints_mm,
            root_relative_mm=keypoints_mm - keypoints_mm[skeleton.root],
            scores=scores,
            box_xywh=crop,
            skeleton=skeleton,
            camera=camera,
            camera_is_assumed=is_assumed,
        )


def _crop_box(box: ArrayLike, number: int, size: tuple[int, int]) -> NDArray[np.floating]:
    checked = checked_box(box, f"box {number}")
    crop = process_bbox(checked, size)
    if crop is None:
        raise UserError(
            f"box {number} {checked.tolist()} lies outside the picture of {size[0]}×{size[1]} px"
        )
    return crop


def _search_squares(size: tuple[int, int]) -> list[NDArray[np.floating]]:
    """Squares to look for a person in.

    One around the whole picture, up to three of its shorter side, and one that reaches far below
    the picture, for a portrait.
    """
    longer, shorter = max(size), min(size)
    whole = np.array([(size[0] - longer) / 2, (size[1] - longer) / 2, longer, longer])
    offsets = np.linspace(0, longer - shorter, 3 if longer > 1.2 * shorter else 1)
    along_x = size[0] >= size[1]
    squares = [
        np.array([o if along_x else 0.0, 0.0 if along_x else o, shorter, shorter]) for o in offsets
    ]
    side = PORTRAIT_SCALE * longer
    portrait = np.array([(size[0] - side) / 2, -PORTRAIT_TOP * side, side, side])
    return [whole, *squares, portrait]


def _iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Overlap of two xywh boxes: intersection over union."""
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(first[2:]) + np.prod(second[2:])) - shared
    return shared / union if union > 0 else 0.0
