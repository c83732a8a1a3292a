"""Poses over a video as BVH: a skeleton of fixed bones that turn, as animation programs take it.

Positions tell in which direction a bone points, and not how it is rolled about itself: a bone is
turned by the smallest angle from where its parent carries it. Where several bones leave a joint, at
pelvis and thorax, they are one solid piece, which is turned by least squares (Kabsch 1976).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .media import replacing
from .results import Pose
from .skeleton import Skeleton
from .tables import TO_Y_UP, AddFrame, finite

FloatArray = NDArray[np.floating]

#: Where a joint lies from its parent in the rest pose, sides left out, for the person's left: a
#: T-pose that looks along z. x is the person's left, y up.
_REST_DIRECTIONS = {
    "Hip": (1.0, 0.0, 0.0),
    "Knee": (0.0, -1.0, 0.0),
    "Ankle": (0.0, -1.0, 0.0),
    "Toe": (0.0, 0.0, 1.0),
    "Shoulder": (1.0, 0.0, 0.0),
    "Elbow": (1.0, 0.0, 0.0),
    "Wrist": (1.0, 0.0, 0.0),
    "Hand": (1.0, 0.0, 0.0),
    "Torso": (0.0, 1.0, 0.0),
    "Spine": (0.0, 1.0, 0.0),
    "Thorax": (0.0, 1.0, 0.0),
    "Neck": (0.0, 1.0, 0.0),
    "Nose": (0.0, 0.0, 1.0),
    "Head": (0.0, 1.0, 0.0),
    "Head_top": (0.0, 1.0, 0.0),
}
_MM_PER_UNIT = 10.0
#: Below this cosine of its middle angle a turn has lost one of its three angles.
_MIN_COSINE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A joint set's limbs from its root on.

    Attributes:
        order: joints, parents before children, each child right behind its parent or what hangs
            on its elder siblings, as BVH lists them.
        parents: (J,) of each joint; -1 for the root.
        rest_directions: (J, 3) from the parent, of length one; zero for the root.
    """

    order: tuple[int, ...]
    parents: NDArray[np.intp]
    rest_directions: FloatArray

    def children(self, joint: int) -> list[int]:
        """Those that hang on a joint."""
        return np.flatnonzero(self.parents == joint).tolist()


def limb_tree(skeleton: Skeleton) -> Tree:
    """The limbs of a joint set as a tree.

    Raises:
        UserError: they are none, or a joint has no place in the rest pose.
    """
    refusal = f"joint set {skeleton.name!r} cannot be written as BVH"
    if skeleton.root is None:
        raise UserError(f"{refusal}: it has no root")
    bones = skeleton.bones
    if not len(bones) == len(set(skeleton.edges)) == skeleton.num_joints - 1:
        raise UserError(f"{refusal}: its limbs are no tree of all joints")
    parents = np.full(skeleton.num_joints, -1, dtype=np.intp)
    for parent, joint in bones:
        parents[joint] = parent
    order = (skeleton.root, *(joint for _, joint in bones))
    directions = np.zeros((skeleton.num_joints, 3))
    for joint, name in enumerate(skeleton.joint_names):
        if joint == skeleton.root:
            continue
        direction = _REST_DIRECTIONS.get(name.removeprefix("L_").removeprefix("R_"))
        if direction is None:
            raise UserError(f"{refusal}: {name} has no place in the rest pose")
        mirror = (-1, 1, 1) if name.startswith("R_") else (1, 1, 1)
        directions[joint] = np.multiply(direction, mirror)
    return Tree(order=order, parents=parents, rest_directions=directions)


