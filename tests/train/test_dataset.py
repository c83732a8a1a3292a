"""Crops that are decided by their keys, and the validation of what they hold."""

import numpy as np
import pytest
import torch

from mobilehumanpose.data.crops import Augmentation
from mobilehumanpose.skeleton import HUMAN36M_18, MUCO_21, MUPOTS_17
from mobilehumanpose.train.dataset import CropDataset
from mobilehumanpose.train.validation import summarize


def dataset(tiny_set, augmentation) -> CropDataset:
    return CropDataset([tiny_set], skeleton=MUCO_21, crop_px=64, augmentation=augmentation)


def test_a_sample_is_decided_by_its_key(tiny_set):
    crops = dataset(tiny_set, Augmentation())
    first, again, other = crops[0, 3, 7], crops[0, 3, 7], crops[0, 3, 8]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    pixels, targets, known = first
    assert (pixels.shape, pixels.dtype) == ((3, 64, 64), torch.uint8)
    assert (targets.shape, known.shape) == ((21, 3), (21, 3))


def test_joints_of_another_set_are_mapped_by_name(tiny_set):
    as_mupots = CropDataset([tiny_set], skeleton=MUPOTS_17, crop_px=64, augmentation=None)
    as_human36m = CropDataset([tiny_set], skeleton=HUMAN36M_18, crop_px=64, augmentation=None)
    _, targets, known = dataset(tiny_set, None)[0, 0, 0]
    _, mupots_targets, mupots_known = as_mupots[0, 0, 0]
    _, human36m_targets, human36m_known = as_human36m[0, 0, 0]
    assert torch.equal(mupots_targets, targets[:17])
    assert torch.equal(mupots_known, known[:17])
    wrist, nose = HUMAN36M_18.index("L_Wrist"), HUMAN36M_18.index("Nose")
    assert torch.equal(human36m_targets[wrist], targets[MUCO_21.index("L_Wrist")])
    assert not human36m_known[nose].any()


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
