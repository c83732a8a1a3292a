"""Crops that are decided by their keys, and the validation of what they hold."""

import os
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tiny_training import tiny_recipe

from mobilehumanpose.data.crops import Augmentation
from mobilehumanpose.skeleton import HUMAN36M_18, MUCO_21, MUPOTS_17
from mobilehumanpose.train.dataset import CropDataset, Crops, epoch_order, load_batches
from mobilehumanpose.train.recipe import DatasetSpec
from mobilehumanpose.train.validation import summarize
from mobilehumanpose.upright import torso_lean_degrees


def dataset(tiny_set, augmentation) -> CropDataset:
    return CropDataset([tiny_set], skeleton=MUCO_21, crop_px=64, augmentation=augmentation)


def test_a_sample_is_decided_by_its_key(tiny_set):
    crops = dataset(tiny_set, Augmentation())
    first, again, other = crops[0, 3, 7], crops[0, 3, 7], crops[0, 3, 8]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    pixels, targets, known, source = first
    assert source.tolist() == [0, 3]
    assert (pixels.shape, pixels.dtype) == ((3, 64, 64), torch.uint8)
    assert (targets.shape, known.shape) == ((21, 3), (21, 3))


def test_joints_of_another_set_are_mapped_by_name(tiny_set):
    as_mupots = CropDataset([tiny_set], skeleton=MUPOTS_17, crop_px=64, augmentation=None)
    as_human36m = CropDataset([tiny_set], skeleton=HUMAN36M_18, crop_px=64, augmentation=None)
    _, targets, known, _ = dataset(tiny_set, None)[0, 0, 0]
    _, mupots_targets, mupots_known, _ = as_mupots[0, 0, 0]
    _, human36m_targets, human36m_known, _ = as_human36m[0, 0, 0]
    assert torch.equal(mupots_targets, targets[:17])
    assert torch.equal(mupots_known, known[:17])
    wrist, nose = HUMAN36M_18.index("L_Wrist"), HUMAN36M_18.index("Nose")
    assert torch.equal(human36m_targets[wrist], targets[MUCO_21.index("L_Wrist")])
    assert not human36m_known[nose].any()


def test_a_joint_beyond_the_depth_range_keeps_its_place_unless_the_original_is_asked_for(tiny_set):
    samples = tiny_set.samples
    depth_mm = samples.depth_mm.copy()
    depth_mm[0, 3], depth_mm[0, 4] = 1200, -1000
    far = replace(tiny_set, samples=replace(samples, depth_mm=depth_mm))
    options = {"skeleton": MUCO_21, "crop_px": 64, "augmentation": None}
    ours = CropDataset([far], **options)[0, 0, 0].known
    theirs = CropDataset([far], depth_range_hides=True, **options)[0, 0, 0].known
    assert ours[3].tolist() == [True, True, False]
    assert theirs[3].tolist() == [False, False, False]
    assert ours[4].tolist() == theirs[4].tolist() == [True, True, True]
    others = np.delete(np.arange(21), 3)
    assert torch.equal(ours[others], theirs[others])
    # Without a label of depth there is nothing to be out of range.
    flat = replace(far, samples=replace(far.samples, has_depth=np.zeros_like(samples.has_depth)))
    known = CropDataset([flat], depth_range_hides=True, **options)[0, 0, 0].known
    assert known[3].tolist() == [True, True, False]


def test_epochs_are_mixed_as_the_recipe_says():
    specs = (
        DatasetSpec(name="flat", has_depth=False, weight=3.0),
        DatasetSpec(name="deep", has_depth=True, weight=1.0),
    )
    lengths = [4, 10]

    def counts(mixing):
        recipe = tiny_recipe(datasets=specs, mixing=mixing)
        order = epoch_order(recipe, lengths, 0)
        assert np.array_equal(order, epoch_order(recipe, lengths, 0))
        assert not np.array_equal(order, epoch_order(recipe, lengths, 1))
        assert (order[:, 1] < np.array(lengths)[order[:, 0]]).all()
        return np.bincount(order[:, 0]).tolist()

    assert counts("concatenated") == [4, 10]
    assert counts("balanced") == [10, 10]
    assert counts("weighted") == [10, 4]  # 10.5 and 3.5 of 14


