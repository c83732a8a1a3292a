"""Crops of a labelled set as a torch dataset whose every sample is decided by seed and position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ..data.crops import (
    Augmentation,
    normalized_targets,
    person_box,
    random_affine,
    vary_pixels,
)
from ..data.lspet import PoseSamples, ZipImages
from ..errors import UserError
from ..geometry import crop_affine, warp_crop
from ..skeleton import Skeleton

#: What a sample is asked for by: its index, and the seed of its variation.
Key = tuple[int, int]


class CropDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Samples → ((3, P, P) uint8 crop, (J, 3) targets, (J, 3) known), see ``data.crops``."""

    def __init__(
        self,
        samples: PoseSamples,
        images: ZipImages,
        *,
        skeleton: Skeleton,
        crop_px: int,
        augmentation: Augmentation | None,
    ) -> None:
        self.samples = samples
        self.images = images
        self.skeleton = skeleton
        self.crop_px = crop_px
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.samples)

    def _box(self, index: int, image: np.ndarray) -> np.ndarray:
        size = (image.shape[1], image.shape[0])
        box = person_box(self.samples.keypoints_px[index], self.samples.has_px[index], size)
        if box is None:
            name = self.samples.file_names[index]
            raise UserError(f"{self.images.path}: {name!r} has no labelled person inside it")
        return box

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor, Tensor]:
        index, seed = key
        image = self.images.photo(str(self.samples.file_names[index]))
        box = self._box(index, image)
        if self.augmentation is None:
            affine, flip = crop_affine(box, self.crop_px), False
            crop = warp_crop(image, affine, self.crop_px)
        else:
            rng = np.random.default_rng((seed, index))
            affine, flip = random_affine(box, self.crop_px, image.shape[1], self.augmentation, rng)
            crop = vary_pixels(warp_crop(image, affine, self.crop_px), self.augmentation, rng)
        targets, known = normalized_targets(
            self.samples.keypoints_px[index],
            self.samples.has_px[index],
            self.samples.depth_mm[index],
            self.samples.has_depth[index],
            affine,
            self.crop_px,
            flip=flip,
            skeleton=self.skeleton,
        )
        pixels = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))
        return pixels, torch.from_numpy(targets), torch.from_numpy(known)


class SeededBatches(Sampler[list[Key]]):
    """Shuffled batches of one epoch; order and variation follow from (seed, epoch) alone.

    Starting at ``first_batch`` yields what an unbroken run would have yielded from there on.
    """

    def __init__(
        self, num_samples: int, batch_size: int, *, seed: int, epoch: int, first_batch: int = 0
    ) -> None:
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.first_batch = first_batch

    def __len__(self) -> int:
        return self.num_samples // self.batch_size - self.first_batch

    def __iter__(self) -> Iterator[list[Key]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.num_samples)
        variation = self.seed * 1_000_003 + self.epoch
        for batch in range(self.first_batch, self.num_samples // self.batch_size):
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [(int(index), variation) for index in chosen]
