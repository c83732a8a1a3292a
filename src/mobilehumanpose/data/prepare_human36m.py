"""From the raw Human3.6M release to 3DMPPE's layout.

The release has, for each subject, joints in world space as ``.cdf`` files and a video of each
camera; ``metadata.xml`` names the sequences and holds all cameras, with their centres C. The
written cameras have the translation t = −R·C, which the original's reader expects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..geometry import project
from ..media import make_folder, write_file
from .human36m import ACTIONS
from .human36m_cameras import StudioCamera
from .human36m_raw import RawSequence, read_sequences

SUBJECTS = (1, 5, 6, 7, 8, 9, 11)
#: Frames that either protocol trains on or tests.
STRIDES = (5, 64)
JPEG_QUALITY = 95
#: Boxes reach this much beyond the joints, as in the distributed files.
BOX_ENLARGEMENT = 1.2
#: People leave the picture for moments at most; by a wrong camera they are not in it at all.
MIN_SHARE_IN_PICTURE = 0.5

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class PreparedHuman36M:
    """What was written.

    Attributes:
        num_images: over all subjects.
        notes: sequences whose videos end before their labels.
    """

    num_images: int
    notes: tuple[str, ...]


def prepare_human36m(
    raw: Path,
    data_root: Path,
    *,
    subjects: Sequence[int] = SUBJECTS,
    strides: Sequence[int] = STRIDES,
    progress: Progress | None = None,
) -> PreparedHuman36M:
    """Write ``Human36M/annotations`` and ``Human36M/images``.

    Pictures that are there already are kept, so that a stopped run can go on. Image numbers count
    all frames of all the subjects, as in the distributed files; they agree with these only if all
    subjects are prepared.

    Args:
        raw: folder with ``metadata.xml`` and ``S1`` … ``S11``.
        data_root: the folder that gets ``Human36M`` in it.
        subjects: who is prepared.
        strides: frames whose number (from 0) is a multiple of one of these are taken.
        progress: is told the name of each sequence before it is worked on.

    Raises:
        UserError: a file is absent or not what it should be, or a folder cannot be written to.
    """
    folder = data_root / "Human36M"
    make_folder(folder / "annotations")
    first_id, num_images = 0, 0
    notes: list[str] = []
    for subject in subjects:
        files = _SubjectFiles()
        for sequence in read_sequences(raw, subject):
            if progress:
                progress(sequence.name)
            frames = _taken(len(sequence.world_mm), strides)
            _check_camera(sequence)
            written = _write_frames(sequence, frames, folder / "images")
            if len(written) < len(frames):
                lost = len(frames) - len(written)
                notes.append(f"{sequence.video}: ends before its labels; {lost} frames left out")
            files.add(sequence, written, first_id)
            first_id += len(sequence.world_mm)
        files.write(folder / "annotations", subject)
        num_images += len(files.images)
    return PreparedHuman36M(num_images=num_images, notes=tuple(notes))


def _taken(num_frames: int, strides: Sequence[int]) -> list[int]:
    return [n for n in range(num_frames) if any(n % stride == 0 for stride in strides)]


def _check_camera(sequence: RawSequence) -> None:
    """Refuse a camera by which the people are not in its picture: a mix-up of conventions."""
    points_mm = sequence.camera.joints_mm(sequence.world_mm)
    points_px = project(points_mm, sequence.camera.intrinsics)
    inside = _in_picture(points_px, sequence.image_size) & (points_mm[..., 2] > 0)
    if inside.mean() < MIN_SHARE_IN_PICTURE:
        raise UserError(
            f"{sequence.video}: by its camera in metadata.xml only {inside.mean():.0%} of the "
            "joints lie in the picture; nearly all should"
        )


def _in_picture(points_px: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(((points_px >= 0) & (points_px < size)).all(axis=-1))


def _write_frames(sequence: RawSequence, frames: list[int], folder: Path) -> list[int]:
    """Write the video's frames that are not there yet; tells which of them the video has."""
    paths = {frame: folder / sequence.file_name(frame) for frame in frames}
    missing = {frame for frame, path in paths.items() if not path.exists()}
    if not missing:
        return frames
    make_folder(folder / sequence.name)
    video = cv2.VideoCapture(str(sequence.video))
    try:
        for frame in range(max(frames) + 1):
            if not video.grab():
                return [earlier for earlier in frames if earlier < frame]
            if frame in missing:
                decoded, image = video.retrieve()
                if not decoded:
                    raise UserError(f"{sequence.video}: frame {frame} cannot be decoded")
                options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
                _, encoded = cv2.imencode(".jpg", image, options)
                write_file(paths[frame], encoded.tobytes())
    finally:
        video.release()
    return frames


class _SubjectFiles:
    """The three annotation files of one subject, as they grow by its sequences."""

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.cameras: dict[str, Any] = {}
        self.joints: dict[str, dict[str, dict[str, Any]]] = {}

    def add(self, sequence: RawSequence, frames: list[int], first_id: int) -> None:
        """Add the frames of a sequence whose frame 0 has the number ``first_id``."""
        subject, action, subaction, number = sequence.number
        self.cameras.setdefault(str(number), _camera_fields(sequence.camera))
        by_frame = self.joints.setdefault(str(action), {}).setdefault(str(subaction), {})
        world_mm = sequence.world_mm[frames]
        points_px = project(sequence.camera.joints_mm(world_mm), sequence.camera.intrinsics)
        visible = _in_picture(points_px, sequence.image_size)
        low, high = points_px.min(axis=1), points_px.max(axis=1)
        size = (high - low - 1) * BOX_ENLARGEMENT
        boxes = np.concatenate([(low + high - size) / 2, size], axis=1)
        for at, frame in enumerate(frames):
            image_id = first_id + frame
            self.images.append(
                {
                    "id": image_id,
                    "file_name": sequence.file_name(frame),
                    "width": sequence.image_size[0],
                    "height": sequence.image_size[1],
                    "subject": subject,
                    "action_name": ACTIONS[action],
                    "action_idx": action,
                    "subaction_idx": subaction,
                    "cam_idx": number,
                    "frame_idx": frame,
                }
            )
            self.annotations.append(
                {
                    "id": image_id,
                    "image_id": image_id,
                    "keypoints_vis": visible[at].tolist(),
                    "bbox": boxes[at].tolist(),
                }
            )
            by_frame[str(frame)] = world_mm[at].tolist()

    def write(self, folder: Path, subject: int) -> None:
        """Write the files."""
        data = {"images": self.images, "annotations": self.annotations}
        for kind, content in (
            ("data", data),
            ("camera", self.cameras),
            ("joint_3d", self.joints),
        ):
            path = folder / f"Human36M_subject{subject}_{kind}.json"
            write_file(path, json.dumps(content).encode())


def _camera_fields(camera: StudioCamera) -> dict[str, Any]:
    return {
        "R": camera.rotation.tolist(),
        "t": camera.translation_mm.tolist(),
        "f": list(camera.intrinsics.focal_px),
        "c": list(camera.intrinsics.center_px),
    }
