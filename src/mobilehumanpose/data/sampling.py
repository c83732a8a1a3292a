"""Which sample comes when: orders of an epoch that follow from seed and epoch alone.

An order is an (K, 2) int32 array of (dataset, sample). Nothing else decides it, so that a broken
run can go on from any batch, and several processes can each take their share of the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

#: (dataset, sample, seed of the variation).
Key = tuple[int, int, int]


def concatenated_order(lengths: Sequence[int]) -> NDArray[np.int32]:
    """Every sample of every dataset once, unshuffled."""
    return _pairs(range(len(lengths)), lengths)


def balanced_order(
    lengths_3d: Sequence[int], lengths_2d: Sequence[int], rng: np.random.Generator
) -> NDArray[np.int32]:
    """As the original mixes: as many samples with depth as without, shuffled.

    Both groups are stretched to the longer one's length: the shorter is repeated whole, and what
    is left is drawn from it at random. Without 2D sets, or without 3D sets, the other group alone.
    Datasets are numbered through, those with depth first.
    """
    group_3d = _pairs(range(len(lengths_3d)), lengths_3d)
    group_2d = _pairs(range(len(lengths_3d), len(lengths_3d) + len(lengths_2d)), lengths_2d)
    groups = [group for group in (group_3d, group_2d) if len(group)]
    longest = max((len(group) for group in groups), default=0)
    order = np.concatenate([_stretched(group, longest, rng) for group in groups] or [group_3d])
    return rng.permutation(order)


def weighted_order(
    lengths: Sequence[int], weights: Sequence[float], num_samples: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """``num_samples`` in all, shuffled, each dataset's share by its weight.

    A dataset is gone through whole before any of its samples comes again.

    Raises:
        UserError: the weights are not one non-negative number a dataset with a positive sum.
    """
    shares = np.asarray(weights, float)
    if len(shares) != len(lengths) or not (shares >= 0).all() or not shares.sum() > 0:
        raise UserError(f"weights {list(weights)}: one for each of {len(lengths)} datasets, ≥ 0")
    edges = np.round(np.cumsum(shares) / shares.sum() * num_samples).astype(int)
    counts = np.diff(edges, prepend=0)
    parts = [
        _stretched(_pairs([dataset], [length]), int(count), rng)
        for dataset, (length, count) in enumerate(zip(lengths, counts, strict=True))
        if count
    ]
    return rng.permutation(np.concatenate(parts))


def _pairs(datasets: Sequence[int] | range, lengths: Sequence[int]) -> NDArray[np.int32]:
    parts = [
        np.column_stack([np.full(length, dataset), np.arange(length)])
        for dataset, length in zip(datasets, lengths, strict=True)
    ]
    return np.concatenate([np.empty((0, 2)), *parts]).astype(np.int32)


def _stretched(
    group: NDArray[np.int32], length: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    if not len(group):
        raise UserError("a dataset without samples cannot be drawn from")
    rest = rng.choice(len(group), length % len(group), replace=False)
    return np.concatenate([*[group] * (length // len(group)), group[rest]])


class SeededBatches:
    """Batches of one epoch for one of several processes.

    The processes share each batch: number r takes every ``num_ranks``-th sample of it from r on,
    so that together they train on what one process would. What is left at the end of the order
    and fills no batch is dropped; the order is another one next time.

    Samples are varied by their place in the epoch: a small set that is mixed with a large one comes
    many times an epoch, and each time shall differ.
    """

    def __init__(
        self,
        order: NDArray[np.int32],
        batch_size: int,
        *,
        variation: int,
        first_batch: int = 0,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        """Divide an order into batches.

        Args:
            order: (K, 2) datasets and samples.
            batch_size: of all processes together.
            variation: decides, with the place, the seed of what is random within a sample;
                another one for each epoch.
            first_batch: batches before it are left out: an earlier run has seen them.
            rank: this process.
            num_ranks: how many processes there are.

        Raises:
            UserError: the batch does not divide among the processes, or the order fills none.
        """
        if batch_size % num_ranks:
            raise UserError(
                f"batches of {batch_size} do not divide among {num_ranks} processes; "
                "choose another --batch-size"
            )
        if len(order) < batch_size:
            raise UserError(
                f"{len(order)} samples fill no batch of {batch_size}; choose a smaller --batch-size"
            )
        self.order = order
        self.batch_size = batch_size
        self.variation = variation
        self.first_batch = first_batch
        self.rank = rank
        self.num_ranks = num_ranks

    def __len__(self) -> int:
        return len(self.order) // self.batch_size - self.first_batch

    def __iter__(self) -> Iterator[list[Key]]:
        for batch in range(self.first_batch, len(self.order) // self.batch_size):
            first, end = batch * self.batch_size, (batch + 1) * self.batch_size
            rows = self.order[first:end].tolist()
            epoch_seed = self.variation * len(self.order) + first
            yield [
                (*rows[place], epoch_seed + place)
                for place in range(self.rank, self.batch_size, self.num_ranks)
            ]
