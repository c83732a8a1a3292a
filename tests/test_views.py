"""Views of a photo, seen by a network that knows a red shoulder and a green hip."""

import cv2
import numpy as np
import pytest

from mobilehumanpose.runtime import ModelDescription
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.views import (
    PORTRAIT_SCALES,
    View,
    find_person,
    look,
    look_upright,
    search_squares,
    small_squares,
)

SHOULDERS = MUCO_21.indices(["R_Shoulder", "L_Shoulder"])


class DotNetwork:
    """Puts all joints but the shoulders on the hip; is surer the more upright the two stand."""

    description = ModelDescription(
        name="dots",
        preset="none",
        joint_set="muco-21",
        input_px=128,
        grid=(16, 16, 16),
        depth_range_mm=2000.0,
        licence="test",
        trained_on="nothing",
    )
    skeleton = MUCO_21

    def __init__(self, *, upside_down: bool = False) -> None:
        self.views = 0
        self.likes = -1 if upside_down else 1

    def __call__(self, crops):
        self.views += len(crops)
        cells = np.full((len(crops), 21, 3), 8.0, np.float32)
        scores = np.zeros((len(crops), 21), np.float32)
        for i, crop in enumerate(crops):
            red, green = (np.argwhere(crop[..., channel] > 100) for channel in (0, 1))
            if len(red) and len(green):
                shoulder, hip = red.mean(axis=0)[::-1], green.mean(axis=0)[::-1]
                cells[i, :, :2] = hip / 8
                cells[i, SHOULDERS, :2] = shoulder / 8
                up = (hip - shoulder)[1] / np.linalg.norm(hip - shoulder)
                scores[i] = 0.5 + 0.4 * self.likes * up
        return cells, scores


def photo_of(shoulder, hip) -> np.ndarray:
    photo = np.zeros((300, 400, 3), np.uint8)
    cv2.circle(photo, shoulder, 6, (255, 0, 0), -1)
    cv2.circle(photo, hip, 6, (0, 255, 0), -1)
    return photo


@pytest.mark.parametrize("shoulder", [(200, 90), (260, 150), (200, 210), (140, 150), (245, 195)])
def test_who_leans_is_turned_and_found_where_they_are(shoulder):
    photo = photo_of(shoulder, (200, 150))
    network = DotNetwork()
    (sight,) = look_upright(network, photo, [View(np.array([80.0, 30.0, 240.0, 240.0]))])
    # The shoulders are found to within the crop's pixels.
    np.testing.assert_allclose(sight.keypoints_px[SHOULDERS[0]], shoulder, atol=3)
    np.testing.assert_allclose(sight.keypoints_px[MUCO_21.root], (200, 150), atol=3)
    assert sight.score == pytest.approx(0.9, abs=0.02)
    assert network.views == (1 if shoulder == (200, 90) else 2)


def test_a_turn_that_shows_less_is_not_kept():
    photo = photo_of((200, 210), (200, 150))
    (sight,) = look_upright(
        DotNetwork(upside_down=True), photo, [View(np.array([80.0, 30.0, 240.0, 240.0]))]
    )
    assert sight.view.lean_degrees == 0
    assert sight.score == pytest.approx(0.9, abs=0.02)


def test_each_view_keeps_its_place():
    photo = photo_of((260, 150), (200, 150))
    views = [View(np.array([80.0 + i, 30.0, 240.0, 240.0])) for i in range(3)]
    views[1] = View(views[1].square_xywh, 90.0)  # stands already
    for view, sight in zip(views, look_upright(DotNetwork(), photo, views), strict=True):
        np.testing.assert_array_equal(sight.view.square_xywh, view.square_xywh)
        assert sight.view.lean_degrees == pytest.approx(90, abs=2)


def test_someone_who_lies_is_found_without_a_box():
    network = DotNetwork()
    sight = find_person(network, photo_of((330, 250), (280, 252)))
    assert sight.score > 0.85
    assert abs(sight.view.lean_degrees - 90) < 10
    np.testing.assert_allclose(sight.keypoints_px[SHOULDERS[0]], (330, 250), atol=5)


class NearsightedNetwork(DotNetwork):
    """Knows people who are a sixth of a view and more, and takes a blue dot for half a person."""

    def __call__(self, crops):
        cells, scores = super().__call__(crops)
        for i, crop in enumerate(crops):
            if np.ptp(cells[i, :, :2], axis=0).max() < 16 / 6:
                cells[i, :, :2] = 8.0
                scores[i] = 0.4 if crop[..., 2].max() > 100 else 0.0
        return cells, scores


@pytest.mark.parametrize("size", [(400, 300), (300, 400), (700, 330)])
def test_someone_small_is_found_without_a_box(size):
    photo = np.zeros((size[1], size[0], 3), np.uint8)
    center = np.array(size) - 40
    cv2.circle(photo, center.tolist(), 3, (0, 255, 0), -1)
    cv2.circle(photo, (center - [0, 30]).tolist(), 3, (255, 0, 0), -1)
    cv2.circle(photo, (9, 9), 5, (0, 0, 255), -1)
    sight = find_person(NearsightedNetwork(), photo)
    np.testing.assert_allclose(sight.keypoints_px[MUCO_21.root], center, atol=2)


@pytest.mark.parametrize("size", [(100, 100), (640, 480), (480, 640), (1000, 90), (5000, 1)])
def test_small_squares_cover_a_photo_and_are_no_more_than_needed(size):
    squares = np.array(small_squares(size))
    assert len(squares) <= 33
    assert squares[:, 2].max() <= max(size) / 2
    low, high = squares[:, :2], squares[:, :2] + squares[:, 2:]
    assert (low.min(axis=0) <= 0).all()
    assert (high.max(axis=0) >= np.array(size) - 1e-9).all()
    # Whatever is half as large as a square lies wholly in one.
    rng = np.random.default_rng(0)
    half = squares[0, 2] / 2
    for corner in rng.uniform(0, 1, (50, 2)) * np.maximum(np.array(size) - half, 0):
        inside = (low <= corner + 1e-9) & (high >= np.minimum(corner + half, size) - 1e-9)
        assert inside.all(axis=1).any()


def test_no_views_are_no_work():
    assert look(DotNetwork(), np.zeros((10, 10, 3), np.uint8), []) == []


def test_squares_to_search_cover_every_photo():
    for size in ((100, 100), (640, 480), (480, 640), (1000, 90)):
        squares = search_squares(size)
        whole = squares[0]
        assert whole[2] == max(size)
        assert (whole[:2] <= 0).all()
        assert (whole[:2] + whole[2:] >= size).all()
        for x, y, side, _ in squares[1 : -len(PORTRAIT_SCALES)]:
            assert 0 <= x <= size[0] - side + 1e-9
            assert 0 <= y <= size[1] - side + 1e-9
