"""Arms in the trunk are told from arms before it."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.collisions import arm_depth_mm, solid_triangles
from mobilehumanpose.synth.recordings import AVERAGE


def test_a_hand_in_the_belly_is_inside_and_one_before_it_is_not(real_body):
    triangles = solid_triangles(real_body)
    posed = real_body.pose(real_body.shape(AVERAGE), real_body.rest_rotations())
    assert arm_depth_mm(posed, triangles) < -50
    joints_mm = posed.joints_mm.copy()
    hand, spine = MUCO_21.index("L_Hand"), MUCO_21.index("Spine")
    joints_mm[hand] = joints_mm[spine]
    assert arm_depth_mm(replace(posed, joints_mm=joints_mm), triangles) > 20
    joints_mm[hand, 2] -= 250
    assert arm_depth_mm(replace(posed, joints_mm=joints_mm), triangles) < -20


@pytest.mark.parametrize("depth_mm", [30.0, -30.0])
def test_depth_is_measured_along_the_normal(tiny_body, depth_mm):
    """The deepest arm joint lies so far behind or before a wall, the others far before it."""
    posed = tiny_body.pose(tiny_body.shape(AVERAGE), tiny_body.rest_rotations())
    joints_mm = np.tile(np.float32([0, 0, -500]), (21, 1))
    joints_mm[MUCO_21.index("R_Wrist")] = 0, 0, depth_mm
    wall = np.float32([[-1000, 1000, 0], [1000, 1000, 0], [0, -2000, 0]])
    made = replace(posed, vertices_mm=wall, joints_mm=joints_mm)
    assert arm_depth_mm(made, np.array([[0, 1, 2]])) == pytest.approx(depth_mm, abs=1e-3)