def test_validation_of_hand_made_predictions():
    truth = np.zeros((1, 21, 3))
    index = MUCO_21.index
    truth[0, [index("L_Shoulder"), index("R_Shoulder")], :2] = [[0.6, 0.3], [0.4, 0.3]]
    truth[0, [index("L_Hip"), index("R_Hip")], :2] = [[0.55, 0.5], [0.45, 0.5]]
    predicted = truth.copy()
    limbs = np.arange(2, 14)  # the set's own order of limb joints
    predicted[0, limbs[:3], 0] += 0.05  # a quarter of the torso's 0.2
    predicted[0, limbs, 2] += 0.01  # of two metres
    result = summarize(predicted, truth, np.ones((1, 21, 3), bool), limbs)
    assert result.pck_torso == pytest.approx(9 / 12)
    assert result.depth_error_mm == pytest.approx(20)


def test_upright_crops_turn_torsos_and_mirror_them_right(tiny_set):
    only_flips = Augmentation(
        scale_spread=0, rotation_share=0, full_turn_share=0, shift=0, zoom_share=0, flip_share=0.5
    )
    options = {"skeleton": MUCO_21, "crop_px": 64, "upright": True}
    for augmentation in (None, only_flips):
        crops = CropDataset([tiny_set], augmentation=augmentation, **options)
        for index in range(8):
            _, targets, known, _ = crops[0, index, 1]
            assert known[:, 0].all()  # the square holds the turned person
            lean = torso_lean_degrees(targets[:, :2].numpy() * 64, np.ones(21, bool), MUCO_21)
            assert lean == pytest.approx(0, abs=0.1)


def test_joints_beyond_a_cut_are_outside_and_the_others_known(tiny_set):
    plain = Augmentation(
        scale_spread=0, rotation_share=0, full_turn_share=0, shift=0, zoom_share=0, flip_share=0,
        occlusion_share=0, part_share=1, cut_share=1,
    )  # fmt: skip
    samples = tiny_set.samples
    legs = np.array([name.endswith(("Knee", "Ankle", "Toe")) for name in MUCO_21.joint_names])
    standing = samples.keypoints_px.copy()
    standing[:, legs, 1] = 150
    crops = dataset(replace(tiny_set, samples=replace(samples, keypoints_px=standing)), plain)
    num_hidden = 0
    for index in np.flatnonzero(samples.has_px.all(axis=1)):
        for seed in range(8):
            _, targets, known, _ = crops[0, index, seed]
            is_outside = ((targets[:, :2] < 0) | (targets[:, :2] >= 1)).any(dim=1)
            assert not known[is_outside].any()
            assert known[~is_outside, :2].all()
            num_hidden += int((targets[:, :2].abs() > 100).all(dim=1).sum())
    assert num_hidden > 0


class WhoCuts(CropDataset):
    """Tells of the process that cuts a crop instead of cutting one."""

    def __init__(self) -> None:
        super().__init__([], skeleton=MUCO_21, crop_px=64, augmentation=None)

    def __getitem__(self, key) -> Crops:
        told = torch.tensor([os.getpid(), os.getppid(), cv2.getNumThreads()])
        return Crops(pixels=told, targets=told, known=told, source=told)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_workers_are_not_forked_from_a_process_with_threads_that_train():
    (told,) = load_batches(WhoCuts(), [[(0, 0, 0)]], workers=1)
    worker, parent, threads = told.source[0].tolist()
    assert os.getpid() not in (worker, parent)
    assert threads == 1
    (here,) = load_batches(WhoCuts(), [[(0, 0, 0)]], workers=0)
    assert here.source[0, 0] == os.getpid()
