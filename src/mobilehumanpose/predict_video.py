"""From a video file to an overlay video and a file of poses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import cv2

from .bvh_file import bvh_writer
from .draw import draw_poses
from .estimator import FRAMES_AHEAD, PoseEstimator
from .geometry import Camera
from .pipeline import Behind, ahead
from .results import Pose
from .tables import AddFrame, csv_writer, trc_writer
from .video import Frame, VideoInfo, VideoReader, video_writer
from .video_results import video_poses_writer

#: Frames that wait to be drawn and encoded.
FRAMES_BEHIND = 4


@dataclass(frozen=True, kw_only=True)
class VideoSummary:
    """What came of a video.

    Attributes:
        num_frames: how many were read.
        num_with_person: in how many of them somebody was seen.
        mean_score: of those poses; 0 without any.
        damage: why the video could not be read to its end, if so.
    """

    num_frames: int
    num_with_person: int
    mean_score: float
    damage: str | None


def predict_video(
    estimator: PoseEstimator,
    reader: VideoReader,
    targets: dict[str, Path],
    *,
    model: str,
    camera: Camera | None = None,
    progress: Callable[[], None] = lambda: None,
) -> VideoSummary:
    """Follow a person through a video and write what is asked for.

    Reading, the network, and drawing with encoding each have threads of their own. The files
    appear together when all is done; of a damaged video they hold what comes before the damage.

    Args:
        estimator: does the work.
        reader: the video.
        targets: files to write by kind, ``mp4`` (the overlay), ``json``, ``csv``,
            ``trc`` or ``bvh``.
        model: its name, for the file of poses.
        camera: the intrinsics.
        progress: called after each frame.

    Raises:
        UserError: a file cannot be written.
    """
    num_frames = num_with_person = 0
    sum_of_scores = 0.0
    with ExitStack() as stack:
        # The stages fill the cores already; OpenCV's own threads would only wait for each other.
        stack.callback(cv2.setNumThreads, cv2.getNumThreads())
        cv2.setNumThreads(1)
        sinks: list[Callable[[Frame, Sequence[Pose]], None]] = []
        for kind, writer in _pose_files(estimator, reader.info, model).items():
            if kind in targets:
                sinks.append(_frame_sink(stack.enter_context(writer(targets[kind]))))
        if "mp4" in targets:
            write = stack.enter_context(video_writer(targets["mp4"], reader.info))
            later = stack.enter_context(Behind(FRAMES_BEHIND))

            def draw(frame: Frame, poses: Sequence[Pose]) -> None:
                write(draw_poses(frame.image_rgb, poses), frame.time_s)

            sinks.append(lambda frame, poses: later(draw, frame, poses))
        frames = stack.enter_context(closing(ahead(iter(reader), FRAMES_AHEAD)))
        followed = stack.enter_context(closing(estimator.follow(frames, camera)))
        for frame, poses in followed:
            for sink in sinks:
                sink(frame, poses)
            num_frames += 1
            num_with_person += bool(poses)
            sum_of_scores += sum(float(pose.scores.mean()) for pose in poses)
            progress()
    return VideoSummary(
        num_frames=num_frames,
        num_with_person=num_with_person,
        mean_score=sum_of_scores / max(1, num_with_person),
        damage=reader.damage,
    )


def _pose_files(
    estimator: PoseEstimator, info: VideoInfo, model: str
) -> dict[str, Callable[[Path], AbstractContextManager[AddFrame]]]:
    """By kind, what writes a file of poses to a path."""
    skeleton, frame_rate = estimator.network.skeleton, float(info.frame_rate)
    return {
        "json": lambda path: video_poses_writer(path, info, model),
        "csv": lambda path: csv_writer(path, skeleton),
        "trc": lambda path: trc_writer(path, skeleton, frame_rate),
        "bvh": lambda path: bvh_writer(path, skeleton, frame_rate),
    }


def _frame_sink(add: AddFrame) -> Callable[[Frame, Sequence[Pose]], None]:
    return lambda frame, poses: add(frame.time_s, poses)
