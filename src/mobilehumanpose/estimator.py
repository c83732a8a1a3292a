"""A photograph in, people out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .decode import DEFAULT_STATURE_MM, place_in_camera
from .errors import UserError
from .geometry import DEFAULT_FOV_DEGREES, Camera, checked_box, process_bbox
from .media import checked_image, load_photo
from .results import Pose
from .runtime import PoseNetwork
from .views import Sight, View, find_person, look_upright
from .weights import DEFAULT_MODEL, model_path


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
            sights = [find_person(self.network, photo)]
        else:
            views = [View(_square(box, number, size)) for number, box in enumerate(boxes)]
            sights = look_upright(self.network, photo, views)
        return [self._pose(sight, camera, is_assumed) for sight in sights]

    def _pose(self, sight: Sight, camera: Camera, is_assumed: bool) -> Pose:
        skeleton = self.network.skeleton
        keypoints_mm = place_in_camera(
            sight.keypoints_px,
            # The root's depth is zero by definition; the network's answer for it is its error.
            sight.depth_mm - sight.depth_mm[skeleton.root],
            sight.scores,
            skeleton=skeleton,
            camera=camera,
            stature_mm=self.stature_mm,
        )
        return Pose(
            keypoints_px=sight.keypoints_px,
            keypoints_mm=keypoints_mm,
            root_relative_mm=keypoints_mm - keypoints_mm[skeleton.root],
            scores=sight.scores,
            box_xywh=sight.view.square_xywh,
            skeleton=skeleton,
            camera=camera,
            camera_is_assumed=is_assumed,
        )


def _square(box: ArrayLike, number: int, size: tuple[int, int]) -> NDArray[np.floating]:
    checked = checked_box(box, f"box {number}")
    square = process_bbox(checked, size)
    if square is None:
        raise UserError(
            f"box {number} {checked.tolist()} lies outside the picture of {size[0]}×{size[1]} px"
        )
    return square
