"""Overlays: limbs where the joints are, and nothing breaks at the rim."""

from dataclasses import replace

import numpy as np
import pytest

from mobilehumanpose.draw import OUTLINE, SIDE_COLORS, draw_poses, edge_side, joint_side
from mobilehumanpose.skeleton import MUCO_21


@pytest.fixture
def photo() -> np.ndarray:
    return np.full((480, 640, 3), 200, np.uint8)


def color_at(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    x, y = np.round(point).astype(int)
    return image[y, x]


def test_sure_joints_are_discs_of_their_side_s_colour(photo, pose):
    pose = replace(pose, scores=np.ones(21))
    drawn = draw_poses(photo, [pose])
    seen = 0
    for joint, name in enumerate(MUCO_21.joint_names):
        point = pose.keypoints_px[joint]
        others = np.delete(pose.keypoints_px, joint, axis=0)
        if not (5 < point[0] < 634 and 5 < point[1] < 474):
            continue
        if np.linalg.norm(others - point, axis=1).min() < 15:
            continue  # hidden under another joint
        np.testing.assert_array_equal(color_at(drawn, point), SIDE_COLORS[joint_side(name)])
        seen += 1
    assert seen > 8


def test_unsure_joints_are_hollow(photo, pose):
    point = pose.keypoints_px[0]
    sure = draw_poses(photo, [replace(pose, scores=np.ones(21))])
    unsure = draw_poses(photo, [replace(pose, scores=np.zeros(21))])
    assert np.abs(sure.astype(int) - photo).sum() > 2 * np.abs(unsure.astype(int) - photo).sum()
    assert not (unsure == OUTLINE).all(axis=2).any()
    assert not np.array_equal(color_at(sure, point), color_at(unsure, point))


def test_what_is_more_often_wrong_than_right_is_drawn_as_unsure(photo, pose):
    def drawn(score):
        return draw_poses(photo, [replace(pose, scores=np.full(21, score))])

    np.testing.assert_array_equal(drawn(0.49), drawn(0.0))
    np.testing.assert_array_equal(drawn(0.51), drawn(1.0))


def test_the_photo_is_left_alone_and_the_result_is_decided(photo, pose):
    before = photo.copy()
    first, second = draw_poses(photo, [pose, pose]), draw_poses(photo, [pose, pose])
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(draw_poses(photo, []), photo)


def test_more_people_carry_numbers(photo, pose):
    one = draw_poses(photo, [pose])
    two = draw_poses(photo, [pose, replace(pose, track_id=7)])
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (30, 20)])
def test_joints_outside_the_picture_break_nothing(pose, size):
    far = replace(pose, keypoints_px=pose.keypoints_px * 1e7 - 1e9)
    for person in (pose, far):
        drawn = draw_poses(np.zeros((*size, 3), np.uint8), [person, person])
        assert drawn.shape == (*size, 3)


def test_sides_of_limbs():
    index = MUCO_21.index
    assert edge_side(MUCO_21, (index("Thorax"), index("L_Shoulder"))) == "left"
    assert edge_side(MUCO_21, (index("Pelvis"), index("R_Hip"))) == "right"
    assert edge_side(MUCO_21, (index("Pelvis"), index("Spine"))) == "center"
