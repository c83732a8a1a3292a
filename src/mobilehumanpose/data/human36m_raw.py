"""Sequences of Human3.6M from its raw release: joints, cameras and videos."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..geometry import Camera
from .annotations import leaves_folder
from .human36m import ACTIONS, DAMAGED
from .human36m_cameras import StudioCamera

SUBACTIONS = (1, 2)
CAMERAS = (1, 2, 3, 4)
#: Of the release's 32 joints the 17 that are used, in the order of ``HUMAN36M_18``. The others are
#: ends of hands and feet, and doubles.
USED_OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
#: Where joints in world space lie in a subject's folder: as archives unpack, or by their names.
POSE_FOLDERS = ("MyPoseFeatures/D3_Positions", "Poses_D3_Positions")
#: ``w0`` of metadata.xml: of each camera and each of 11 subjects three angles and the camera's
#: centre; after all of these, of each camera f, c, three radial and two tangential distortions.
NUM_SUBJECTS, NUM_EXTRINSICS, NUM_INTRINSICS = 11, 6, 9


@dataclass(frozen=True, kw_only=True)
class RawSequence:
    """What one camera saw of one performance.

    Attributes:
        number: subject, action, subaction, camera.
        world_mm: (N, 17, 3) joints in world space.
        camera: with its translation, not its centre.
        image_size: width and height in px.
        video: its file.
    """

    number: tuple[int, int, int, int]
    world_mm: NDArray[np.float64]
    camera: StudioCamera
    image_size: tuple[int, int]
    video: Path

    @property
    def name(self) -> str:
        """Its folder, e.g. ``s_01_act_02_subact_01_ca_01``."""
        return "s_{:02}_act_{:02}_subact_{:02}_ca_{:02}".format(*self.number)

    def file_name(self, frame: int) -> str:
        """The picture of a frame, which counts from 0; names count from 1."""
        return f"{self.name}/{self.name}_{frame + 1:06}.jpg"


def read_sequences(raw: Path, subject: int) -> Iterator[RawSequence]:
    """A subject's sequences, in the order of the distributed files, without the damaged one.

    Args:
        raw: folder with ``metadata.xml`` and ``S1`` … ``S11``.
        subject: whose.

    Raises:
        UserError: a file is absent or not what it should be.
    """
    metadata = _Metadata(raw / "metadata.xml")
    folder = raw / f"S{subject}"
    poses = next((folder / name for name in POSE_FOLDERS if (folder / name).is_dir()), None)
    if poses is None:
        raise UserError(f"{folder}: holds neither {POSE_FOLDERS[0]} nor {POSE_FOLDERS[1]}")
    for action in ACTIONS:
        for subaction in SUBACTIONS:
            prefix = metadata.prefix(subject, action, subaction)
            world_mm = read_cdf_joints(poses / f"{prefix}.cdf")
            for camera in CAMERAS:
                number = (subject, action, subaction, camera)
                if number == DAMAGED:
                    continue
                video = folder / "Videos" / f"{prefix}.{metadata.camera_ids[camera - 1]}.mp4"
                yield RawSequence(
                    number=number,
                    world_mm=world_mm,
                    camera=metadata.camera(subject, camera),
                    image_size=_video_size(video),
                    video=video,
                )


def read_cdf_joints(path: Path) -> NDArray[np.float64]:
    """(N, 17, 3) mm from a ``.cdf`` file of 32 joints in variable ``Pose``.

    Raises:
        UserError: cdflib is not installed, or the file is absent or holds something else.
    """
    try:
        import cdflib
    except ImportError:
        raise UserError(f"{path}: reading it takes cdflib; pip install cdflib") from None
    try:
        pose = np.asarray(cdflib.CDF(path).varget("Pose"), np.float64)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    # What cdflib raises for files that are none of its own differs from version to version.
    except Exception as error:  # noqa: BLE001
        raise UserError(f"{path}: cannot be read as poses: {error}") from None
    if pose.size == 0 or pose.shape[-1] != 96 or not np.isfinite(pose).all():
        raise UserError(f"{path}: 'Pose' of shape {pose.shape}; N × 96 finite numbers needed")
    return pose.reshape(-1, 32, 3)[:, USED_OF_32]


def _video_size(path: Path) -> tuple[int, int]:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    video = cv2.VideoCapture(str(path))
    try:
        width = int(video.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    finally:
        video.release()
    if min(width, height) < 1:
        raise UserError(f"{path}: no video that can be decoded")
    return width, height


class _Metadata:
    """Names of sequences and cameras from ``metadata.xml``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            root = ET.parse(path).getroot()  # noqa: S314 - a file of the release, on one's own disk
        except (OSError, ET.ParseError) as error:
            raise UserError(f"{path}: cannot be read as XML: {error}") from None
        rows = [[cell.text or "" for cell in row] for row in root.iterfind("mapping/*")]
        ids = root.iterfind("dbcameras/index2id/*")
        self.camera_ids = [(item.text or "").strip() for item in ids]
        if not rows or len(self.camera_ids) != len(CAMERAS):
            raise UserError(f"{path}: lacks 'mapping', or 4 cameras in 'dbcameras/index2id'")
        subjects = rows[0][2:]
        self._prefixes = {
            (subject, row[0], row[1]): prefix
            for row in rows[1:]
            for subject, prefix in zip(subjects, row[2:], strict=False)
        }
        numbers = (root.findtext("w0") or "").strip().strip("[]").split()
        self._w0 = self._numbers(numbers)

    def _numbers(self, texts: list[str]) -> NDArray[np.float64]:
        needed = len(CAMERAS) * (NUM_SUBJECTS * NUM_EXTRINSICS + NUM_INTRINSICS)
        try:
            values = np.array([float(text) for text in texts])
        except ValueError as error:
            raise UserError(f"{self.path}: 'w0': {error}") from None
        if len(values) != needed or not np.isfinite(values).all():
            raise UserError(f"{self.path}: 'w0' of {len(values)} numbers; {needed} finite needed")
        return values

    def prefix(self, subject: int, action: int, subaction: int) -> str:
        """Name of a sequence's files, e.g. ``Directions 1``."""
        prefix = self._prefixes.get((f"S{subject}", str(action), str(subaction)), "")
        if not prefix or leaves_folder(prefix) or len(Path(prefix).parts) != 1:
            where = f"S{subject}, action {action}, subaction {subaction}"
            raise UserError(f"{self.path}: 'mapping' of {where} is {prefix!r}; a name needed")
        return prefix

    def camera(self, subject: int, number: int) -> StudioCamera:
        """A camera as it stood for a subject."""
        per_camera = NUM_SUBJECTS * NUM_EXTRINSICS
        start = (number - 1) * per_camera + (subject - 1) * NUM_EXTRINSICS
        angles, centre_mm = np.split(self._w0[start : start + NUM_EXTRINSICS], 2)
        start = len(CAMERAS) * per_camera + (number - 1) * NUM_INTRINSICS
        focal_x, focal_y, center_x, center_y = self._w0[start : start + 4].tolist()
        intrinsics = Camera(focal_px=(focal_x, focal_y), center_px=(center_x, center_y))
        camera = StudioCamera(
            rotation=rotation_of_angles(angles),
            translation_mm=np.zeros(3),
            intrinsics=intrinsics,
        )
        return camera.with_centre(centre_mm)


def rotation_of_angles(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) Rx·Ry·Rz of three angles in radians, the convention of ``w0``."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z
