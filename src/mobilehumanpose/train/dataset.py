"""Crops of labelled sets as a torch dataset whose every sample is decided by its key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..data.crops import (
    Augmentation,
    cut_crop,
    normalized_targets,
    occlude,
    random_affine,
    vary_colors,
)
from ..data.samples import PoseDataset
from ..data.sampling import Key, concatenated_order
from ..geometry import crop_affine
from ..skeleton import Skeleton, map_joints


class CropDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """(dataset, sample, seed) → ((3, P, P) uint8 crop, (J, 3) targets, (J, 3) known).

    Targets and what is known of them are those of ``data.crops.normalized_targets``, with the
    joints of each dataset mapped to the network's by name.
    """

    def __init__(
        self,
        datasets: Sequence[PoseDataset],
        *,
        skeleton: Skeleton,
        crop_px: int,
        augmentation: Augmentation | None,
    ) -> None:
        self.datasets = datasets
        self.skeleton = skeleton
        self.crop_px = crop_px
        self.augmentation = augmentation

    def __len__(self) -> int:
        return sum(len(dataset.samples) for dataset in self.datasets)

    def all_pairs(self) -> list[tuple[int, int]]:
        """(dataset, sample) of everything, in order."""
        lengths = [len(dataset.samples) for dataset in self.datasets]
        return [(int(i), int(j)) for i, j in concatenated_order(lengths)]

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor, Tensor]:
        dataset_index, index, seed = key
        samples, images = self.datasets[dataset_index].samples, self.datasets[dataset_index].images
        name, size, box = (
            samples.image_name(index),
            samples.image_size(index),
            samples.boxes_xywh[index],
        )
        if self.augmentation is None:
            affine, flip = crop_affine(box, self.crop_px), False
            crop = cut_crop(images, name, affine, self.crop_px, may_shrink=False)
        else:
            rng = np.random.default_rng((seed, dataset_index, index))
            affine, flip = random_affine(box, self.crop_px, size[0], self.augmentation, rng)
            crop = cut_crop(images, name, affine, self.crop_px, may_shrink=True)
            crop = vary_colors(crop, self.augmentation, rng)
            occlude(crop, box, affine, size, self.augmentation, rng)
        targets, known = normalized_targets(
            samples.keypoints_px[index],
            samples.has_px[index],
            samples.depth_mm[index],
            samples.has_depth[index],
            affine,
            self.crop_px,
            flip=flip,
            skeleton=samples.skeleton,
        )
        if samples.skeleton is not self.skeleton:
            targets, _ = map_joints(targets, samples.skeleton, self.skeleton)
            mapped, _ = map_joints(known.astype(np.uint8), samples.skeleton, self.skeleton)
            known = mapped.astype(bool)
        pixels = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
        return pixels, torch.from_numpy(targets), torch.from_numpy(known)
