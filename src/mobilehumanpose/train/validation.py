"""Accuracy of a network on crops it has not seen, while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..data.crops import HALF_DEPTH_MM
from ..data.lspet import torso_length_px
from ..decode import Position
from ..evaluate.metrics import pck
from ..models.head import soft_argmax
from ..skeleton import LIMB_JOINTS
from .dataset import CropDataset, load_batches


@dataclass(frozen=True, kw_only=True)
class ValidationResult:
    """What is watched while training.

    Attributes:
        pck_torso: PCK@0.2 of the torso's length over the 12 limb joints of those people whose
            shoulders and hips are all labelled.
        depth_error_mm: mean distance in depth to the teacher, over limb joints with depth.
    """

    pck_torso: float
    depth_error_mm: float


@torch.no_grad()
def validate(
    model: nn.Module,
    dataset: CropDataset,
    normalize: Callable[[Tensor], Tensor],
    *,
    position: Position,
    workers: int,
    batch_size: int = 32,
) -> ValidationResult:
    """Run ``model`` over the plain crops of ``dataset`` and compare with its labels."""
    model.eval()
    num_joints = dataset.skeleton.num_joints
    keys = [(*pair, 0) for pair in dataset.all_pairs()]
    batches = [keys[at : at + batch_size] for at in range(0, len(keys), batch_size)]
    predicted, truth, known = [], [], []
    for crops in load_batches(dataset, batches, workers=workers):
        heatmaps = model(normalize(crops.pixels))
        cells, _ = soft_argmax(heatmaps, num_joints, position)
        depth = heatmaps.shape[1] // num_joints
        grid = torch.tensor([heatmaps.shape[3], heatmaps.shape[2], depth])
        predicted.append((cells.cpu() / grid).numpy())
        truth.append(crops.targets.numpy())
        known.append(crops.known.numpy())
    return summarize(
        np.concatenate(predicted),
        np.concatenate(truth),
        np.concatenate(known),
        dataset.skeleton.indices(LIMB_JOINTS),
    )


def summarize(
    predicted: np.ndarray, truth: np.ndarray, known: np.ndarray, limbs: np.ndarray
) -> ValidationResult:
    """Results of (N, J, 3) predictions against truth, both in shares of the grid."""
    # All crops are square, so shares of the side do for pixels: PCK is a ratio of lengths.
    torso = torso_length_px(truth[..., :2], known[..., 0])
    depth_known = known[:, limbs, 2]
    depth_error = np.abs(predicted[:, limbs, 2] - truth[:, limbs, 2])[depth_known]
    return ValidationResult(
        pck_torso=pck(predicted[:, limbs, :2], truth[:, limbs, :2], known[:, limbs, 0], torso),
        depth_error_mm=float(depth_error.mean()) * 2 * HALF_DEPTH_MM,
    )
