"""Crops of labelled sets as a torch dataset whose every sample is decided by its key."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.context import BaseContext
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..data.body_parts import (
    CUT_AROUND_PART_SHARE,
    NOWHERE_PX,
    blacken_beyond,
    random_cut,
    random_part,
)
from ..data.crops import (
    HALF_DEPTH_MM,
    Augmentation,
    cut_crop,
    normalized_targets,
    occlude,
    person_box,
    random_affine,
    vary_colors,
    vary_sharpness,
)
from ..data.samples import PoseDataset
from ..data.sampling import (
    Key,
    balanced_order,
    concatenated_order,
    weighted_order,
)
from ..errors import UserError
from ..geometry import crop_affine
from ..skeleton import Skeleton, map_joints
from ..upright import torso_lean_degrees, turned_square
from .recipe import Recipe


class Crops(NamedTuple):
    """One crop, or with a leading axis N a batch of them.

    Attributes:
        pixels: (3, P, P) uint8 RGB.
        targets: (J, 3), see ``data.crops.normalized_targets``.
        known: (J, 3) bool.
        source: (2,) dataset and sample.
    """

    pixels: Tensor
    targets: Tensor
    known: Tensor
    source: Tensor


class CropDataset(Dataset[Crops]):
    """(dataset, sample, seed) → the crop, with each dataset's joints mapped by name.

    The seed alone decides how the crop is varied: neither torch's random state nor NumPy's is
    touched, so workers need no seeds of their own.
    """

    def __init__(
        self,
        datasets: Sequence[PoseDataset],
        *,
        skeleton: Skeleton,
        crop_px: int,
        augmentation: Augmentation | None,
        upright: bool = False,
        depth_range_hides: bool = False,
    ) -> None:
        """Bind the sets to a network's input.

        Args:
            datasets: the first number of a key counts them.
            skeleton: the network's joints.
            crop_px: side of the crop.
            augmentation: None for plain crops.
            upright: crops are turned so that labelled torsos stand, before they are varied.
            depth_range_hides: a joint beyond the depth range is wholly unknown, as in the
                original; otherwise only its depth is.
        """
        self.datasets = datasets
        self.skeleton = skeleton
        self.crop_px = crop_px
        self.augmentation = augmentation
        self.upright = upright
        self.depth_range_hides = depth_range_hides

    def __len__(self) -> int:
        return sum(len(dataset.samples) for dataset in self.datasets)

    def all_pairs(self) -> list[tuple[int, int]]:
        """(dataset, sample) of everything, in order."""
        lengths = [len(dataset.samples) for dataset in self.datasets]
        return [(int(i), int(j)) for i, j in concatenated_order(lengths)]

    def __getitem__(self, key: Key) -> Crops:
        dataset_index, index, seed = key
        samples, images = self.datasets[dataset_index].samples, self.datasets[dataset_index].images
        name, size, box = (
            samples.image_name(index),
            samples.image_size(index),
            samples.boxes_xywh[index],
        )
        keypoints_px, has_px = samples.keypoints_px[index], samples.has_px[index]
        rng = np.random.default_rng((seed, dataset_index, index))
        part, cut = has_px, None
        if self.augmentation is not None:
            part = random_part(has_px, samples.skeleton, self.augmentation, rng)
            cut = random_cut(keypoints_px, part, has_px & ~part, self.augmentation, rng)
            if cut is not None and rng.random() >= CUT_AROUND_PART_SHARE:
                part = has_px
        lean = torso_lean_degrees(keypoints_px, has_px, samples.skeleton) if self.upright else None
        if lean is not None:
            box = turned_square(keypoints_px[part], lean)
        elif part is not has_px:
            around = person_box(keypoints_px, part, size)
            box = box if around is None else around
        lean_degrees = lean or 0.0
        if self.augmentation is None:
            affine = crop_affine(box, self.crop_px, rotation_degrees=lean_degrees)
            flip = False
            crop = cut_crop(images, name, affine, self.crop_px, may_shrink=False)
            planes = np.ascontiguousarray(crop.transpose(2, 0, 1))
        else:
            affine, flip = random_affine(
                box, self.crop_px, self.augmentation, rng, lean_degrees=lean_degrees
            )
            crop = cut_crop(images, name, affine, self.crop_px, may_shrink=True)
            if cut is not None:
                blacken_beyond(crop, cut, affine, size)
                hidden = cut.hides(keypoints_px)
                keypoints_px = np.where(hidden[:, None], NOWHERE_PX, keypoints_px)
            crop = vary_sharpness(crop, self.augmentation, rng)
            occlude(crop, box, affine, size, self.augmentation, rng)
            planes = vary_colors(crop, self.augmentation, rng)
        depth_mm, has_depth = samples.depth_mm[index], samples.has_depth[index]
        if self.depth_range_hides:
            is_within = (depth_mm >= -HALF_DEPTH_MM) & (depth_mm < HALF_DEPTH_MM)
            has_px = has_px & (is_within | ~has_depth)
        targets, known = normalized_targets(
            keypoints_px,
            has_px,
            depth_mm,
            has_depth,
            affine,
            self.crop_px,
            flip=flip,
            skeleton=samples.skeleton,
        )
        if samples.skeleton is not self.skeleton:
            targets, _ = map_joints(targets, samples.skeleton, self.skeleton)
            mapped, _ = map_joints(known.astype(np.uint8), samples.skeleton, self.skeleton)
            known = mapped.astype(bool)
        return Crops(
            pixels=torch.from_numpy(planes),
            targets=torch.from_numpy(targets),
            known=torch.from_numpy(known),
            source=torch.tensor([dataset_index, index]),
        )

    def describe(self, sources: Iterable[Sequence[int]]) -> list[str]:
        """Where the pictures of some (dataset, sample) lie, for messages."""
        described = []
        for dataset_index, index in sources:
            dataset = self.datasets[dataset_index]
            name = dataset.images.describe(dataset.samples.image_name(index))
            described.append(f"{dataset.name} {name}")
        return described


def epoch_order(recipe: Recipe, lengths: Sequence[int], epoch: int) -> NDArray[np.int32]:
    """(K, 2) datasets and samples of an epoch, as the recipe mixes them; decided by its seed.

    Raises:
        UserError: there is nothing to draw from.
    """
    rng = np.random.default_rng((recipe.seed, epoch))
    if recipe.mixing == "weighted":
        weights = [spec.weight for spec in recipe.datasets]
        return weighted_order(lengths, weights, sum(lengths), rng)
    if recipe.mixing == "concatenated":
        return rng.permutation(concatenated_order(lengths))
    # Sets with depth come first in the order's numbers.
    sets_3d = [i for i, spec in enumerate(recipe.datasets) if spec.has_depth]
    sets_2d = [i for i, spec in enumerate(recipe.datasets) if not spec.has_depth]
    order = balanced_order([lengths[i] for i in sets_3d], [lengths[i] for i in sets_2d], rng)
    order[:, 0] = np.array(sets_3d + sets_2d, np.int32)[order[:, 0]]
    return order


def load_batches(
    dataset: CropDataset, batches: Iterable[list[Key]], *, workers: int, pin_memory: bool = False
) -> Iterator[Crops]:
    """The batches' crops, cut by worker processes.

    Raises:
        UserError: a picture cannot be read.
    """
    loader = DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        pin_memory=pin_memory,
        multiprocessing_context=_worker_context() if workers else None,
        worker_init_fn=_begin_worker,
        # Its own, since a loader would draw a number from torch's global random state: one for
        # each time that it is made, and a resumed run makes one more.
        generator=torch.Generator(),
    )
    try:
        for batch in loader:
            yield Crops(*batch)
    except UserError as error:
        # From a worker it comes with the worker's traceback in front.
        message = str(error).strip().splitlines()[-1]
        raise UserError(message.split(f"{UserError.__name__}: ", 1)[-1]) from None


def _worker_context() -> BaseContext | None:
    """How workers are begun; None where torch's own way is as good.

    They are forked from a process of their own, which has imported everything and does nothing
    else. Forked from one that trains, they may wait for ever for a lock that one of its threads
    held just then: gloo's take the interpreter's, which Python before 3.12 does not see to.
    """
    if sys.platform != "linux":
        return None
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _begin_worker(_number: int) -> None:
    cv2.setNumThreads(1)  # there are as many workers as were asked for
