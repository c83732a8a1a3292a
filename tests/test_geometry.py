"""Cameras, boxes, crops and alignment: round trips, invariances and numbers made elsewhere."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mobilehumanpose.errors import UserError
from mobilehumanpose.geometry import (
    Camera,
    apply_affine,
    back_project,
    checked_box,
    crop_affine,
    fit_translation,
    flip_points_px,
    invert_affine,
    process_bbox,
    project,
    rigid_align,
    rootnet_k_mm,
    similarity_align,
    tight_box,
    warp_crop,
    world_to_camera,
)

finite = st.floats(-2000, 2000, width=32)
points_2d = arrays(np.float64, (12, 2), elements=finite)
points_3d = arrays(np.float64, (12, 3), elements=finite)
cameras = st.builds(
    lambda fx, fy, cx, cy: Camera(focal_px=(fx, fy), center_px=(cx, cy)),
    st.floats(200, 5000),
    st.floats(200, 5000),
    st.floats(-500, 5000),
    st.floats(-500, 5000),
)
angles = st.floats(-math.pi, math.pi)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    return cv2.Rodrigues(np.array([yaw, pitch, roll]))[0]


@given(points_2d, arrays(np.float64, (12,), elements=st.floats(100, 20000)), cameras)
def test_back_projection_undoes_projection(points_px, depth_mm, camera):
    points_mm = back_project(points_px, depth_mm, camera)
    np.testing.assert_allclose(project(points_mm, camera), points_px, atol=1e-6)
    np.testing.assert_allclose(points_mm[:, 2], depth_mm)


def test_projection_of_a_hand_worked_point():
    camera = Camera(focal_px=(1000, 500), center_px=(320, 240))
    point = project(np.array([[200.0, -100.0, 2000.0]]), camera)
    np.testing.assert_allclose(point, [[420, 215]])


def test_field_of_view_spans_the_longer_side():
    camera = Camera.from_fov(90, (640, 480))
    assert camera.focal_px == pytest.approx((320, 320))
    assert camera.center_px == (320, 240)
    assert Camera.from_fov(90, (480, 640)).focal_px == pytest.approx((320, 320))


@pytest.mark.parametrize("degrees", [0, 180, -5, math.nan, math.inf])
def test_impossible_field_of_view_is_refused(degrees):
    with pytest.raises(UserError, match="field of view"):
        Camera.from_fov(degrees, (640, 480))


@pytest.mark.parametrize("focal", [(0, 1000), (1000, -1), (math.nan, 1), (math.inf, 1)])
def test_impossible_focal_length_is_refused(focal):
    with pytest.raises(UserError, match="focal"):
        Camera(focal_px=focal, center_px=(0, 0))


def test_world_to_camera_uses_the_extrinsic_translation():
    turn = rotation(0.1, -0.4, 2.0)
    center = np.array([100.0, 200.0, -3000.0])
    moved = world_to_camera(center[None], turn, -turn @ center)
    np.testing.assert_allclose(moved, np.zeros((1, 3)), atol=1e-9)


def test_process_bbox_of_hand_worked_boxes():
    # 100 × 50 at (10, 20): corners (10, 20) to (109, 69), then square 99, then 1.25 times.
    side = 99 * 1.25
    np.testing.assert_allclose(
        process_bbox(np.array([10.0, 20, 100, 50]), (640, 480)),
        [59.5 - side / 2, 44.5 - side / 2, side, side],
    )
    # Reaching out of the picture to the left, it is cut at 0 but keeps its width, as in 3DMPPE.
    box = process_bbox(np.array([-30.0, 0, 61, 21]), (640, 480))
    np.testing.assert_allclose(box[:2] + box[2:] / 2, [30, 10])


@pytest.mark.parametrize(
    "box", [[700, 10, 50, 50], [10, 500, 50, 50], [10, 10, 0, 50], [10, 10, 50, -1]]
)
def test_process_bbox_says_when_nothing_is_inside(box):
    assert process_bbox(np.array(box, float), (640, 480)) is None


@given(st.floats(0, 500), st.floats(0, 400), st.floats(5, 600), st.floats(5, 600))
def test_process_bbox_is_square_and_holds_the_clipped_box(x, y, width, height):
    box = process_bbox(np.array([x, y, width, height]), (640, 480))
    assert box is not None
    assert box[2] == pytest.approx(box[3])
    right, bottom = min(639, x + width - 1), min(479, y + height - 1)
    assert box[0] <= x + 1e-6
    assert box[1] <= y + 1e-6
    assert box[0] + box[2] >= right - 1e-6
    assert box[1] + box[3] >= bottom - 1e-6


@pytest.mark.parametrize(
    "box", [[0, 0, 0, 0], [0, 0, 10, math.nan], [1, 2, 3], "abcd", [0, 0, math.inf, 1], None]
)
def test_impossible_boxes_are_refused(box):
    with pytest.raises(UserError, match="box"):
        checked_box(box)


def test_tight_box_is_enlarged_about_its_centre():
    box = tight_box(np.array([[10.0, 20], [30, 60]]), enlarge=1.5)
    np.testing.assert_allclose(box, [5, 10, 30, 60])


@given(
    points_2d,
    st.floats(-180, 180),
    st.floats(0.5, 2),
    st.booleans(),
    st.tuples(st.floats(-50, 500), st.floats(-50, 500), st.floats(20, 500)),
)
def test_crop_affine_can_be_undone(points, degrees, scale, flip, box):
    x, y, side = box
    affine = crop_affine(
        np.array([x, y, side, side]),
        256,
        rotation_degrees=degrees,
        scale=scale,
        flip=flip,
    )
    there_and_back = apply_affine(apply_affine(points, affine), invert_affine(affine))
    np.testing.assert_allclose(there_and_back, points, atol=1e-6)


def test_crop_affine_maps_the_three_points_of_the_original():
    box = np.array([100.0, 50, 200, 200])
    angle = 30.0
    affine = crop_affine(box, 256, rotation_degrees=angle, scale=1.1)
    center = np.array([200.0, 150.0])
    turn = np.array(
        [
            [math.cos(math.radians(angle)), -math.sin(math.radians(angle))],
            [math.sin(math.radians(angle)), math.cos(math.radians(angle))],
        ]
    )
    source = np.stack([center, center + turn @ [0, 110.0], center + turn @ [110.0, 0]])
    expected = cv2.getAffineTransform(
        source.astype(np.float32), np.array([[128, 128], [128, 256], [256, 128]], np.float32)
    )
    np.testing.assert_allclose(affine, expected, atol=1e-4)


def test_mirrored_crop_mirrors_the_picture_first():
    box = np.array([100.0, 50, 200, 200])
    mirrored = crop_affine(box, 256, rotation_degrees=20, flip=True)
    plain = crop_affine(np.array([639 - 300.0, 50, 200, 200]), 256, rotation_degrees=20)
    points = np.array([[120.0, 70], [250, 200]])
    np.testing.assert_allclose(
        apply_affine(points, mirrored), apply_affine(flip_points_px(points, 640), plain)
    )


@given(points_2d)
def test_flipping_twice_changes_nothing(points):
    np.testing.assert_allclose(flip_points_px(flip_points_px(points, 640), 640), points, atol=1e-9)


@pytest.mark.parametrize("side", [120, 256, 700, 1500])
def test_warped_picture_and_points_agree(side):
    """A bright disc lands where its centre is mapped to, at every reduction."""
    image = np.zeros((1600, 1700, 3), np.uint8)
    center = (840, 765)
    cv2.circle(image, center, side // 20, (255, 255, 255), -1)
    affine = crop_affine(np.array([800.0 - side / 3, 760 - side / 3, side, side]), 256)
    crop = warp_crop(image, affine, 256)[..., 0].astype(float)
    ys, xs = np.mgrid[:256, :256]
    found = np.array([(xs * crop).sum(), (ys * crop).sum()]) / crop.sum()
    np.testing.assert_allclose(found, apply_affine(np.array(center, float), affine), atol=0.3)


@pytest.mark.parametrize("size", [(1280, 720), (1281, 720), (1280, 719), (1000, 1501)])
@pytest.mark.parametrize("square", [(400, 30, 640), (-100, -200, 900), (900, 400, 1000), (0, 0, 2)])
def test_a_small_crop_shows_what_it_would_if_all_of_the_picture_were_averaged(size, square):
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    side, crop_px = square[2], max(1, square[2] // 4)
    affine = crop_affine(np.array([square[0], square[1], side, side], float), crop_px)
    factor = int(1 / math.sqrt(abs(np.linalg.det(affine[:, :2]))))
    assert factor >= 2
    small_size = (size[0] // factor, size[1] // factor)
    small = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA)
    ratio = np.array(size) / small_size
    full_from_small = np.diag([*ratio, 1.0])
    full_from_small[:2, 2] = ratio / 2 - 0.5
    expected = cv2.warpAffine(
        small, (np.vstack([affine, [0, 0, 1]]) @ full_from_small)[:2], (crop_px, crop_px)
    )
    # Places are rounded to 1/32 px: here and there to another one.
    difference = np.abs(warp_crop(image, affine, crop_px).astype(int) - expected)
    assert difference.max() <= 8
    assert difference.mean() < 0.1


@given(points_3d, points_3d)
def test_alignment_never_makes_it_worse(points, target):
    def squared(aligned):
        return ((aligned - target) ** 2).sum()

    centred = points - points.mean(0) + target.mean(0)
    rigid = squared(rigid_align(points, target))
    assert rigid <= squared(centred) * (1 + 1e-9) + 1e-6
    assert squared(similarity_align(points, target)) <= rigid * (1 + 1e-9) + 1e-6


@given(angles, angles, angles, st.floats(0.2, 5), points_3d.filter(lambda p: np.ptp(p) > 10))
def test_alignment_finds_a_known_motion(yaw, pitch, roll, scale, points):
    target = scale * points @ rotation(yaw, pitch, roll).T + [10, -20, 3000]
    np.testing.assert_allclose(similarity_align(points, target), target, atol=1e-5)
    if scale == 1:
        np.testing.assert_allclose(rigid_align(points, target), target, atol=1e-5)


def test_alignment_does_not_mirror():
    points = np.random.default_rng(0).normal(size=(12, 3))
    mirrored = points * [-1, 1, 1]
    assert np.abs(rigid_align(points, mirrored) - mirrored).max() > 0.1


def test_alignment_of_points_in_one_place():
    target = np.arange(12.0).reshape(4, 3)
    aligned = similarity_align(np.ones((4, 3)), target)
    np.testing.assert_allclose(aligned, np.broadcast_to(target.mean(0), (4, 3)))


@given(
    arrays(np.float64, (12, 3), elements=st.floats(-900, 900)).filter(
        lambda p: np.ptp(p[:, :2]) > 50
    ),
    st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000), st.floats(1500, 15000)),
    cameras,
)
def test_translation_is_exact_without_noise(pose_mm, translation, camera):
    keypoints_px = project(pose_mm + translation, camera)
    found = fit_translation(keypoints_px, pose_mm, camera)
    np.testing.assert_allclose(found, translation, rtol=1e-5, atol=1e-2)


def test_translation_heeds_the_weights():
    pose = np.random.default_rng(1).uniform(-800, 800, (12, 3))
    camera = Camera.from_fov(55, (640, 480))
    keypoints_px = project(pose + [100, 200, 4000], camera)
    keypoints_px[3] += 80  # one joint is found in the wrong place, and known to be unsure
    weights = np.ones(12)
    weights[3] = 0
    found = fit_translation(keypoints_px, pose, camera, weights)
    np.testing.assert_allclose(found, [100, 200, 4000], atol=1e-6)
    assert abs(fit_translation(keypoints_px, pose, camera)[2] - 4000) > 10


@given(
    points_3d,
    points_2d,
    arrays(np.float64, (12,), elements=st.floats(0.01, 1)),
    cameras,
)
def test_translation_solves_the_weighted_least_squares(pose_mm, keypoints_px, weights, camera):
    """Noise and all: the same as NumPy makes of all equations at once."""
    assume(np.ptp(keypoints_px, axis=0).max() > 1)
    rays = (keypoints_px - np.array(camera.center_px)) / camera.focal_px
    equations = np.zeros((12, 2, 3))
    equations[:, 0, 0] = equations[:, 1, 1] = 1
    equations[:, :, 2] = -rays
    right_side = rays * pose_mm[:, 2:] - pose_mm[:, :2]
    root = np.sqrt(weights)[:, None]
    expected = np.linalg.lstsq(
        (equations * root[..., None]).reshape(-1, 3), (right_side * root).reshape(-1), rcond=None
    )[0]
    found = fit_translation(keypoints_px, pose_mm, camera, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-3 + 1e-8 * abs(expected[2]))


def test_translation_needs_something_to_hold_on_to():
    camera = Camera.from_fov(55, (640, 480))
    with pytest.raises(UserError, match="two scored joints"):
        fit_translation(np.zeros((3, 2)), np.zeros((3, 3)), camera, [1, 0, 0])
    with pytest.raises(UserError, match="different pixels"):
        fit_translation(np.full((3, 2), 9.0), np.zeros((3, 3)), camera)


def test_rootnet_distance():
    camera = Camera(focal_px=(1500, 1500), center_px=(0, 0))
    assert rootnet_k_mm(np.array([5.0, 5, 300, 300]), camera) == pytest.approx(10000)
    wide = Camera(focal_px=(1000, 2250), center_px=(0, 0))
    assert rootnet_k_mm(np.array([0.0, 0, 150, 600]), wide) == pytest.approx(10000)
