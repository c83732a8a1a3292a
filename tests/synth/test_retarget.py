"""Retargeting: limbs point where the recorded ones did, whatever pose the skeletons rest in."""

import numpy as np
import pytest
from clips import cmu_bones, cmu_clip, deepmimic_clip, makehuman_pose, random_cmu_clip

from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.body import Body
from mobilehumanpose.synth.bvh import parse_bvh
from mobilehumanpose.synth.recordings import AVERAGE
from mobilehumanpose.synth.retarget import (
    driven_bones,
    from_cmu,
    from_deepmimic,
    from_makehuman,
    rest_frames,
    retarget,
)

LEFT, DOWN, FRONT = np.eye(3)[0], np.eye(3)[1], -np.eye(3)[2]
#: CMU's axes (x left, y up, z front) in the body frame.
FROM_CMU = np.diag([1.0, -1, -1])
LIMBS = {
    ("Shldr", "ForeArm"): ("upperarm01", "lowerarm01"),
    ("ForeArm", "Hand"): ("lowerarm01", "wrist"),
    ("Hand", "Mid1"): ("wrist", "finger3-1"),
    ("Thigh", "Shin"): ("upperleg01", "lowerleg01"),
    ("Shin", "Foot"): ("lowerleg01", "foot"),
    ("Foot", "Foot.end"): ("foot", "toe2-1"),
}


def heads(body: Body, local: np.ndarray) -> np.ndarray:
    """(F, B, 3) heads of all bones for turns of the driven ones."""
    rotations = np.tile(body.rest_rotations(), (len(local), 1, 1, 1))
    rotations[:, [body.bone_index[name] for name in driven_bones(body)]] = local
    np.testing.assert_allclose(
        local @ np.swapaxes(local, -1, -2), np.zeros_like(local) + np.eye(3), atol=1e-5
    )
    return body.forward_kinematics(body.shape(AVERAGE), rotations)[1]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def retargeted(motion, body: Body) -> np.ndarray:
    return retarget(motion, body, rest_frames(body, body.shape(AVERAGE)))


@pytest.fixture(params=["tiny", "real"])
def body(request) -> Body:
    return request.getfixturevalue(f"{request.param}_body")


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_limbs_point_where_the_recorded_ones_do(body, seed):
    """In a T pose, which is not the body's own rest pose, and in any other."""
    bvh = parse_bvh(
        cmu_clip(np.zeros((1, len(cmu_bones()), 3))) if seed is None else random_cmu_clip(seed),
        "clip.bvh",
    )
    _, recorded = bvh.forward_kinematics()
    made = heads(body, retargeted(from_cmu(bvh, "clip.bvh"), body))
    for side in "LR":
        for (source_from, source_to), (bone_from, bone_to) in LIMBS.items():
            a, b = (
                recorded[:, bvh.joint_names.index(f"{side.lower()}{j}")]
                for j in (source_from, source_to)
            )
            c, d = (made[:, body.bone_index[f"{j}.{side}"]] for j in (bone_from, bone_to))
            # The heads of second bones lie a little off the line, so that twist moves it.
            expected = unit((b - a) @ FROM_CMU.T)
            np.testing.assert_allclose(unit(d - c), expected, atol=0.05, err_msg=bone_to)


def test_the_trunk_turns_as_recorded(tiny_body):
    degrees = np.zeros((1, len(cmu_bones()), 3))
    order = parse_bvh(cmu_clip(degrees), "clip.bvh").joint_names
    order = [name for name in order if not name.endswith(".end")]
    degrees[0, order.index("abdomen")] = 0, 50, 0  # bows, about x to the left
    made = heads(tiny_body, retargeted(from_cmu(parse_bvh(cmu_clip(degrees), "c"), "c"), tiny_body))
    rest = tiny_body.shape(AVERAGE).bone_heads_mm
    chest, head = (tiny_body.bone_index[name] for name in ("spine01", "head"))
    bowed, upright = made[0, head] - made[0, chest], rest[head] - rest[chest]
    cosine = unit(bowed) @ unit(upright)
    assert np.degrees(np.arccos(cosine)) == pytest.approx(50, abs=0.1)
    assert bowed @ FRONT > 100  # towards the viewer


def test_twist_is_shared_along_the_arm(tiny_body):
    """A palm turned over by 90° turns the forearm's second bone half as far, its first not."""
    degrees = np.zeros((2, len(cmu_bones()), 3))
    order = [n for n in parse_bvh(cmu_clip(degrees), "c").joint_names if not n.endswith(".end")]
    bones = driven_bones(tiny_body)
    degrees[1, order.index("lHand")] = 0, 90, 0
    turns = retargeted(from_cmu(parse_bvh(cmu_clip(degrees), "c"), "c"), tiny_body)

    def angle(bone: str) -> float:
        index = bones.index(bone)
        change = turns[0, index].T @ turns[1, index]
        return float(np.degrees(np.arccos(np.clip((np.trace(change) - 1) / 2, -1, 1))))

    assert angle("lowerarm01.L") == pytest.approx(0, abs=0.1)
    assert angle("lowerarm02.L") == pytest.approx(45, abs=6)  # its axis is not quite the hand's
    assert angle("wrist.L") > 30
    assert angle("wrist.R") == pytest.approx(0, abs=0.1)


