"""From a photograph to poses, with the bundled model."""

from pathlib import Path

import numpy as np
import pytest

from mobilehumanpose import Camera, PoseEstimator, UserError
from mobilehumanpose.close_look import look_closely
from mobilehumanpose.estimator import MIN_SIGHT_SCORE
from mobilehumanpose.geometry import project
from mobilehumanpose.media import load_photo
from mobilehumanpose.video import Frame
from mobilehumanpose.views import View, look, look_upright, search_squares

ASTRONAUT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
#: Around the astronaut, by eye.
BOX = (20, 10, 480, 500)


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator(num_threads=1)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return load_photo(ASTRONAUT)


def test_one_person_is_found_without_a_box(estimator):
    (pose,) = estimator(ASTRONAUT)
    assert pose.keypoints_px.shape == (21, 2)
    assert pose.camera_is_assumed
    assert pose.track_id is None
    for values in (pose.keypoints_mm, pose.root_relative_mm, pose.scores, pose.box_xywh):
        assert np.isfinite(values).all()
    np.testing.assert_allclose(project(pose.keypoints_mm, pose.camera), pose.keypoints_px)
    np.testing.assert_allclose(pose.root_relative_mm[pose.skeleton.root], 0)


def test_the_astronaut_s_shoulders_are_where_they_are(estimator, photo):
    """Her right shoulder is on the left of the picture, beside the collar of her suit.

    That collar is taken for shoulders: the weights of now are 93 and 86 px off, of 512.
    """
    (pose,) = estimator(photo)
    index = pose.skeleton.index
    right, left = pose.keypoints_px[[index("R_Shoulder"), index("L_Shoulder")]]
    assert np.linalg.norm(right - [95, 265]) < 100
    assert np.linalg.norm(left - [315, 265]) < 100


def test_photographs_are_looked_at_closely_unless_told_otherwise(estimator, photo):
    quick = PoseEstimator(num_threads=1, closely=False)
    (close,), (plain,) = estimator(photo, [BOX]), quick(photo, [BOX])
    (expected,) = look_closely(
        quick.network, photo, look_upright(quick.network, photo, [View(plain.box_xywh)])
    )
    np.testing.assert_allclose(close.keypoints_px, expected.keypoints_px, atol=0.01)
    assert np.abs(close.keypoints_px - plain.keypoints_px).max() > 1


def test_closer_looks_never_see_less(photo):
    estimator = PoseEstimator(num_threads=1, closely=False)
    (pose,) = estimator(photo)
    squares = search_squares((photo.shape[1], photo.shape[0]))
    sights = look(estimator.network, photo, [View(square) for square in squares])
    assert pose.scores.mean() >= max(sight.score for sight in sights) - 1e-6


def test_each_box_gets_its_pose_in_order(estimator, photo):
    boxes = [BOX, (100, 0, 250, 300)]
    poses = estimator(photo, boxes)
    assert len(poses) == 2
    for box, pose in zip(boxes, poses, strict=True):
        (alone,) = estimator(photo, [box])
        np.testing.assert_allclose(pose.keypoints_px, alone.keypoints_px, atol=0.5)
    assert estimator(photo, []) == []


def test_a_known_camera_is_used(estimator, photo):
    camera = Camera(focal_px=(2000, 2000), center_px=(256, 256))
    (near,) = estimator(photo, [BOX])
    (far,) = estimator(photo, [BOX], camera)
    assert not far.camera_is_assumed
    assert far.camera == camera
    assert far.keypoints_mm[14, 2] > 2 * near.keypoints_mm[14, 2]
    np.testing.assert_allclose(far.keypoints_px, near.keypoints_px)


def test_pictures_of_any_shape_do(estimator):
    assert estimator(np.full((1, 1, 3), 128, np.uint8)) == []
    for height, width in ((2, 900), (700, 3), (33, 31)):
        image = np.full((height, width, 3), 128, np.uint8)
        assert estimator(image) == []
        (pose,) = estimator(image, [(0, 0, width, height)])
        assert np.isfinite(pose.keypoints_mm).all()


def test_nobody_is_seen_where_nobody_is_unless_a_box_says_so(estimator):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    assert estimator(noise) == []
    (pose,) = estimator(noise, [(0, 0, 320, 240)])
    assert pose.scores.mean() < MIN_SIGHT_SCORE


@pytest.mark.parametrize(
    ("box", "named"),
    [
        ((0, 0, 0, 0), "box 1"),
        ((0, 0, 10, np.nan), "box 1"),
        ((600, 10, 50, 50), "outside the picture"),
        ((-500, -500, 100, 100), "outside the picture"),
        ((20, -30, 50, 30), "outside the picture"),
        ((10, 10, 1, 1), "no more than a pixel"),
        ((1, 2, 3), "box 1"),
    ],
)
def test_a_box_that_cannot_be_is_named(estimator, photo, box, named):
    with pytest.raises(UserError, match=named):
        estimator(photo, [BOX, box])


def test_what_of_a_box_lies_outside_is_left_off(estimator, photo):
    (whole,) = estimator(photo, [(0, 10, 240, 500)])
    (beyond,) = estimator(photo, [(-300, 10, 540, 500)])
    np.testing.assert_array_equal(whole.box_xywh, beyond.box_xywh)
    (huge,) = estimator(photo, [(-1e308, -1e308, 1.7e308, 1.7e308)])
    np.testing.assert_array_equal(huge.box_xywh, estimator(photo, [(0, 0, 512, 512)])[0].box_xywh)


@pytest.mark.parametrize("image", [None, [[0, 0, 0]], 5, np.zeros((4, 4)), b"photo.jpg"])
def test_what_is_no_image_is_named(estimator, image):
    with pytest.raises(UserError, match="uint8 RGB array is needed"):
        estimator(image)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"time_s": 0.0}, r"time 0\.0 s does not come after 0\.0 s"),
        ({"time_s": float("nan")}, "time nan s of a frame is not finite"),
        ({"image_rgb": np.zeros((40, 30, 3), np.uint8)}, r"frame of shape \(40, 30, 3\) at 1\.0 s"),
        ({"image_rgb": np.zeros((30, 40), np.uint8)}, "uint8 RGB array is needed"),
    ],
)
@pytest.mark.parametrize("smooth", [True, False])
def test_frames_that_do_not_follow_each_other_are_named(estimator, changes, named, smooth):
    first = Frame(np.zeros((30, 40, 3), np.uint8), 0.0)
    second = first._replace(time_s=1.0)._replace(**changes)
    with pytest.raises(UserError, match=named):
        list(estimator.follow([first, second], smooth=smooth))
