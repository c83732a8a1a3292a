"""Joints are told apart as seen, hidden and outside; boxes and pixels are those of the body."""

import numpy as np
import pytest

from mobilehumanpose.data.synth import OCCLUDED, OUTSIDE, VISIBLE
from mobilehumanpose.geometry import Camera, project
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.synth.labels import joint_visibility, label_person
from mobilehumanpose.synth.scene import Person
from mobilehumanpose.synth.viewing import FAR_MM, Rendered, View

CAMERA = Camera(focal_px=(200.0, 200.0), center_px=(50.0, 40.0))
VIEW = View(rotation=np.eye(3), position_mm=np.zeros(3), camera=CAMERA, size=(100, 80))


def rendered(depth_mm, scale=2.0) -> Rendered:
    shape = (int(80 * scale), int(100 * scale))
    return Rendered(
        rgb=np.zeros((*shape, 3), np.uint8),
        depth_mm=np.broadcast_to(np.float32(depth_mm), shape).copy(),
        person=np.zeros(shape, np.uint8),
        scale=scale,
    )


def joints_at(x_px, y_px, depth_mm):
    ray = (np.array([x_px, y_px]) - CAMERA.center_px) / CAMERA.focal_px
    return np.tile([*(ray * depth_mm), depth_mm], (21, 1))


def test_a_joint_is_seen_through_the_flesh_around_it_but_not_through_a_wall():
    joints = joints_at(30, 20, 2000.0)
    wrist, hip = MUCO_21.index("L_Wrist"), MUCO_21.index("L_Hip")
    assert (joint_visibility(joints, VIEW, rendered(FAR_MM)) == VISIBLE).all()
    assert (joint_visibility(joints, VIEW, rendered(1000.0)) == OCCLUDED).all()
    behind_100_mm = joint_visibility(joints, VIEW, rendered(1900.0))
    assert behind_100_mm[hip] == VISIBLE
    assert behind_100_mm[wrist] == OCCLUDED


def test_what_is_looked_up_is_the_joints_own_pixel():
    picture = rendered(500.0, scale=1.4)
    x, y = 71, 13
    cell = np.floor((np.array([x, y]) + 0.5) * 1.4).astype(int)
    picture.depth_mm[cell[1], cell[0]] = FAR_MM
    assert (joint_visibility(joints_at(x, y, 2000.0), VIEW, picture) == VISIBLE).all()
    assert (joint_visibility(joints_at(x + 1, y, 2000.0), VIEW, picture) == OCCLUDED).all()


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [(-0.4, 0, True), (-0.6, 0, False), (99.4, 79.4, True), (99.6, 40, False), (50, 79.6, False)],
)
def test_the_picture_ends_half_a_pixel_beyond_the_outermost_centres(x, y, inside):
    found = joint_visibility(joints_at(x, y, 2000.0), VIEW, rendered(FAR_MM))
    assert (found == (VISIBLE if inside else OUTSIDE)).all()


def test_a_joint_behind_the_camera_is_outside():
    found = joint_visibility(joints_at(50, 40, -2000.0), VIEW, rendered(FAR_MM))
    assert (found == OUTSIDE).all()


def test_labels_agree_with_one_another():
    rng = np.random.default_rng(0)
    joints_mm = rng.normal(size=(21, 3)) * 300 + [0, 0, 3000]
    surface = np.concatenate([joints_mm - 20, joints_mm + 20])
    person = Person(meshes=[], joints_mm=joints_mm, surface_mm=surface.astype(np.float32))
    label = label_person(person, 1, VIEW, rendered(FAR_MM))
    keypoints = np.reshape(label["keypoints"], (21, 3))
    in_camera = np.array(label["keypoints_cam"])
    assert keypoints[:, :2] == pytest.approx(project(in_camera, CAMERA), abs=0.02)
    assert label["num_keypoints"] == (keypoints[:, 2] > 0).sum()
    x, y, width, height = label["bbox"]
    seen = keypoints[keypoints[:, 2] > 0, :2]
    assert (seen >= (x, y)).all()
    assert (seen <= (x + width, y + height)).all()
    assert x >= -0.5
    assert y + height <= 79.5


def test_who_is_beside_the_picture_has_no_label():
    joints_mm = np.tile([5000.0, 0, 1000.0], (21, 1))
    surface = (joints_mm + np.eye(21, 3) * 10).astype(np.float32)
    person = Person(meshes=[], joints_mm=joints_mm, surface_mm=surface)
    assert label_person(person, 1, VIEW, rendered(FAR_MM)) is None
