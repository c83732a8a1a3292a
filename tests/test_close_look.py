"""Several looks at one person, put together."""

import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mobilehumanpose.close_look import (
    ARMS_SCALE,
    CLOSER,
    COHERENCE,
    coherent_choice,
    further_views,
    fuse,
    look_closely,
)
from mobilehumanpose.runtime import ModelDescription
from mobilehumanpose.skeleton import MUCO_21, Skeleton
from mobilehumanpose.views import Sight, View, look

LEFT, RIGHT = MUCO_21.indices(["L_Wrist", "R_Wrist"])


class HandNetwork:
    """Finds the left-hand dot of a picture for the right wrist and the right-hand one for the left.

    As a person who faces the camera has them. It cannot tell the dots' colours apart.
    """

    description = ModelDescription(
        name="hands",
        preset="none",
        joint_set="muco-21",
        input_px=128,
        grid=(16, 16, 16),
        depth_range_mm=2000.0,
        licence="test",
        trained_on="nothing",
    )
    skeleton = MUCO_21

    def __init__(self):
        self.crops = []

    def __call__(self, crops):
        self.crops.extend(crops)
        cells = np.full((len(crops), 21, 3), 8.0, np.float32)
        scores = np.full((len(crops), 21), 0.5, np.float32)
        for i, crop in enumerate(crops):
            _, _, _, centers = cv2.connectedComponentsWithStats(
                (crop.max(axis=2) > 100) * np.uint8(1)
            )
            for joint, center in zip((RIGHT, LEFT), sorted(centers[1:, :2].tolist()), strict=True):
                cells[i, joint, :2] = np.array(center) / 8
                cells[i, joint, 2] = 4 if joint == RIGHT else 12
        return cells, scores


def photo_of_hands() -> np.ndarray:
    photo = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(photo, (80, 90), 5, (255, 0, 0), -1)
    cv2.circle(photo, (115, 105), 5, (0, 255, 0), -1)
    return photo


VIEW = View(np.array([20.0, 20.0, 160.0, 160.0]))


@pytest.mark.parametrize("lean_degrees", [0.0, 30.0, -50.0])
def test_a_mirrored_view_is_mirrored_and_its_answer_is_of_the_photo_as_it_is(lean_degrees):
    network = HandNetwork()
    view = VIEW._replace(lean_degrees=lean_degrees)
    plain, mirrored = look(network, photo_of_hands(), [view, view._replace(is_mirrored=True)])
    # The box's centre falls on pixel 64, so column 64 + n of the one is 64 − n of the other.
    np.testing.assert_allclose(
        network.crops[1][:, 1:].astype(int), network.crops[0][:, :0:-1].astype(int), atol=1
    )
    np.testing.assert_allclose(plain.keypoints_px[RIGHT], (80, 90), atol=1)
    np.testing.assert_allclose(plain.keypoints_px[LEFT], (115, 105), atol=1)
    # In the mirror the green dot is on the left, which the network takes for the right wrist.
    np.testing.assert_allclose(mirrored.keypoints_px, plain.keypoints_px, atol=1)
    np.testing.assert_allclose(mirrored.depth_mm, -plain.depth_mm, atol=1e-3)


def test_looks_agree_where_the_network_errs_in_none():
    network = HandNetwork()
    (sight,) = look(network, photo_of_hands(), [VIEW])
    (closer,) = look_closely(network, photo_of_hands(), [sight])
    assert len(network.crops) == 2 * (len(CLOSER) + 1)  # the first look was one of them
    np.testing.assert_allclose(closer.keypoints_px[[RIGHT, LEFT]], [(80, 90), (115, 105)], atol=1)
    assert closer.view is sight.view


def test_further_views_are_about_the_person_and_turned_with_them():
    arms_px = np.full((6, 2), 70.0)
    first = View(VIEW.square_xywh, 90.0)
    *around, arms, mirrored_arms = further_views(first, arms_px)
    assert len(around) == 2 * len(CLOSER) - 1
    for view in around:
        np.testing.assert_allclose(view.square_xywh[:2] + view.square_xywh[2:] / 2, (100, 100))
        assert abs(view.lean_degrees - 90) <= 20
    side = ARMS_SCALE * 160
    np.testing.assert_allclose(arms.square_xywh, [70 - side / 2, 70 - side / 2, side, side])
    np.testing.assert_array_equal(arms.square_xywh, mirrored_arms.square_xywh)
    assert (arms.is_mirrored, mirrored_arms.is_mirrored) == (False, True)


