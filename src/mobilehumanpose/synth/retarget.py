"""Motion of other skeletons, told as turns of this body's bones.

What a skeleton and the body have in common is segments: pelvis, chest, upper arm, shank. A source
gives the turn of each segment against its own rest pose, in the axes of the body frame, and how
the segment lies at rest there; :func:`retarget` corrects for the difference between that rest pose
and the body's (a T pose against an A pose), and shares each turn between the bones that make the
segment up: the spine's five, the two halves of an upper arm or thigh, the forearm's for the twist
of the hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .body import Body, Shape
from .bvh import Bvh
from .rotations import axis_rotations, between, frame, from_quaternions, part, twists

Array = NDArray[np.float64]

TRUNK = ("pelvis", "abdomen", "chest", "neck", "head")
LIMBS = ("collar", "upper_arm", "forearm", "hand", "thigh", "shank", "foot")
DRIVEN_TRUNK = (
    *("root", "spine05", "spine04", "spine03", "spine02", "spine01"),
    *("neck01", "neck02", "neck03", "head"),
)
DRIVEN_LIMBS = (
    *("upperleg01", "upperleg02", "lowerleg01", "lowerleg02", "foot"),
    *("clavicle", "shoulder01", "upperarm01", "upperarm02", "lowerarm01", "lowerarm02", "wrist"),
)
#: Of the body frame: x left of a person at rest, y down, z to the back.
LEFT, DOWN, FRONT = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0])
#: How limbs lie that hang, and feet that stand flat: there the body's toes are this much lower than
#: the ankle for each unit that they are in front of it.
HANGING = frame(DOWN, FRONT)
FOOT_AT_REST = frame(FRONT + 0.3 * DOWN, DOWN)

#: The joints of CMU's skeleton that turn each segment. Sides begin with l or r.
_CMU_TRUNK = dict(zip(TRUNK, ("hip", "abdomen", "chest", "neck", "head"), strict=True))
_CMU_LIMBS = dict(
    zip(LIMBS, ("Collar", "Shldr", "ForeArm", "Hand", "Thigh", "Shin", "Foot"), strict=True)
)
#: CMU: x left, y up, z front. MakeHuman's poses: x left, y back, z up. DeepMimic: x front, y up,
#: z right. Columns say where these axes point in the body frame.
_FROM_CMU = np.array([LEFT, -DOWN, FRONT]).T
_FROM_MAKEHUMAN = np.array([LEFT, -FRONT, -DOWN]).T
_FROM_DEEPMIMIC = np.array([FRONT, -DOWN, -LEFT]).T
#: Numbers of a frame: duration, root position, then by segment a quaternion (4) or, for a hinge,
#: its angle (1).
_DEEPMIMIC_FRAME = (
    ("pelvis", 4),
    ("chest", 4),
    ("head", 4),
    ("R_thigh", 4),
    ("R_shank", 1),
    ("R_foot", 4),
    ("R_upper_arm", 4),
    ("R_forearm", 1),
    ("L_thigh", 4),
    ("L_shank", 1),
    ("L_foot", 4),
    ("L_upper_arm", 4),
    ("L_forearm", 1),
)
_DEEPMIMIC_PARENTS = {"chest": "pelvis", "head": "chest"} | {
    f"{side}_{segment}": parent if parent in TRUNK else f"{side}_{parent}"
    for side in "LR"
    for segment, parent in (
        ("thigh", "pelvis"),
        ("shank", "thigh"),
        ("foot", "shank"),
        ("upper_arm", "chest"),
        ("forearm", "upper_arm"),
    )
}


@dataclass(frozen=True, kw_only=True)
class SegmentMotion:
    """What segments of a body do, whatever skeleton they were measured with.

    Attributes:
        turns: by segment, (F, 3, 3) its turn against rest, in the axes of the body frame.
        rest_frames: by segment, (3, 3) how it lies in the source's rest pose, as
            :func:`rest_frames` tells it of the body; segments of the trunk stand upright in both.
    """

    turns: dict[str, Array]
    rest_frames: dict[str, Array]


def driven_bones(body: Body) -> list[str]:
    """Names of the bones that motion turns; fingers, toes and the others follow their parents."""
    names = {*DRIVEN_TRUNK, *(f"{limb}.{side}" for limb in DRIVEN_LIMBS for side in "LR")}
    return [name for name in body.bone_names if name in names]


def rest_frames(body: Body, shape: Shape) -> dict[str, Array]:
    """How each limb's segment lies on the body at rest: its direction, then what is beside it.

    Beside arms and legs that is the front, beside feet the sole, beside hands the forefinger.
    """
    heads = {name: shape.bone_heads_mm[i].astype(np.float64) for name, i in body.bone_index.items()}
    frames: dict[str, Array] = {}
    for side in "LR":
        at = {name[:-2]: point for name, point in heads.items() if name.endswith(side)}
        frames |= {
            f"{side}_collar": np.eye(3),
            f"{side}_upper_arm": frame(at["lowerarm01"] - at["upperarm01"], FRONT),
            f"{side}_forearm": frame(at["wrist"] - at["lowerarm01"], FRONT),
            f"{side}_hand": frame(at["finger3-1"] - at["wrist"], at["finger2-1"] - at["finger5-1"]),
            f"{side}_thigh": frame(at["lowerleg01"] - at["upperleg01"], FRONT),
            f"{side}_shank": frame(at["foot"] - at["lowerleg01"], FRONT),
            f"{side}_foot": frame(at["toe2-1"] - at["foot"], DOWN),
        }
    return frames


def from_cmu(bvh: Bvh, name: str) -> SegmentMotion:
    """Segments of a recording on the CMU database's skeleton (hip, abdomen, chest, rShldr, …).

    Raises:
        UserError: the skeleton has other joints.
    """
    index = {joint: i for i, joint in enumerate(bvh.joint_names)}
    joints = dict(_CMU_TRUNK)
    for side in "LR":
        joints |= {f"{side}_{seg}": f"{side.lower()}{j}" for seg, j in _CMU_LIMBS.items()}
    fingers = [f"{side}{finger}1" for side in "lr" for finger in ("Index", "Mid", "Pinky")]
    ends = ["lFoot.end", "rFoot.end"]
    missing = [j for j in [*joints.values(), *fingers, *ends] if j not in index]
    if missing:
        raise UserError(
            f"{name}: has no joint {', '.join(missing)}; motion must be on the CMU database's "
            "skeleton (hip, abdomen, chest, rShldr, rForeArm, …)"
        )
    turned, _ = bvh.forward_kinematics()
    turns = {
        segment: _FROM_CMU @ turned[:, index[joint]] @ _FROM_CMU.T
        for segment, joint in joints.items()
    }

    rest = np.zeros((len(index), 3))
    for joint, parent in enumerate(bvh.parents.tolist()):
        if parent >= 0:
            rest[joint] = rest[parent] + _FROM_CMU @ bvh.offsets[joint]
    at = {joint: rest[i] for joint, i in index.items()}
    frames: dict[str, Array] = {}
    for side, s in (("L", "l"), ("R", "r")):
        shoulder, elbow, wrist = at[f"{s}Shldr"], at[f"{s}ForeArm"], at[f"{s}Hand"]
        hip, knee, ankle = at[f"{s}Thigh"], at[f"{s}Shin"], at[f"{s}Foot"]
        frames |= {
            f"{side}_collar": np.eye(3),
            f"{side}_upper_arm": frame(elbow - shoulder, FRONT),
            f"{side}_forearm": frame(wrist - elbow, FRONT),
            f"{side}_hand": frame(at[f"{s}Mid1"] - wrist, at[f"{s}Index1"] - at[f"{s}Pinky1"]),
            f"{side}_thigh": frame(knee - hip, FRONT),
            f"{side}_shank": frame(ankle - knee, FRONT),
            f"{side}_foot": frame(at[f"{s}Foot.end"] - ankle, DOWN),
        }
    return SegmentMotion(turns=turns, rest_frames=frames)


def from_deepmimic(text: str, name: str) -> SegmentMotion:
    """Segments of a clip of DeepMimic's humanoid, from that project's JSON.

    A frame is its duration, the root's position in metres, and the turns that
    ``_DEEPMIMIC_FRAME`` lists: quaternions w, x, y, z against the parent, or a hinge's angle about
    z. At rest the humanoid stands with its arms hanging, and hinges bend its elbows by positive
    angles, its knees by negative ones.

    Raises:
        UserError: it is not such a file.
    """
    try:
        values = np.array(json.loads(text)["Frames"], np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{name}: not a clip of DeepMimic's: {error}") from None
    columns = 4 + sum(size for _, size in _DEEPMIMIC_FRAME)
    if values.ndim != 2 or values.shape[1] != columns or not np.isfinite(values).all():
        raise UserError(
            f"{name}: frames of shape {values.shape}; {columns} numbers each are needed"
        )
    turns: dict[str, Array] = {}
    column = 4
    for segment, size in _DEEPMIMIC_FRAME:
        numbers = values[:, column : column + size]
        local = from_quaternions(numbers) if size == 4 else axis_rotations(2, numbers[:, 0])
        local = _FROM_DEEPMIMIC @ local @ _FROM_DEEPMIMIC.T
        parent = _DEEPMIMIC_PARENTS.get(segment)
        turns[segment] = turns[parent] @ local if parent else local
        column += size
    frames = {
        f"{side}_{segment}": HANGING
        for side in "LR"
        for segment in ("upper_arm", "forearm", "thigh", "shank")
    }
    for side in "LR":
        frames[f"{side}_foot"] = FOOT_AT_REST
    return SegmentMotion(turns=turns, rest_frames=frames)


def from_makehuman(bvh: Bvh, body: Body, name: str) -> NDArray[np.float32]:
    """(F, D, 3, 3) turns of the driven bones, from a pose for MakeHuman's default rig itself.

    Raises:
        UserError: it is for another rig.
    """
    bones = driven_bones(body)
    missing = [bone for bone in bones if bone not in bvh.joint_names]
    if missing:
        raise UserError(f"{name}: has no bone {', '.join(missing)} of MakeHuman's default rig")
    local = bvh.rotations[:, [bvh.joint_names.index(bone) for bone in bones]]
    return (_FROM_MAKEHUMAN @ local @ _FROM_MAKEHUMAN.T).astype(np.float32)


def retarget(
    motion: SegmentMotion, body: Body, body_frames: dict[str, Array]
) -> NDArray[np.float32]:
    """(F, D, 3, 3) turns of the driven bones against their parents that make the body do the same.

    Args:
        motion: what the segments do.
        body: whose bones.
        body_frames: of :func:`rest_frames`.
    """
    turns = dict(motion.turns)
    turns.setdefault("abdomen", between(turns["pelvis"], turns["chest"], 0.5))
    turns.setdefault("neck", between(turns["chest"], turns["head"], 0.5))
    for segment, rest in motion.rest_frames.items():
        turns[segment] = turns[segment] @ rest @ body_frames[segment].T
    for side in "LR":
        turns.setdefault(f"{side}_collar", turns["chest"])
        turns.setdefault(f"{side}_hand", turns[f"{side}_forearm"])

    turned = {
        "root": turns["pelvis"],
        "spine05": between(turns["pelvis"], turns["abdomen"], 0.5),
        "spine04": turns["abdomen"],
        "spine03": between(turns["abdomen"], turns["chest"], 1 / 3),
        "spine02": between(turns["abdomen"], turns["chest"], 2 / 3),
        "spine01": turns["chest"],
        "neck01": between(turns["chest"], turns["neck"], 0.5),
        "neck02": turns["neck"],
        "neck03": between(turns["neck"], turns["head"], 0.5),
        "head": turns["head"],
    }
    for side in "LR":
        of = {segment: turns[f"{side}_{segment}"] for segment in LIMBS}
        along = {segment: body_frames[f"{side}_{segment}"][:, 0] for segment in LIMBS}
        hand_twist = twists(_inverse(of["forearm"]) @ of["hand"], along["forearm"])
        limb = {
            "clavicle": of["collar"],
            "shoulder01": of["collar"],
            "upperarm01": _untwisted(of["collar"], of["upper_arm"], along["upper_arm"], 1 / 2),
            "upperarm02": of["upper_arm"],
            "lowerarm01": _untwisted(of["upper_arm"], of["forearm"], along["forearm"], 2 / 3),
            "lowerarm02": of["forearm"] @ part(hand_twist, 1 / 2),
            "wrist": of["hand"],
            "upperleg01": _untwisted(turns["pelvis"], of["thigh"], along["thigh"], 1 / 2),
            "upperleg02": of["thigh"],
            "lowerleg01": of["shank"],
            "lowerleg02": of["shank"],
            "foot": of["foot"],
        }
        turned |= {f"{bone}.{side}": turn for bone, turn in limb.items()}

    bones = driven_bones(body)
    local = np.empty((len(turns["pelvis"]), len(bones), 3, 3), np.float32)
    for column, bone in enumerate(bones):
        parent = body.bone_parents[body.bone_index[bone]]
        while parent >= 0 and body.bone_names[parent] not in turned:
            parent = body.bone_parents[parent]
        turn = turned[bone]
        local[:, column] = _inverse(turned[body.bone_names[parent]]) @ turn if parent >= 0 else turn
    return local


def _inverse(rotations: Array) -> Array:
    return np.swapaxes(rotations, -1, -2)


def _untwisted(parent: Array, turned: Array, along: Array, share: float) -> Array:
    """``turned`` with ``share`` of its twist about the bone, against the parent, taken back."""
    return turned @ part(twists(_inverse(parent) @ turned, along), -share)
