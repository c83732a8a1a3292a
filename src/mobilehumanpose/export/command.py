"""What ``mhp export`` does: a trained network becomes a file that the runtime loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..geometry import crop_affine, process_bbox, warp_crop
from ..media import load_photo
from ..models.checkpoint import import_original, load_checkpoint, save_checkpoint
from ..models.network import INPUT_PX, describe
from .onnx_file import export_onnx

#: Pictures of noise that stand in where no photograph is given: the graph's parity shows on any.
NUM_NOISE_CROPS = 4


def export_checkpoint(
    checkpoint: Path,
    out: Path,
    *,
    to: str,
    photos: Sequence[Path],
    preset: str | None,
    joint_set: str | None,
) -> str:
    """Write a checkpoint as another kind of file.

    Args:
        checkpoint: a ``.safetensors`` file, or a ``snapshot_N.pth.tar`` of the original.
        out: the file to write, ending in ``.onnx`` or ``.safetensors``; a model is named by it.
        to: ``"onnx"`` or ``"safetensors"``.
        photos: to compare an ONNX file with PyTorch on, each as a square around its middle.
        preset: the network of a snapshot, which does not say so itself.
        joint_set: its joint set.

    Returns:
        What was written, and how far an ONNX file is from PyTorch.

    Raises:
        UserError: a file cannot be read or written, or the parity check fails.
    """
    if out.suffix != f".{to}":
        raise UserError(f"{out}: the name of a file for --to {to} must end in .{to}")
    if checkpoint.suffix == ".safetensors":
        if preset or joint_set:
            raise UserError(f"{checkpoint}: says its own network and joints; leave them out")
        model, metadata = load_checkpoint(checkpoint)
    elif preset and joint_set:
        model, metadata = import_original(checkpoint, preset=preset, joint_set=joint_set)
    else:
        raise UserError(
            f"{checkpoint}: a snapshot of the original needs --preset and --joint-set, "
            "since it does not say which network it is"
        )
    if to == "safetensors":
        save_checkpoint(out, model, metadata)
        return f"{out}: written"
    difference_cells = export_onnx(
        model,
        describe(out.stem, model, metadata),
        out,
        num_joints=model.config.num_joints,
        mean=metadata.mean,
        std=metadata.std,
        check_crops=_check_crops(photos),
    )
    return (
        f"{out}: written; joints differ from PyTorch's by {difference_cells:.4f} cells on average"
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
