"""Poses as tables: CSV for spreadsheets and statistics, TRC for programs of movement analysis."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from .angles import joint_angles_degrees
from .errors import UserError
from .media import replacing
from .results import Pose
from .skeleton import Skeleton

#: Adds the poses of a picture: its time in seconds, None for a photograph, and the poses.
AddPoses = Callable[[float | None, Sequence[Pose]], None]
#: The same of a video's frame, which has a time.
AddFrame = Callable[[float, Sequence[Pose]], None]
#: From the camera's axes, y down and z forward, to y up and z towards the camera.
TO_Y_UP = np.array([1.0, -1.0, -1.0])


@contextmanager
def csv_writer(path: Path, skeleton: Skeleton) -> Iterator[AddPoses]:
    """Write a row for each person in each picture: positions, scores and angles of the joints.

    Columns are ``frame`` (from 0), ``time_s`` (empty for photographs), ``person`` (the track in a
    video); for each joint ``<joint>_x_px``, ``…_y_px``, ``…_score``, and ``…_x_mm``, ``…_y_mm``,
    ``…_z_mm`` in camera space; and ``<angle>_degrees``, see :mod:`mobilehumanpose.angles`. A
    picture without people has no row. Memory does not grow with a video's length.

    The context gives a function that adds one picture's poses. The file appears when the context
    is left, and never after an exception.

    Raises:
        UserError: the file cannot be written, or a pose holds a number that is not finite.
    """
    no_body = np.zeros((skeleton.num_joints, 3))
    header = ["frame", "time_s", "person"]
    for joint in skeleton.joint_names:
        header += [f"{joint}_{column}" for column in ("x_px", "y_px", "score")]
        header += [f"{joint}_{axis}_mm" for axis in "xyz"]
    header += [f"{name}_degrees" for name in joint_angles_degrees(no_body, skeleton)]
    num_frames = 0
    with _text_file(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)

        def add(time_s: float | None, poses: Sequence[Pose]) -> None:
            nonlocal num_frames
            time = "" if time_s is None else f"{time_s:.6f}"
            for number, pose in enumerate(poses):
                person = number if pose.track_id is None else pose.track_id
                table.writerow([num_frames, time, person, *_cells(pose, f"person {person}")])
            num_frames += 1

        yield add


def _cells(pose: Pose, who: str) -> Iterator[str]:
    for point_px, score, point_mm in zip(
        finite(pose.keypoints_px, f"{who}: keypoints_px"),
        finite(pose.scores, f"{who}: scores"),
        finite(pose.keypoints_mm, f"{who}: keypoints_mm"),
        strict=True,
    ):
        yield from (f"{value:.2f}" for value in point_px)
        yield f"{score:.4f}"
        yield from (f"{value:.2f}" for value in point_mm)
    for degrees in joint_angles_degrees(pose.keypoints_mm, pose.skeleton).values():
        yield "" if np.isnan(degrees) else f"{degrees:.2f}"


@contextmanager
def trc_writer(path: Path, skeleton: Skeleton, frame_rate: float) -> Iterator[AddFrame]:
    """Write the first person's joints over a video as markers' trajectories in OpenSim's TRC.

    Millimetres around the camera, with x to the right, y up and z towards the camera, as OpenSim
    has it. In pictures without people the markers are ``nan``, which OpenSim writes and reads for
    missing ones. Times are those of the video's own clock.

    The format is described in OpenSim's documentation, "Marker (.trc) Files".

    The context gives a function that adds one picture's poses. The file appears when the context
    is left, and never after an exception.

    Raises:
        UserError: the file cannot be written, or a pose holds a number that is not finite.
    """
    num_frames = 0
    with ExitStack() as stack:
        file = stack.enter_context(_text_file(path))
        # How many pictures there are stands at the beginning, and is known at the end.
        rows = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline=""))

        def add(time_s: float, poses: Sequence[Pose]) -> None:
            nonlocal num_frames
            num_frames += 1
            cells = ["nan"] * (3 * skeleton.num_joints)
            if poses:
                points_mm = finite(poses[0].keypoints_mm, "keypoints_mm") * TO_Y_UP
                cells = [f"{value:.3f}" for value in points_mm.ravel()]
            rows.write("\t".join([str(num_frames), f"{time_s:.6f}", *cells]) + "\n")

        yield add
        rows.seek(0)
        file.write(_trc_head(path.name, skeleton, frame_rate, num_frames))
        shutil.copyfileobj(rows, file)


def _trc_head(name: str, skeleton: Skeleton, frame_rate: float, num_frames: int) -> str:
    # Names of files may hold what no text can, and tabs, which part cells here.
    name = " ".join(name.encode("utf-8", "backslashreplace").decode().split())
    rate, markers = f"{frame_rate:.6f}", skeleton.joint_names
    axes = [f"{axis}{number}" for number in range(1, len(markers) + 1) for axis in "XYZ"]
    lines = [
        ["PathFileType", "4", "(X/Y/Z)", name],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"]
        + ["OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"],
        [rate, rate, str(num_frames), str(len(markers)), "mm", rate, "1", str(num_frames)],
        ["Frame#", "Time", *(cell for marker in markers for cell in (marker, "", ""))],
        ["", "", *axes],
        [],
    ]
    return "".join("\t".join(line) + "\n" for line in lines)


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield file


def finite(values: NDArray[np.floating], what: str) -> NDArray[np.floating]:
    """The values.

    Raises:
        UserError: one is not finite; ``what`` names them.
    """
    if not np.isfinite(values).all():
        raise UserError(f"{what} holds a number that is not finite")
    return values
