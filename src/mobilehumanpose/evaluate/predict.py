"""A model over a whole test set: crops stream through it in batches, joints are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..data.crops import cut_crop
from ..data.samples import PoseDataset
from ..decode import cells_to_photo
from ..errors import UserError
from ..geometry import back_project, crop_affine
from ..runtime import PoseNetwork
from .flip import Unflip, average_flipped
from .predictions import Predictions


def predict_dataset(
    network: PoseNetwork,
    dataset: PoseDataset,
    *,
    flip: Unflip | None = "exact",
    uses_true_roots: bool,
    batch_size: int = 32,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Predictions:
    """Predict every sample from its box, and place it by its root.

    Pictures are read a batch ahead of the network, and no more than that is in memory.

    Args:
        network: the model.
        dataset: boxes, cameras and roots are used; labels are not looked at.
        flip: average with the prediction of the mirrored crop, see
            :func:`~mobilehumanpose.evaluate.flip.unflip_cells`; None for the crop alone.
        uses_true_roots: whether the samples' roots are the truth, which the predictions then say.
        batch_size: crops at once.
        on_batch: is told how many samples a finished batch had.

    Returns:
        A row for each sample, in order.

    Raises:
        UserError: a picture cannot be read, or a person's root or camera is unknown.
    """
    samples, description = dataset.samples, network.description
    count, skeleton = len(samples), network.skeleton
    keypoints_px = np.empty((count, skeleton.num_joints, 2), np.float32)
    keypoints_mm = np.empty((count, skeleton.num_joints, 3), np.float32)
    scores = np.empty(count, np.float32)
    roots_mm = samples.roots_mm.astype(np.float64)
    has_root = np.isfinite(roots_mm[:, 2])
    for indices, crops in _batches(dataset, description.input_px, batch_size):
        cells, joint_scores = network(crops)
        if flip is not None:
            mirrored, _ = network(np.ascontiguousarray(crops[:, :, ::-1]))
            cells = average_flipped(
                cells,
                mirrored,
                skeleton,
                grid_width=description.grid[0],
                crop_px=description.input_px,
                unflip=flip,
            )
        scores[indices] = joint_scores.mean(axis=1)
        for index, joint_cells in zip(indices, cells.astype(np.float64), strict=True):
            keypoints_px[index], depth_mm = cells_to_photo(
                joint_cells,
                crop_affine(samples.boxes_xywh[index], description.input_px),
                grid=description.grid,
                crop_px=description.input_px,
                depth_range_mm=description.depth_range_mm,
            )
            if not has_root[index]:
                raise UserError(
                    f"{samples.image_name(index)}: the distance of its person is unknown; "
                    "give boxes with roots (bbox_root_*.json)"
                )
            keypoints_mm[index] = back_project(
                keypoints_px[index].astype(np.float64),
                depth_mm + roots_mm[index, 2],
                samples.camera(index),
            )
        on_batch(len(indices))
    return Predictions(
        skeleton=skeleton,
        image_index=samples.image_index,
        keypoints_px=keypoints_px,
        keypoints_mm=keypoints_mm,
        scores=scores,
        is_absolute=True,
        uses_true_roots=uses_true_roots,
    )


def _batches(
    dataset: PoseDataset, crop_px: int, batch_size: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
    """Indices and (B, P, P, 3) crops; OpenCV works in threads without Python's lock."""
    samples = dataset.samples

    def crop(index: int) -> NDArray[np.uint8]:
        affine = crop_affine(samples.boxes_xywh[index], crop_px)
        return cut_crop(
            dataset.images, samples.image_name(index), affine, crop_px, may_shrink=False
        )

    starts = range(0, len(samples), batch_size)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:

        def submit(start: int) -> list:
            return [
                pool.submit(crop, i) for i in range(start, min(start + batch_size, len(samples)))
            ]

        ahead = submit(0)
        for start in starts:
            current, ahead = ahead, submit(start + batch_size)
            crops = np.stack([future.result() for future in current])
            yield np.arange(start, start + len(crops)), crops
