"""A model over a whole test set: crops stream through it in batches, joints are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.crops import cut_crop
from ..data.samples import PoseDataset, PoseSamples
from ..decode import cells_to_photo, place_in_camera
from ..errors import UserError
from ..geometry import DEFAULT_FOV_DEGREES, Camera, back_project, crop_affine
from ..runtime import ModelDescription
from ..skeleton import Skeleton
from .flip import Unflip, average_flipped
from .predictions import Predictions

FloatArray = NDArray[np.floating]


class CropNetwork(Protocol):
    """What predicts: a ``runtime.PoseNetwork`` or a ``models.network.TorchNetwork``."""

    description: ModelDescription
    skeleton: Skeleton

    def __call__(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N, P, P, 3) RGB crops → (N, J, 3) x, y, z in cells and (N, J) scores in 0…1."""


def predict_dataset(
    network: CropNetwork,
    dataset: PoseDataset,
    *,
    flip: Unflip | None = "exact",
    places: Literal["roots", "stature"] = "roots",
    uses_true_roots: bool,
    batch_size: int = 32,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Predictions:
    """Predict every sample from its box, and place it in the camera's space.

    Pictures are read a batch ahead of the network, and no more than that is in memory.

    Args:
        network: the model.
        dataset: boxes, cameras and roots are used; labels are not looked at.
        flip: average with the prediction of the mirrored crop, see
            :func:`~mobilehumanpose.evaluate.flip.unflip_cells`; None for the crop alone.
        places: ``"roots"`` puts people at the distance of the samples' roots, as the original does;
            ``"stature"`` where their size says, as ``PoseEstimator`` does. Where a camera is
            unknown this leaves poses around the root.
        uses_true_roots: whether the samples' roots are the truth, which predictions that are
            placed by them then say.
        batch_size: crops at once.
        on_batch: is told how many samples a finished batch had.

    Returns:
        A row for each sample, in order.

    Raises:
        UserError: a picture cannot be read, or a person's root or camera is unknown and needed.
    """
    samples, description = dataset.samples, network.description
    count, skeleton = len(samples), network.skeleton
    keypoints_px = np.empty((count, skeleton.num_joints, 2), np.float32)
    keypoints_mm = np.empty((count, skeleton.num_joints, 3), np.float32)
    joint_scores = np.empty((count, skeleton.num_joints), np.float32)
    has_cameras = bool(np.isfinite(samples.cameras).all())
    for indices, crops in _batches(dataset, description.input_px, batch_size):
        cells, joint_scores[indices] = network(crops)
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
        for index, joint_cells in zip(indices, cells.astype(np.float64), strict=True):
            keypoints_px[index], depth_mm = cells_to_photo(
                joint_cells,
                crop_affine(samples.boxes_xywh[index], description.input_px),
                grid=description.grid,
                crop_px=description.input_px,
                depth_range_mm=description.depth_range_mm,
            )
            pixels = keypoints_px[index].astype(np.float64)
            if places == "roots":
                keypoints_mm[index] = back_project(
                    pixels, depth_mm + _root_depth_mm(samples, index), samples.camera(index)
                )
            else:
                keypoints_mm[index] = _place_by_stature(
                    pixels,
                    depth_mm,
                    joint_scores[index].astype(np.float64),
                    skeleton,
                    camera=samples.camera(index) if has_cameras else None,
                    image_size=samples.image_size(index),
                )
        on_batch(len(indices))
    return Predictions(
        skeleton=skeleton,
        image_index=samples.image_index,
        keypoints_px=keypoints_px,
        keypoints_mm=keypoints_mm,
        scores=joint_scores.mean(axis=1),
        joint_scores=joint_scores,
        is_absolute=places == "roots" or has_cameras,
        uses_true_roots=uses_true_roots and places == "roots",
    )


def _root_depth_mm(samples: PoseSamples, index: int) -> float:
    depth_mm = float(samples.roots_mm[index, 2])
    if not np.isfinite(depth_mm):
        raise UserError(
            f"{samples.image_name(index)}: the distance of its person is unknown; "
            "give boxes with roots (bbox_root_*.json)"
        )
    return depth_mm


def _place_by_stature(
    keypoints_px: FloatArray,
    depth_mm: FloatArray,
    scores: FloatArray,
    skeleton: Skeleton,
    *,
    camera: Camera | None,
    image_size: tuple[int, int],
) -> FloatArray:
    """(J, 3) joints where a person of usual stature is seen so.

    Without a camera they are around the root, with the depth that the network says as z.
    """
    # The root's depth is zero by definition; the network's answer for it is its error.
    placed_mm = place_in_camera(
        keypoints_px,
        depth_mm - depth_mm[skeleton.root],
        scores,
        skeleton=skeleton,
        camera=camera or Camera.from_fov(DEFAULT_FOV_DEGREES, image_size),
    )
    if camera is not None:
        return placed_mm
    around_mm = placed_mm - placed_mm[skeleton.root]
    around_mm[:, 2] = depth_mm
    return around_mm


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
