"""What ``mhp export`` does: a trained network becomes a file that the runtime loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..geometry import crop_affine, process_bbox, warp_crop
from ..media import load_photo
from ..models.checkpoint import load_checkpoint
from ..models.presets import grid_cells
from ..runtime import ModelDescription
from .onnx_file import export_onnx

INPUT_PX = 256
#: Pictures of noise that stand in where no photograph is given: the graph's parity shows on any.
NUM_NOISE_CROPS = 4


def export_checkpoint(checkpoint: Path, out: Path, photos: Sequence[Path]) -> float:
    """Write the ONNX file of a checkpoint; its name is that of the file.

    Args:
        checkpoint: a ``.safetensors`` file.
        out: the ``.onnx`` file to write.
        photos: to compare the file with PyTorch on, each as a square around its middle.

    Returns:
        Mean difference to PyTorch in cells, see :func:`.onnx_file.export_onnx`.

    Raises:
        UserError: a file cannot be read or written, or the parity check fails.
    """
    if out.suffix != ".onnx":
        raise UserError(f"{out}: the name of an ONNX file must end in .onnx")
    model, metadata = load_checkpoint(checkpoint)
    description = ModelDescription(
        name=out.stem,
        preset=metadata.preset,
        joint_set=metadata.joint_set,
        input_px=INPUT_PX,
        grid=grid_cells(model.config, INPUT_PX),
        depth_range_mm=metadata.depth_range_mm,
        licence=metadata.licence,
        trained_on=metadata.trained_on,
    )
    return export_onnx(
        model,
        description,
        out,
        num_joints=model.config.num_joints,
        mean=metadata.mean,
        std=metadata.std,
        check_crops=_check_crops(photos),
    )


def _check_crops(photos: Sequence[Path]) -> np.ndarray:
    if not photos:
        rng = np.random.default_rng(0)
        shape = (NUM_NOISE_CROPS, INPUT_PX, INPUT_PX, 3)
        return rng.integers(0, 256, shape, dtype=np.uint8)
    crops = []
    for path in photos:
        photo = load_photo(path)
        size = (photo.shape[1], photo.shape[0])
        side = min(size)
        middle = np.array([(size[0] - side) / 2, (size[1] - side) / 2, side, side], float)
        box = process_bbox(middle, size, margin=1.0)
        if box is None:
            raise UserError(f"{path}: too small to cut a crop from")
        crops.append(warp_crop(photo, crop_affine(box, INPUT_PX), INPUT_PX))
    return np.stack(crops)
