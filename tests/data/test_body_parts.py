"""Parts of bodies, and pictures that end there."""

import numpy as np
import pytest

from mobilehumanpose.data.body_parts import Cut, blacken_beyond, random_cut, random_part
from mobilehumanpose.data.crops import Augmentation
from mobilehumanpose.geometry import apply_affine, crop_affine, invert_affine, warp_crop
from mobilehumanpose.skeleton import MUCO_21


def test_parts_are_of_labelled_joints_and_as_often_as_asked_for():
    has_px = np.ones(MUCO_21.num_joints, bool)
    has_px[MUCO_21.index("L_Wrist")] = False
    rng = np.random.default_rng(0)
    sometimes = Augmentation(part_share=0.4)
    parts = [random_part(has_px, MUCO_21, sometimes, rng) for _ in range(2000)]
    assert not any((part & ~has_px).any() for part in parts)
    assert np.mean([part.sum() < has_px.sum() for part in parts]) == pytest.approx(0.4, abs=0.04)
    knee, crown = MUCO_21.index("R_Knee"), MUCO_21.index("Head_top")
    assert {(bool(part[knee]), bool(part[crown])) for part in parts} == {
        (True, True),
        (False, True),
        (True, False),
    }
    assert random_part(has_px, MUCO_21, Augmentation(), rng) is has_px


def test_a_part_that_is_not_labelled_gives_the_whole():
    legs = np.array([name.endswith(("Knee", "Ankle", "Hip")) for name in MUCO_21.joint_names])
    rng = np.random.default_rng(0)
    for _ in range(50):
        part = random_part(legs, MUCO_21, Augmentation(part_share=1), rng)
        assert part.sum() >= 4


def test_a_picture_ends_between_the_part_and_most_of_the_others():
    rng = np.random.default_rng(0)
    always = Augmentation(cut_share=1)
    num_cuts = 0
    for _ in range(300):
        keypoints_px = rng.uniform(0, 200, (MUCO_21.num_joints, 2))
        part = rng.random(MUCO_21.num_joints) < 0.5
        others = ~part & (rng.random(MUCO_21.num_joints) < 0.8)
        # Some bodies whose further joints lie to one side, as those of a portrait do.
        keypoints_px[others, rng.integers(2)] += rng.choice([-200, 0, 200])
        cut = random_cut(keypoints_px, part, others, always, rng)
        if cut is None:
            continue
        num_cuts += 1
        hidden = cut.hides(keypoints_px)
        assert not hidden[part].any()
        assert hidden[others].mean() > 0.5
    assert num_cuts > 150


def test_pictures_end_as_often_as_asked_for_and_by_default_never():
    keypoints_px = np.zeros((MUCO_21.num_joints, 2))
    part = np.array([not name.endswith(("Knee", "Ankle", "Toe")) for name in MUCO_21.joint_names])
    keypoints_px[~part, 1] = 100
    rng = np.random.default_rng(0)
    sometimes = Augmentation(cut_share=0.3)
    cuts = [random_cut(keypoints_px, part, ~part, sometimes, rng) for _ in range(2000)]
    made = [cut for cut in cuts if cut is not None]
    assert len(made) / 2000 == pytest.approx(0.3, abs=0.04)
    assert {tuple(cut.direction) for cut in made} == {(0.0, 1.0)}
    assert 0 <= min(cut.at_px for cut in made) < 5
    assert 95 < max(cut.at_px for cut in made) < 100
    assert random_cut(keypoints_px, part, ~part, Augmentation(), rng) is None
    assert random_cut(keypoints_px, part | True, ~part & False, sometimes, rng) is None


@pytest.mark.parametrize("direction", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_what_lies_beyond_a_cut_is_black_and_nothing_else(direction):
    size = (90, 60)
    white = np.full((size[1], size[0], 3), 255, np.uint8)
    cut = Cut(direction=np.array(direction, float), at_px=20.0 if sum(direction) > 0 else -40.0)
    affine = crop_affine(np.array([5.0, -10, 80, 80]), 128, rotation_degrees=30)
    whole = warp_crop(white, affine, 128)
    crop = whole.copy()
    blacken_beyond(crop, cut, affine, size)
    rows, columns = np.mgrid[:128, :128]
    crop_px = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(float)
    beyond_px = apply_affine(crop_px, invert_affine(affine)) @ cut.direction - cut.at_px
    beyond_px = beyond_px.reshape(128, 128)
    assert (crop[beyond_px > 1] == 0).all()
    np.testing.assert_array_equal(crop[beyond_px < -1], whole[beyond_px < -1])
    assert (crop != whole).any()