def sight_of(x_px: float, depth_mm: float, score: float) -> Sight:
    return Sight(
        view=VIEW,
        keypoints_px=np.full((21, 2), x_px),
        depth_mm=np.full(21, depth_mm),
        scores=np.full(21, score),
    )


def fused_of(*sights: Sight) -> Sight:
    return fuse(sights, MUCO_21)


def test_the_surest_look_counts_most_and_of_equal_ones_the_first():
    fused = fused_of(sight_of(10, 0, 0.9), sight_of(50, 100, 0.3))
    np.testing.assert_allclose(fused.keypoints_px, 10, atol=0.1)
    fused = fused_of(sight_of(10, 0, 0.6), sight_of(50, 100, 0.6))
    np.testing.assert_allclose(fused.keypoints_px, 10, atol=0.1)
    np.testing.assert_allclose(fused.depth_mm, 0, atol=0.1)
    fused = fused_of(sight_of(10, 0, 0.6), sight_of(12, 100, 0.6))
    np.testing.assert_allclose(fused.keypoints_px, 11, atol=0.1)
    np.testing.assert_allclose(fused.depth_mm, 50, atol=2)


def test_what_looks_disagree_about_is_less_sure():
    assert fused_of(*[sight_of(10, 0, 0.6)] * 10).score == pytest.approx(0.6)
    # Places as far apart as these are no votes for each other: half agree, or three quarters.
    assert fused_of(sight_of(10, 0, 0.6), sight_of(90, 0, 0.6)).score == pytest.approx(
        0.6 * math.sqrt(1 / 2)
    )
    assert fused_of(sight_of(10, 0, 0.9), sight_of(90, 0, 0.3)).score == pytest.approx(
        0.9 * math.sqrt(3 / 4), abs=1e-3
    )


def test_joints_that_no_look_sees_have_a_place_too():
    fused = fused_of(sight_of(10, 0, 0.0), sight_of(50, 100, 0.0))
    np.testing.assert_allclose(fused.keypoints_px, 10, atol=0.1)
    assert fused.score == 0


def test_looks_that_agree_outvote_one_that_is_surer():
    crowd = [sight_of(x_px, 0, 0.5) for x_px in (9, 10, 11)]
    fused = fused_of(sight_of(90, 100, 0.6), *crowd)
    np.testing.assert_allclose(fused.keypoints_px, 10, atol=0.5)
    np.testing.assert_allclose(fused.depth_mm, 0, atol=1)
    assert fused.score == pytest.approx(0.5 * math.sqrt(1.5 / 2.1), abs=1e-2)


def test_a_limb_is_not_put_together_from_looks_that_take_it_for_the_other():
    """Most votes for the left knee are in one place, most for the ankle in the other leg's."""
    knee, ankle, toe = MUCO_21.indices(["L_Knee", "L_Ankle", "L_Toe"])
    right, wrong = ([sight_of(40, 0, 0.5) for _ in range(2)] for _ in range(2))
    for sights, x_px in ((right, 70), (wrong, 110)):
        for sight in sights:
            sight.keypoints_px[[knee, ankle, toe]] = x_px
    for sight, scores in ((right[0], (0.9, 0.5, 0.5)), (wrong[0], (0.5, 0.6, 0.6))):
        sight.scores[[knee, ankle, toe]] = scores
    x_px = fused_of(*wrong, *right).keypoints_px[[knee, ankle, toe], 0]
    np.testing.assert_allclose(x_px, 70, atol=0.5)
    # What far more votes say of a joint alone is done all the same.
    for sights, scores in ((right, (0.9, 0.9, 0.05)), (wrong, (0.2, 0.2, 0.6))):
        for sight in sights:
            sight.scores[[knee, ankle, toe]] = scores
    x_px = fused_of(*wrong, *right).keypoints_px[[knee, ankle, toe], 0]
    np.testing.assert_allclose(x_px, (70, 70, 110), atol=0.5)


@given(
    merits=arrays(float, (3, 5), elements=st.floats(-3, 0)),
    root=st.sampled_from([None, 0, 2, 4]),
)
def test_no_choice_of_looks_is_better_than_the_one_that_is_made(merits, root):
    chain = Skeleton(
        name="chain",
        joint_names=tuple("abcde"),
        edges=((0, 1), (1, 2), (3, 1)),  # and e hangs on nothing
        flip_pairs=(),
        root=root,
    )

    def worth(choice) -> float:
        together = sum(choice[a] == choice[b] for a, b in chain.edges)
        return merits[list(choice), range(5)].sum() + COHERENCE * together

    best = max(worth(choice) for choice in itertools.product(range(3), repeat=5))
    assert worth(coherent_choice(merits, chain)) == pytest.approx(best)
