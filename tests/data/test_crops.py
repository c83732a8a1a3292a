"""Training crops: labels follow the pixels through every variation."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mobilehumanpose.data.crops import (
    LUMA,
    Augmentation,
    cut_crop,
    normalized_targets,
    occlude,
    person_box,
    random_affine,
    vary_colors,
    vary_sharpness,
)
from mobilehumanpose.data.images import ImageFolder
from mobilehumanpose.geometry import crop_affine, warp_crop
from mobilehumanpose.skeleton import MUCO_21

ALL = np.ones(21, bool)


def marked_photo() -> tuple[np.ndarray, np.ndarray]:
    """A photo with a dot at each joint, whose red channel tells which joint it is."""
    rng = np.random.default_rng(4)
    keypoints = rng.permutation(np.stack(np.mgrid[100:400:60, 120:420:60], -1).reshape(-1, 2))[:21]
    photo = np.zeros((480, 640, 3), np.uint8)
    for joint, (x, y) in enumerate(keypoints):
        cv2.circle(photo, (int(x), int(y)), 9, (10 * (joint + 1), 255, 0), -1)
    return photo, keypoints.astype(np.float64)


@pytest.mark.parametrize("seed", range(12))
def test_targets_lie_on_their_joints(seed):
    photo, keypoints = marked_photo()
    box = person_box(keypoints, ALL, (640, 480))
    rng = np.random.default_rng(seed)
    affine, flip = random_affine(box, 256, Augmentation(), rng)
    crop = warp_crop(photo, affine, 256)
    targets, known = normalized_targets(
        keypoints, ALL, np.zeros(21), ALL, affine, 256, flip=flip, skeleton=MUCO_21
    )
    checked = 0
    for joint in range(21):
        if not known[joint, 0]:
            continue
        x, y = np.round(targets[joint, :2] * 256).astype(int)
        if not (3 < x < 252 and 3 < y < 252):
            continue
        # A mirrored picture shows the other side's joint here.
        shown = MUCO_21.flip_permutation[joint] if flip else joint
        assert abs(int(crop[y, x, 0]) - 10 * (shown + 1)) <= 2
        assert crop[y, x, 1] > 245
        checked += 1
    assert checked >= 5


def test_mirroring_swaps_depth_and_knowledge_too():
    keypoints = np.full((21, 2), 50.0)
    depth = np.arange(21) * 10.0
    has_depth = ALL.copy()
    left = MUCO_21.index("L_Wrist")
    right = MUCO_21.index("R_Wrist")
    has_depth[left] = False
    affine = crop_affine(np.array([0.0, 0, 100, 100]), 64, flip=True)
    targets, known = normalized_targets(
        keypoints, ALL, depth, has_depth, affine, 64, flip=True, skeleton=MUCO_21
    )
    assert not known[right, 2]
    assert known[left, 2]
    assert targets[left, 2] == pytest.approx((right * 10 / 1000 + 1) / 2)


def test_what_lies_outside_is_unknown_but_for_its_place():
    keypoints = np.full((21, 2), 50.0)
    keypoints[3] = -1, 50
    keypoints[4] = 50, 100
    depth = np.zeros(21)
    depth[5], depth[6] = 1000, -1001
    affine = crop_affine(np.array([0.0, 0, 100, 100]), 64)
    targets, known = normalized_targets(
        keypoints, ALL, depth, ALL, affine, 64, flip=False, skeleton=MUCO_21
    )
    assert not known[[3, 4]].any()
    assert known[[5, 6], :2].all()
    assert not known[[5, 6], 2].any()
    assert (targets[~known[:, 2], 2] == 0).all()
    np.testing.assert_allclose(targets[[3, 4], :2], [[-0.01, 0.5], [0.5, 1.0]], atol=1e-6)
    np.testing.assert_allclose(targets[0], [0.5, 0.5, 0.5])


def test_what_is_not_labelled_has_no_place():
    keypoints = np.full((21, 2), -7.0)
    targets, known = normalized_targets(
        keypoints,
        ~ALL,
        np.zeros(21),
        ~ALL,
        crop_affine(np.array([0.0, 0, 100, 100]), 64),
        64,
        flip=False,
        skeleton=MUCO_21,
    )
    assert not known.any()
    assert (targets == 0).all()


def test_variation_is_decided_by_the_seed():
    photo, keypoints = marked_photo()
    box = person_box(keypoints, ALL, (640, 480))

    def crop(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        affine, _ = random_affine(box, 64, Augmentation(), rng)
        return vary_colors(warp_crop(photo, affine, 64), Augmentation(), rng)

    np.testing.assert_array_equal(crop(1), crop(1))
    assert not np.array_equal(crop(1), crop(2))


def test_no_variation_is_the_plain_crop():
    still = Augmentation(
        scale_spread=0, rotation_share=0, flip_share=0, full_turn_share=0, shift=0, zoom_share=0
    )
    box = np.array([10.0, 20, 200, 200])
    affine, flip = random_affine(box, 64, still, np.random.default_rng(0))
    np.testing.assert_allclose(affine, crop_affine(box, 64))
    assert not flip


def test_colors_vary_without_touching_the_shape():
    crop = np.full((16, 16, 3), 100, np.uint8)
    gray = vary_colors(crop, Augmentation(gray_share=1), np.random.default_rng(0))
    assert (gray == gray[:1]).all()
    varied = vary_colors(crop, Augmentation(gray_share=0), np.random.default_rng(0))
    assert len({int(v) for v in varied[:, 0, 0]}) == 3
    assert (varied == varied[:, :1, :1]).all()


def test_planes_are_red_green_and_blue():
    crop = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    still = Augmentation(color_gain=0, brightness_gain=0, gray_share=0)
    planes = vary_colors(crop, still, np.random.default_rng(0))
    np.testing.assert_array_equal(planes, crop.transpose(2, 0, 1))
    gray = vary_colors(crop, replace(still, gray_share=1), np.random.default_rng(0))
    expected = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    assert np.abs(gray.astype(int) - expected).max() <= 1


def test_a_gain_multiplies_its_channel_up_to_white():
    crop = np.full((2, 2, 3), (100, 100, 250), np.uint8)
    vivid = Augmentation(color_gain=0.2, brightness_gain=0, gray_share=0)
    for seed in range(8):
        planes = vary_colors(crop, vivid, np.random.default_rng(seed))
        gains = np.random.default_rng(seed).uniform(0.8, 1.2, 3)
        np.testing.assert_allclose(
            planes[:, 0, 0], np.minimum(gains * (100, 100, 250), 255), atol=0.5
        )


def test_tones_change_in_the_middle_and_neither_black_nor_white():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    toned = Augmentation(color_gain=0, brightness_gain=0, gray_share=0, tone_octaves=1)
    middles = []
    for seed in range(200):
        planes = vary_colors(ramp, toned, np.random.default_rng(seed)).astype(int)
        assert (planes == planes[:1]).all()
        assert planes[0, 0, 0] == 0
        assert planes[0, 0, 255] == 255
        assert (np.diff(planes[0, 0]) >= 0).all()
        middles.append(planes[0, 0, 128])
    # Exponents of 2 and a half.
    assert 64 <= min(middles) < 70
    assert 175 < max(middles) <= 181
    assert 0.4 < np.mean(np.array(middles) < 128) < 0.6


def test_saturation_leaves_brightness_and_grey_and_the_hue():
    crop = np.array([[[120, 90, 60], [100, 100, 100]]], np.uint8)
    varied = Augmentation(color_gain=0, brightness_gain=0, gray_share=0, saturation_gain=0.5)
    spreads = []
    for seed in range(100):
        planes = vary_colors(crop, varied, np.random.default_rng(seed))
        red, green, blue = planes[:, 0, 0].astype(int)
        assert abs(planes[:, 0, 0] @ LUMA - crop[0, 0] @ LUMA) <= 1
        assert (planes[:, 0, 1] == 100).all()
        assert abs((red - green) - (green - blue)) <= 2  # as far apart as they were
        spreads.append(red - blue)
    assert 28 <= min(spreads) < 34
    assert 86 < max(spreads) <= 92


@pytest.mark.parametrize("seed", range(20))
def test_noise_covers_a_part_of_the_box_and_nothing_else(seed):
    always = Augmentation(occlusion_share=1, occlusion_area=0.5)
    box = np.array([100.0, 100, 100, 100])
    affine = crop_affine(np.array([50.0, 50, 200, 200]), 100)
    crop = np.zeros((100, 100, 3), np.uint8)
    occlude(crop, box, affine, (400, 400), always, np.random.default_rng(seed))
    covered = crop.any(axis=-1)
    assert covered.any()
    # The box fills the middle quarter of the crop; a rectangle begins inside it and may reach out.
    assert not covered[:25].any()
    assert not covered[:, :25].any()
    assert covered.mean() < 0.5 * 0.25 + 0.02
    again = np.zeros_like(crop)
    occlude(again, box, affine, (400, 400), always, np.random.default_rng(seed))
    np.testing.assert_array_equal(crop, again)


def test_noise_is_not_the_same_in_every_crop():
    whole = np.array([[1.0, 0, 0], [0, 1, 0]])
    always = Augmentation(occlusion_share=1, occlusion_area=0.7)
    seen = set()
    for seed in range(10):
        crop = np.zeros((64, 64, 3), np.uint8)
        occlude(
            crop, np.array([0.0, 0, 64, 64]), whole, (64, 64), always, np.random.default_rng(seed)
        )
        covered = crop[crop.any(axis=-1)]
        if len(covered) > 100:
            assert covered.std() == pytest.approx(255 / 12**0.5, rel=0.1)
            seen.add(tuple(covered[5]))
    assert len(seen) >= 4


def test_noise_beside_the_crop_changes_nothing():
    always = Augmentation(occlusion_share=1, occlusion_area=0.1)
    crop = np.zeros((10, 10, 3), np.uint8)
    affine = crop_affine(np.array([300.0, 300, 10, 10]), 10)
    box = np.array([10.0, 10, 100, 100])
    occlude(crop, box, affine, (400, 400), always, np.random.default_rng(0))
    assert not crop.any()


def test_occlusion_gives_up_where_no_rectangle_fits():
    crop = np.zeros((10, 10, 3), np.uint8)
    box = np.array([-500.0, -500, 100, 100])
    always = Augmentation(occlusion_share=1)
    occlude(crop, box, np.eye(2, 3), (50, 50), always, np.random.default_rng(0))
    assert not crop.any()


def smooth_photo() -> np.ndarray:
    rng = np.random.default_rng(1)
    photo = rng.integers(0, 256, (12, 16, 3), np.uint8)
    return cv2.resize(photo, (1600, 1200), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("side", [1100, 600, 250])
def test_a_shrunken_decode_gives_the_same_crop(tmp_path, side):
    cv2.imwrite(str(tmp_path / "a.jpg"), smooth_photo(), [cv2.IMWRITE_JPEG_QUALITY, 98])
    images = ImageFolder(tmp_path)
    affine = crop_affine(np.array([100.0, 70, side, side]), 128, rotation_degrees=20)
    whole = cut_crop(images, "a.jpg", affine, 128, may_shrink=False)
    shrunken = cut_crop(images, "a.jpg", affine, 128, may_shrink=True)
    assert np.abs(whole.astype(int) - shrunken).mean() < 1.5


def test_crops_are_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8, 3), (255, 0, 10), np.uint8))
    crop = cut_crop(ImageFolder(tmp_path), "a.png", np.eye(2, 3), 8, may_shrink=True)
    assert crop[4, 4].tolist() == [10, 0, 255]


def test_a_box_takes_at_least_two_joints():
    keypoints = np.random.default_rng(0).uniform(0, 100, (21, 2))
    assert person_box(keypoints, np.arange(21) == 3, (640, 480)) is None


def test_sharpness_is_varied_only_where_it_is_asked_for():
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (64, 64, 3), np.uint8)
    assert vary_sharpness(crop, Augmentation(), rng) is crop


def test_coarse_crops_keep_their_size_and_brightness_and_lose_detail():
    rng = np.random.default_rng(0)
    crop = rng.integers(60, 200, (64, 64, 3), np.uint8)
    coarse = Augmentation(coarse_share=1, coarse_px=16)
    details = []
    for _ in range(50):
        varied = vary_sharpness(crop, coarse, rng)
        assert varied.shape == crop.shape
        assert varied.mean() == pytest.approx(crop.mean(), abs=1)
        details.append(varied.std() / crop.std())
    assert 0.1 < min(details) < 0.3  # down to 16 of 64 px
    assert max(details) > 0.45


def test_a_crop_below_the_coarsest_is_left_as_it_is():
    crop = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    varied = vary_sharpness(crop, Augmentation(coarse_share=1), np.random.default_rng(1))
    np.testing.assert_array_equal(varied, crop)


def test_sharpening_raises_edges_and_keeps_planes():
    step = np.full((64, 64, 3), 80, np.uint8)
    step[:, 32:] = 160
    varied = vary_sharpness(step, Augmentation(sharpen_share=1), np.random.default_rng(0))
    assert varied[:, 31].max() < 80
    assert varied[:, 32].min() > 160
    np.testing.assert_array_equal(varied[:, :20], step[:, :20])
