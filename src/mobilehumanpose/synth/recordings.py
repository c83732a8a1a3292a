"""All poses of a folder of recordings: retargeted, thinned, grouped and kept in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..skeleton import MUCO_21
from .assets import AssetFiles
from .body import Body, Shape, Traits
from .bvh import parse_bvh
from .cached import load_cached, save_cached
from .retarget import (
    driven_bones,
    from_cmu,
    from_deepmimic,
    from_makehuman,
    rest_frames,
    retarget,
)
from .rotations import axis_rotations, to_vectors

#: Goes up whenever the same recordings would give other poses.
FILE_VERSION = 1
#: A frame is kept when a joint has moved this far since the last one kept.
THINNING_MM = 60.0
#: Groups of like poses, and how often their centres are moved.
GROUPS = 400
_ROUNDS = 12
#: Only the default rig of MakeHuman has a bone of this name.
_MAKEHUMAN_BONE = "upperleg01.L"
#: The person that poses are compared on.
AVERAGE = Traits(
    gender=0.5,
    age=0.75,
    muscle=0.5,
    weight=0.5,
    proportions=0.5,
    cupsize=0.5,
    firmness=0.5,
    ancestry=(1 / 3, 1 / 3, 1 / 3),
    stature_mm=1700.0,
)


@dataclass(frozen=True, kw_only=True)
class RecordedPoses:
    """Poses of the driven bones.

    Attributes:
        turns: (N, D, 3) float32, rotation vectors of ``retarget.driven_bones`` against their
            parents. The root's keeps how the person leans, stands or lies, but faces the viewer.
        groups: (N,) int32, poses of one number are alike.
        recordings: (N,) int32, index of each pose's file in ``recording_names``.
        recording_names: names of the files.
    """

    turns: NDArray[np.float32]
    groups: NDArray[np.int32]
    recordings: NDArray[np.int32]
    recording_names: list[str]


def read_recordings(files: AssetFiles, body: Body) -> RecordedPoses:
    """Retarget, thin and group every recording: ``.bvh`` and DeepMimic's ``.txt``.

    Raises:
        UserError: there is none, or one is malformed or of an unknown skeleton.
    """
    shape = body.shape(AVERAGE)
    names: list[str] = []
    turns, joints, recordings = [], [], []
    for name, local in _retargeted(files, body, shape):
        facing, joints_mm = face_viewer(body, shape, local)
        kept = thin(joints_mm)
        turns.append(to_vectors(facing[kept]).astype(np.float32))
        joints.append(joints_mm[kept])
        recordings.append(np.full(len(kept), len(names), np.int32))
        names.append(name)
    if not names:
        raise UserError(f"{files.root}: holds no motion (.bvh, or DeepMimic's .txt)")
    return RecordedPoses(
        turns=np.concatenate(turns),
        groups=group(np.concatenate(joints).reshape(-1, 3 * MUCO_21.num_joints), GROUPS),
        recordings=np.concatenate(recordings),
        recording_names=names,
    )


def _retargeted(
    files: AssetFiles, body: Body, shape: Shape
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Name and (F, D, 3, 3) turns of the driven bones of each recording."""
    frames = rest_frames(body, shape)
    for name in files.names:
        where = f"{files.root}: {name}"
        if name.lower().endswith(".bvh"):
            bvh = parse_bvh(files.text(name), where)
            if _MAKEHUMAN_BONE in bvh.joint_names:
                yield name, from_makehuman(bvh, body, where)
            else:
                yield name, retarget(from_cmu(bvh, where), body, frames)
        elif name.lower().endswith(".txt") and (text := files.text(name)).lstrip().startswith("{"):
            yield name, retarget(from_deepmimic(text, where), body, frames)


def face_viewer(
    body: Body, shape: Shape, local: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn people about the vertical until hips and shoulders run from the viewer's left to right.

    Returns:
        The (F, D, 3, 3) turns of the driven bones with the root's replaced, and the (F, 21, 3)
        joints in mm that they give this shape.
    """
    driven = [body.bone_index[name] for name in driven_bones(body)]
    rotations = np.tile(body.rest_rotations(), (len(local), 1, 1, 1))
    rotations[:, driven] = local
    joints_mm = body.joints(shape, rotations)
    left, right = (
        joints_mm[:, MUCO_21.indices([f"{side}_Hip", f"{side}_Shoulder"])].sum(axis=1)
        for side in "LR"
    )
    across = left - right
    # A positive turn about y, which points down, takes z to x.
    turn = axis_rotations(1, np.arctan2(across[:, 2], across[:, 0])).astype(np.float32)
    facing = local.copy()
    root = driven.index(body.bone_index["root"])
    facing[:, root] = turn @ local[:, root]
    return facing, joints_mm @ np.swapaxes(turn, -1, -2)


def thin(joints_mm: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of frames that differ from the one kept before, of (F, J, 3) joints in mm."""
    kept: list[int] = []
    for i in range(len(joints_mm)):
        if not kept or np.abs(joints_mm[i] - joints_mm[kept[-1]]).max() > THINNING_MM:
            kept.append(i)
    return np.array(kept, np.intp)


def group(points: NDArray[np.float32], count: int) -> NDArray[np.int32]:
    """(N,) group of each of (N, K) points, by k-means started far apart (always the same way).

    Starting points are drawn with odds of their squared distance to those drawn before
    (k-means++, Arthur & Vassilvitskii 2007), so that outlying poses get groups of their own.
    """
    rng = np.random.default_rng(0)
    centres = points[:1].astype(np.float64)
    nearest = _squared_distances(points, centres)[:, 0]
    for _ in range(min(count, len(points)) - 1):
        if nearest.sum() <= 0:  # fewer different points than groups
            break
        chosen = points[rng.choice(len(points), p=nearest / nearest.sum()), None]
        centres = np.concatenate([centres, chosen])
        nearest = np.minimum(nearest, _squared_distances(points, chosen)[:, 0])
    for _ in range(_ROUNDS):
        groups = _squared_distances(points, centres).argmin(axis=1)
        sizes = np.bincount(groups, minlength=len(centres))
        sums = np.stack(
            [np.bincount(groups, weights=column, minlength=len(centres)) for column in points.T], -1
        )
        filled = sizes > 0
        centres[filled] = sums[filled] / sizes[filled, None]
    return _squared_distances(points, centres).argmin(axis=1).astype(np.int32)


def _squared_distances(
    points: NDArray[np.floating], centres: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(N, G) squared distances."""
    points, centres = np.asarray(points, np.float64), np.asarray(centres, np.float64)
    squares = (points**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)
    return np.maximum(squares - 2 * points @ centres.T, 0)


def save_poses(path: Path, poses: RecordedPoses) -> None:
    """Keep the poses in an ``.npz``.

    Raises:
        UserError: the file cannot be written.
    """
    save_cached(path, FILE_VERSION, vars(poses))


def load_poses(path: Path) -> RecordedPoses | None:
    """The poses of :func:`save_poses`; None where the file is absent, damaged or of old."""
    names = ("turns", "groups", "recordings", "recording_names")
    found = load_cached(path, FILE_VERSION, names)
    if found is None:
        return None
    return RecordedPoses(
        turns=found["turns"],
        groups=found["groups"],
        recordings=found["recordings"],
        recording_names=found["recording_names"].tolist(),
    )