def rest_offsets(positions: FloatArray, tree: Tree) -> FloatArray:
    """Where each joint lies from its parent while nothing is turned.

    Bones are as long as in the median picture. Those that leave a joint together lie to each other
    as they do in it, with shoulders below the neck and not beside it.

    Args:
        positions: (F, J, 3), y up.
        tree: the limbs.

    Returns:
        (J, 3), in the positions' unit; zero for the root.
    """
    parents = np.where(tree.parents < 0, tree.order[0], tree.parents)
    bones = positions - positions[:, parents]
    offsets = np.median(np.linalg.norm(bones, axis=2), axis=0)[:, None] * tree.rest_directions
    for joint in tree.order:
        ends = tree.children(joint)
        if len(ends) > 1:
            turns = _best_turns(tree.rest_directions[ends], _unit(bones[:, ends]))
            offsets[ends] = np.median(bones[:, ends] @ turns, axis=0)
    return offsets


def limb_rotations(positions: FloatArray, tree: Tree, offsets: FloatArray) -> FloatArray:
    """How each joint is turned against its parent.

    Args:
        positions: (F, J, 3), y up.
        tree: the limbs.
        offsets: (J, 3), see :func:`rest_offsets`.

    Returns:
        (F, J, 3, 3); joints at the ends of limbs are not turned.
    """
    frames, joints, _ = positions.shape
    turned = np.tile(np.eye(3), (frames, joints, 1, 1))  # against the axes of the file
    local = turned.copy()
    for joint in tree.order:
        parent = int(tree.parents[joint])
        carried = turned[:, parent] if parent >= 0 else np.tile(np.eye(3), (frames, 1, 1))
        ends = tree.children(joint)
        turned[:, joint] = carried
        if not ends:
            continue
        seen = positions[:, ends] - positions[:, [joint]]
        if len(ends) == 1:
            before = carried @ tree.rest_directions[ends[0]]
            turned[:, joint] = _smallest_turns(before, _unit(seen[:, 0])) @ carried
        else:
            turned[:, joint] = _best_turns(offsets[ends], seen)
        local[:, joint] = np.swapaxes(carried, 1, 2) @ turned[:, joint]
    return local