def test_another_skeleton_is_told(tiny_body):
    text = random_cmu_clip(0).replace("lShin", "leftShin")
    with pytest.raises(UserError, match=r"clip.bvh: has no joint lShin"):
        from_cmu(parse_bvh(text, "clip.bvh"), "clip.bvh")


def joints_of(body: Body, text: str) -> dict[str, np.ndarray]:
    local = retargeted(from_deepmimic(text, "clip.txt"), body)
    rotations = body.rest_rotations()
    rotations[[body.bone_index[name] for name in driven_bones(body)]] = local[0]
    return dict(zip(MUCO_21.joint_names, body.joints(body.shape(AVERAGE), rotations), strict=True))


def test_deepmimic_at_rest_stands_with_hanging_arms(body):
    at = joints_of(body, deepmimic_clip())
    for side in "LR":
        for a, b in (("Elbow", "Wrist"), ("Knee", "Ankle")):
            direction = unit(at[f"{side}_{b}"] - at[f"{side}_{a}"])
            np.testing.assert_allclose(direction, DOWN, atol=1e-3)
        # The shoulder's label lies inside of the joint that the arm turns about.
        assert unit(at[f"{side}_Elbow"] - at[f"{side}_Shoulder"]) @ DOWN > 0.99
        foot = at[f"{side}_Toe"] - at[f"{side}_Ankle"]
        assert foot @ FRONT > 3 * abs(foot @ LEFT)
    assert (at["L_Shoulder"] - at["R_Shoulder"]) @ LEFT > 200


def test_deepmimic_hinges_bend_elbows_forwards_and_knees_backwards(tiny_body):
    at = joints_of(tiny_body, deepmimic_clip(L_forearm=[np.pi / 2], R_shank=[-np.pi / 2]))
    np.testing.assert_allclose(unit(at["L_Wrist"] - at["L_Elbow"]), FRONT, atol=1e-3)
    np.testing.assert_allclose(unit(at["R_Wrist"] - at["R_Elbow"]), DOWN, atol=1e-3)
    np.testing.assert_allclose(unit(at["R_Ankle"] - at["R_Knee"]), -FRONT, atol=1e-3)
    np.testing.assert_allclose(unit(at["L_Ankle"] - at["L_Knee"]), DOWN, atol=1e-3)


def test_deepmimic_quaternions_turn_in_its_axes(tiny_body):
    half = np.sqrt(0.5)
    # A quarter turn about the front takes up to the right: the person falls to the right.
    at = joints_of(tiny_body, deepmimic_clip(pelvis=[half, half, 0, 0]))
    assert (at["Head_top"] - at["Pelvis"]) @ LEFT < -500
    # About up it takes the front to the left: the left shoulder comes to the back.
    at = joints_of(tiny_body, deepmimic_clip(pelvis=[half, 0, half, 0]))
    assert (at["L_Shoulder"] - at["R_Shoulder"]) @ FRONT < -200


@pytest.mark.parametrize(
    "text", ["no json", "{}", '{"Frames": []}', '{"Frames": [[1, 2, 3]]}', '{"Frames": "abc"}']
)
def test_a_malformed_clip_is_told(text):
    with pytest.raises(UserError, match=r"clip.txt"):
        from_deepmimic(text, "clip.txt")


def test_makehumans_poses_are_taken_as_they_are(tiny_body):
    """Its axes: x left, y back, z up. Turning about x lifts the front of what hangs down."""
    text = makehuman_pose(tiny_body, {"upperleg01.L": (0, 90, 0)})
    local = from_makehuman(parse_bvh(text, "pose.bvh"), tiny_body, "pose.bvh")
    made = heads(tiny_body, local)[0]
    rest = tiny_body.shape(AVERAGE).bone_heads_mm
    hip, knee = (tiny_body.bone_index[f"{name}.L"] for name in ("upperleg01", "lowerleg01"))
    x, y, z = rest[knee] - rest[hip]
    # Body frame: y down, z to the back; a turn by 90° about x takes y to z.
    np.testing.assert_allclose(made[knee] - made[hip], [x, -z, y], atol=1e-2)


def test_a_pose_of_another_rig_is_told(tiny_body):
    text = makehuman_pose(tiny_body, {}).replace("spine03", "spineX")
    with pytest.raises(UserError, match=r"pose.bvh: has no bone spine03"):
        from_makehuman(parse_bvh(text, "pose.bvh"), tiny_body, "pose.bvh")
