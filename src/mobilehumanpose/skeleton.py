"""Named joint sets: names, edges, left/right pairs and root, and mapping one onto another by name.

The sets and their order are those of the datasets as MobileHumanPose and 3DMPPE read them, so
that their annotation files and checkpoints keep their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import UserError


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """A joint set: an order of named joints and how they hang together.

    Attributes:
        name: what model cards and checkpoints call it, e.g. ``"muco-21"``.
        joint_names: J names, in the order of every (J, …) array of this set.
        edges: pairs of joint indices to draw as limbs.
        flip_pairs: pairs of joint indices that swap when the picture is mirrored.
        root: index of the joint that root-relative coordinates start at; None where the set has
            no such joint.
    """

    name: str
    joint_names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    flip_pairs: tuple[tuple[int, int], ...]
    root: int | None

    @property
    def num_joints(self) -> int:
        """J, the number of joints."""
        return len(self.joint_names)

    @property
    def flip_permutation(self) -> NDArray[np.intp]:
        """(J,) indices that put the joints of a mirrored picture back in order."""
        permutation = np.arange(self.num_joints)
        for left, right in self.flip_pairs:
            permutation[[left, right]] = right, left
        return permutation

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(joint, one that hangs on it) along the edges, from the root outwards.

        A joint's own bone comes before those behind it, and all of these before the next bone of
        what it hangs on itself. What no edge joins to the root hangs on its first joint; an edge
        that would close a ring is no bone.
        """
        neighbours: dict[int, set[int]] = {joint: set() for joint in range(self.num_joints)}
        for a, b in self.edges:
            neighbours[a].add(b)
            neighbours[b].add(a)
        bones: list[tuple[int, int]] = []
        reached: set[int] = set()
        starts = range(self.num_joints) if self.root is None else (self.root, *neighbours)
        for start in starts:
            waiting = [(start, start)]
            while waiting:
                parent, joint = waiting.pop()
                if joint in reached:
                    continue
                reached.add(joint)
                if joint != parent:
                    bones.append((parent, joint))
                waiting += [(joint, behind) for behind in sorted(neighbours[joint], reverse=True)]
        return tuple(bones)

    def index(self, joint_name: str) -> int:
        """Index of a joint by its name.

        Raises:
            UserError: the set has no joint of that name.
        """
        try:
            return self.joint_names.index(joint_name)
        except ValueError:
            raise UserError(
                f"joint set {self.name!r} has no joint {joint_name!r}; "
                f"it has {', '.join(self.joint_names)}"
            ) from None

    def indices(self, joint_names: Sequence[str]) -> NDArray[np.intp]:
        """(K,) indices of several joints by their names; see :meth:`index`."""
        return np.array([self.index(name) for name in joint_names], dtype=np.intp)


def _parse(name: str, joints: str, edges: str, flips: str, root: str | None) -> Skeleton:
    joint_names = tuple(joints.split())

    def pairs(text: str) -> tuple[tuple[int, int], ...]:
        return tuple((int(a), int(b)) for a, b in (pair.split("-") for pair in text.split()))

    return Skeleton(
        name=name,
        joint_names=joint_names,
        edges=pairs(edges),
        flip_pairs=pairs(flips),
        root=None if root is None else joint_names.index(root),
    )


HUMAN36M_18 = _parse(
    "human36m-18",
    "Pelvis R_Hip R_Knee R_Ankle L_Hip L_Knee L_Ankle Torso Neck Nose Head "
    "L_Shoulder L_Elbow L_Wrist R_Shoulder R_Elbow R_Wrist Thorax",
    "0-7 7-8 8-9 9-10 8-11 11-12 12-13 8-14 14-15 15-16 0-1 1-2 2-3 0-4 4-5 5-6",
    "1-4 2-5 3-6 14-11 15-12 16-13",
    "Pelvis",
)

