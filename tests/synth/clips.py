"""Recordings made up for tests, in the formats and on the skeletons of the real ones."""

import json

import numpy as np

from mobilehumanpose.synth.body import Body

#: Joints of the CMU database's skeleton that matter, left and middle: parent and offset. It rests
#: in a T pose: x to the left, y up, z to the front.
CMU = {
    "hip": ("", (0, 0, 0)),
    "abdomen": ("hip", (0, 20, 0)),
    "chest": ("abdomen", (0, 12, 0)),
    "neck": ("chest", (0, 22, -2)),
    "head": ("neck", (0, 7, 1)),
    "lCollar": ("chest", (3, 19, -5)),
    "lShldr": ("lCollar", (9, -2, 1)),
    "lForeArm": ("lShldr", (28, -2, 0)),
    "lHand": ("lForeArm", (23, 1, 7)),
    "lIndex1": ("lHand", (8, 1, 6)),
    "lMid1": ("lHand", (8, 1, 3)),
    "lPinky1": ("lHand", (8, 0, 0)),
    "lButtock": ("hip", (9, 4, 1)),
    "lThigh": ("lButtock", (0, -2, -2)),
    "lShin": ("lThigh", (0, -37, 1)),
    "lFoot": ("lShin", (-1, -45, -5)),
}
CMU_ENDS = {"lFoot": (1, -4, 12)}


def _write_bvh(
    bones: dict[str, tuple[str, tuple]], ends: dict[str, tuple], degrees: np.ndarray
) -> str:
    """A BVH of (F, J, 3) Euler angles z, x, y in the order in which the hierarchy lists joints."""
    lines = ["HIERARCHY"]

    def add(name: str, depth: int) -> None:
        parent, offset = bones[name]
        lines.append(f"{'JOINT' if parent else 'ROOT'} {name}")
        positions = "" if parent else "Xposition Yposition Zposition "
        lines.extend(["{", "OFFSET " + " ".join(map(str, offset))])
        lines.append(f"CHANNELS {3 if parent else 6} {positions}Zrotation Xrotation Yrotation")
        if name in ends:
            lines.extend(["End Site", "{", "OFFSET " + " ".join(map(str, ends[name])), "}"])
        for child in (n for n, (p, _) in bones.items() if p == name):
            add(child, depth + 1)
        lines.append("}")

    add(next(iter(bones)), 0)
    lines += ["MOTION", f"Frames: {len(degrees)}", "Frame Time: 0.033333"]
    for frame in degrees:
        lines.append(" ".join(f"{v:.9g}" for v in [0, 90, 0, *frame.reshape(-1)]))
    return "\n".join(lines) + "\n"


def cmu_bones() -> dict[str, tuple[str, tuple]]:
    bones = dict(CMU)
    for name, (parent, offset) in CMU.items():
        if name.startswith("l"):
            right = parent.replace("l", "r", 1) if parent.startswith("l") else parent
            bones["r" + name[1:]] = right, (-offset[0], *offset[1:])
    return bones


def cmu_clip(degrees: np.ndarray) -> str:
    """(F, J, 3) Euler angles; J is ``len(cmu_bones())``."""
    ends = CMU_ENDS | {"rFoot": (-1, -4, 12)}
    return _write_bvh(cmu_bones(), ends, degrees)


def random_cmu_clip(seed: int, frames: int = 6, spread: float = 25.0) -> str:
    rng = np.random.default_rng(seed)
    return cmu_clip(rng.normal(0, spread, (frames, len(cmu_bones()), 3)))


def makehuman_pose(body: Body, degrees: dict[str, tuple]) -> str:
    """One frame on the body's own rig; Euler angles z, x, y by bone, in MakeHuman's axes."""
    names = body.bone_names
    parents = [names[p] if p >= 0 else "" for p in body.bone_parents]
    bones = {name: (parent, (0, 0, 1)) for name, parent in zip(names, parents, strict=True)}
    order: list[str] = []

    def visit(name: str) -> None:
        order.append(name)
        for child in (n for n, (p, _) in bones.items() if p == name):
            visit(child)

    visit(names[0])
    return _write_bvh(bones, {}, np.array([[degrees.get(name, (0, 0, 0)) for name in order]]))


def deepmimic_clip(**segments) -> str:
    """One frame of DeepMimic's humanoid: all at rest but for the named segments' numbers."""
    still = [1.0, 0, 0, 0]
    frame = [0.0333, 0, 0.9, 0]
    for segment in (
        *("pelvis", "chest", "head"),
        *("R_thigh", "R_shank", "R_foot", "R_upper_arm", "R_forearm"),
        *("L_thigh", "L_shank", "L_foot", "L_upper_arm", "L_forearm"),
    ):
        is_hinge = segment.endswith(("shank", "forearm"))
        frame += segments.get(segment, [0.0] if is_hinge else still)
    return json.dumps({"Loop": "none", "Frames": [frame]})
