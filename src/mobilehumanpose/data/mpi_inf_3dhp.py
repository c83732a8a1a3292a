"""MPI-INF-3DHP: the six test sequences of one person, with 3D from marker-less capture.

Read as they are published: ``mpi_inf_3dhp_test_set/TS1 … TS6``, each with ``annot_data.mat`` and
``imageSequence/img_000001.jpg`` and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..geometry import process_bbox, tight_box
from ..skeleton import MUPOTS_17
from .images import ImageFolder, image_size
from .samples import PoseDataset, PoseSamples

FloatArray = NDArray[np.float64]

SEQUENCES = range(1, 7)
#: Image numbers of this project: the sequence times this, and the frame, which counts from 1.
IDS_PER_SEQUENCE = 1_000_000
#: Labels whose pixels and camera-space joints differ by more than this fit no camera; those of the
#: test set agree within a pixel.
MAX_REPROJECTION_PX = 5.0
#: Numbers of one frame in each field of ``annot_data.mat``.
_FRAME_SHAPES = {
    "valid_frame": (),
    "activity_annotation": (),
    "annot2": (17, 2),
    "annot3": (17, 3),
    "univ_annot3": (17, 3),
}


def mpi_inf_3dhp_folder(data_root: Path) -> Path:
    """The folder of the test sequences."""
    return data_root / "MPI-INF-3DHP" / "mpi_inf_3dhp_test_set"


def load_mpi_inf_3dhp(data_root: Path) -> PoseDataset:
    """The valid frames of those test sequences that are there.

    ``image_tags`` holds ``sequence`` (1 … 6), ``frame`` (from 1) and ``activity`` (1 … 7), and
    ``image_ids`` are 1,000,000 · sequence + frame. The files hold no intrinsics: these are fitted
    to their pixels and joints. Nor do they hold boxes: those are made from the joints, as
    Human3.6M's are.

    Args:
        data_root: the folder that holds ``MPI-INF-3DHP``.

    Raises:
        UserError: no sequence is there, or a file is absent, damaged or contradicts itself.
    """
    folder = mpi_inf_3dhp_folder(data_root)
    images = ImageFolder(folder)
    parts = [
        _load_sequence(folder, number, images)
        for number in SEQUENCES
        if (folder / f"TS{number}").is_dir()
    ]
    if not parts:
        raise UserError(f"{folder}: has no test sequence TS1 … TS6")
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    num_frames = len(columns["image_ids"])
    tags = {name: columns.pop(name).astype(np.int32) for name in ("sequence", "frame", "activity")}
    keypoints_mm = columns.pop("keypoints_mm")
    roots_mm = keypoints_mm[:, MUPOTS_17.root]
    known = np.ones((num_frames, MUPOTS_17.num_joints), bool)
    samples = PoseSamples(
        skeleton=MUPOTS_17,
        image_names=columns["image_names"],
        image_sizes=columns["image_sizes"].astype(np.int32),
        image_ids=columns["image_ids"],
        cameras=columns["cameras"].astype(np.float32),
        image_tags=tags,
        image_index=np.arange(num_frames, dtype=np.int32),
        boxes_xywh=columns["boxes_xywh"].astype(np.float32),
        keypoints_px=columns["keypoints_px"].astype(np.float32),
        depth_mm=(keypoints_mm[..., 2] - roots_mm[:, 2:]).astype(np.float32),
        has_px=known,
        has_depth=known.copy(),
        roots_mm=roots_mm.astype(np.float32),
    )
    return PoseDataset(name="mpi-inf-3dhp", samples=samples, images=images)


def _load_sequence(folder: Path, number: int, images: ImageFolder) -> dict[str, NDArray]:
    path = folder / f"TS{number}" / "annot_data.mat"
    fields = read_annotations(path, list(_FRAME_SHAPES))
    frames = np.flatnonzero(fields["valid_frame"]) + 1
    if not len(frames):
        raise UserError(f"{path}: valid_frame marks no frame")
    px, mm = fields["annot2"][frames - 1], fields["annot3"][frames - 1]
    names = [f"TS{number}/imageSequence/img_{frame:06}.jpg" for frame in frames.tolist()]
    size = image_size(images, names[0])  # frames of one film
    boxes = []
    for frame, joints_px in zip(frames.tolist(), px, strict=True):
        box = process_bbox(tight_box(joints_px), size)
        if box is None:
            raise UserError(f"{path}: annot2 of frame {frame} lies outside the picture")
        boxes.append(box)
    return {
        "image_names": np.array([name.encode() for name in names]),
        "image_sizes": np.tile(size, (len(frames), 1)),
        "image_ids": number * IDS_PER_SEQUENCE + frames.astype(np.int64),
        "cameras": np.tile(fit_intrinsics(px, mm, path), (len(frames), 1)),
        "sequence": np.full(len(frames), number),
        "frame": frames,
        "activity": fields["activity_annotation"][frames - 1],
        "boxes_xywh": np.stack(boxes),
        "keypoints_px": px,
        "keypoints_mm": mm,
    }


def fit_intrinsics(keypoints_px: FloatArray, keypoints_mm: FloatArray, path: Path) -> FloatArray:
    """(4,) fx, fy, cx, cy with which (N, J, 3) joints are best seen at (N, J, 2), least squares.

    Args:
        keypoints_px: (N, J, 2).
        keypoints_mm: (N, J, 3) in camera space.
        path: where both come from, for messages.

    Raises:
        UserError: no camera sees them there.
    """
    depth_mm = keypoints_mm[..., 2].ravel()
    if not (depth_mm > 0).all():
        raise UserError(f"{path}: annot3 holds a joint behind the camera")
    camera = np.empty(4)
    for axis in (0, 1):
        slope = keypoints_mm[..., axis].ravel() / depth_mm
        system = np.stack([slope, np.ones_like(slope)], axis=1)
        wanted = keypoints_px[..., axis].ravel()
        camera[[axis, axis + 2]] = np.linalg.lstsq(system, wanted, rcond=None)[0]
        error_px = float(np.sqrt(np.mean((system @ camera[[axis, axis + 2]] - wanted) ** 2)))
        if error_px > MAX_REPROJECTION_PX or camera[axis] <= 0:
            raise UserError(
                f"{path}: annot2 and annot3 fit no camera: they differ by {error_px:.1f} px along "
                f"{'xy'[axis]} at a focal length of {camera[axis]:.0f} px"
            )
    return camera


def read_annotations(path: Path, names: Sequence[str]) -> dict[str, FloatArray]:
    """Fields of an ``annot_data.mat`` with the F frames first.

    Args:
        path: the file, of MATLAB's version 7.3, which is HDF5 and turns MATLAB's axes round.
        names: of ``valid_frame`` and ``activity_annotation``, (F,), ``annot2``, (F, 17, 2) px, and
            ``annot3`` and ``univ_annot3``, (F, 17, 3) mm; the first must be among them.

    Raises:
        UserError: the file is absent or damaged, or a field has the wrong shape.
    """
    try:
        import h5py
    except ImportError:
        raise UserError(
            f"{path}: reading it needs h5py: pip install 'mobilehumanpose[evaluate]'"
        ) from None
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with h5py.File(path) as file:
            raw = {name: np.asarray(file[name]) for name in names}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the annotations of a test sequence: {error}") from None
    frames = raw["valid_frame"].size
    fields = {}
    for name, values in raw.items():
        shape = (frames, *_FRAME_SHAPES[name])
        if values.dtype.kind not in "fiub" or values.size != np.prod(shape):
            raise UserError(
                f"{path}: {name} has shape {values.shape}, not {frames} frames' numbers"
            )
        if values.ndim == 4 and values.shape != (frames, 1, *_FRAME_SHAPES[name]):
            wanted = (frames, 1, *_FRAME_SHAPES[name])
            raise UserError(f"{path}: {name} has shape {values.shape}, not {wanted}")
        fields[name] = values.reshape(shape).astype(np.float64)
        if not np.isfinite(fields[name]).all():
            raise UserError(f"{path}: {name} holds a number that is not finite")
    return fields
