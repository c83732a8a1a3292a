"""Angles of joints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from mobilehumanpose.angles import joint_angles_degrees
from mobilehumanpose.skeleton import LSP_14, MUCO_21, SKELETONS

#: Camera axes: x right, y down, z forward. The person faces the camera, so the left is at x > 0.
STANDING_MM = {
    "Head_top": (0, -800, 0), "Head": (0, -700, 0), "Thorax": (0, -500, 0), "Spine": (0, -250, 0),
    "Pelvis": (0, 0, 0),
    "L_Shoulder": (200, -500, 0), "L_Elbow": (200, -200, 0), "L_Wrist": (200, -200, -250),
    "L_Hand": (200, -200, -330),
    "R_Shoulder": (-200, -500, 0), "R_Elbow": (-500, -500, 0), "R_Wrist": (-750, -500, 0),
    "R_Hand": (-830, -500, 0),
    "L_Hip": (200, 0, 0), "L_Knee": (200, 400, 0), "L_Ankle": (200, 800, 0),
    "L_Toe": (200, 800, -200),
    "R_Hip": (-200, 0, 0), "R_Knee": (-200, 0, -400), "R_Ankle": (-200, 400, -400),
    "R_Toe": (-200, 400, -600),
}  # fmt: skip
POSITIONS_MM = np.array([STANDING_MM[name] for name in MUCO_21.joint_names], float)
points = arrays(np.float64, (21, 3), elements=st.floats(-1e4, 1e4))


def test_angles_of_a_body_with_right_angles():
    angles = {name: float(a) for name, a in joint_angles_degrees(POSITIONS_MM, MUCO_21).items()}
    assert angles == pytest.approx(
        {
            "L_Shoulder": 0, "R_Shoulder": 90, "L_Elbow": 90, "R_Elbow": 180,
            "L_Wrist": 180, "R_Wrist": 180, "L_Hip": 180, "R_Hip": 90, "L_Knee": 180, "R_Knee": 90,
            "L_Ankle": 90, "R_Ankle": 90, "Trunk_lean": 0,
        }
    )  # fmt: skip


def test_the_trunk_leans_by_as_much_as_the_person_is_turned():
    for degrees in (0, 30, 90, 180):
        turned = Rotation.from_euler("x", degrees, degrees=True).apply(POSITIONS_MM)
        assert joint_angles_degrees(turned, MUCO_21)["Trunk_lean"] == pytest.approx(degrees)


@given(points, st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_joints_keep_their_angles_wherever_the_body_is(positions_mm, seed, scale):
    rng = np.random.default_rng(seed)
    positions_mm = positions_mm + rng.normal(size=(21, 3))  # none in one place
    turn = Rotation.random(random_state=seed)
    moved = scale * turn.apply(positions_mm) + rng.normal(size=3) * 1000
    before = joint_angles_degrees(positions_mm, MUCO_21)
    after = joint_angles_degrees(moved, MUCO_21)
    for name in before.keys() - {"Trunk_lean"}:
        assert after[name] == pytest.approx(before[name], abs=1e-3)
        assert 0 <= before[name] <= 180


def test_a_mirror_swaps_left_and_right():
    mirrored = (POSITIONS_MM * (-1, 1, 1))[MUCO_21.flip_permutation]
    before = joint_angles_degrees(POSITIONS_MM, MUCO_21)
    after = joint_angles_degrees(mirrored, MUCO_21)
    swap = str.maketrans("LR", "RL")
    for name, degrees in before.items():
        other = name[0].translate(swap) + name[1:] if name[1] == "_" else name
        assert after[other] == pytest.approx(float(degrees))


def test_many_bodies_at_once():
    bodies = POSITIONS_MM * np.ones((4, 5, 1, 1))
    assert joint_angles_degrees(bodies, MUCO_21)["R_Knee"].shape == (4, 5)


def test_joints_in_one_place_have_no_angle():
    positions_mm = POSITIONS_MM.copy()
    positions_mm[MUCO_21.index("L_Ankle")] = positions_mm[MUCO_21.index("L_Knee")]
    angles = joint_angles_degrees(positions_mm, MUCO_21)
    assert [name for name, degrees in angles.items() if np.isnan(degrees)] == ["L_Knee", "L_Ankle"]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_every_joint_set_has_the_angles_of_its_joints(skeleton):
    angles = joint_angles_degrees(np.eye(skeleton.num_joints, 3), skeleton)
    assert {"L_Knee", "R_Knee", "L_Elbow", "R_Elbow", "L_Hip", "R_Shoulder"} <= angles.keys()
    assert ("Trunk_lean" in angles) == (skeleton is not LSP_14)
    assert ("L_Ankle" in angles) == (skeleton is MUCO_21)
