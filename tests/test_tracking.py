"""One person followed by a network that knows a standing white figure."""

import threading

import cv2
import numpy as np
import pytest

from mobilehumanpose.runtime import ModelDescription
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.tracking import (
    LOOKS_AT_ONCE,
    MEMORY_S,
    SEARCH_INTERVAL_S,
    TIGHT,
    follow_person,
    framing_of,
    next_view,
)
from mobilehumanpose.video import Frame
from mobilehumanpose.views import Sight, View

INPUT_PX = 128
#: Where the joints of the figure are, in shares of its width and height.
UPRIGHT = {
    "Head_top": (0.5, 0.0), "Thorax": (0.5, 0.2), "Pelvis": (0.5, 0.5),
    "L_Shoulder": (0.8, 0.2), "R_Shoulder": (0.2, 0.2), "L_Hip": (0.7, 0.5), "R_Hip": (0.3, 0.5),
    "L_Toe": (1.0, 1.0), "R_Toe": (0.0, 1.0),
}  # fmt: skip


class FigureNetwork:
    """Finds the white in its crop; is sure of a figure that is neither tiny nor cut off."""

    description = ModelDescription(
        name="figure",
        preset="none",
        joint_set="muco-21",
        input_px=INPUT_PX,
        grid=(16, 16, 16),
        depth_range_mm=2000.0,
        licence="test",
        trained_on="nothing",
    )
    skeleton = MUCO_21

    def __init__(self) -> None:
        self.num_crops = 0
        self.lock = threading.Lock()

    def __call__(self, crops):
        with self.lock:
            self.num_crops += len(crops)
        cells = np.full((len(crops), 21, 3), 8.0, np.float32)
        scores = np.full((len(crops), 21), 0.05, np.float32)
        for i, crop in enumerate(crops):
            rows, columns = np.nonzero(crop.min(axis=2) > 200)
            if len(rows) < 20:
                continue
            low = np.array([columns.min(), rows.min()])
            high = np.array([columns.max() + 1, rows.max() + 1])
            shares = np.array([UPRIGHT.get(name, (0.5, 0.5)) for name in MUCO_21.joint_names])
            cells[i, :, :2] = (low + shares * (high - low)) / INPUT_PX * 16
            is_cut = low.min() == 0 or high.max() == INPUT_PX
            scores[i] = 0.5 if is_cut else 0.9
        return cells, scores


def picture(x=None, y=120, *, size=(640, 480), color=(40, 60, 80)) -> np.ndarray:
    """A plain picture, with a figure of 60 × 180 px about (x, y) unless x is None."""
    image = np.full((size[1], size[0], 3), color, np.uint8)
    if x is not None:
        cv2.rectangle(image, (x - 30, y - 90), (x + 29, y + 89), (255, 255, 255), -1)
    return image


def film(images, rate=30):
    return [Frame(image, number / rate) for number, image in enumerate(images)]


def pelvis(tracked) -> np.ndarray:
    return tracked.sight.keypoints_px[MUCO_21.root]


def test_a_moving_person_is_followed_with_one_look_a_frame():
    network = FigureNetwork()
    xs = [200 + 6 * i for i in range(50)]
    frames = film([picture(x, 240) for x in xs])
    first = next(iter(follow_person(network, frames[:1])))
    search = network.num_crops
    network.num_crops = 0
    tracked = list(follow_person(network, frames))
    assert [t.frame.time_s for t in tracked] == [f.time_s for f in frames]
    assert first.track_id == 0
    assert {t.track_id for t in tracked} == {0}
    for x, one in zip(xs, tracked, strict=True):
        np.testing.assert_allclose(pelvis(one), [x, 240], atol=8)
    assert network.num_crops <= search + len(frames)


def test_the_answer_does_not_depend_on_the_number_of_threads():
    frames = film([picture(200 + 6 * i, 240) for i in range(20)] + [picture()] * 5)
    alone = list(follow_person(FigureNetwork(), frames, num_workers=1))
    together = list(follow_person(FigureNetwork(), frames, num_workers=LOOKS_AT_ONCE))
    for one, other in zip(alone, together, strict=True):
        assert (one.sight is None) == (other.sight is None)
        if one.sight is not None:
            np.testing.assert_array_equal(one.sight.keypoints_px, other.sight.keypoints_px)


def test_an_empty_stretch_is_searched_seldom():
    network = FigureNetwork()
    list(follow_person(network, film([picture()])))
    search = network.num_crops
    network.num_crops = 0
    tracked = list(follow_person(network, film([picture()] * 90)))  # 3 s
    assert all(t.sight is None for t in tracked)
    assert network.num_crops == search * 3 / SEARCH_INTERVAL_S


def test_who_comes_in_is_found_and_who_leaves_is_lost():
    images = [picture()] * 20 + [picture(300, 240)] * 30 + [picture()] * 30
    seen = [t.sight is not None for t in follow_person(FigureNetwork(), film(images))]
    assert not any(seen[:20])
    arrived = seen.index(True)
    assert arrived < 20 + 30 * SEARCH_INTERVAL_S
    assert all(seen[arrived:50])
    assert not any(seen[50:])


