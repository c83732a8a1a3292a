"""A photograph or a video in, people out."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .close_look import look_closely
from .decode import DEFAULT_STATURE_MM, place_in_camera
from .errors import UserError
from .geometry import DEFAULT_FOV_DEGREES, Camera, square_to_crop
from .media import checked_image, load_photo
from .pipeline import ahead
from .results import Pose
from .runtime import PoseNetwork
from .smoothing import PoseSmoother
from .tracking import LOOKS_AT_ONCE, follow_person
from .video import Frame, VideoReader
from .views import Sight, View, find_person, look_upright
from .weights import DEFAULT_MODEL, model_path

#: Frames of a video that are decoded before they are needed.
FRAMES_AHEAD = 4
#: Whoever is found in a photograph without a box has at least this mean score, or nobody is there.
#: Less than in videos: a photograph is mostly of somebody, and there is no next frame. Measured by
#: benchmarks/search_accuracy.py and benchmarks/tracking_scores.py.
MIN_SIGHT_SCORE = 0.35


class PoseEstimator:
    """Finds people's poses in photographs and videos.

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
        closely: bool | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: name of a bundled model, or path of an ``.onnx`` file.
            stature_mm: standing height of the people in the pictures; how far away they are
                follows from it, see :func:`mobilehumanpose.decode.place_in_camera`.
            num_threads: of the network; all cores when None.
            closely: take the further looks of :mod:`mobilehumanpose.close_look`, which make joints
                better and are nine more for the network; at photographs and not at the frames of
                videos when None.

        Raises:
            UserError: there is no such model, or it is damaged.
        """
        self._model_path = model_path(model)
        self._num_threads = num_threads
        self.network = PoseNetwork(self._model_path, num_threads=num_threads)
        self.stature_mm = stature_mm
        self.closely = closely

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
            A pose for each box, in order, however sure it is; without boxes one pose, or none if
            nobody is seen (a mean score below ``MIN_SIGHT_SCORE``).

        Raises:
            UserError: the picture cannot be read, or a box does not lie in it.
        """
        photo = load_photo(Path(image)) if isinstance(image, str | Path) else checked_image(image)
        size = (photo.shape[1], photo.shape[0])
        is_assumed = camera is None
        camera = camera or Camera.from_fov(DEFAULT_FOV_DEGREES, size)
        if boxes is None:
            found = find_person(self.network, photo)
            sights = [found] if found.score >= MIN_SIGHT_SCORE else []
        else:
            views = [
                View(square_to_crop(box, size, f"box {number}")) for number, box in enumerate(boxes)
            ]
            sights = look_upright(self.network, photo, views)
        if self.closely is not False:
            sights = look_closely(self.network, photo, sights)
        return [self._pose(sight, camera, is_assumed) for sight in sights]

    def track(
        self, source: str | Path, camera: Camera | None = None, *, smooth: bool = True
    ) -> Generator[tuple[NDArray[np.uint8], list[Pose]], None, None]:
        """Estimate the pose of one person over a video, frame by frame while it is read.

        Args:
            source: path of a video file.
            camera: the intrinsics, as for a photograph.
            smooth: take the jitter out, see :mod:`mobilehumanpose.smoothing`.

        Yields:
            Every frame, (H, W, 3) uint8 RGB, with its poses: one that has a ``track_id`` and a
            ``time_s``, or none where nobody is seen.

        Raises:
            UserError: the video cannot be read, or, after the frames before it, a part of it.
        """
        reader = VideoReader(Path(source))
        with closing(ahead(iter(reader), FRAMES_AHEAD)) as frames:
            for frame, poses in self.follow(frames, camera, smooth=smooth):
                yield frame.image_rgb, poses
        if reader.damage:
            raise UserError(reader.damage)

    def follow(
        self, frames: Iterable[Frame], camera: Camera | None = None, *, smooth: bool = True
    ) -> Generator[tuple[Frame, list[Pose]], None, None]:
        """The same as :meth:`track` for frames that come from anywhere, with their times.

        Two frames are looked at side by side, so each comes back when the next is there.

        Raises:
            UserError: a frame is no RGB picture or of another size than the first, or its time
                does not come after the one before.
        """
        smoother: PoseSmoother | None = None
        track_id = None
        is_assumed = camera is None
        people = follow_person(
            self._one_look_network,
            _checked(frames),
            num_workers=min(LOOKS_AT_ONCE, self._all_threads),
        )
        with closing(people):
            for frame, sight, sight_id in people:
                if sight is None:
                    yield frame, []
                    continue
                if camera is None:
                    size = (frame.image_rgb.shape[1], frame.image_rgb.shape[0])
                    camera = Camera.from_fov(DEFAULT_FOV_DEGREES, size)
                if self.closely:
                    (sight,) = look_closely(self.network, frame.image_rgb, [sight])
                pose = replace(
                    self._pose(sight, camera, is_assumed),
                    track_id=sight_id,
                    time_s=frame.time_s,
                )
                if smooth:
                    if smoother is None or sight_id != track_id:
                        smoother, track_id = PoseSmoother(), sight_id
                    pose = smoother(pose, frame.time_s)
                yield frame, [pose]

    @property
    def _all_threads(self) -> int:
        return self._num_threads or os.cpu_count() or 1

    @cached_property
    def _one_look_network(self) -> PoseNetwork:
        """The network with its share of the threads, where several looks are taken at once."""
        share = max(1, self._all_threads // LOOKS_AT_ONCE)
        return PoseNetwork(self._model_path, num_threads=share)

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


def _checked(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames of one video: pictures of one size with rising times.

    Raises:
        UserError: they are not.
    """
    before: Frame | None = None
    for frame in frames:
        shape = checked_image(frame.image_rgb).shape
        if not math.isfinite(frame.time_s):
            raise UserError(f"time {frame.time_s} s of a frame is not finite")
        if before is not None:
            if frame.time_s <= before.time_s:
                raise UserError(f"time {frame.time_s} s does not come after {before.time_s} s")
            if shape != before.image_rgb.shape:
                raise UserError(
                    f"frame of shape {shape} at {frame.time_s} s: those before are "
                    f"{before.image_rgb.shape}"
                )
        yield frame
        before = frame