_MUPOTS_NAMES = (
    "Head_top Thorax R_Shoulder R_Elbow R_Wrist L_Shoulder L_Elbow L_Wrist "
    "R_Hip R_Knee R_Ankle L_Hip L_Knee L_Ankle Pelvis Spine Head"
)
MUCO_21 = _parse(
    "muco-21",
    f"{_MUPOTS_NAMES} R_Hand L_Hand R_Toe L_Toe",
    "0-16 16-1 1-15 15-14 14-8 14-11 8-9 9-10 10-19 11-12 12-13 13-20 "
    "1-2 2-3 3-4 4-17 1-5 5-6 6-7 7-18",
    "2-5 3-6 4-7 8-11 9-12 10-13 17-18 19-20",
    "Pelvis",
)
MUPOTS_17 = _parse(
    "mupots-17",
    _MUPOTS_NAMES,
    "0-16 1-16 1-15 15-14 14-8 14-11 8-9 9-10 11-12 12-13 1-2 2-3 3-4 1-5 5-6 6-7",
    "2-5 3-6 4-7 8-11 9-12 10-13",
    "Pelvis",
)
COCO_19 = _parse(
    "coco-19",
    "Nose L_Eye R_Eye L_Ear R_Ear L_Shoulder R_Shoulder L_Elbow R_Elbow L_Wrist R_Wrist "
    "L_Hip R_Hip L_Knee R_Knee L_Ankle R_Ankle Thorax Pelvis",
    "1-2 0-1 0-2 2-4 1-3 6-8 8-10 5-7 7-9 12-14 14-16 11-13 13-15 5-6 11-12",
    "1-2 3-4 5-6 7-8 9-10 11-12 13-14 15-16",
    "Pelvis",
)
MPII_16 = _parse(
    "mpii-16",
    "R_Ankle R_Knee R_Hip L_Hip L_Knee L_Ankle Pelvis Thorax Neck Head "
    "R_Wrist R_Elbow R_Shoulder L_Shoulder L_Elbow L_Wrist",
    "0-1 1-2 2-6 7-12 12-11 11-10 5-4 4-3 3-6 7-13 13-14 14-15 6-7 7-8 8-9",
    "0-5 1-4 2-3 10-15 11-14 12-13",
    "Pelvis",
)
LSP_14 = _parse(
    "lsp-14",
    "R_Ankle R_Knee R_Hip L_Hip L_Knee L_Ankle R_Wrist R_Elbow R_Shoulder "
    "L_Shoulder L_Elbow L_Wrist Neck Head_top",
    "0-1 1-2 3-4 4-5 6-7 7-8 9-10 10-11 8-12 9-12 12-13 2-3 2-8 3-9",
    "0-5 1-4 2-3 6-11 7-10 8-9",
    None,
)

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (HUMAN36M_18, MUCO_21, MUPOTS_17, COCO_19, MPII_16, LSP_14)
}

#: The joints that nearly every dataset labels, and the ones that 2D accuracy is measured on.
LIMB_JOINTS = (
    "R_Shoulder",
    "R_Elbow",
    "R_Wrist",
    "L_Shoulder",
    "L_Elbow",
    "L_Wrist",
    "R_Hip",
    "R_Knee",
    "R_Ankle",
    "L_Hip",
    "L_Knee",
    "L_Ankle",
)


def get_skeleton(name: str) -> Skeleton:
    """The joint set of that name.

    Raises:
        UserError: there is no such set.
    """
    try:
        return SKELETONS[name]
    except KeyError:
        raise UserError(f"unknown joint set {name!r}; known are {', '.join(SKELETONS)}") from None


def map_joints(
    values: NDArray[np.floating],
    source: Skeleton,
    target: Skeleton,
    *,
    fill: float = 0.0,
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Reorder (…, J_source, C) ``values`` to the joints of ``target``, matched by exact name.

    Names decide even where two datasets mean slightly different points by the same name (the
    ``Neck`` of Human3.6M and of MPII, for one), as in the original.

    Returns:
        (…, J_target, C) values with ``fill`` where the source lacks the joint, and a (J_target,)
        mask that is True where it has it.

    Raises:
        UserError: ``values`` does not have the joints of ``source``.
    """
    if values.ndim < 2 or values.shape[-2] != source.num_joints:
        raise UserError(
            f"values of shape {values.shape} do not hold the {source.num_joints} joints "
            f"of {source.name!r} in their last but one axis"
        )
    mapped = np.full((*values.shape[:-2], target.num_joints, values.shape[-1]), fill, values.dtype)
    present = np.zeros(target.num_joints, dtype=bool)
    for to, joint_name in enumerate(target.joint_names):
        if joint_name in source.joint_names:
            mapped[..., to, :] = values[..., source.joint_names.index(joint_name), :]
            present[to] = True
    return mapped, present