def test_who_is_hidden_for_a_moment_is_the_same_and_later_another():
    there, gone = picture(300, 240), picture()
    moment = [there] * 20 + [gone] * 6 + [there] * 30
    assert {t.track_id for t in follow_person(FigureNetwork(), film(moment))} == {0}
    long = [there] * 20 + [gone] * round(30 * MEMORY_S + 20) + [there] * 30
    tracked = list(follow_person(FigureNetwork(), film(long)))
    assert [t.track_id for t in tracked if t.sight][-1] == 1


def test_a_cut_takes_nothing_along():
    """On the first frame after it the person is looked for in all of the new picture."""
    images = [picture(100, 200)] * 20 + [picture(520, 300, color=(200, 60, 20))] * 10
    tracked = list(follow_person(FigureNetwork(), film(images)))
    assert [t.track_id for t in tracked] == [0] * 20 + [1] * 10
    np.testing.assert_allclose(pelvis(tracked[20]), [520, 300], atol=8)


def test_a_leap_is_caught_up_with_on_the_same_frame():
    images = [picture(100, 200)] * 30 + [picture(520, 300)] * 10
    tracked = list(follow_person(FigureNetwork(), film(images)))
    assert tracked[30].sight is not None
    for one in tracked[30:]:
        np.testing.assert_allclose(pelvis(one), [520, 300], atol=8)


def test_frames_fail_where_they_fail_and_no_thread_stays():
    def frames():
        yield from film([picture(300, 240)] * 3)
        raise KeyError("camera")

    with pytest.raises(KeyError, match="camera"):
        list(follow_person(FigureNetwork(), frames()))
    leaves = follow_person(FigureNetwork(), film([picture(300, 240)] * 30))
    for _ in range(5):
        next(leaves)
    leaves.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("look")]


def sight_of(points: dict[str, tuple[float, float]], view: View) -> Sight:
    keypoints_px = np.array([points.get(n, points["Pelvis"]) for n in MUCO_21.joint_names])
    return Sight(
        view=view,
        keypoints_px=np.array(keypoints_px, float),
        depth_mm=np.zeros(21),
        scores=np.full(21, 0.8),
    )


STANDING = {
    "Pelvis": (100, 100), "L_Hip": (110, 100), "R_Hip": (90, 100),
    "L_Shoulder": (112, 50), "R_Shoulder": (88, 50), "L_Ankle": (110, 180),
}  # fmt: skip


def test_the_next_view_is_about_all_joints():
    sight = sight_of(STANDING, View(np.array([0.0, 0, 300, 300])))
    view = next_view(sight, TIGHT, MUCO_21)
    assert view.lean_degrees == 0
    np.testing.assert_allclose(view.square_xywh[:2] + view.square_xywh[2:] / 2, [100, 115])
    assert view.square_xywh[2] == pytest.approx(130 * 1.2 * 1.25)


@pytest.mark.parametrize("lean", [-170.0, -90.0, -15.0, 15.0, 30.0, 120.0])
def test_the_next_view_turns_with_who_turns_over(lean):
    angle = np.radians(lean)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = {name: tuple(turn @ (np.array(point) - 100) + 100) for name, point in STANDING.items()}
    view = next_view(sight_of(turned, View(np.array([0.0, 0, 300, 300]))), TIGHT, MUCO_21)
    assert view.lean_degrees == pytest.approx(lean if abs(lean) > 20 else 0)
    again = next_view(sight_of(turned, view), TIGHT, MUCO_21)
    assert again.lean_degrees == view.lean_degrees


def test_joints_without_extent_leave_the_view_as_it_is():
    view = View(np.array([0.0, 0, 300, 300]))
    assert next_view(sight_of({"Pelvis": (100, 100)}, view), TIGHT, MUCO_21) is view


@pytest.mark.parametrize("lean", [0.0, 40.0])
def test_a_portrait_keeps_the_view_that_found_it(lean):
    view = View(np.array([-60.0, -30, 400, 400]), lean)
    sight = sight_of(STANDING, view)
    assert framing_of(sight, (500, 400)) is TIGHT
    framing = framing_of(sight, (300, 200))
    found = next_view(sight, framing, MUCO_21)
    if found.lean_degrees == lean:
        np.testing.assert_allclose(found.square_xywh, view.square_xywh)
    moved = sight_of(
        {name: (2 * x + 7, 2 * y + 9) for name, (x, y) in STANDING.items()}, View(*view)
    )
    after = next_view(moved, framing, MUCO_21).square_xywh
    np.testing.assert_allclose(after[2:], 2 * found.square_xywh[2:])
    np.testing.assert_allclose(after[:2], 2 * found.square_xywh[:2] + [7, 9])
