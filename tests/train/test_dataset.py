"""Batches that are decided by seed, epoch and position."""

import numpy as np
import pytest
import torch

from mobilehumanpose.data.crops import Augmentation
from mobilehumanpose.errors import UserError
from mobilehumanpose.skeleton import MUCO_21
from mobilehumanpose.train.dataset import CropDataset, SeededBatches
from mobilehumanpose.train.validation import summarize


def dataset(tiny_set, augmentation) -> CropDataset:
    samples, images = tiny_set
    return CropDataset(samples, images, skeleton=MUCO_21, crop_px=64, augmentation=augmentation)


def test_a_sample_is_decided_by_its_key(tiny_set):
    crops = dataset(tiny_set, Augmentation())
    first, again, other = crops[3, 7], crops[3, 7], crops[3, 8]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    pixels, targets, known = first
    assert (pixels.shape, pixels.dtype) == ((3, 64, 64), torch.uint8)
    assert (targets.shape, known.shape) == ((21, 3), (21, 3))


def test_a_sample_without_a_person_is_named(tiny_set):
    samples, images = tiny_set
    samples = samples.subset(np.arange(len(samples)) == 0)
    samples.has_px[:] = False
    crops = CropDataset(samples, images, skeleton=MUCO_21, crop_px=64, augmentation=None)
    with pytest.raises(UserError, match=r"im00000\.png"):
        crops[0, 0]


def test_an_epoch_holds_every_sample_once():
    batches = list(SeededBatches(10, 3, seed=1, epoch=2))
    assert [len(batch) for batch in batches] == [3, 3, 3]
    indices = [index for batch in batches for index, _ in batch]
    assert len(set(indices)) == 9


def test_an_epoch_can_be_joined_midway():
    whole = list(SeededBatches(40, 4, seed=5, epoch=3))
    assert list(SeededBatches(40, 4, seed=5, epoch=3, first_batch=6)) == whole[6:]
    assert len(SeededBatches(40, 4, seed=5, epoch=3, first_batch=6)) == 4
    assert list(SeededBatches(40, 4, seed=5, epoch=4)) != whole
    assert list(SeededBatches(40, 4, seed=6, epoch=3)) != whole


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
