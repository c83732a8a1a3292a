"""The poses of a video as one JSON file, written while it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import parse_json
from .media import replacing
from .results import Pose, pose_from_dict, pose_to_dict
from .video import VideoInfo

FORMAT = "mobilehumanpose-video-poses"
FORMAT_VERSION = 1
#: A century.
MAX_TIME_S = 3.2e9
#: What all poses of a video have in common stands once, with the first of them.
SHARED_FIELDS = ("joint_set", "joint_names", "edges", "camera")


@contextmanager
def video_poses_writer(
    path: Path, info: VideoInfo, model: str
) -> Iterator[Callable[[float, Sequence[Pose]], None]]:
    """Write a video's poses, a line for each frame; memory does not grow with its length.

    The context gives a function that adds one frame: its time in seconds and its poses. The file
    appears when the context is left, and never after an exception.

    Raises:
        UserError: the file cannot be written, or a pose holds a number that is not finite.
    """
    head = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "video": info.path.name,
        "image_size_px": list(info.size),
        "frame_rate": float(info.frame_rate),
        "model": model,
    }
    shared: dict[str, object] = {}
    separator = "\n"
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "frames": [')

        def write(time_s: float, poses: Sequence[Pose]) -> None:
            nonlocal separator
            people = [pose_to_dict(pose, number) for number, pose in enumerate(poses)]
            for person in people:
                shared.update((name, person.pop(name)) for name in SHARED_FIELDS)
            frame = {"time_s": round(time_s, 6), "people": people}
            text = json.dumps(frame, allow_nan=False, separators=(",", ":"))
            file.write(separator + text)
            separator = ",\n"

        yield write
        file.write('\n], "shared": ' + json.dumps(shared) + "}\n")


def video_poses_from_json(text: str, source: str) -> list[tuple[float, list[Pose]]]:
    """Read what :func:`video_poses_writer` wrote: the time in seconds and the poses of each frame.

    Args:
        text: the file's.
        source: names it in errors.

    Raises:
        UserError: it is no such text, or a field has the wrong shape.
    """
    document = parse_json(text, source)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{source}: field 'format' is not {FORMAT!r}")
    if document.get("format_version") != FORMAT_VERSION:
        raise UserError(
            f"{source}: format_version is {document.get('format_version')!r}; "
            f"{FORMAT_VERSION} can be read"
        )
    frames, shared = document.get("frames"), document.get("shared")
    if not isinstance(frames, list) or not isinstance(shared, dict):
        raise UserError(f"{source}: field 'frames' is no list, or 'shared' no object")
    read = [_frame(frame, shared, f"{source}: frame {i}") for i, frame in enumerate(frames)]
    for i, ((before_s, _), (time_s, _)) in enumerate(pairwise(read), 1):
        if time_s <= before_s:
            raise UserError(f"{source}: frame {i}: time_s is {time_s}, not after {before_s}")
    return read


def _frame(frame: object, shared: dict, source: str) -> tuple[float, list[Pose]]:
    if not isinstance(frame, dict) or not isinstance(frame.get("people"), list):
        raise UserError(f"{source}: field 'people' is no list")
    time_s: Any = frame.get("time_s")
    is_number = isinstance(time_s, int | float) and not isinstance(time_s, bool)
    if not is_number or not -MAX_TIME_S < time_s < MAX_TIME_S:
        raise UserError(f"{source}: time_s is {time_s!r:.40}, no time of a video")
    poses = [
        pose_from_dict(
            shared | person if isinstance(person, dict) else person,
            f"{source}: person {i}",
            time_s=float(time_s),
        )
        for i, person in enumerate(frame["people"])
    ]
    return float(time_s), poses