def _unit(vectors: FloatArray) -> FloatArray:
    """Of length one; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _smallest_turns(before: FloatArray, after: FloatArray) -> FloatArray:
    """(F, 3, 3) that take (F, 3) vectors of length one to others; none where there is no other."""
    after = np.where((after != 0).any(axis=1, keepdims=True), after, before)
    # Half a turn about ``before`` leaves it where it is; half a turn about the middle between both
    # takes it to ``after``. Together they turn by the angle between them, about what is across to
    # both. Opposite directions have every direction across for their middle.
    middle = before + after
    across = np.cross(before, np.eye(3)[np.abs(before).argmin(axis=1)])
    is_opposite = np.linalg.norm(middle, axis=1, keepdims=True) < 1e-9
    return _half_turns(_unit(np.where(is_opposite, across, middle))) @ _half_turns(before)


def _half_turns(axes: FloatArray) -> FloatArray:
    """(F, 3, 3) rotations by 180° about (F, 3) axes of length one."""
    return 2 * axes[:, :, None] * axes[:, None, :] - np.eye(3)


def _best_turns(rest: FloatArray, seen: FloatArray) -> FloatArray:
    """(F, 3, 3) that take (K, 3) vectors to (F, K, 3) with the least squared error."""
    u, _, vt = np.linalg.svd(np.einsum("fki,kj->fij", seen, rest))
    signs = np.ones((len(seen), 3))
    signs[:, 2] = np.where(np.linalg.det(u @ vt) < 0, -1, 1)  # bodies are not mirrored
    return (u * signs[:, None, :]) @ vt


def euler_zxy_degrees(rotations: FloatArray) -> FloatArray:
    """(…, 3) angles z, x, y in degrees of (…, 3, 3) rotations Rz Rx Ry."""
    r = rotations
    x = np.arcsin(np.clip(r[..., 2, 1], -1, 1))
    # Where x is a quarter turn, z and y turn about the same axis: z takes all of it.
    is_free = np.cos(x) > _MIN_COSINE
    y = np.where(is_free, np.arctan2(-r[..., 2, 0], r[..., 2, 2]), 0.0)
    z = np.where(
        is_free,
        np.arctan2(-r[..., 0, 1], r[..., 1, 1]),
        np.arctan2(r[..., 1, 0], r[..., 0, 0]),
    )
    return np.degrees(np.stack([z, x, y], axis=-1))


@contextmanager
def bvh_writer(path: Path, skeleton: Skeleton, frame_rate: float) -> Iterator[AddFrame]:
    """Write the first person of a video as a BVH file.

    Centimetres around the camera; x to the right, y up, z towards the camera. At rest the skeleton
    stands with its arms out and looks towards the camera. Bones are as long as in the median
    picture, so joints lie beside where they were seen by what the lengths vary. In pictures without
    people the skeleton stays as it was; without any there is one picture at rest. BVH knows equal
    steps of time only. The positions stay in memory until the end.

    The context gives a function that adds one picture's poses. The file appears when the context
    is left, and never after an exception.

    Raises:
        UserError: the file cannot be written, a pose holds a number that is not finite, or the
            joint set has no tree of limbs.
    """
    tree = limb_tree(skeleton)
    seen: list[NDArray[np.float32] | None] = []

    def add(_time_s: float, poses: Sequence[Pose]) -> None:
        if not poses:
            seen.append(None)
            return
        points_mm = finite(poses[0].keypoints_mm, "keypoints_mm")
        seen.append((points_mm * TO_Y_UP / _MM_PER_UNIT).astype(np.float32))

    with replacing(path) as temporary:
        yield add
        text = _bvh_text(_filled(seen, tree), tree, skeleton.joint_names, frame_rate)
        temporary.write_text(text, encoding="utf-8")


def _filled(seen: Sequence[NDArray[np.float32] | None], tree: Tree) -> FloatArray:
    """(F, J, 3): each picture's positions, or those of the last one before, or of the first."""
    last = next((positions for positions in seen if positions is not None), None)
    if last is None:
        return np.zeros((1, len(tree.order), 3))
    filled = []
    for positions in seen:
        last = last if positions is None else positions
        filled.append(last)
    return np.array(filled, np.float64)


def _bvh_text(
    positions: FloatArray, tree: Tree, joint_names: Sequence[str], frame_rate: float
) -> str:
    offsets = rest_offsets(positions, tree)
    lines = ["HIERARCHY", *_hierarchy(tree.order[0], 0, tree, joint_names, offsets)]
    turning = [joint for joint in tree.order if tree.children(joint)]
    angles = euler_zxy_degrees(limb_rotations(positions, tree, offsets))[:, turning]
    values = np.concatenate([positions[:, tree.order[0]], angles.reshape(len(angles), -1)], axis=1)
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {1 / frame_rate:.8f}"]
    lines += [" ".join(f"{value:.4f}" for value in row) for row in values.tolist()]
    return "\n".join(lines) + "\n"


def _hierarchy(
    joint: int, depth: int, tree: Tree, joint_names: Sequence[str], offsets: FloatArray
) -> Iterator[str]:
    indent, inner = "  " * depth, "  " * (depth + 1)
    ends = tree.children(joint)
    kind = "ROOT" if depth == 0 else "JOINT"
    yield f"{indent}{kind} {joint_names[joint]}" if ends else f"{indent}End Site"
    yield f"{indent}{{"
    yield f"{inner}OFFSET {' '.join(f'{value:.4f}' for value in offsets[joint] + 0.0)}"
    if ends:
        rotations = "Zrotation Xrotation Yrotation"
        moves = "6 Xposition Yposition Zposition" if depth == 0 else "3"
        yield f"{inner}CHANNELS {moves} {rotations}"
    for end in ends:
        yield from _hierarchy(end, depth + 1, tree, joint_names, offsets)
    yield f"{indent}}}"
