"""Orders of an epoch, and their batches."""

import numpy as np
import pytest

from mobilehumanpose.data.sampling import (
    SeededBatches,
    balanced_order,
    concatenated_order,
    weighted_order,
)
from mobilehumanpose.errors import UserError


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def counts(order: np.ndarray, dataset: int, length: int) -> np.ndarray:
    return np.bincount(order[order[:, 0] == dataset, 1], minlength=length)


def test_concatenated_sets_come_once_each():
    assert concatenated_order([2, 0, 1]).tolist() == [[0, 0], [0, 1], [2, 0]]


def test_balanced_mixing_repeats_the_shorter_group_whole_and_draws_the_rest():
    order = balanced_order([3, 2], [12], rng())
    assert len(order) == 24
    assert (counts(order, 2, 12) == 1).all()
    with_depth = np.concatenate([counts(order, 0, 3), counts(order, 1, 2)])
    assert sorted(with_depth.tolist()) == [2, 2, 2, 3, 3]


def test_balanced_mixing_of_one_group_is_that_group():
    assert sorted(balanced_order([4], [], rng()).tolist()) == concatenated_order([4]).tolist()
    assert sorted(balanced_order([], [4], rng()).tolist()) == concatenated_order([4]).tolist()


def test_weights_decide_the_shares():
    order = weighted_order([10, 1000], [1, 3], 400, rng())
    assert (counts(order, 0, 10) == 10).all()
    assert counts(order, 1, 1000).sum() == 300
    assert counts(order, 1, 1000).max() == 1


@pytest.mark.parametrize("weights", [[1], [0, 0], [-1, 2], [float("nan"), 1]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(UserError, match="weights"):
        weighted_order([5, 5], weights, 10, rng())


def test_an_epoch_holds_every_sample_once_but_for_the_incomplete_batch():
    batches = list(SeededBatches(concatenated_order([10]), 3, variation=7))
    assert [len(batch) for batch in batches] == [3, 3, 3]
    assert [key[:2] for batch in batches for key in batch] == [(0, i) for i in range(9)]


def test_a_sample_that_comes_again_is_varied_anew():
    order = np.array([[0, 0], [0, 1]] * 4, np.int32)
    epochs = [SeededBatches(order, 4, variation=variation) for variation in (5, 6)]
    keys = [key for epoch in epochs for batch in epoch for key in batch]
    assert len({seed for _, _, seed in keys}) == len(keys) == 16


def test_an_epoch_can_be_joined_midway():
    order = concatenated_order([40])
    whole = list(SeededBatches(order, 4, variation=0))
    rest = SeededBatches(order, 4, variation=0, first_batch=6)
    assert list(rest) == whole[6:]
    assert len(rest) == 4


def test_processes_share_every_batch():
    order = rng().permutation(concatenated_order([40]))
    whole = list(SeededBatches(order, 8, variation=0))
    parts = [list(SeededBatches(order, 8, variation=0, rank=r, num_ranks=2)) for r in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert sorted(first + second) == sorted(batch)
        assert len(first) == len(second) == 4


def test_batches_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="divide"):
        SeededBatches(concatenated_order([40]), 5, variation=0, num_ranks=2)
    with pytest.raises(UserError, match="fill no batch"):
        SeededBatches(concatenated_order([4]), 5, variation=0)
